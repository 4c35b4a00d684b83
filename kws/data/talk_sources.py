"""Where talk comes from: hours of people who do not speak to the device, for recordings/<source>/_talk_/.

LibriSpeech's dev-clean is the default: 5.4 hours by 40 readers, with transcripts (Panayotov et al., 2015; CC BY 4.0).
"""

import csv
import hashlib
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import urlsplit

from kws.audio.files import is_audio
from kws.data.archives import SUFFIXES, contents, is_archive, members
from kws.data.corpus import SPLITS, speaker_of, split_of
from kws.data.fetch import fetch
from kws.data.shelf import safe_name
from kws.data.talk import TALK
from kws.errors import DataError, DownloadError
from kws.files import fresh_folder, named, write_atomic

URL = "https://www.openslr.org/resources/12/dev-clean.tar.gz"
SHA256 = "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3"
SOURCE = "librispeech"
LEAST, WANTED = 0.08, 0.15  # shares of the recordings to choose thresholds on
TEXTS = (".csv", ".txt")  # transcripts beside the sound
UNPACKED = 1.3  # times the archive's length
TABLE = "transcripts.csv"
TRANSCRIPT = ".trans.txt"  # LibriSpeech: a name and what is said, in each line


def link_talk(recordings: Path, folder: Path) -> Path:
    """Name a folder of recordings as talk: links to each of them in recordings/<its name>/_talk_; nothing is copied.

    If the speakers' names would leave too little to choose thresholds on, some speakers are filed under validation/;
    folders called training, validation and testing stay what they are. Links that are there are kept.
    Raises DataError as talk_files does.
    """
    files = talk_files(folder)
    sounds = [path.relative_to(folder) for path in files if is_audio(path.name)]
    target = recordings / safe_name(folder.resolve().name) / TALK
    kept_back = chosen_on(sounds)
    for path in files:
        name = path.relative_to(folder)
        place = target / SPLITS[1] / name if name.with_suffix("") in kept_back else target / name
        if not place.is_symlink() and (is_audio(path.name) or path.suffix in TEXTS):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path.resolve())
    return target


def talk_files(folder: Path) -> list[Path]:
    """Every file below a folder, sorted. Raises DataError if there is no such folder, or no sound in it."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name one with recordings of people who do not say the word")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not any(is_audio(path.name) for path in files):
        raise DataError(f"{folder}: no recordings in it; name a folder with hours of talk, a folder for each speaker")
    return files


def chosen_on(sounds: Sequence[PurePath]) -> set[PurePath]:
    """Which recordings, without suffix, must be filed under validation/ so that it has LEAST of them.

    Whole speakers, in an order that their names do not tell; of a lone speaker the last recordings.
    """
    if any(name.parts[0] in SPLITS for name in sounds):
        return set()
    of: dict[str, list[PurePath]] = {}
    for name in sounds:
        of.setdefault(name.parts[0] if len(name.parts) > 1 else speaker_of(name.stem), []).append(name.with_suffix(""))
    if sum(len(names) for speaker, names in of.items() if split_of(speaker) == SPLITS[1]) >= LEAST * len(sounds):
        return set()
    wanted = max(1, round(WANTED * len(sounds)))
    if len(of) == 1:
        return set(next(iter(of.values()))[-wanted:])
    found: set[PurePath] = set()
    order = sorted(of, key=lambda speaker: hashlib.sha1(speaker.encode()).digest())
    for speaker in order[: len(order) - 1]:
        if len(found) < wanted and split_of(speaker) != SPLITS[2]:
            found |= set(of[speaker])
    return found


def download_talk(recordings: Path, downloads: Path, *, url: str = URL, sha256: str | None = None,
                  source: str = SOURCE, wait: Callable[[float], None] = time.sleep) -> Path:
    """Get an archive of talk: its sound, and its transcripts as one table. Does nothing if it is there.

    downloads : folder for the archive while it is on its way
    sha256    : hex digest of the archive; known for the default
    Interrupted, the same call goes on. Raises DownloadError and DataError as `fetch` and `contents` do.
    """
    folder = recordings / source / TALK
    if folder.is_dir():
        return folder
    archive = downloads / safe_name(PurePosixPath(urlsplit(url).path).name)
    if not is_archive(archive):
        raise DownloadError(f"url = {url!r}: must end in the name of an archive: {', '.join(SUFFIXES)}")
    fetch(url, archive, sha256=SHA256 if url == URL and sha256 is None else sha256, room_factor=UNPACKED, wait=wait)
    unpack_talk(archive, folder)
    archive.unlink()
    return folder


def unpack_talk(archive: Path, folder: Path) -> None:
    """Every sound of an archive under its speaker's name, whole or not at all: the first folder in which they differ
    is taken for the speaker.
    """
    sounds = [member.path for member in members(archive) if is_audio(member.path.name)]
    if not sounds:
        raise DataError(f"{archive}: no sound in it; name another --url")
    depth = shared_folders(sounds)
    said: list[tuple[str, str]] = []
    with fresh_folder(folder) as making:
        for path, data in contents(archive):
            place = PurePosixPath(*path.parts[depth:]) if len(path.parts) > depth else path
            if is_audio(path.name):
                target = making / place
                target.parent.mkdir(parents=True, exist_ok=True)
                with named(folder / place):
                    target.write_bytes(data)
            elif path.name.endswith(TRANSCRIPT):
                said += [(name, text) for name, _, text in
                         (line.partition(" ") for line in data.decode(errors="replace").splitlines()) if text]
        if said:
            table = io.StringIO()
            csv.writer(table, lineterminator="\n").writerows([("file", "text"), *said])
            write_atomic(making / TABLE, table.getvalue())


def shared_folders(paths: Sequence[PurePosixPath]) -> int:
    """How many folders all paths begin with alike."""
    depth = 0
    while all(len(path.parts) > depth + 1 for path in paths) and len({path.parts[depth] for path in paths}) == 1:
        depth += 1
    return depth
