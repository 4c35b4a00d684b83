"""Files in .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz and .zip archives, read without trusting their names.

Nothing here writes to the disk. `members` reads an archive through and refuses it as a whole where a name would lead
out of a folder, where it holds links or devices, or where it is damaged; `contents` then yields the files' bytes.
"""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from kws.errors import DataError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
LARGEST_BYTES = 1_000_000_000  # each file is held in memory
# What reading a damaged archive raises; zipfile raises NotImplementedError for a compression that it does not know.
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError,
           NotImplementedError, OSError, UnicodeError, ValueError)


@dataclass(frozen=True)
class Member:
    """A file in an archive: its path, relative and without `..`, and its length in bytes."""

    path: PurePosixPath
    size: int


def is_archive(path: Path) -> bool:
    """Whether the name of `path` says that it is an archive."""
    return path.name.lower().endswith(SUFFIXES)


def members(archive: Path) -> tuple[Member, ...]:
    """Every file in `archive`, in its order; folders are left out.

    A .tar.gz has to be read from end to end. Raises DataError for names that are absolute or hold `..`, links, devices
    and files beyond LARGEST_BYTES, and where the archive is damaged or none at all.
    """
    with reading(archive):
        found = list(zip_members(archive) if is_zip(archive) else tar_members(archive))
    for member in found:
        if member.size > LARGEST_BYTES:
            raise DataError(f"{archive}: refused: {str(member.path)!r} in it has {member.size / 1e9:.1f} GB; "
                            f"unpack it and import the folder")
    return tuple(found)


def contents(archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield path and bytes of each file of `members(archive)`, in that order."""
    with reading(archive):
        if is_zip(archive):
            with zipfile.ZipFile(archive) as packed:
                for info in packed.infolist():
                    if not info.is_dir():
                        yield safe_path(archive, info.filename), packed.read(info)
        else:
            with tarfile.open(archive, "r|*") as packed:
                for info in packed:
                    file = packed.extractfile(info) if info.isreg() else None
                    if file is not None:
                        yield safe_path(archive, info.name), file.read()


def is_zip(archive: Path) -> bool:
    return archive.name.lower().endswith(".zip")


def tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r|*") as packed:
        for info in packed:
            path = safe_path(archive, info.name)
            if info.isreg():
                yield Member(path, info.size)
            elif not info.isdir():
                kind = "link" if info.issym() or info.islnk() else "device"
                raise DataError(f"{archive}: refused: {info.name!r} in it is a {kind}; "
                                f"only files and folders are taken")


def zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            path = safe_path(archive, info.filename)
            if (info.external_attr >> 28) not in (0, 0o04, 0o10):  # the type bits of st_mode: none, folder, file
                raise DataError(f"{archive}: refused: {info.filename!r} in it is a link or a device; "
                                f"only files and folders are taken")
            if not info.is_dir():
                yield Member(path, info.file_size)


def safe_path(archive: Path, name: str) -> PurePosixPath:
    """The path that a member's name stands for. Raises DataError where it could lead out of a folder."""
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
        raise DataError(f"{archive}: truncated, damaged or not an archive ({reason}); get it again") from error
