"""What is damaged, foreign or left by a kill: one clear line, and what was whole stays or comes back."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kws.errors import ModelError, NoWorkspaceError, SpecError
from kws.files import fresh_folder, restore_interrupted, temporary_sibling
from kws.specfile import parse_spec, write_spec
from kws.workspace import (
    find_run,
    list_runs,
    locate_run,
    nearby_workspace,
    open_workspace,
    read_manifest,
    write_manifest,
)
from tests.helpers.paths import ROOT

SPEC = write_spec(parse_spec('keywords = ["on"]'))


def a_run(models: Path, name: str, **more: object) -> Path:
    (models / name).mkdir(parents=True)
    write_manifest(models / name, dict(more))
    return models / name


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "kws.toml").write_text(SPEC)
    return tmp_path


def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class TestWorkspace:
    def test_a_broken_kws_toml_is_never_taken_for_no_workspace(self, workspace):
        a_run(workspace / "models", "commands")
        assert locate_run("commands", workspace).name == "commands"
        (workspace / "kws.toml").write_text(SPEC.replace("epochs", "epocs"))
        for look in (lambda: locate_run("commands", workspace), lambda: nearby_workspace(workspace)):
            with pytest.raises(SpecError, match="did you mean epochs"):
                look()

    def test_without_one_a_run_is_found_by_its_path(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        run = a_run(tmp_path, "somewhere")
        assert nearby_workspace() is None and locate_run(run) == run
        with pytest.raises(NoWorkspaceError):
            locate_run(None)

    @pytest.mark.parametrize("text", ["keywords = " + "9" * 5_000, "keywords = " + "[" * 100_000,
                                      SPEC.replace("clock_mhz = 64.0", "clock_mhz = 1" + "0" * 4_000)])
    def test_settings_that_no_reader_can_hold_are_refused(self, text):
        with pytest.raises(SpecError):
            parse_spec(text)


class TestManifests:
    def test_a_tower_of_brackets_is_damage(self, workspace):
        good, bad = a_run(workspace / "models", "good"), a_run(workspace / "models", "bad")
        (bad / "manifest.json").write_text("[" * 200_000)
        with pytest.raises(ModelError, match="is damaged"):
            read_manifest(bad)
        assert find_run(None, workspace / "models") == good

    def test_a_clock_that_jumped_does_not_choose_the_default_run(self, workspace):
        from datetime import UTC, datetime

        models = workspace / "models"
        for name, year in (("old", 2026), ("future", 2099), ("newest", 2026)):
            (models / name).mkdir(parents=True)
            write_manifest(models / name, {}, now=datetime(year, 1, 1, tzinfo=UTC))
        assert [run.name for run in list_runs(models)] == ["old", "future", "newest"]
        assert [read_manifest(run)["number"] for run in list_runs(models)] == [1, 2, 3]

    def test_a_run_that_is_written_again_keeps_its_number(self, workspace):
        first, _ = (a_run(workspace / "models", name) for name in ("first", "second"))
        write_manifest(first, read_manifest(first))
        assert [run.name for run in list_runs(workspace / "models")] == ["first", "second"]


class TestKills:
    def killed_between_two_renames(self, folder: Path, name: str) -> Path:
        """What a replacing process leaves that dies when the old folder has given way."""
        old = folder / f".{name}.{gone():x}-01234567.tmp"
        (folder / name / ".aside").touch()
        (folder / name).rename(old)
        return old

    def test_the_old_folder_comes_back_at_the_next_start(self, workspace):
        a_run(workspace / "models", "mine")
        self.killed_between_two_renames(workspace / "models", "mine")
        assert not (workspace / "models/mine").exists()
        open_workspace(workspace)
        assert sorted(os.listdir(workspace / "models")) == ["mine"]
        assert sorted(os.listdir(workspace / "models/mine")) == ["manifest.json"]

    def test_it_does_not_replace_what_took_its_name(self, workspace):
        models = workspace / "models"
        a_run(models, "mine", which="old")
        self.killed_between_two_renames(models, "mine")
        a_run(models, "mine", which="new")
        restore_interrupted(models, now_s=time.time() + 3_600)
        assert read_manifest(models / "mine")["which"] == "new" and os.listdir(models) == ["mine"]

    def test_litter_goes_when_it_is_old_and_nobody_works_on_it(self, tmp_path):
        dead, own = tmp_path / f".run.{gone():x}-89abcdef.tmp", temporary_sibling(tmp_path / "other")
        for path in (dead, own):
            path.mkdir()
        restore_interrupted(tmp_path)
        assert dead.exists() and own.exists(), "a young one may be another machine's"
        restore_interrupted(tmp_path, now_s=time.time() + 3_600)
        assert not dead.exists() and own.exists()

    def test_a_folder_that_is_replaced_shows_no_mark(self, tmp_path):
        for text in ("first", "second"):
            with fresh_folder(tmp_path / "out", replace=True) as folder:
                (folder / "file").write_text(text)
        assert os.listdir(tmp_path / "out") == ["file"] and (tmp_path / "out/file").read_text() == "second"
        assert os.listdir(tmp_path) == ["out"]


@pytest.mark.train
class TestKeras:
    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x89HDF\r\n\x1a\n" + bytes(100)])
    def test_a_foreign_network_is_one_line(self, content, tmp_path):
        pytest.importorskip("keras")
        from kws.model.keras_loading import load_network

        run = tmp_path / "run"
        run.mkdir()
        (run / "model.keras").write_bytes(content)
        write_manifest(run, {})
        with pytest.raises(ModelError, match="cannot be read as a network"):
            load_network(run)

    def test_the_users_own_settings_do_not_leak_in(self, tmp_path):
        pytest.importorskip("keras")
        (tmp_path / "keras.json").write_text(json.dumps({"image_data_format": "channels_first", "floatx": "float16",
                                                         "backend": "torch", "epsilon": 0.5}))
        code = ("from kws.model.keras_loading import load_keras; load_keras(); import keras; c = keras.config; "
                "print(c.image_data_format(), c.floatx(), c.backend(), c.epsilon())")
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={
            **os.environ, "KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch"})
        assert done.stdout.split() == ["channels_last", "float32", "tensorflow", "1e-07"], done.stderr
