"""kws profile: exit status and output."""

import json
import sys

import pytest
import soundfile
from typer.testing import CliRunner

from kws.cli import app
from tests.helpers.exported import random_source, sound
from tests.helpers.runs import write_run

pytestmark = pytest.mark.device

pytest.importorskip("unicorn", reason="the emulated device is not installed (extra: device)")
pytest.importorskip("ziglang", reason="the emulated device is not installed (extra: device)")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A workspace with two runs, one second of sound, and requirements that hold."""
    folder = tmp_path_factory.mktemp("profile")
    assert CliRunner().invoke(app, ["new", str(folder / "ws"), "--keywords", "yes,no"]).exit_code == 0
    for name in ("cnn", "linear"):
        write_run(folder / "ws" / "models" / name, random_source(name))
    soundfile.write(folder / "sound.wav", sound(1), 16_000)
    return folder


def call(place, *arguments):
    audio = ["--audio", str(place / "sound.wav")]
    return CliRunner().invoke(app, ["profile", "-C", str(place / "ws"), *audio, *arguments])


def test_json_is_as_documented(place):
    done = call(place, "--run", "cnn", "--json", "--cpu", "cortex-m0plus")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["cpu"] == "cortex-m0plus" and found["run"] == "cnn"
    assert set(found["instructions_per_hop"]) == {"min", "median", "max"}
    assert set(found["flash_bytes"]) == {"code", "model"} and set(found["ram_bytes"]) == {"state", "stack"}
    assert [r["name"] for r in found["requirements"]] == ["flash_bytes", "ram_bytes", "duty_percent",
                                                          "decisions_per_second"]
    assert found["duty"]["cycles_per_instruction"] == 1.5


def test_a_person_sees_stages_sizes_and_the_assumption(place):
    done = call(place, "--run", "cnn", "--functions")
    assert done.exit_code == 0, done.stderr
    for word in ("cortex-m4", "front end", "network", "decoder", "per second of audio", "1.4 cycles per instruction",
                 "code", "model", "state", "stack", "ram_bytes", "kws_fft_real"):
        assert word in done.stdout


def test_runs_side_by_side(place):
    done = call(place, "--run", "cnn", "--compare", "linear")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["cortex-m4", "cnn", "linear"]
    beside = json.loads(call(place, "--run", "cnn", "--compare", "linear", "--json").stdout)["compare"]
    assert list(beside) == ["linear"] and beside["linear"]["flash_bytes"]["code"] > 0


def test_a_broken_requirement_is_status_3(place):
    settings = place / "ws" / "kws.toml"
    text = settings.read_text()
    settings.write_text(text.replace("ram_bytes = 32000", "ram_bytes = 1000").replace("ram_bytes = 32_000",
                                                                                      "ram_bytes = 1_000"))
    try:
        done = call(place, "--run", "cnn")
    finally:
        settings.write_text(text)
    assert done.exit_code == 3
    assert next(line for line in done.stdout.splitlines() if "NOT MET" in line).startswith("ram_bytes: ")


def test_a_missing_extra_is_one_line_and_status_1(place, monkeypatch):
    monkeypatch.setattr("kws.device.toolchain.find_spec", lambda name: None)
    done = call(place, "--run", "cnn")
    assert done.exit_code == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "pip install 'kws[device]'" in done.stderr


def test_unknown_processors_are_wrong_usage(place):
    done = call(place, "--run", "cnn", "--cpu", "z80")
    assert done.exit_code == 2 and "cortex-m33" in done.stderr


def test_audio_that_is_too_short_is_refused(place, tmp_path):
    soundfile.write(tmp_path / "short.wav", sound(0.1), 16_000)
    done = CliRunner().invoke(app, ["profile", "-C", str(place / "ws"), "--run", "cnn", "--audio",
                                    str(tmp_path / "short.wav")])
    assert done.exit_code == 1 and "short.wav: 1600 samples; a decision needs" in done.stderr


def test_importing_the_command_line_imports_no_emulator():
    import subprocess

    code = "import kws.cli, sys; print([m for m in ('unicorn', 'elftools', 'ziglang') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
