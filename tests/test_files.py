"""kws.files: nothing half-written stays."""

import os
from pathlib import Path

import pytest

from kws.errors import KwsError
from kws.files import fresh_folder, meant_path, sha256_of, temporary_sibling, write_atomic


def test_write_atomic_makes_parents_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_atomic(path, "één")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["b.txt"]


def test_write_atomic_keeps_the_old_file_on_error(tmp_path, monkeypatch):
    path = tmp_path / "b.txt"
    write_atomic(path, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["b.txt"]


def test_fresh_folder_appears_only_when_complete(tmp_path):
    target = tmp_path / "deep" / "run"
    with fresh_folder(target) as folder:
        (folder / "x").write_text("1")
        assert folder.parent == target.parent
        assert not target.exists()
    assert (target / "x").read_text() == "1"
    assert os.listdir(target.parent) == ["run"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_fresh_folder_is_removed_when_the_block_raises(tmp_path, error):
    with pytest.raises(error):
        with fresh_folder(tmp_path / "run") as folder:
            (folder / "x").write_text("1")
            raise error
    assert os.listdir(tmp_path) == []


def test_fresh_folder_refuses_to_overwrite(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(KwsError, match="run already exists; choose another name"):
        with fresh_folder(tmp_path / "run"):
            pytest.fail("the block must not run")
    with pytest.raises(KwsError, match="late already exists"):
        with fresh_folder(tmp_path / "late"):
            (tmp_path / "late").mkdir()
    assert sorted(os.listdir(tmp_path)) == ["late", "run"]


def test_sha256_of_a_known_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("path", ["a/firmware", "a/firmware/src/kws.c", "firmware", ".", "/", ".hidden.tmp"])
def test_a_temporary_path_names_what_it_stands_for(path):
    assert meant_path(path) == Path(path)
    parts = [temporary_sibling(Path(part)) if part == "firmware" else part for part in Path(path).parts]
    assert meant_path(Path(*parts)) == Path(path)
