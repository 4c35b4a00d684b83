"""kws listen as a person starts it: lines, JSON, the display in a pseudo-terminal, options that cannot work, a sound
system that hangs."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from kws.bench import tones
from kws.cli import app
from tests.helpers.child import Child
from tests.helpers.paths import ROOT
from tests.helpers.terminal import read_until
from tests.helpers.waiting import SILENCE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.audio]

WORDS = {1.0: "low", 2.0: "high", 3.0: "other", 4.0: "low"}


@pytest.fixture(scope="module")
def recording():
    return tones.spoken(WORDS, seconds=5, rng=np.random.default_rng(5))


def call(*arguments):
    return CliRunner().invoke(app, ["listen", *map(str, arguments)])


def listening(tone_run, *arguments):
    return ["listen", "--run", str(tone_run), "-C", str(tone_run.parents[1]), *map(str, arguments)]


def environment(null_sink):
    return {**os.environ, **null_sink.environment, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color",
            "COLORTERM": "truecolor", "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def start(null_sink, tone_run):
    """kws listen, once it listens."""
    with contextlib.ExitStack() as started:
        def start(*arguments):
            listener = started.enter_context(Child(listening(tone_run, *arguments), environment=environment(null_sink)))
            assert listener.errors.next().startswith("listening: tones  ·  default")
            null_sink.wait_for_listener(listener.process.pid)
            return listener

        yield start


def hear_one(listener, null_sink, recording):
    """The first word, so that it surely listens."""
    null_sink.play(recording[:32_000])
    assert listener.out.next().split()[2] == "low"


def in_terminal(null_sink, tone_run, *arguments, **surroundings):
    """The same behind a pseudo-terminal. -> (process, the person's side)"""
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "kws", *listening(tone_run, *arguments)],
                               env={**environment(null_sink), **surroundings},
                               stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    return process, master


def test_json_commands_and_kept_sound(start, null_sink, recording, tmp_path):
    log = tmp_path / "log"
    script = tmp_path / "append"
    script.write_text(f'#!/bin/sh\necho "$1 $2" >> {log}\n')
    script.chmod(0o755)
    listener = start("--json", "--on", "low", f"{script} {{keyword}} 'at {{time_s}}'",
                     "--on", "high", "false", "--save", tmp_path / "kept", "--near-misses")
    quiet = np.zeros(32_000, np.int16)  # what is kept reaches beyond the words, before and after
    null_sink.play(np.concatenate((quiet, recording, quiet)))
    found = [json.loads(listener.out.next()) for _ in range(3)]
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 2
               and len([*(tmp_path / "kept").glob("[a-z]*/*.wav")]) == 3, seconds=SILENCE_S)
    assert listener.end() == 0 and listener.out.rest() == "", listener.errors
    errors = str(listener.errors)
    assert [hit["keyword"] for hit in found] == ["low", "high", "low"]
    assert all(set(hit) == {"file", "keyword", "time_s", "score"} and hit["file"] == "default" for hit in found)
    assert log.read_text().splitlines() == [f"low at {hit['time_s']:.2f}" for hit in found if hit["keyword"] == "low"]
    assert "high: its command failed with status 1" in errors
    assert "s: 3 detections (low 2, high 1), 0 overflows, " in errors
    assert "commands: 3 started, 1 failed, 0 skipped" in errors
    pieces = sorted(path.parent.name for path in (tmp_path / "kept").glob("[a-z]*/*.wav"))
    assert pieces == ["high", "low", "low"]
    for path in (tmp_path / "kept").glob("[a-z]*/*.wav"):
        assert len(soundfile.read(path)[0]) == 32_000


def test_the_display_in_a_terminal(null_sink, tone_run, recording):
    """Draws to its own screen, ends at Ctrl-C with the summary on the ordinary one."""
    process, master = in_terminal(null_sink, tone_run, COLUMNS="100", LINES="30")
    text = read_until(master, "overflows")
    null_sink.play(recording)
    text += read_until(master, "low▴")
    process.send_signal(signal.SIGINT)
    text += read_until(master, "of one core")
    assert process.wait(SILENCE_S) == 0
    os.close(master)
    drawn, after = text.split("\x1b[?1049l")
    assert "\x1b[?1049h" in drawn and "▀" in drawn and "level" in drawn
    assert re.search(r"listened for \d+\.\d s: \d detections", after) and "Traceback" not in text


@pytest.mark.parametrize("lacks", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_a_terminal_that_cannot_place_the_cursor_or_show_blocks_gets_lines(null_sink, tone_run, lacks):
    process, master = in_terminal(null_sink, tone_run, "--seconds", "0.3", **lacks)
    assert "\x1b" not in read_until(master, "of one core") and process.wait(SILENCE_S) == 0
    os.close(master)


def test_it_ends_by_itself_and_by_terminate(start):
    listener = start("--seconds", "0.5")
    assert listener.wait() == 0 and str(listener.out) == "" and "0 detections, 0 overflows" in str(listener.errors)
    listener = start()
    assert listener.end(signal.SIGTERM) == 0 and "listened for" in str(listener.errors)


def test_a_device_that_is_not_there(null_sink, tone_run):
    done = call("--run", tone_run, "-C", tone_run.parents[1], "--device", "webcam")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: device 'webcam': no such device; there are: 0: default")


def test_what_cannot_work_is_said_before_the_microphone_is_opened(tone_run, tmp_path):
    done = call("--run", tone_run, "--on", "maybe", "true")
    assert done.exit_code == 1 and "does not know this word; it knows low, high" in done.stderr
    done = call("--run", tone_run, "--on", "low", "no-such-program-here")
    assert done.exit_code == 1 and "there is no program" in done.stderr
    (tmp_path / "file").touch()
    done = call("--run", tone_run, "--save", tmp_path / "file")
    assert done.exit_code == 1 and "error: --save" in done.stderr
    assert call("--run", tone_run, "--near-misses").exit_code == 2
    done = call("--run", tone_run, "--on", "low")
    assert done.exit_code == 1 and "--on low: the command is empty; name a program" in done.stderr


def test_a_lost_device_is_reported_in_our_words_only(start, null_sink, recording):
    """PulseAudio does not always close a device that is gone; then that is said, too."""
    listener = start()
    null_sink.remove_sink()
    lines = [listener.errors.next()]
    null_sink.add_sink()
    while not lines[-1].startswith("device back"):
        lines.append(listener.errors.next())
    null_sink.play(recording)
    found = [listener.out.next() for _ in range(3)]
    assert listener.end() == 0
    assert lines[0].startswith("device lost, looking for it (default: is gone")
    assert len(lines) == 2 or ("the sound system does not close it" in lines[1] and len(lines) == 3)
    assert [line.split()[2] for line in found] == ["low", "high", "low"] and listener.out.rest() == ""
    assert re.match(r"listened for .*\ndevice lost once, for \d+\.\d s\n$", listener.errors.rest())


def test_a_sound_system_that_hangs_is_left_and_taken_up_again(start, null_sink, recording):
    """It neither brings sound nor closes the device nor opens it again, until it goes on."""
    listener = start()
    hear_one(listener, null_sink, recording)
    with null_sink.hung():
        lines = [listener.errors.next(), listener.errors.next()]
    lines.append(listener.errors.next())
    null_sink.play(recording)
    found = [listener.out.next() for _ in range(3)]
    assert listener.end() == 0
    assert lines[0].startswith("device lost, looking for it (default: is gone") and lines[2].startswith("device back")
    assert lines[1].startswith("default: the sound system does not close it, so it stays open until this program ends")
    assert [line.split()[2] for line in found] == ["low", "high", "low"]
    assert re.match(r"listened for .*\ndevice lost once, for \d+\.\d s\n$", listener.errors.rest())


@pytest.mark.parametrize("lost", [False, True])
def test_ctrl_c_ends_it_while_the_sound_system_hangs(start, null_sink, recording, lost):
    """Before it is noticed, and while the device is looked for, of which nobody answers."""
    listener = start()
    hear_one(listener, null_sink, recording)
    with null_sink.hung():
        if lost:
            listener.errors.next("device lost, looking for it")
            listener.errors.next("does not close it")
        assert listener.end() == 0
    assert re.search(r"\nlistened for .* overflows, .*\n" + "device lost once" * lost, str(listener.errors))
    assert str(listener.errors).count("the sound system does not close it") == 1


def test_a_sound_system_that_hangs_from_the_start(null_sink, tone_run):
    with null_sink.hung(), Child(listening(tone_run), environment=environment(null_sink)) as listener:
        assert listener.wait() == 1
    assert str(listener.errors).startswith("error: the sound system does not answer; restart it (Linux: systemctl")
