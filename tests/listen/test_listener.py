"""The listener: the same detections as from a file, gaps counted, a lost device found again, nothing left behind."""

import re
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import kws
from kws.audio.microphone import Device, Microphone, find_device, list_devices, match
from kws.bench import tones
from kws.errors import DeviceError
from kws.listen.listener import Listener, Sound, microphone_events
from kws.listen.session import Back, Lost
from kws.listen.sound_keeper import Keeper
from tests.helpers.paths import ROOT
from tests.helpers.waiting import DEADLINE_S
from tests.helpers.watcher import Watcher

WORDS = {1.0: "low", 2.0: "high", 3.0: "other", 4.0: "low"}


@pytest.fixture(scope="module")
def detector(tone_run):
    return kws.load(tone_run)


@pytest.fixture(scope="module")
def recording():
    return tones.spoken(WORDS, seconds=5, rng=np.random.default_rng(5))


class Clock:
    """Time that passes with the sound."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s

    def play(self, samples, *, block=800):
        """Events of a microphone that is read every `block` samples."""
        for start in range(0, len(samples), block):
            piece = samples[start:start + block]
            self.now_s += len(piece) / 16_000
            yield Sound(piece)


def detections(detector, samples):
    detector.reset()
    return detector.push(samples)


def test_live_gives_what_the_file_gives(detector, recording):
    clock, view = Clock(), Watcher()
    listener = Listener(detector, view, clock=clock)
    listener.run(clock.play(recording))
    assert view.found == detections(detector, recording) and len(view.found) == 3
    assert listener.totals.hits == Counter(low=2, high=1)
    assert [listener.totals.heard_s, listener.totals.elapsed_s] == pytest.approx([5, 5])
    assert view.rows == 1 + (len(recording) - 480) // 320 and view.notes == []
    assert 0.1 <= len(view.seen) / 50 <= 1 and view.seen[-1].elapsed_s == pytest.approx(5, abs=0.2)


def test_it_ends_after_the_seconds_that_were_asked_for(detector, recording):
    clock, view = Clock(), Watcher()
    Listener(detector, view, clock=clock).run(clock.play(np.tile(recording, 3)), seconds=2.6)
    assert [hit.keyword for hit in view.found] == ["low", "high"] and clock.now_s == pytest.approx(102.6, abs=0.06)


def test_overflows_are_reported_and_counted(detector, recording):
    view, listener = (watcher := Watcher()), Listener(detector, watcher)
    for sound in (Sound(recording[:800], 1), Sound(recording[800:1600]), Sound(recording[1600:2400], 2)):
        listener.handle(sound)
    assert listener.totals.overflows == 3
    assert view.notes == ["overflow: sound was lost once, because this computer was too slow",
                          "overflow: sound was lost 2 times, because this computer was too slow"]


def test_after_a_loss_time_goes_on_and_nothing_is_heard_across_the_gap(detector, recording):
    clock, view = Clock(), Watcher()
    listener = Listener(detector, view, clock=clock)
    half = 17_600  # in the middle of the first word
    for sound in clock.play(recording[:half]):
        listener.handle(sound)
    listener.handle(Lost("Mic: is gone"))
    clock.now_s += 3
    listener.handle(Back())
    for sound in clock.play(recording[half:]):
        listener.handle(sound)
    expected = [replace(hit, time_s=hit.time_s + 4.1) for hit in detections(detector, recording[half:])]
    assert [hit.keyword for hit in view.found] == ["high", "low"]
    assert [hit.time_s for hit in view.found] == pytest.approx([hit.time_s for hit in expected])
    assert view.notes == ["device lost, looking for it (Mic: is gone)", "device back: listening again"]
    assert listener.totals.losses == 1 and listener.totals.lost_s == pytest.approx(3)


def test_pieces_are_kept_and_an_end_in_the_middle_loses_none(detector, recording, tmp_path):
    clock, view = Clock(), Watcher()
    keeper = Keeper(tmp_path, note=view.note)
    with pytest.raises(KeyboardInterrupt):
        Listener(detector, view, keeper=keeper, clock=clock).run(interrupted(clock.play(recording[:39_000])))
    assert [path.parent.name for path in sorted(tmp_path.rglob("*.wav"))] == ["high", "low"] and keeper.kept == 2


def interrupted(events):
    yield from events
    raise KeyboardInterrupt


class Script:
    """A microphone that does what is written, and then is gone."""

    def __init__(self, *steps):
        self.steps, self.overflows, self.latency_s, self.closed = list(steps), 0, 0.01, False

    def read(self):
        if not self.steps:
            raise DeviceError("Script: is gone")
        self.overflows += self.steps.pop(0)
        return np.zeros(160, np.int16)

    def close(self):
        self.closed = True


def test_a_microphone_is_opened_again_and_the_old_one_closed():
    first, second = Script(0, 2, 0, 1), Script(1)
    tries = iter([DeviceError("no"), DeviceError("no"), second])
    slept = []

    def reopen():
        turn = next(tries)
        if isinstance(turn, DeviceError):
            raise turn
        return turn

    events = microphone_events(first, reopen, sleep=slept.append)
    heard = [next(events) for _ in range(9)]
    assert [type(event) for event in heard] == [Sound] * 4 + [Lost] + [Sound] * 2 + [Back, Sound]
    assert [event.overflows for event in heard if isinstance(event, Sound)] == [0, 2, 0, 1, 0, 0, 1]
    assert first.closed and not second.closed and slept.count(1.0) == 2
    events.close()
    assert second.closed


def open_sink(tmp_path):
    """The null sink's microphone at the rate of its sounds, so that PortAudio resamples nothing."""
    return Microphone(replace(find_device(None, cache=tmp_path).device, rate_hz=16_000))


def test_the_sound_of_a_null_sink(detector, recording, null_sink, tmp_path):
    """Live equals a file of what was heard, to the last bit; the words played are all there."""
    view, heard = Watcher(), []
    listener = Listener(detector, view)
    microphone = open_sink(tmp_path)
    player = threading.Thread(target=null_sink.play, args=(recording,))
    player.start()
    end_s = time.monotonic() + 120
    for event in microphone_events(microphone, lambda: pytest.fail("the device went away")):
        listener.handle(event)
        heard.append(event.samples)
        if time.monotonic() > end_s or (len(view.found) >= 3 and not player.is_alive()):
            break
    player.join()
    assert view.found == detections(detector, np.concatenate(heard))
    assert [hit.keyword for hit in view.found] == ["low", "high", "low"]
    starts_s = [hit.time_s - start_s for hit, start_s in zip(view.found, [1, 2, 4], strict=True)]
    assert max(starts_s) - min(starts_s) < 0.1, "a hop of 20 ms each way, and what a busy player may add"
    assert listener.totals.overflows == 0


def test_the_null_sink_removed_and_added_again(detector, recording, null_sink, tmp_path):
    view = Watcher()
    listener = Listener(detector, view)
    device = find_device(None, cache=tmp_path).device
    events = microphone_events(Microphone(device), lambda: Microphone(match(list_devices(again=True), device.name)))
    end_s = time.monotonic() + DEADLINE_S
    played = False
    steps = iter([null_sink.remove_sink, null_sink.add_sink])
    waiting_for = "sound"
    for event in events:
        assert time.monotonic() < end_s, (waiting_for, view.notes)
        listener.handle(event)
        if waiting_for == "sound" and listener.totals.heard_s > 0.5:
            next(steps)()
            waiting_for = "loss"
        elif waiting_for == "loss" and isinstance(event, Lost):
            next(steps)()
            waiting_for = "return"
        elif waiting_for == "return" and isinstance(event, Back):
            threading.Thread(target=null_sink.play, args=(recording,)).start()
            played, waiting_for = True, "words"
        elif len(view.found) == 3:
            break
    assert played and [hit.keyword for hit in view.found] == ["low", "high", "low"]
    assert listener.totals.losses == 1 and listener.totals.lost_s > 0
    assert [note.split()[:2] for note in view.notes] == [["device", "lost,"], ["device", "back:"]]


def examples():
    page = (ROOT / "docs/listen.md").read_text()
    return re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)


@pytest.mark.parametrize("place", range(3))
def test_the_examples_of_the_page_run(place, detector, recording, monkeypatch, capsys):
    """With a recording for a microphone that is then unplugged, and with words that this run knows."""
    class Recorded(Script):
        def __init__(self, device):
            super().__init__(*[0] * 50)

        def read(self):
            return recording[1_600 * (50 - len(self.steps)):][:len(super().read()) * 10]

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

    device = Device(0, "recorded", "none", 1, 16_000, True)
    pins = []
    lamp = SimpleNamespace(on=lambda: pins.append("on"), off=lambda: pins.append("off"))
    monkeypatch.setattr("kws.audio.microphone.Microphone", Recorded)
    monkeypatch.setattr("kws.audio.microphone.list_devices", lambda: (device,))
    monkeypatch.setattr("kws.load", lambda run: detector)
    monkeypatch.setitem(sys.modules, "gpiozero", SimpleNamespace(LED=lambda pin: lamp))
    detector.reset()
    code = examples()[place].replace('"on"', '"low"').replace('"off"', '"high"')
    with pytest.raises(DeviceError, match="Script: is gone"):
        exec(compile(code, f"example {place}", "exec"), {"__name__": "__main__"})
    if place == 2:
        assert pins == ["on", "off", "on"]
    else:
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["low", "high", "low"]
