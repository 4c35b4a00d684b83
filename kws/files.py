"""Writing files so that nothing half-written ever stays: a temporary sibling first, then one rename."""

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kws.errors import KwsError

ASIDE_MARK = ".aside"  # in a folder that gives way to another


def temporary_sibling(path: Path) -> Path:
    """A hidden name beside `path` that nobody else uses, so that a rename stays on one file system."""
    return path.with_name(f".{path.name}.{os.getpid():x}-{secrets.token_hex(4)}.tmp")


def meant_path(path: Path | str) -> Path:
    """The path with what its temporary siblings stand for; any other as it is."""
    return Path(re.sub(r"(^|/)\.([^/]+)\.[0-9a-f]+-[0-9a-f]{8}\.tmp(?=/|$)", r"\1\2", str(path)))


def write_atomic(path: Path | str, data: bytes | memoryview | str, *, durable: bool = True) -> None:
    """Write `data` (text as UTF-8) to `path`, replacing it whole; on any error the old file stays as it was.

    durable : wait until it is on the disk before it takes the old one's place, so that a power cut leaves one of both
    Missing parent folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sibling = temporary_sibling(path)
    try:
        with named(path):
            sibling.write_bytes(data.encode() if isinstance(data, str) else data)
            if durable:
                sync(sibling)
            os.replace(sibling, path)
    finally:
        sibling.unlink(missing_ok=True)


@contextmanager
def named(path: Path | str) -> Iterator[None]:
    """What the system refuses is told with the file's name: a write on a full disk has none of its own."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """A folder that the block makes is gone again if the block fails; one that was there stays."""
    there = folder.exists()
    try:
        yield
    except BaseException:
        if not there:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def sync(path: Path) -> None:
    """Wait until a file is on its disk, as far as the system promises that."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


LITTER = re.compile(r"\.(.+)\.([0-9a-f]+)-[0-9a-f]{8}\.tmp")
LITTER_AGE_S = 600  # younger siblings may be those of another machine on a shared disk


def restore_interrupted(folder: Path, *, now_s: float | None = None) -> None:
    """Put right what a killed process left in `folder`: a folder that it had moved aside comes back, if nothing has
    taken its name; older siblings of processes that are gone are removed."""
    for path in sorted(folder.glob(".*.tmp")):
        match = LITTER.fullmatch(path.name)
        if match is None or alive(int(match[2], 16)):
            continue
        home = folder / match[1]
        try:
            if path.is_dir() and not home.exists() and (path / ASIDE_MARK).is_file():
                os.replace(path, home)
                (home / ASIDE_MARK).unlink()
            elif (now_s or time.time()) - path.stat().st_mtime > LITTER_AGE_S:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue  # not ours to change, or another command was faster


def alive(process: int) -> bool:
    """Whether a process of this number runs here."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def write_new(path: Path | str, data: bytes | memoryview | str) -> bool:
    """Write `data` to `path` if nobody has that name, whole or not at all; returns whether it did.

    Of several processes that want one name, one gets it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sibling = temporary_sibling(path)
    try:
        with named(path):
            sibling.write_bytes(data.encode() if isinstance(data, str) else data)
        try:
            os.link(sibling, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links: the name first, then its content
            try:
                path.open("xb").close()
            except FileExistsError:
                return False
            os.replace(sibling, path)
        return True
    finally:
        sibling.unlink(missing_ok=True)


@contextmanager
def reserved(path: Path | str) -> Iterator[None]:
    """Hold the name `path` for this process, as long as the block takes or the process lives.

    Raises KwsError if the name is taken, or held by somebody else.
    """
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as file:
        if not hold(file, lock):
            raise KwsError(f"{path}: another process is making it; choose another name, or wait until it is done")
        try:
            refuse_existing(path)
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Wait until no other process changes `path`, and keep them waiting until the block ends."""
    lock = path.with_name(f".{path.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with lock.open("ab") as file:
            if hold(file, lock, wait=True):
                try:
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                return


def hold(file: IO[bytes], path: Path, *, wait: bool = False) -> bool:
    """Lock an open file; False where another process holds it, or has removed it since it was opened."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock: there the name alone must do
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def printable(text: object) -> str:
    """Text from a file, an archive or a server as it may be printed: what steers a terminal is shown as an escape.

    Control characters, marks that turn the direction of writing, and bytes that are no text.
    """
    return "".join(char if char.isprintable() or char == " " else char.encode("unicode_escape", "backslashreplace")
                   .decode() if not "\ud800" <= char <= "\udfff" else f"\\x{ord(char) & 0xFF:02x}"
                   for char in str(text))


@contextmanager
def fresh_folder(path: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary sibling folder that becomes `path` when the block succeeds and is removed when it raises.

    replace : a folder that is already there gives way when the block has succeeded; without it, KwsError is raised
    where `path` already exists, before the block and after it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    restore_interrupted(path.parent)
    sibling, old = temporary_sibling(path), temporary_sibling(path)
    if not replace:
        refuse_existing(path)
    sibling.mkdir()
    try:
        yield sibling
        if not replace:
            refuse_existing(path)
        for file in sibling.rglob("*"):
            if file.is_file():
                sync(file)
        if replace and path.exists():
            (path / ASIDE_MARK).touch()
            os.replace(path, old)
        os.replace(sibling, path)
    finally:
        if old.exists() and not path.exists():
            os.replace(old, path)
            (path / ASIDE_MARK).unlink(missing_ok=True)
        shutil.rmtree(sibling, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_files(folder: Path, contents: Mapping[str, bytes | str]) -> None:
    """Write several files by their paths in `folder`, text as UTF-8, with the folders they need."""
    for name, content in contents.items():
        write_atomic(folder / name, content)


def refuse_existing(path: Path) -> None:
    """Raise KwsError if `path` is taken."""
    if path.exists():
        raise KwsError(f"{path} already exists; choose another name or remove it first")


def sha256_of(path: Path | str) -> str:
    """Hex SHA-256 of a file of any size."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
