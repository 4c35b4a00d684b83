"""kws listen as a person starts it: lines, JSON, the display in a pseudo-terminal, options that cannot work."""

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
from tests.helpers.paths import ROOT
from tests.helpers.terminal import read_until
from tests.helpers.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.audio]

WORDS = {1.0: "low", 2.0: "high", 3.0: "other", 4.0: "low"}


@pytest.fixture(scope="module")
def recording():
    return tones.spoken(WORDS, seconds=5, rng=np.random.default_rng(5))


def call(*arguments):
    return CliRunner().invoke(app, ["listen", *map(str, arguments)])


def command(tone_run, *arguments):
    return [sys.executable, "-m", "kws", "listen", "--run", str(tone_run), "-C", str(tone_run.parents[1]),
            *map(str, arguments)]


def environment(null_sink):
    return {**os.environ, **null_sink.environment, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color",
            "COLORTERM": "truecolor", "PYTHONIOENCODING": "utf-8"}


def start(null_sink, tone_run, *arguments):
    """kws listen, once it listens."""
    process = subprocess.Popen(command(tone_run, *arguments), env=environment(null_sink), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    assert process.stderr.readline().startswith("listening: tones  ·  default")
    null_sink.wait_for_listener()
    return process


def end(process):
    """Ctrl-C. -> (stdout, stderr)"""
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=DEADLINE_S)


def test_json_commands_and_kept_sound(null_sink, tone_run, recording, tmp_path):
    log = tmp_path / "log"
    script = tmp_path / "append"
    script.write_text(f'#!/bin/sh\necho "$1 $2" >> {log}\n')
    script.chmod(0o755)
    process = start(null_sink, tone_run, "--json", "--on", "low", f"{script} {{keyword}} 'at {{time_s}}'",
                    "--on", "high", "false", "--save", tmp_path / "kept", "--near-misses")
    quiet = np.zeros(32_000, np.int16)  # what is kept reaches beyond the words, before and after
    null_sink.play(np.concatenate((quiet, recording, quiet)))
    found = [json.loads(process.stdout.readline()) for _ in range(3)]
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 2
               and len([*(tmp_path / "kept").glob("[a-z]*/*.wav")]) == 3)
    out, errors = end(process)
    assert process.returncode == 0 and out == "", errors
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
    master, slave = pty.openpty()
    process = subprocess.Popen(command(tone_run), env={**environment(null_sink), "COLUMNS": "100", "LINES": "30"},
                               stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    text = read_until(master, "overflows")
    null_sink.play(recording)
    text += read_until(master, "low▴")
    process.send_signal(signal.SIGINT)
    text += read_until(master, "of one core")
    assert process.wait(DEADLINE_S) == 0
    os.close(master)
    drawn, after = text.split("\x1b[?1049l")
    assert "\x1b[?1049h" in drawn and "▀" in drawn and "level" in drawn
    assert re.search(r"listened for \d+\.\d s: \d detections", after) and "Traceback" not in text


@pytest.mark.parametrize("lacks", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_a_terminal_that_cannot_place_the_cursor_or_show_blocks_gets_lines(null_sink, tone_run, lacks):
    master, slave = pty.openpty()
    process = subprocess.Popen(command(tone_run, "--seconds", "0.3"), env={**environment(null_sink), **lacks},
                               stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    assert "\x1b" not in read_until(master, "of one core") and process.wait(DEADLINE_S) == 0
    os.close(master)


def test_it_ends_by_itself_and_by_terminate(null_sink, tone_run):
    process = start(null_sink, tone_run, "--seconds", "0.5")
    out, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0 and out == "" and "0 detections, 0 overflows" in errors
    process = start(null_sink, tone_run)
    process.terminate()
    assert "listened for" in process.communicate(timeout=DEADLINE_S)[1] and process.returncode == 0


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


def test_a_lost_device_is_reported_in_our_words_only(null_sink, tone_run, recording):
    process = start(null_sink, tone_run)
    null_sink.remove_sink()
    lines = [process.stderr.readline()]
    null_sink.add_sink()
    lines.append(process.stderr.readline())
    null_sink.play(recording)
    found = [process.stdout.readline() for _ in range(3)]
    out, errors = end(process)
    assert lines[0].startswith("device lost, looking for it (default: is gone") and lines[1].startswith("device back")
    assert [line.split()[2] for line in found] == ["low", "high", "low"] and out == ""
    assert re.match(r"listened for .*\ndevice lost once, for \d+\.\d s\n$", errors)
