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
from typing import IO

from kws.errors import DownloadError
from kws.files import sha256_of, write_atomic
from kws.progress import progress

ATTEMPTS = 5  # in a row without a new byte
TIMEOUT_S = 30
BLOCK_BYTES = 1 << 18
DEADLINE_S = 24 * 3_600  # for the whole of a download, however often it is resumed within one call
SLOWEST_BYTES, SLOWEST_S = 60_000, 60  # a connection that brings less in this time is given up
LARGEST_BYTES = 50_000_000_000  # of a file whose length the server does not say; others are held against the disk
SPARE_BYTES = 200_000_000  # left free on the disk
LATER = frozenset({408, 429, 500, 502, 503, 504})  # statuses that may go away
BROKEN = (urllib.error.URLError, http.client.HTTPException, OSError)


def fetch(url: str, target: Path, *, sha256: str | None, room_factor: float = 1.0,
          wait: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic) -> str:
    """Download `url` to `target` and return its SHA-256.

    sha256      : lower-case hex digest that the file must have; None takes any file
    room_factor : space that must be free, in lengths of the whole file, for what comes after the download
    wait        : called with the seconds to wait before each new attempt
    clock       : seconds that pass
    What has arrived is kept in target.part; the next call goes on from there, and does nothing once all of it is
    there. Parts of two versions are never put together.
    Raises DownloadError if the server does not have the file or does not answer, sends us to anything but HTTP,
    takes longer than DEADLINE_S, sends more than LARGEST_BYTES or than the disk takes, and for a wrong digest: then
    nothing is kept.
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
        retry(part, bar, room_factor=room_factor, wait=wait, clock=clock)
    digest = sha256_of(part.path)
    if sha256 not in (None, digest):
        part.forget()
        raise DownloadError(f"{url}: what arrived is not the right file: its SHA-256 is {digest}, not "
                            f"{sha256}; it was removed. Try again, or name another --url and --sha256")
    os.replace(part.path, target)
    return digest


class Part:
    """What has arrived of a file: target.part, and target.json, which says whose part it is.

    checked : a digest will tell whether the parts fit together, so that the server's mark of the version is not needed
    """

    def __init__(self, target: Path, url: str, *, checked: bool) -> None:
        self.path, self.note = (target.with_name(target.name + suffix) for suffix in (".part", ".json"))
        self.url, self.checked = url, checked
        self.version: str | None
        self.length: int | None
        self.version, self.length = self.read_note()
        if self.version is None:
            self.forget()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def range(self) -> dict[str, str]:
        """Headers that ask for the rest; none if there is nothing yet, or where the rest might not fit to it."""
        version = self.version or ""
        known = version != "" and not version.startswith("W/")  # a weak mark does not promise the same bytes
        if not self.size or not (known or self.checked):
            return {}
        return {"Range": f"bytes={self.size}-"} | ({"If-Range": version} if known else {})

    def read_note(self) -> tuple[str | None, int | None]:
        """The server's mark of the version that was begun, "" where it gave none, and its length; None if nothing
        fits this URL, or is known."""
        try:
            note = json.loads(self.note.read_text())
            length = note.get("length")
            fits = note["url"] == self.url
            return str(note["version"]) if fits else None, length if fits and isinstance(length, int) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None, None

    def begin(self, version: str, length: int | None) -> None:
        """Start anew with a version of the file."""
        self.forget()
        self.version, self.length = version, length
        write_atomic(self.note, json.dumps({"url": self.url, "version": version, "length": length}))
        self.append(b"")

    def append(self, block: bytes) -> None:
        """Add bytes at the end. Raises DownloadError if the disk does not take them."""
        try:
            with open(self.path, "ab") as file:
                file.write(block)
        except OSError as error:
            raise DownloadError(f"{self.path}: cannot be written ({error.strerror}); "
                                f"free some space and run the same command again to continue") from error

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


class TooSlow(ConnectionError):
    """Bytes came, but so few that it counts as an attempt that brought nothing."""


class SameKind(urllib.request.HTTPRedirectHandler):
    """Follows redirects from HTTP to HTTP and HTTPS, and from HTTPS to HTTPS; never to files, FTP or back into the
    open."""

    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
                         headers: http.client.HTTPMessage, newurl: str) -> urllib.request.Request | None:
        allowed = ("https:",) if req.full_url.lower().startswith("https:") else ("http:", "https:")
        if not newurl.lower().startswith(allowed):
            raise DownloadError(f"{req.full_url}: the server redirects to {newurl}, which is not "
                                f"{' or '.join(name.rstrip(':') for name in allowed)}; name the final address with "
                                "--url")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def retry(part: Part, bar: Callable[..., None], *, room_factor: float, wait: Callable[[float], None],
          clock: Callable[[], float]) -> None:
    """Call `receive` until the file is complete; gives up after ATTEMPTS in a row that brought nothing new."""
    furthest, failures, deadline_s = part.size, 0, clock() + DEADLINE_S
    while True:
        try:
            receive(part, bar, room_factor=room_factor, clock=clock, deadline_s=deadline_s)
            return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in LATER:
                raise DownloadError(f"{part.url}: the server says {error.code} {error.reason}; "
                                    f"check the address, or name another --url") from error
            problem: Exception = error
        except BROKEN as error:
            problem = error
        failures = 0 if part.size > furthest and not isinstance(problem, TooSlow) else failures + 1
        furthest = max(furthest, part.size)
        if failures >= ATTEMPTS or clock() > deadline_s:
            reason = getattr(problem, "reason", None) or problem
            raise DownloadError(f"{part.url}: {reason}; {part.size / 1e6:.1f} MB have arrived and are kept; "
                                "run the same command again to continue") from problem
        wait(2.0**failures)


def receive(part: Part, bar: Callable[..., None], *, room_factor: float, clock: Callable[[], float],
            deadline_s: float) -> None:
    """One connection: append what comes to the part, from its end on where the server can do that.

    Raises one of BROKEN where the connection ends before the file does, or brings next to nothing.
    """
    asked = part.range
    request = urllib.request.Request(part.url, headers={"User-Agent": "kws", "Accept-Encoding": "identity"} | asked)
    try:
        response = urllib.request.build_opener(SameKind).open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not asked:
            raise
        error.close()
        if error.headers.get("Content-Range") == f"bytes */{part.size}" and part.length in (None, part.size):
            return  # complete already
        part.forget()
        raise ConnectionError("what had arrived does not match the file on the server") from error
    with response:
        begin_or_go_on(part, response)
        check_room(part.path.parent, part.length, part.size, room_factor)
        bar(total=part.length, completed=part.size)
        take(part, response, bar, clock=clock, deadline_s=deadline_s)
    if part.length is not None and part.size != part.length:
        if part.size > part.length:
            part.forget()
        raise ConnectionError(f"the connection broke at {part.size} of {part.length} bytes")


def begin_or_go_on(part: Part, response: http.client.HTTPResponse) -> None:
    """Start anew, or check that what comes is the rest of the version that was begun."""
    headers = response.headers
    version = headers.get("ETag") or headers.get("Last-Modified") or ""
    length = headers.get("Content-Length")
    counted = int(length) if length and length.isdecimal() and len(length) < 20 else None
    if response.status != 206:
        part.begin(version, counted)
        return
    given, _, total = (headers.get("Content-Range") or "").partition("/")
    whole = int(total) if total.isdecimal() and len(total) < 20 else None
    if not given.startswith(f"bytes {part.size}-"):
        part.forget()
        raise ConnectionError("the server sent a different part from the one requested")
    if (version and part.version and version != part.version) or (
            whole is not None and part.length is not None and whole != part.length):
        part.forget()
        raise ConnectionError("the file on the server has changed since its beginning arrived")
    if part.length is None:
        part.length = whole if whole is not None else None if counted is None else part.size + counted


def take(part: Part, response: http.client.HTTPResponse, bar: Callable[..., None], *, clock: Callable[[], float],
         deadline_s: float) -> None:
    """Append everything that comes, as long as it comes at a pace and fits."""
    largest = part.length if part.length is not None else LARGEST_BYTES
    begun_s, before = clock(), part.size
    size = part.size
    while block := response.read1(BLOCK_BYTES):
        size += len(block)
        if size > largest or (part.length is None and shutil.disk_usage(part.path.parent).free < SPARE_BYTES):
            part.forget()
            raise DownloadError(f"{part.url}: sends more than {min(size, largest) / 1e6:.0f} MB, which is more than it "
                                "announced or than there is room for; nothing was kept. Name another --url")
        part.append(block)
        bar(len(block))
        now_s = clock()
        if now_s > deadline_s:
            raise ConnectionError(f"not complete after {DEADLINE_S // 3600} hours")
        if now_s - begun_s > SLOWEST_S:
            if size - before < SLOWEST_BYTES:
                raise TooSlow(f"only {size - before} bytes came in {now_s - begun_s:.0f} s")
            begun_s, before = now_s, size


def check_room(folder: Path, total: int | None, have: int, room_factor: float) -> None:
    """Raise DownloadError if the rest of the file and what is made of it do not fit on the disk."""
    if total is None:
        return
    needed, free = max(total - have, 0) + room_factor * total, shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(f"{folder}: needs {needed / 1e6:.0f} MB for the archive and its clips, "
                            f"{free / 1e6:.0f} MB are free; free some space on this disk")
