"""Google's Speech Commands: 105,829 clips of 35 words by 2,618 speakers, CC BY 4.0 (Warden, 2018), from its server."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.archives import SUFFIXES, is_archive
from kws.data.fetch import fetch
from kws.data.import_report import Imported
from kws.data.importer import import_path
from kws.data.shelf import safe_name
from kws.errors import DataError, DownloadError
from kws.files import write_atomic

URL = "http://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
SHA256 = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
UNPACKED = 1.5  # clips need this many times the space of their archive
MARK = ".download.json"


@dataclass(frozen=True)
class Downloaded:
    """sha256 of the archive; what its import has done, or None if it was complete already."""

    sha256: str
    imported: Imported | None


def download(folder: Path, downloads: Path, *, url: str = URL, sha256: str | None = None,
             samples: int = SAMPLE_RATE_HZ, wait: Callable[[float], None] = time.sleep) -> Downloaded:
    """Get an archive of words and import it into `folder`, a source such as recordings/speech_commands.

    downloads : folder for the archive while it is on its way
    sha256    : hex digest of the archive; known for the official one, otherwise None takes what comes
    The official archive is taken whole, with its few hundred empty clips, so that figures compare with everybody's.
    Interrupted at any point, the same call goes on: with the rest of the archive, or the clips that are missing. Once
    complete it does nothing. Raises DownloadError and DataError as `fetch` and `import_path` do.
    """
    sha256 = sha256.lower() if sha256 else SHA256 if url == URL else None
    if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise DownloadError(f"sha256 = {sha256!r}: must be 64 hexadecimal digits")
    done = read_mark(folder, url=url, sha256=sha256)
    if done is not None:
        return Downloaded(done, None)
    archive = downloads / safe_name(PurePosixPath(path_of(url)).name)
    if not is_archive(archive):
        raise DownloadError(f"url = {url!r}: must end in the name of an archive: {', '.join(SUFFIXES)}")
    digest = fetch(url, archive, sha256=sha256, room_factor=UNPACKED, wait=wait)
    try:
        imported = import_path(archive, folder, samples=samples, accept=digest == SHA256)
    except DataError:
        if sha256 is None:
            archive.unlink()  # perhaps not what the server meant to send: the next run gets it again
        raise
    write_atomic(folder / MARK, json.dumps({"url": url, "sha256": digest}) + "\n")
    for path in (archive, archive.with_name(archive.name + ".json")):
        path.unlink(missing_ok=True)
    return Downloaded(digest, imported)


def path_of(url: str) -> str:
    """The path in an address. Raises DownloadError if it is none, such as one of IPv6 that was cut short."""
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise DownloadError(f"url = {url!r}: is not an address ({error}); write "
                            "https://HOST/PATH/NAME.tar.gz") from error


def read_mark(folder: Path, *, url: str, sha256: str | None) -> str | None:
    """The digest of the archive that was imported into `folder`, where it is the one that is asked for."""
    try:
        mark = json.loads((folder / MARK).read_text())
        same = mark["sha256"] == sha256 if sha256 else mark["url"] == url
        return str(mark["sha256"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
