"""kws listen --serial, with the export of the released run, compiled here, as the device behind the port."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import kws
from kws.audio.files import read_samples
from kws.cli import app
from kws.export.export import export_to
from kws.export.source import from_run
from tests.helpers.boards import build_example, example_of
from tests.helpers.child import Child
from tests.helpers.device import Device, compile_example
from tests.helpers.paths import ROOT
from tests.helpers.terminal import read_until
from tests.helpers.waiting import SILENCE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.device]


@pytest.fixture(scope="module")
def source():
    return from_run(ROOT / "models/quiet")


@pytest.fixture(scope="module")
def recording():
    return read_samples(ROOT / "recordings/demo/commands.flac")[:21 * 16_000]


@pytest.fixture(scope="module")
def words(recording):
    """What the released run hears there, as it is today."""
    heard = [hit.keyword for hit in kws.load(ROOT / "models/quiet").push(recording)]
    assert heard[0] == "stop" and heard[-1] == "no" and len(heard) >= 4
    return heard


@pytest.fixture(scope="module")
def program(source, tmp_path_factory):
    return compile_example(source, tmp_path_factory.mktemp("device") / "out", "-DKWS_SEND_SOUND")


@pytest.fixture
def device(tmp_path):
    device = Device(tmp_path)
    device.plug()
    yield device
    device.unplug()


def arguments(device, *options):
    return ["listen", "--run", "quiet", "-C", ROOT, "--serial", device.link, *options]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30",
               "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def start():
    """kws listen, once it listens."""
    with contextlib.ExitStack() as started:
        def start(device, *options):
            listener = started.enter_context(Child(arguments(device, *options), environment=ENVIRONMENT))
            assert listener.errors.next() == f"listening: quiet  ·  {device.link}\n"
            return listener

        yield start


def end(listener, device):
    """Ctrl-C, when what was sent has been read. -> (exit status, stdout, stderr)"""
    device.wait_until_read(listener)
    return listener.end(), str(listener.out), str(listener.errors)


def test_the_device_s_detections_and_costs_and_the_same_here(start, device, program, recording, words):
    listener = start(device, "--json", "--compare")
    device.play(program, recording.tobytes())
    status, out, errors = end(listener, device)
    assert status == 0, errors
    found = [json.loads(line) for line in out.splitlines()]
    hits = [line for line in found if "keyword" in line]
    assert [hit["keyword"] for hit in hits] == words and all(hit["file"] == str(device.link) for hit in hits)
    assert set(hits[0]) == {"file", "keyword", "time_s", "score"} and 5 < hits[0]["time_s"] < 6
    costs = [line for line in found if "hops" in line]
    assert sum(cost["hops"] for cost in costs) == 21 * 50 and all(0 < cost["load"] < 1 for cost in costs)
    assert "the device has started; its self-test passed" in errors
    assert "compared with quiet on 21.0 s of the device's sound" in errors
    assert f"sound: {len(words)} detections the same, 0 differ\n" in errors


def test_a_device_with_another_model_is_caught(start, device, source, recording, tmp_path):
    """The same network with other thresholds: it detects the same words, a little later."""
    decoder = source.plan.decoder
    later = tuple(min(threshold + 20, 250) if threshold <= 255 else threshold for threshold in decoder.thresholds)
    other = replace(source, plan=replace(source.plan, decoder=replace(decoder, thresholds=later)))
    listener = start(device, "--compare", "--plain")
    device.play(compile_example(other, tmp_path / "other", "-DKWS_SEND_SOUND"), recording.tobytes())
    status, out, errors = end(listener, device)
    assert status == 1 and out.split()[2] == "stop", errors
    assert errors.count("\ndiffers at ") >= 3
    assert "error: the device does not detect what quiet detects; is it the same run (--run)" in errors


def test_a_device_that_sends_no_sound(start, device, source, recording, tmp_path, words):
    """Its detections are shown; nothing can be compared."""
    program = compile_example(source, tmp_path / "silent")
    listener = start(device, "--compare", "--plain", "--on", "stop", f"touch {tmp_path}/stopped")
    device.play(program, recording.tobytes())
    wait_until((tmp_path / "stopped").exists, seconds=SILENCE_S)
    status, out, errors = end(listener, device)
    assert status == 1 and [line.split()[2] for line in out.splitlines()] == words
    assert "error: nothing was compared: the device sent no sound" in errors
    assert words.count("stop") == 1 and "commands: 1 started, 0 failed, 0 skipped" in errors


def test_unplugged_in_the_middle_with_noise_on_the_line(start, device, program, recording, words):
    listener = start(device, "--compare", "--plain")
    number = iter(range(10_000))
    device.play(program, recording[:6 * 16_000].tobytes(),
                spoil=lambda line: line if next(number) != 40 else b"\x00\xff" + line[5:])
    device.wait_until_read(listener)
    device.unplug()
    listener.errors.next("device lost")
    device.plug()
    listener.errors.next("device back")
    device.play(program, recording.tobytes())
    status, out, errors = end(listener, device)
    assert status == 0, errors
    assert [line.split()[2] for line in out.splitlines()] == [words[0], *words]
    assert "0 samples lost, 1 lines damaged, 0 other lines\ndevice lost once, for " in errors
    assert f"{len(words) + 1} detections the same, 0 differ, 1 gaps left out" in errors


def test_the_display(device, program, recording, words):
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "kws", *map(str, arguments(device, "--compare"))],
                               env=ENVIRONMENT, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    text = read_until(master, "not known yet")
    assert "level" not in text and "▀" not in text
    player = threading.Thread(target=device.play, args=(program, recording.tobytes()))
    player.start()
    text = read_until(master, f"{len(words)} the same as here, 0 differ")
    assert all(word in text for word in ("level", "▀", "no▴", "self-test passed", "its load"))
    player.join()
    process.send_signal(signal.SIGINT)
    text = read_until(master, "0 differ\r\n")
    assert process.wait(SILENCE_S) == 0 and "\x1b[?1049l" in text and "Traceback" not in text
    os.close(master)


def test_ports_and_options_that_cannot_work(tmp_path):
    def call(*arguments):
        return CliRunner().invoke(app, ["listen", "--run", str(ROOT / "models/quiet"), *map(str, arguments)])

    done = call("--serial", tmp_path / "ttyNONE")
    assert done.exit_code == 1 and f"error: {tmp_path}/ttyNONE: no such serial port" in done.stderr
    for options in (["--compare"], ["--serial", "x", "--device", "1"],
                    ["--serial", "x", "--near-misses", "--save", tmp_path]):
        assert call(*options).exit_code == 2


def test_a_port_that_another_program_has(device):
    import fcntl

    with open(device.link, "rb", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = CliRunner().invoke(app, ["listen", "--run", str(ROOT / "models/quiet"), "--serial", str(device.link)])
    assert done.exit_code == 1 and "is busy; close the serial monitor" in done.stderr


@pytest.mark.parametrize("target", ["arduino", "esp-idf", "zephyr"])
def test_the_examples_of_boards_send_the_same_lines(target, start, source, recording, device, tmp_path, words):
    """Compiled against the stand-ins of tests/stubs, at the same port."""
    export_to(target, source, tmp_path / "out")
    flags = {"arduino": "-DKWS_SEND_SOUND=1", "esp-idf": "-DCONFIG_KWS_SEND_SOUND", "zephyr": "-DKWS_SEND_SOUND"}
    program = build_example(target, tmp_path / "out", example_of(tmp_path / "out"), "-O2", flags[target])
    listener = start(device, "--compare", "--plain")
    device.play(program, recording.tobytes())
    status, out, errors = end(listener, device)
    assert status == 0 and [line.split()[2] for line in out.splitlines()] == words, errors
    assert f"{len(words)} detections the same, 0 differ\n" in errors and " 0 lines damaged" in errors
