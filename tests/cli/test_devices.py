"""Several microphones: listed, chosen, remembered from one command to the next; and one that another program has."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.audio.microphone import list_devices
from kws.bench.null_sink import PulseAudio, missing
from kws.cli import app
from tests.helpers.recording import beep, files, run_kws, workspace
from tests.helpers.terminal import ROOT, Terminal

pytestmark = pytest.mark.audio

RUN = str(ROOT / "models" / "commands")


def heard_from(result):
    """The microphone that kws listen names, whatever stands before it in a terminal without Unicode."""
    first = result.stderr.splitlines()[0]
    return first.split()[-1] if first.startswith("listening: commands ") else first


@pytest.fixture
def two(monkeypatch):
    """A sound system with a second microphone, "kitchen", which hears what is played into the sink of that name."""
    if (why := missing()) is not None:
        pytest.skip(why)
    daemon = PulseAudio(others=("kitchen",))
    for name, value in daemon.environment.items():
        monkeypatch.setenv(name, value)
    list_devices(again=True)
    yield daemon
    daemon.stop()


def test_a_person_is_asked_once_and_every_command_remembers(two, tmp_path):
    workspace(tmp_path, "low")
    terminal = Terminal("record", "low", "--speaker", "anna", "--count", "1", "--countdown", "0.3", "-C", tmp_path)
    terminal.wait_for("which device")
    assert all(f": {name} (ALSA, " in terminal.shown for name in ("default", "kitchen"))
    terminal.press("kitchen\n")
    terminal.wait_for("recording from kitchen; another one: --device NAME")
    terminal.wait_for("say: low")
    two.play(beep("low").astype(np.int16), sink="kitchen")
    status, out = terminal.finish()
    assert status == 0 and "1 take (low 1)" in out and len(files(tmp_path)) == 1
    assert json.loads((tmp_path / ".cache/kws/microphone.json").read_text()) == {"device": "kitchen"}
    result = run_kws("listen", "--run", RUN, "--seconds", "0.3", "-C", str(tmp_path))
    assert result.returncode == 0 and heard_from(result) == "kitchen"
    result = run_kws("listen", "--run", RUN, "--seconds", "0.3", "-C", str(tmp_path), "--device", "default")
    assert heard_from(result) == "default"
    result = run_kws("listen", "--run", RUN, "--seconds", "0.3", "-C", str(tmp_path))
    assert heard_from(result) == "default"


@pytest.mark.parametrize("command", ["listen", "record"])
def test_a_busy_device(null_sink, tmp_path, monkeypatch, command):
    """What PortAudio says where ALSA says EBUSY: no null sink can be had by one program alone."""
    import sounddevice

    def busy(**settings):
        raise sounddevice.PortAudioError("Error opening InputStream", -9985)

    monkeypatch.setattr(sounddevice, "InputStream", busy)
    workspace(tmp_path, "low")
    options = {"listen": ["--run", RUN], "record": ["low", "--speaker", "anna", "--plain"]}[command]
    done = CliRunner().invoke(app, [command, *options, "-C", str(tmp_path)])
    assert done.exit_code == 1
    assert "error: default: cannot be opened (" in done.stderr and "close other programs that record" in done.stderr
    assert files(tmp_path) == []
