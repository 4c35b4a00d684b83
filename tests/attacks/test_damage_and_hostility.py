"""What is damaged, foreign or left by a kill: one clear line, and what was whole stays or comes back."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from kws.bench.check_hostile_archives import archive
from kws.cli import app
from kws.errors import ModelError, NoWorkspaceError, SpecError
from kws.files import fresh_folder, restore_interrupted, temporary_sibling, write_atomic
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
        assert [read_manifest(run).number for run in list_runs(models)] == [1, 2, 3]

    def test_a_run_that_is_written_again_keeps_its_number(self, workspace):
        first, _ = (a_run(workspace / "models", name) for name in ("first", "second"))
        write_manifest(first, read_manifest(first).content)
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
        assert read_manifest(models / "mine").content["which"] == "new" and os.listdir(models) == ["mine"]

    def test_litter_goes_when_it_is_old_and_nobody_works_on_it(self, tmp_path):
        dead, own = tmp_path / f".run.{gone():x}-89abcdef.tmp", temporary_sibling(tmp_path / "other")
        for path in (dead, own):
            path.mkdir()
        restore_interrupted(tmp_path)
        assert dead.exists() and own.exists(), "a young one may be another machine's"
        restore_interrupted(tmp_path, now_s=time.time() + 3_600)
        assert not dead.exists() and own.exists()

    def test_what_is_published_lies_on_the_disk_before(self, tmp_path, monkeypatch):
        """A power cut after the rename must not leave an empty file under the new name."""
        done: list[str] = []
        fsync, replace = os.fsync, os.replace

        def synced(descriptor: int) -> None:
            done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name.split('.')[-1]}")
            fsync(descriptor)

        def renamed(source: Path, target: Path) -> None:
            done.append(f"publish {Path(target).name}")
            replace(source, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "replace", renamed)
        write_atomic(tmp_path / "manifest.json", "{}")
        assert done == ["sync tmp", "publish manifest.json"]
        done.clear()
        with fresh_folder(tmp_path / "run") as folder:
            (folder / "model.kws").write_bytes(b"x")
        assert done[0] == "sync kws" and done[-1] == "publish run"

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


# At the command line

def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def refused(*arguments: object) -> str:
    """The one line of an error; nothing else went wrong."""
    done = run(*arguments)
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    return line


def clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.resize(np.array([9_000, -9_000], np.int16), 16_000), 16_000)
    return path


@pytest.fixture(scope="module")
def packed() -> bytes:
    """A tar of twelve clips."""
    data, rng = io.BytesIO(), np.random.default_rng(1)
    with tarfile.open(fileobj=data, mode="w") as tar:
        for number in range(12):
            sound = io.BytesIO()
            soundfile.write(sound, rng.integers(-9_000, 9_000, 16_000).astype(np.int16), 16_000, format="WAV")
            info = tarfile.TarInfo(f"on/anna_nohash_{number}.wav")
            info.size = len(sound.getvalue())
            tar.addfile(info, io.BytesIO(sound.getvalue()))
    return data.getvalue()


def test_a_tar_that_was_cut_after_six_of_twelve_is_refused_whole(workspace, packed):
    (workspace / "w.tar").write_bytes(packed[:6 * (512 + 32_256)])
    assert "w.tar: truncated" in refused("-C", workspace, "data", "import", workspace / "w.tar")
    assert not (workspace / "recordings").exists()


def test_a_flipped_bit_in_a_compressed_tar_is_refused_whole(workspace, packed):
    data = bytearray(gzip.compress(packed, 1, mtime=0))
    for place in np.random.default_rng(2).integers(20, len(data) - 8, 5):
        data[place] ^= 4
        (workspace / "w.tar.gz").write_bytes(data)
        data[place] ^= 4
        assert "w.tar.gz" in refused("-C", workspace, "data", "import", workspace / "w.tar.gz")
        assert not (workspace / "recordings").exists()


def test_headers_that_ask_for_gigabytes_cost_none_and_end_no_import(workspace):
    """A rate of 1 Hz, a FLAC of 2^36 samples; the good one beside them is taken. In 3 GB of address space."""
    folder = workspace / "in/on"
    wav = bytearray(clip(folder / "slow.wav").read_bytes())
    wav[24:28] = (1).to_bytes(4, "little")
    (folder / "slow.wav").write_bytes(wav)
    clip(folder / "long.flac")
    flac = bytearray((folder / "long.flac").read_bytes())
    flac[21:26] = bytes([flac[21] | 15]) + b"\xff" * 4
    (folder / "long.flac").write_bytes(flac)
    clip(folder / "good.wav")
    program = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)); " \
              "from kws.cli import app; app(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", program, "-C", workspace, "data", "import", workspace / "in"],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "2 written" in done.stdout, done.stderr
    assert "slow.wav: has a rate of 1 Hz" in done.stderr


def test_no_archive_writes_out_of_its_folder(workspace):
    """Forty of the attack's archives: whole or refused, and nothing beside recordings/."""
    before = sorted(path.name for path in workspace.iterdir())
    for seed in range(40):
        suffix, data = archive(seed)
        (workspace / f"w{suffix}").write_bytes(data)
        done = run("-C", workspace, "data", "import", workspace / f"w{suffix}", "--source", f"s{seed}")
        assert done.exit_code in (0, 1) and (done.exception is None or isinstance(done.exception, SystemExit))
        (workspace / f"w{suffix}").unlink()
    assert set(os.listdir(workspace)) - set(before) <= {"recordings", ".cache"}


@pytest.mark.parametrize("url", ["http://[::1", "ftp://[::1/w.tar.gz", "file:///etc/w.tar.gz", "http://"])
def test_an_address_that_is_none_is_one_line(workspace, url):
    assert url in refused("-C", workspace, "data", "download", "--url", url)


def test_towers_of_brackets_and_digits_are_one_line(workspace):
    a_run(workspace / "models", "mine")
    (workspace / "models/mine/manifest.json").write_text("[" * 200_000)
    sound = clip(workspace / "a.wav")
    assert "manifest.json is damaged" in refused("-C", workspace, "detect", sound)
    assert run("detect", "--run", ROOT / "models/small", sound).exit_code == 0
    (workspace / "kws.toml").write_text(f"seed = {'9' * 5_000}\n{SPEC}")
    assert "kws.toml" in refused("-C", workspace, "data", "stats")


def test_a_run_in_a_place_that_cannot_be_written_is_exported(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("kws.export.numbers.number_of", refuse)
    done = run("export", "c", "--run", ROOT / "models/small", "--out", tmp_path / "out")
    assert done.exit_code == 0 and "cannot be written (Permission denied): the export has no number" in done.stderr
    assert (tmp_path / "out/README.md").is_file()


@pytest.mark.parametrize("target", ["c", "arduino", "esp-idf", "zephyr"])
def test_the_time_of_a_detection_does_not_wrap_after_49_days(tmp_path, target):
    assert run("export", target, "--run", ROOT / "models/small", "--out", tmp_path / "out").exit_code == 0
    sources = [path.read_text() for path in (tmp_path / "out").rglob("*") if path.suffix in (".c", ".cpp", ".ino")]
    [example] = [text for text in sources if "event.sample * 1000" in text]
    wide = r"(uint64_t|unsigned long long) (time_ms = event\.sample \* 1000|first, int32_t second\))"
    assert re.search(wide, example)


def test_names_from_elsewhere_cannot_steer_the_terminal(workspace, tmp_path):
    """Colours, cleared screens and forged lines in names of folders, files and members of archives."""
    evil = "\x1b[2J\x1b[31m\nerror: forged\u202e"
    clip(tmp_path / f"mine/yes/{evil}a.wav")
    (tmp_path / f"mine/yes/{evil}b.wav").write_text("broken")
    clip(tmp_path / f"mine/{evil}/c.wav")
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as packed:
        packed.write(tmp_path / f"mine/yes/{evil}a.wav", f"yes/{evil}.wav")
        packed.writestr(f"no/{evil}.wav", b"broken")
    for path in ("mine", "w.zip"):
        result = run("-C", workspace, "data", "import", tmp_path / path)
        assert result.exit_code == 0 and "\\x1b[2J" in result.stderr, result.output
        assert "\x1b" not in result.output and "\u202e" not in result.output
        assert not any(line.startswith("error: forged") for line in result.output.splitlines())


def test_names_of_files_that_are_heard_are_escaped(tmp_path):
    name = tmp_path / "a\x1b[31mred\nforged line.wav"
    soundfile.write(name, np.zeros(8_000, np.int16), 16_000)
    done = run("detect", name, name, "--run", ROOT / "models/small")
    assert done.exit_code == 0 and "\x1b" not in done.output and "a\\x1b[31mred\\nforged line.wav" in done.stderr
    assert not any(line.startswith("forged") for line in done.output.splitlines())


FULL = """
import resource
from kws.cli import app
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
app(prog_name="kws")
"""


@pytest.mark.parametrize(("arguments", "place"), [
    (("new", "w", "--keywords", "a,b"), "w/kws.toml"),
    (("export", "c", "--run", ROOT / "models/small", "--out", "c"), "c/")])
def test_a_disk_that_takes_no_more_is_named_and_nothing_half_written_stays(tmp_path, arguments, place):
    """The system takes 1,000 bytes of a file and no more, as a full disk does in the middle of one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # it writes a file
    surroundings = {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}  # Python cuts its own, too
    done = subprocess.run([sys.executable, "-c", FULL, *map(str, arguments)], cwd=tmp_path, capture_output=True,
                          text=True, env=surroundings)
    assert done.returncode == 1 and done.stdout == "" and list(tmp_path.iterdir()) == []
    assert re.fullmatch(rf"error: {place}\S*: File too large; choose another place, or check the folder's permissions "
                        r"and the free space on its disk\n", done.stderr), done.stderr
