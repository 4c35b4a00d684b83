"""Issue 14, section 5: archives that were cut, changed or made to fill the memory are refused as a whole."""

import gzip
import io
import resource
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kws.data import archives
from kws.data.archives import contents, members
from kws.data.importer import import_path
from kws.errors import DataError

RNG = np.random.default_rng(1)
FILES = {f"yes/{i}_nohash_0.wav": RNG.integers(0, 200, 3_000, np.uint8).tobytes() for i in range(12)}


def tar_bytes(files: dict[str, bytes] = FILES) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return data.getvalue()


def refused(path: Path, data: bytes) -> bool:
    """Whether an archive is refused; one that is not must hold what it was given."""
    path.write_bytes(data)
    try:
        members(path)
    except DataError:
        return True
    assert {str(name): content for name, content in contents(path)} == FILES
    return False


def test_every_flipped_bit_in_a_gzip_is_found_or_harmless(tmp_path):
    """Not found are flips in the ten bytes before the data: time, system, flags of the packer."""
    whole = gzip.compress(tar_bytes(), mtime=0)
    places = np.linspace(10, len(whole) - 1, 150).astype(int)
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << RNG.integers(8)
        assert refused(tmp_path / "a.tar.gz", bytes(data)), place
    assert not refused(tmp_path / "a.tar.gz", whole)


@pytest.mark.parametrize("name", ["a.tar.bz2", "a.tar.xz", "a.zip"])
def test_flipped_bits_in_other_archives_are_found_or_harmless(tmp_path, name):
    import bz2
    import lzma

    if name == "a.zip":
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
            for path, content in FILES.items():
                packed.writestr(zipfile.ZipInfo(path), content)
        whole = data.getvalue()
    else:
        whole = (bz2 if name.endswith("bz2") else lzma).compress(tar_bytes())
    found = 0
    for place in np.linspace(30, len(whole) * 9 // 10, 40).astype(int):
        changed = bytearray(whole)
        changed[place] ^= 1 << RNG.integers(8)
        found += refused(tmp_path / name, bytes(changed))
    assert found >= 35 and not refused(tmp_path / name, whole)


def test_a_tar_that_was_cut_between_its_members_is_refused(tmp_path):
    """Each member takes 512 bytes of header and 3,072 of content: so it ends cleanly after six of twelve."""
    data = tar_bytes()
    (tmp_path / "a.tar").write_bytes(data[:6 * 3_584])
    with pytest.raises(DataError, match="truncated: its end mark is missing"):
        members(tmp_path / "a.tar")


def test_a_tar_with_a_damaged_header_in_its_middle_is_refused(tmp_path):
    data = bytearray(tar_bytes())
    data[5 * 3_584 + 150] ^= 1  # the sum of the header
    assert refused(tmp_path / "a.tar", bytes(data))


def test_a_tar_with_something_behind_its_end_is_refused(tmp_path):
    assert refused(tmp_path / "a.tar", tar_bytes() + tar_bytes())
    assert not refused(tmp_path / "a.tar", tar_bytes() + bytes(100_000))


def test_sparse_files_are_refused(tmp_path):
    info = tarfile.TarInfo("yes/a.wav")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:386 + 24] = b"00000000000\0" * 2
    header[483:495] = b"77777777777\0"
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a.tar").write_bytes(bytes(header) + bytes(10_240))
    with pytest.raises(DataError, match="is a sparse file"):
        members(tmp_path / "a.tar")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_description_of_gigabytes_is_not_read(tmp_path, kind):
    info = tarfile.TarInfo("pax")
    info.type, info.size = kind, 1_500_000_000
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(info.tobuf())
        file.write(bytes(5_000_000))
    with pytest.raises(DataError, match="a header in it takes 1500 MB"):
        members(tmp_path / "a.tar.gz")


def test_too_many_entries_and_too_much_for_its_size_are_refused(tmp_path, monkeypatch):
    (tmp_path / "a.tar").write_bytes(tar_bytes())
    monkeypatch.setattr(archives, "MOST_ENTRIES", 11)
    with pytest.raises(DataError, match="more than 11 entries"):
        members(tmp_path / "a.tar")
    monkeypatch.undo()
    monkeypatch.setattr(archives, "FREE_RATIO_BYTES", 1_000_000)
    with gzip.open(tmp_path / "b.tar.gz", "wb") as file:
        file.write(tar_bytes({"yes/a.wav": bytes(30_000_000)}))
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for i in range(30):
            packed.writestr(zipfile.ZipInfo(f"yes/{i}.wav"), bytes(1_000_000), zipfile.ZIP_DEFLATED)
    for name in ("b.tar.gz", "b.zip"):
        with pytest.raises(DataError, match="that unpack to more than"):
            members(tmp_path / name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS is Linux's")
def test_a_hostile_archive_fits_into_little_memory(tmp_path):
    """Members of zeros of 50 MB each: refused within 1 GB of address space."""
    block = gzip.compress(bytes(50_000_000))
    header = tarfile.TarInfo("yes/a.wav")
    header.size = 50_000_000
    with (tmp_path / "a.tar.gz").open("wb") as file:
        for _ in range(12):
            file.write(gzip.compress(header.tobuf()))
            file.write(block)
            file.write(gzip.compress(bytes(-50_000_000 % 512)))
    script = ("import sys; from pathlib import Path; from kws.data import archives\n"
              "from kws.data.archives import members\n"
              "archives.FREE_RATIO_BYTES = 400_000_000\n"
              "from kws.errors import DataError\n"
              "try: members(Path(sys.argv[1]))\nexcept DataError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.tar.gz")], capture_output=True, text=True,
                          check=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))
    assert "that unpack to more than" in done.stdout


def test_two_zip_archives_end_to_end_are_refused(tmp_path):
    """The index at the end knows the files of the second alone, and the first ones would be lost without a word."""
    made = []
    for number in range(2):
        with zipfile.ZipFile(tmp_path / "one.zip", "w") as packed:
            packed.writestr(f"yes/{number}.wav", bytes(1_000))
        made.append((tmp_path / "one.zip").read_bytes())
    (tmp_path / "both.zip").write_bytes(made[0] + made[1])
    with pytest.raises(DataError, match=r"both\.zip: another archive lies before the one in it"):
        members(tmp_path / "both.zip")
    (tmp_path / "program.zip").write_bytes(b"MZ" + bytes(500) + made[1])  # one that unpacks itself
    assert [str(member.path) for member in members(tmp_path / "program.zip")] == ["yes/1.wav"]


def test_a_locked_zip_and_other_archives_are_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("yes/1.wav", bytes(1_000))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.zip: is locked with a password; unpack it"):
        members(tmp_path / "a.zip")
    for name in ("a.7z", "a.rar", "a.tar.zst"):
        (tmp_path / name).touch()
        with pytest.raises(DataError, match="is not read; unpack it and import the folder"):
            import_path(tmp_path / name, tmp_path / "recordings/a", samples=16_000, keywords=("yes",))
