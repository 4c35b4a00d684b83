"""A file over HTTP that survives broken connections: resumed with Range, within a run and by the next one."""

import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from kws.errors import DownloadError
from kws.files import sha256_of, write_atomic
from kws.progress import progress

ATTEMPTS = 5  # in a row without a new byte
TIMEOUT_S = 30
BLOCK_BYTES = 1 << 18
LATER = frozenset({408, 429, 500, 502, 503, 504})  # statuses that may go away
BROKEN = (urllib.error.URLError, http.client.HTTPException, OSError)


def fetch(url: str, target: Path, *, sha256: str | None, room_factor: float = 1.0,
          wait: Callable[[float], None] = time.sleep) -> str:
    """Download `url` to `target` and return its SHA-256.

    sha256      : lower-case hex digest that the file must have; None takes any file
    room_factor : space that must be free, in lengths of the whole file, for what comes after the download
    wait        : called with the seconds to wait before each new attempt
    What has arrived is kept in target.part; the next call goes on from there, and does nothing once all of it is there.
    Raises DownloadError where the server does not have the file or does not answer, where the disk is too full, and
    for a wrong digest: then nothing is kept.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"url = {url!r}: must begin with http:// or https://; for a file: kws data import PATH")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target, url, checked=sha256 is not None)
    if target.is_file() and part.version is not None:
        digest = sha256_of(target)
        if sha256 in (None, digest):
            return digest
    target.unlink(missing_ok=True)
    with progress(f"downloading {target.name}", total=None, in_bytes=True) as bar:
        retry(part, bar, room_factor=room_factor, wait=wait)
    digest = sha256_of(part.path)
    if sha256 not in (None, digest):
        part.forget()
        raise DownloadError(f"{url}: what arrived is not the right file: its SHA-256 is {digest}, "
                            f"expected was {sha256}; it was removed. Try again, or name another --url and --sha256")
    os.replace(part.path, target)
    return digest


class Part:
    """What has arrived of a file: target.part, and target.json, which says whose part it is.

    checked : a digest will tell whether the parts fit together, so that the server's mark of the version is not needed
    """

    def __init__(self, target: Path, url: str, *, checked: bool) -> None:
        self.path, self.note = (target.with_name(target.name + suffix) for suffix in (".part", ".json"))
        self.url, self.checked = url, checked
        self.version = self.read_note()
        if self.version is None:
            self.forget()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def range(self) -> dict[str, str]:
        """Headers that ask for the rest; none where there is nothing yet, or where the rest might not fit to it."""
        known = self.version and not self.version.startswith("W/")  # a weak mark does not promise the same bytes
        if not self.size or not (known or self.checked):
            return {}
        return {"Range": f"bytes={self.size}-"} | ({"If-Range": self.version} if known else {})

    def read_note(self) -> str | None:
        """The server's mark of the version that was begun, "" where it gave none; None where nothing fits this URL."""
        try:
            note = json.loads(self.note.read_text())
            return str(note["version"]) if note["url"] == self.url else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, version: str) -> None:
        """Start anew with a version of the file."""
        self.forget()
        self.version = version
        write_atomic(self.note, json.dumps({"url": self.url, "version": version}))
        self.append(b"")

    def append(self, block: bytes) -> None:
        """Add bytes at the end. Raises DownloadError where the disk does not take them."""
        try:
            with open(self.path, "ab") as file:
                file.write(block)
        except OSError as error:
            raise DownloadError(f"{self.path}: cannot be written ({error.strerror}); "
                                f"make room and run the same command again to go on") from error

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def retry(part: Part, bar: Callable, *, room_factor: float, wait: Callable[[float], None]) -> None:
    """Call `receive` until the file is complete; gives up after ATTEMPTS in a row that brought nothing new."""
    furthest, failures = part.size, 0
    while True:
        try:
            receive(part, bar, room_factor=room_factor)
            return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in LATER:
                raise DownloadError(f"{part.url}: the server says {error.code} {error.reason}; "
                                    f"check the address, or name another --url") from error
            problem: Exception = error
        except BROKEN as error:
            problem = error
        failures = 0 if part.size > furthest else failures + 1
        furthest = max(furthest, part.size)
        if failures >= ATTEMPTS:
            reason = getattr(problem, "reason", None) or problem
            raise DownloadError(f"{part.url}: {reason}; {part.size / 1e6:.1f} MB have arrived and are kept. "
                                f"Run the same command again to go on") from problem
        wait(2.0**failures)


def receive(part: Part, bar: Callable, *, room_factor: float) -> None:
    """One connection: append what comes to the part, from its end on where the server can do that.

    Raises one of BROKEN where the connection ends before the file does.
    """
    asked = part.range
    request = urllib.request.Request(part.url, headers={"User-Agent": "kws", "Accept-Encoding": "identity"} | asked)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not asked:
            raise
        error.close()
        if error.headers.get("Content-Range") == f"bytes */{part.size}":
            return  # complete already
        part.forget()
        raise ConnectionError("what had arrived does not fit the file on the server") from error
    with response:
        if response.status != 206:
            part.begin(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        elif not (response.headers.get("Content-Range") or "").startswith(f"bytes {part.size}-"):
            part.forget()
            raise ConnectionError("the server sent another part than it was asked for")
        length = response.headers.get("Content-Length")
        total = part.size + int(length) if length and length.isdecimal() else None
        check_room(part.path.parent, total, part.size, room_factor)
        bar(total=total, completed=part.size)
        while block := response.read1(BLOCK_BYTES):
            part.append(block)
            bar(len(block))
    if total is not None and part.size < total:
        raise ConnectionError(f"the connection broke at {part.size} of {total} bytes")


def check_room(folder: Path, total: int | None, have: int, room_factor: float) -> None:
    """Raise DownloadError where the rest of the file and what is made of it do not fit on the disk."""
    if total is None:
        return
    needed, free = total - have + room_factor * total, shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(f"{folder}: needs {needed / 1e6:.0f} MB for the archive and its clips, "
                            f"{free / 1e6:.0f} MB are free; make room on this disk")
