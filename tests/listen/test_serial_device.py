"""A device's lines: read, held against what the PC detects, damage and gaps left out, everything counted."""

import binascii
import fcntl
import os
import pty
import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import kws
from kws.audio.files import read_samples
from kws.errors import DeviceError
from kws.listen.serial.device import QUIET_S, DeviceListener
from kws.listen.serial.parity import Totals, Twin
from kws.listen.serial.port import Port
from kws.listen.serial.protocol import (
    LONGEST_BYTES,
    Cost,
    Damaged,
    Detected,
    LostSamples,
    Other,
    Ready,
    SentSound,
    Splitter,
    Trouble,
    parse,
)
from kws.listen.session import Back, Lost
from kws.listen.sound_keeper import Keeper
from tests.helpers.paths import ROOT
from tests.helpers.waiting import DEADLINE_S
from tests.helpers.watcher import Watcher

HOP = 320


@pytest.fixture(scope="module")
def detector():
    return kws.load(ROOT / "models/quiet")


@pytest.fixture(scope="module")
def recording():
    """21 s in which stop, up, off, stop and no are said."""
    return read_samples(ROOT / "recordings/demo/commands.flac")[:21 * 16_000]


@pytest.fixture(scope="module")
def words(detector, recording):
    """What the released run hears there, as it is today."""
    detector.reset()
    heard = [hit.keyword for hit in detector.push(recording)]
    assert heard[:3] == ["stop", "up", "off"] and len(heard) >= 4
    return heard


def sound_line(first, samples):
    coded = binascii.b2a_base64(samples.astype("<i2").tobytes(), newline=False).decode()
    return f"sound {first % 2**32} {int(samples.sum(dtype=int)) % 65_536} {coded}\n"


def detected_line(hit):
    return f"detected {hit.keyword} {round(hit.time_s * 16_000) // 16} {round(hit.score * 256)}\n"


@pytest.fixture(scope="module")
def printed(detector, recording):
    """What the example prints: (line, number of the sample before it) for each line."""
    detector.reset()
    lines = [("ready 0\n", 0)]
    for first in range(0, len(recording), HOP):
        lines.append((sound_line(first, recording[first:first + HOP]), first))
        lines += [(detected_line(hit), first) for hit in detector.push(recording[first:first + HOP])]
    return lines


def hear(detector, lines, *, compare=True, **options):
    view = Watcher()
    listener = DeviceListener(detector, view, compare=compare, **options)
    listener.run("".join(lines).encode()[at:at + 999] for at in range(0, sum(map(len, lines)), 999))
    return listener, view


@pytest.mark.parametrize(("line", "record"), [
    (b"ready 0\r", Ready(0)), (b"detected yes 1234 225", Detected("yes", 1234, 225)), (b"lost 512", LostSamples(512)),
    (b"cost 500 14000", Cost(500, 14_000)), (b"error no microphone", Trouble("no microphone")),
])
def test_lines(line, record):
    assert parse(line) == record


@pytest.mark.parametrize("text", ["detected yes 12x4 225", "cost 500", "ready", "sound 0 5 AQAC", "sound 0 3 AQ=C"])
def test_damaged_lines_and_those_of_others(text):
    assert parse(text.encode()) == Damaged(text) and parse(b"my " + text.encode()) == Other(f"my {text}")


def test_sound_arrives_as_it_was_sent_or_not_at_all():
    samples = np.array([1, -2, 32_767, -32_768, 300], np.int16)
    line = sound_line(2**32 - 5, samples).encode()
    sent = parse(line)
    assert sent.first == 2**32 - 5 and sent.samples.tolist() == samples.tolist()
    assert isinstance(parse(line.replace(b"//9", b"//8")), Damaged)
    assert isinstance(parse(b"ready \xff\xfe"), Damaged)


def test_lines_are_put_together_and_what_never_ends_is_none():
    splitter = Splitter()
    parts = (b"ready", b" 0\ncost", b" 1 2\n\n\r\n")
    assert [splitter.push(part) for part in parts] == [[], [b"ready 0"], [b"cost 1 2"]]
    assert splitter.push(b"x" * (LONGEST_BYTES + 1)) == [b"x" * (LONGEST_BYTES + 1)] and splitter.push(b"y\n") == [b"y"]


def test_the_same_engine_on_the_same_sound_detects_the_same(detector, recording, printed, words, tmp_path):
    keeper = Keeper(tmp_path, note=print)
    costs = []
    lines = [line for line, _ in printed] + ["cost 500 100000\n"]
    listener, view = hear(detector, lines, keeper=keeper, cost=lambda cost, load: costs.append(load))
    assert [hit.keyword for hit in view.found] == words
    assert listener.twin.totals == Totals(len(recording), len(words), 0, 0)
    assert view.notes == ["the device has started; its self-test passed"]
    assert view.rows == 1 + (len(recording) - 480) // HOP
    assert costs == [pytest.approx(0.01)] and listener.totals.busy_us == 100_000
    assert sorted(path.parent.name for path in tmp_path.rglob("*.wav")) == sorted(words)
    assert f"its load 1.0 %   self-test passed   {len(words)} the same as here, 0 differ" in listener._footer()


@pytest.mark.parametrize("changed", [("down", 0, 0), ("up", 20, 0), ("up", 0, -1)])
def test_what_differs_is_said(detector, printed, words, changed):
    """Keyword, time or score of the second detection."""
    old = next(line for line, _ in printed if line.startswith("detected up"))
    time_ms, score = (int(number) + more for number, more in zip(old.split()[2:], changed[1:], strict=True))
    new = f"detected {changed[0]} {time_ms} {score}\n"
    listener, view = hear(detector, [new if line == old else line for line, _ in printed])
    assert (listener.twin.totals.same, listener.twin.totals.different) == (len(words) - 1, 1)
    said = f"the device detected {changed[0]} ({score} of 256, at {time_ms / 1000:.3f} s), this PC up ("
    assert view.notes[1].startswith(f"differs at {time_ms / 1000:.3f} s: ") and said in view.notes[1]


def test_a_detection_of_one_alone_differs(detector, printed):
    lines = [line for line, _ in printed if "detected off" not in line]
    listener, view = hear(detector, lines)
    assert listener.twin.totals.different == 1 and "the device detected nothing, this PC off (" in view.notes[1]
    lines = [line for line, _ in printed]
    lines.insert(700, "detected yes 13880 200\n")
    listener, view = hear(detector, lines)
    assert listener.twin.totals.different == 1 and "yes (200 of 256, at 13.880 s), this PC nothing" in view.notes[1]


@pytest.mark.parametrize("start", [1_000, 3 * HOP, 2 * 16_000 + 77])
def test_coming_in_the_middle(detector, recording, words, start):
    """From the first block at or after sample `start`, which need not be where a hop begins."""
    detector.reset()
    cut = [0, *range(start, len(recording), 500)]
    lines = []
    for first, end in zip(cut, [*cut[1:], len(recording)], strict=True):
        found = detector.push(recording[first:end])
        lines.append(sound_line(2**32 + first, recording[first:end]))
        lines += map(detected_line, found)
    listener, view = hear(detector, lines[1:])
    totals = listener.twin.totals
    assert (totals.same, totals.different, totals.gaps) == (len(words), 0, 0)
    assert view.notes == []


def test_damage_is_counted_and_what_it_hides_is_not_compared(detector, printed, words):
    """Each 40th line of sound loses its end, and one detection is unreadable."""
    lines = [line[:100] + "\n" if line.startswith("sound") and number % 700 == 0 else line
             for number, (line, _) in enumerate(printed, start=1)]
    lines = [line.replace("detected off", "detec\x07ted off") for line in lines]
    listener, view = hear(detector, ["rest of a line\n", *lines])
    assert listener.totals.damaged == 2 and listener.totals.other == 0
    assert listener.twin.totals.different == 0 and listener.twin.totals.gaps == 1
    assert sum("damaged" in note for note in view.notes) == 1 and "starts over" in view.notes[-1]
    assert [hit.keyword for hit in view.found] == [word for word in words if word != "off"]


def test_a_device_that_starts_again_or_is_unplugged(detector, printed, words):
    """In the middle of a word, and so often that no gap or difference is left over."""
    lines = [line for line, first in printed if first < 7.2 * 16_000]
    view = Watcher()
    listener = DeviceListener(detector, view, compare=True)
    again = "".join(line for line, _ in printed).encode()
    later = "".join(line for line, first in printed if first > 6.5 * 16_000).encode()
    for event in ("".join(lines).encode(), again, b"sound 12", Lost("gone"), b"", Back(), later):
        listener.handle(event)
    expected = [words[0], *words, *words[1:]]
    assert Counter(hit.keyword for hit in view.found) == Counter(expected)
    totals = listener.twin.totals
    compared = len(expected) - 1  # the word a second after the gap is not: the PC has not heard what the device has
    assert (totals.same, totals.different, listener.totals.starts, listener.totals.damaged) == (compared, 0, 2, 0)
    assert [note.split(";")[0] for note in view.notes] == [
        "the device has started", "the device has started again", "device lost, looking for it (gone)",
        "device back: listening again", "some of the device's sound did not arrive: the comparison starts over"]


def test_a_failed_self_test_and_a_strange_keyword(detector):
    listener, view = hear(detector, ["ready 6\n", "detected computer 100 200\n", "lost 512\n", "error no sound\n"])
    assert "FAILED (features, scores)" in view.notes[0] and listener.totals.failed == 6
    assert "'computer', which this run does not know" in view.notes[1]
    assert view.notes[2].startswith("the device lost 512 samples") and view.notes[3] == "the device says: no sound"


def test_a_keyword_that_a_device_makes_up_starts_no_command_and_names_no_file(detector, tmp_path):
    acted, asked = [], []
    actions = SimpleNamespace(detected=acted.append, poll=lambda: None, close=lambda: None)
    keeper = SimpleNamespace(want=lambda hit, **_: asked.append(hit), push=lambda _: None, flush=lambda: None)
    listener = DeviceListener(detector, Watcher(), actions=actions, keeper=keeper)
    listener.run([b"ready 0\n", b"detected ../../../x 100 200\n", b"detected stop 200 200\n"])
    assert [hit.keyword for hit in acted] == [hit.keyword for hit in asked] == ["stop"]
    assert listener.totals.hits == {"stop": 1}


@pytest.mark.parametrize(("lines", "said"), [
    ([b""], "nothing arrives from the device"), ([b"hello\nworld\n"], "nothing of a keyword example"),
    ([b"ready 0\n"], "the device sends no sound"), ([b"\x80\xf0\n" * 30], "does --baud match the device?"),
])
def test_what_does_not_come_is_said_once(detector, lines, said):
    now = [5.0]
    view = Watcher()
    listener = DeviceListener(detector, view, compare=True, clock=lambda: now[0])
    for event in [*lines, b"", b"", b""]:
        listener.handle(event)
        now[0] += QUIET_S
    assert sum(said in note for note in view.notes) == 1


def test_the_count_wraps_around(detector, recording, words):
    """After 74 hours the number of a sample starts at 0 again; nothing else does."""
    twin = Twin(detector)
    start = (2**32 // HOP - 500) * HOP  # a hop begins there, as at the recording's first sample
    for first in range(0, len(recording), HOP):
        twin.sound(SentSound((start + first) % 2**32, recording[first:first + HOP]))
    assert twin.totals.gaps == 0 and twin.totals.different == len(words)  # the device said nothing


def test_ports_that_cannot_be_opened(tmp_path):
    with pytest.raises(DeviceError, match="ttyNONE: no such serial port"):
        Port(str(tmp_path / "ttyNONE"), baud=115_200)
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match="file: cannot be opened as a serial port"):
        Port(str(tmp_path / "file"), baud=115_200)
    master, slave = pty.openpty()
    fcntl.flock(slave, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with pytest.raises(DeviceError, match="is busy; close the serial monitor"):
        Port(os.ttyname(slave), baud=115_200)
    os.close(slave)
    os.close(master)


def test_a_port_that_goes(tmp_path):
    master, slave = pty.openpty()
    port = Port(os.ttyname(slave), baud=115_200)
    os.write(master, b"ready 0\n")
    end_s, heard = time.monotonic() + DEADLINE_S, b""
    while heard != b"ready 0\n" and time.monotonic() < end_s:
        heard += port.read()
    assert heard == b"ready 0\n" and port.read() == b""
    os.close(slave)
    os.close(master)
    with pytest.raises(DeviceError, match="is gone"):
        port.read()
    port.close()
    port.close()


def test_a_time_of_the_device_is_shown_as_it_is(detector):
    _, view = hear(detector, ["detected yes 4294967290 255\n"])
    assert view.found == [replace(view.found[0], time_s=4_294_967.29, score=255 / 256)]
