"""Files in .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz and .zip archives, read without trusting them.

Nothing here writes to the disk. `members` reads an archive to its last byte, with every check sum that it has, and
refuses it as a whole where a name would lead out of a folder, where it holds links or devices, where it is damaged or
cut off, and where it would unpack to more than anybody records. `contents` then yields the files' bytes.
"""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from kws.errors import DataError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
LARGEST_BYTES = 500_000_000  # each file is held in memory
OTHERS = (".7z", ".rar", ".zst", ".gz", ".bz2", ".xz", ".lz4", ".cab", ".iso", ".dmg")  # that are not read
MOST_ENTRIES = 1_000_000  # files, folders and what describes them
MOST_BYTES = 200_000_000_000  # of all files together
MOST_RATIO, FREE_RATIO_BYTES = 200, 2_000_000_000  # unpacked to packed bytes, beyond as much as anybody may hold
LONGEST_NOTE_BYTES = 1_000_000  # of a name, or of what describes a file
# What reading a damaged archive raises; zipfile raises NotImplementedError for a compression that it does not know.
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError,
           NotImplementedError, OSError, UnicodeError, ValueError, OverflowError)
_BLOCK_BYTES = 1 << 16
_NOTES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
          tarfile.GNUTYPE_LONGLINK)


@dataclass(frozen=True)
class Member:
    """A file in an archive: its path, relative and without `..`, and its length in bytes."""

    path: PurePosixPath
    size: int


class Bounds:
    """What an archive has shown so far, held against what anybody records."""

    def __init__(self, archive: Path):
        self._archive, self._packed = archive, archive.stat().st_size
        self._entries = self._bytes = 0

    def entry(self) -> None:
        """One more entry. Raises DataError for too many."""
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise DataError(f"{self._archive}: refused: more than {MOST_ENTRIES:,} entries in it; unpack it and import "
                            "the folder")

    def file(self, name: str, size: int) -> None:
        """One more file. Raises DataError for one that is too large."""
        if size > LARGEST_BYTES:
            raise DataError(f"{self._archive}: refused: {name!r} in it has {size / 1e9:.1f} GB; "
                            f"unpack it and import the folder")

    def unpacked(self, size: int) -> None:
        """So many bytes more. Raises DataError if that is too much altogether, or for so small an archive."""
        self._bytes += size
        if self._bytes > min(MOST_BYTES, max(FREE_RATIO_BYTES, MOST_RATIO * self._packed)):
            raise DataError(f"{self._archive}: refused: {self._packed / 1e6:.1f} MB that unpack to more than "
                            f"{self._bytes / 1e9:.1f} GB; unpack it and import the folder")


class TarStream:
    """The bytes of a tar archive, unpacked as they are read; it remembers how many there were and the last of them."""

    def __init__(self, file: IO[bytes], bounds: Bounds):
        self._file, self._bounds = file, bounds
        self.total, self._tail = 0, b""

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.total += len(data)
        self._tail = (self._tail + data)[-2 * _BLOCK_BYTES:]
        self._bounds.unpacked(len(data))
        return data

    def seen(self, offset: int, size: int) -> bytes:
        """Bytes that were read a short while ago."""
        start = offset - (self.total - len(self._tail))
        return self._tail[start:start + size] if start >= 0 else b""


def is_archive(path: Path) -> bool:
    """Whether the name of `path` says that it is an archive."""
    return path.name.lower().endswith(SUFFIXES)


def refuse_others(path: Path) -> None:
    """Raise DataError for an archive of a kind that is not read."""
    if path.suffix.lower() in OTHERS and not is_archive(path):
        raise DataError(f"{path}: {path.suffix} is not read; unpack it and import the folder")


def members(archive: Path) -> tuple[Member, ...]:
    """Every file in `archive`, in its order; folders are left out.

    Reads it from end to end. Raises DataError for names that are absolute or hold `..`, links, devices, sparse files,
    whatever is beyond the bounds above, and where the archive is damaged, cut off or none at all.
    """
    with reading(archive):
        return tuple(zip_members(archive) if is_zip(archive) else tar_members(archive))


def contents(archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield path and bytes of each file of `members(archive)`, in that order."""
    with reading(archive):
        if is_zip(archive):
            with zipfile.ZipFile(archive) as packed:
                for info in packed.infolist():
                    if not info.is_dir():
                        yield safe_path(archive, info.filename), packed.read(info)
        else:
            for member, data in tar_files(archive, with_data=True):
                yield member.path, data


def is_zip(archive: Path) -> bool:
    return archive.name.lower().endswith(".zip")


def tar_members(archive: Path) -> Iterator[Member]:
    for member, _ in tar_files(archive, with_data=False):
        yield member


def tar_files(archive: Path, *, with_data: bool) -> Iterator[tuple[Member, bytes]]:
    """Each file of a tar archive, with its bytes if wanted; at the end it is known to be whole."""
    bounds = Bounds(archive)
    with unpacked(archive) as file:
        stream = TarStream(file, bounds)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK_BYTES,  # type: ignore[call-overload]
                          tarinfo=entry_reader(archive, bounds)) as packed:
            for info in packed:
                packed.members = []  # tarfile keeps every entry that it has seen
                path = safe_path(archive, info.name)
                if info.isreg() and not info.issparse():
                    bounds.file(info.name, info.size)
                    content = packed.extractfile(info) if with_data else None
                    yield Member(path, info.size), content.read() if content else b""
                elif not info.isdir():
                    kind = "link" if info.issym() or info.islnk() else "sparse file" if info.issparse() else "device"
                    raise DataError(f"{archive}: refused: {info.name!r} in it is a {kind}; "
                                    f"only files and folders are taken")
            end = packed.offset
        check_end(archive, stream, end)


def entry_reader(archive: Path, bounds: Bounds) -> type[tarfile.TarInfo]:
    """tarfile's entry that counts itself, and that refuses descriptions of absurd length before they are read."""

    class Entry(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "Entry":
            entry = super().frombuf(buf, encoding, errors)
            bounds.entry()
            if entry.type in _NOTES and entry.size > LONGEST_NOTE_BYTES:
                raise DataError(f"{archive}: refused: a header in it takes {entry.size / 1e6:.0f} MB; get "
                                "a fresh copy")
            return entry

    return Entry


def check_end(archive: Path, stream: TarStream, end: int) -> None:
    """Raise DataError unless the entries end in the block of zeros that marks the end, and only zeros follow.

    Reads to the end, where the check sums of gzip, bzip2 and xz are.
    """
    mark = stream.seen(end, tarfile.BLOCKSIZE)
    if len(mark) < tarfile.BLOCKSIZE:
        raise DataError(f"{archive}: truncated: its end mark is missing; get a fresh copy")
    rest = mark + stream.seen(end + tarfile.BLOCKSIZE, 2 * _BLOCK_BYTES)
    while not any(rest):
        rest = stream.read(_BLOCK_BYTES)
        if not rest:
            return
    raise DataError(f"{archive}: damaged after its first {end:,} bytes; get a fresh copy")


@contextmanager
def unpacked(archive: Path) -> Iterator[IO[bytes]]:
    """A tar archive's bytes without its compression, which the first bytes say, whatever its name does."""
    with archive.open("rb") as packed:
        start = packed.read(6)
        packed.seek(0)
        if start[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=packed) as file:
                yield file  # type: ignore[misc]
        elif start[:3] == b"BZh":
            with bz2.BZ2File(packed) as file:
                yield file
        elif start == b"\xfd7zXZ\0":
            with lzma.LZMAFile(packed) as file:
                yield file
        else:
            yield packed


def zip_members(archive: Path) -> Iterator[Member]:
    bounds = Bounds(archive)
    with zipfile.ZipFile(archive) as packed:
        refuse_joined(archive, packed)
        for info in packed.infolist():
            path = safe_path(archive, info.filename)
            bounds.entry()
            if info.flag_bits & 1:
                raise DataError(f"{archive}: is locked with a password; unpack it and import the folder")
            if (info.external_attr >> 28) not in (0, 0o04, 0o10):  # the type bits of st_mode: none, folder, file
                raise DataError(f"{archive}: refused: {info.filename!r} in it is a link or a device; "
                                f"only files and folders are taken")
            if not info.is_dir():
                bounds.file(info.filename, info.file_size)
                bounds.unpacked(info.file_size)
                check_sum(packed, info)
                yield Member(path, info.file_size)


def refuse_joined(archive: Path, packed: zipfile.ZipFile) -> None:
    """Raise DataError for two archives end to end: the index at the end knows the second alone."""
    first = min((info.header_offset for info in packed.infolist()), default=0)
    if first:
        with archive.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                raise DataError(f"{archive}: another archive lies before the one in it; take them apart, import both")


def check_sum(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Read a file of a zip through. Raises one of DAMAGED where its check sum or its length is wrong."""
    count = 0
    with packed.open(info) as file:
        while data := file.read(_BLOCK_BYTES):
            count += len(data)
    if count != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename!r} has {count:,} bytes, not {info.file_size:,}")


def safe_path(archive: Path, name: str) -> PurePosixPath:
    """The path that a member's name stands for. Raises DataError if it could lead out of a folder."""
    plain = name.replace("\\", "/")
    path = PurePosixPath(plain)
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(plain).drive or "\0" in name:
        raise DataError(f"{archive}: refused: the name {name!r} in it leads out of the folder it is unpacked to")
    return path


@contextmanager
def reading(archive: Path) -> Iterator[None]:
    """Turn what a damaged archive raises into a DataError."""
    try:
        yield
    except DAMAGED as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"{archive}: truncated, damaged or not an archive ({reason}); get a fresh copy") from error
