"""Archives are read without trusting them."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from kws.data import archives
from kws.data.archives import contents, is_archive, members
from kws.errors import DataError

FILES = {"yes/a.wav": b"one", "deep/er/no/b.wav": b"three"}


def pack(path: Path, files: dict[str, bytes], extra: tarfile.TarInfo | None = None) -> Path:
    """Write an archive whose kind the name says; names go in as they are."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.mkdir("yes")
            for name, data in files.items():
                packed.writestr(zipfile.ZipInfo(name), data)
        return path
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz", ".tar": "w"}[path.suffix]
    with tarfile.open(path, mode) as packed:
        folder = tarfile.TarInfo("yes")
        folder.type = tarfile.DIRTYPE
        packed.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
        if extra is not None:
            packed.addfile(extra)
    return path


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.TGZ", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_every_kind_gives_its_files(tmp_path, name):
    archive = pack(tmp_path / name.lower(), FILES)
    assert is_archive(Path(name)) and not is_archive(Path("a.wav"))
    assert [(str(member.path), member.size) for member in members(archive)] == [
        (path, len(data)) for path, data in FILES.items()]
    assert {str(path): data for path, data in contents(archive)} == FILES


@pytest.mark.parametrize("name", ["../evil.wav", "/etc/evil.wav", "yes/../../evil.wav", "..\\evil.wav", "C:\\evil.wav",
                                  "\\\\host\\share\\evil.wav"])
@pytest.mark.parametrize("archive", ["a.tar.gz", "a.zip"])
def test_names_that_lead_out_are_refused(tmp_path, archive, name):
    with pytest.raises(DataError, match="leads out of the folder"):
        members(pack(tmp_path / archive, FILES | {name: b"x"}))


@pytest.mark.parametrize(("kind", "word"), [(tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"),
                                            (tarfile.CHRTYPE, "device"), (tarfile.FIFOTYPE, "device")])
def test_links_and_devices_are_refused(tmp_path, kind, word):
    extra = tarfile.TarInfo("yes/c.wav")
    extra.type, extra.linkname = kind, "yes/a.wav"
    with pytest.raises(DataError, match=rf"'yes/c\.wav' in it is a {word}"):
        members(pack(tmp_path / "a.tar", FILES, extra))


def test_links_in_zip_are_refused(tmp_path):
    info = zipfile.ZipInfo("yes/c.wav")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="link or a device"):
        members(tmp_path / "a.zip")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz", "a.zip"])
def test_truncated_archives_are_named(tmp_path, name):
    archive = pack(tmp_path / name, {f"yes/{i}.wav": bytes(range(256)) * 50 for i in range(20)})
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(DataError, match="truncated, damaged or not an archive"):
        members(archive)
    with pytest.raises(DataError, match="truncated, damaged or not an archive"):
        list(contents(archive))


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip"])
def test_what_is_no_archive_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"damaged or not an archive \(.*get a fresh copy"):
        members(tmp_path / name)


def test_a_flipped_byte_in_a_zip_is_found(tmp_path):
    archive = pack(tmp_path / "a.zip", {"yes/a.wav": bytes(1_000)})
    data = bytearray(archive.read_bytes())
    data[data.index(b"yes/a.wav") + 12] ^= 255
    archive.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        list(contents(archive))


def test_very_large_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_BYTES", 4)
    with pytest.raises(DataError, match=r"b\.wav.*unpack it and import the folder"):
        members(pack(tmp_path / "a.zip", FILES))
