"""The microphone: devices by name, rates and channels, gaps that are counted, devices that go away."""

import json
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from kws.audio.microphone import (
    Choice,
    Clock,
    Device,
    Microphone,
    Ring,
    choose,
    find_device,
    list_devices,
    match,
    play,
)
from kws.audio.sound_system import CALLS
from kws.errors import DeviceError
from tests.helpers.missing import NO_PORTAUDIO
from tests.helpers.waiting import SILENCE_S, wait_until

pytestmark = pytest.mark.audio

BUILT_IN = Device(0, "HDA Intel: ALC257 (hw:0,0)", "ALSA", 2, 48_000, False)
USB = Device(3, "USB Audio: Mic (hw:1,0)", "ALSA", 1, 44_100, False)
DEFAULT = Device(5, "default", "ALSA", 32, 44_100, True)
ALL = (BUILT_IN, USB, DEFAULT)


class TestChoice:
    def test_the_system_decides_where_nothing_is_asked_for_or_remembered(self):
        assert choose(ALL, wanted=None) == Choice(DEFAULT)
        assert choose((BUILT_IN, USB), wanted=None) == Choice(BUILT_IN)

    @pytest.mark.parametrize(("wanted", "device"), [
        ("3", USB), ("usb", USB), ("ALC257", BUILT_IN), ("default", DEFAULT)])
    def test_number_name_and_part_of_a_name(self, wanted, device):
        assert choose(ALL, wanted=wanted, remembered=BUILT_IN.name) == Choice(device)

    @pytest.mark.parametrize(("wanted", "message"), [("hw:", "fits more than one"), ("webcam", "no such device")])
    def test_what_does_not_fit_lists_the_devices(self, wanted, message):
        with pytest.raises(DeviceError, match=rf"{wanted}.*{message}; there are: 0: HDA .*; 3: USB Audio: Mic \(hw:1"):
            choose(ALL, wanted=wanted)

    def test_a_remembered_device_that_is_gone_gives_way_with_a_notice(self):
        assert choose(ALL, wanted=None, remembered=USB.name) == Choice(USB)
        choice = choose((BUILT_IN, DEFAULT), wanted=None, remembered=USB.name)
        assert choice.device == DEFAULT
        assert "'USB Audio: Mic (hw:1,0)', which was used last, is not connected" in choice.notice

    def test_no_device_at_all(self):
        with pytest.raises(DeviceError, match="no recording device; plug in a microphone"):
            choose((), wanted=None)


class TestRing:
    def test_keeps_the_order_around_its_end(self):
        ring, out = Ring(10), []
        for start in range(0, 40, 4):
            ring.write(np.arange(start, start + 4, dtype=np.float32))
            out.append(ring.read(timeout_s=0))
        assert np.concatenate(out).tolist() == list(range(40)) and ring.dropped == 0

    def test_counts_what_does_not_fit(self):
        ring = Ring(10)
        for start in (0, 8):
            ring.write(np.arange(start, start + 8, dtype=np.float32))
        assert ring.dropped == 6
        assert ring.read(timeout_s=0).tolist() == list(range(10))
        assert ring.read(timeout_s=0).tolist() == []


class TestClock:
    def test_a_steady_device_is_never_late_even_when_its_clock_drifts(self):
        for drift in (0.9995, 1.0005):
            clock = Clock()
            assert not any(clock.late(now_s=i * 0.05 * drift, block_s=0.05) for i in range(100_000))

    def test_a_hole_is_noticed_once(self):
        clock = Clock()
        times = [i * 0.05 + (1.2 if i >= 100 else 0) for i in range(300)]
        assert [i for i, now_s in enumerate(times) if clock.late(now_s=now_s, block_s=0.05)] == [100]


def test_without_portaudio_the_message_names_the_package():
    code = NO_PORTAUDIO + "from kws.audio.microphone import list_devices\nlist_devices()\n"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "DeviceError: the microphone needs the library PortAudio" in result.stderr
    assert "apt-get install libportaudio2" in result.stderr


def listen(microphone, *, seconds):
    parts, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        parts.append(microphone.read())
    return np.concatenate(parts)


def answers():
    """Whether everything that the sound system was asked has come back."""
    try:
        list_devices(again=True)
    except DeviceError:
        return False
    return not CALLS.closing


def tone(hz, *, seconds):
    return (8_000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * 16_000)) / 16_000)).astype(np.int16)


class TestDevice:
    def test_is_listed_and_remembered(self, null_sink, tmp_path):
        found = find_device(None, cache=tmp_path)
        assert found.notice is None and found.device.default and list(tmp_path.iterdir()) == []
        again = find_device("def", cache=tmp_path).device
        assert json.loads((tmp_path / "microphone.json").read_text()) == {"device": again.name}
        assert find_device(None, cache=tmp_path).device == again

    def test_hears_what_is_played_at_16_khz(self, null_sink, tmp_path):
        with Microphone(find_device(None, cache=tmp_path).device) as microphone:
            assert microphone.rate_hz != 16_000, "resampling is part of this test"
            player = threading.Thread(target=null_sink.play, args=(tone(1_000, seconds=1),))
            player.start()
            heard = listen(microphone, seconds=3)
            player.join()
            assert microphone.overflows == 0
        assert heard.dtype == np.int16
        loud = np.flatnonzero(np.abs(heard) > 4_000)
        assert 0.9 < (loud[-1] - loud[0]) / 16_000 < 1.1
        middle = heard[loud[0] + 2_000 : loud[0] + 10_000]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert spectrum.argmax() == 500  # 8000 samples: bins of 2 Hz
        assert 7_000 < np.abs(middle).max() < 9_000

    def test_reading_too_late_is_counted(self, null_sink, tmp_path):
        with Microphone(find_device(None, cache=tmp_path).device, buffer_s=0.2) as microphone:
            null_sink.play(np.zeros(16_000, np.int16))  # a second of sound has passed when it has been played
            microphone.read()
            assert microphone.overflows == 1

    def test_a_hole_that_the_system_does_not_report_is_counted(self, null_sink, tmp_path):
        with Microphone(find_device(None, cache=tmp_path).device, stalled_s=30) as microphone:
            listen(microphone, seconds=0.5)
            null_sink.daemon.send_signal(signal.SIGSTOP)
            time.sleep(2)  # no wait for an event: the hole itself
            null_sink.daemon.send_signal(signal.SIGCONT)
            listen(microphone, seconds=1)
            assert microphone.overflows >= 1

    def test_unplugged_and_plugged_in_again(self, null_sink, tmp_path):
        device = find_device(None, cache=tmp_path).device
        with Microphone(device) as microphone:
            listen(microphone, seconds=0.3)
            null_sink.remove_sink()
            try:
                with pytest.raises(DeviceError, match="is gone and sends no more sound; plug it in again"):
                    listen(microphone, seconds=20)
                with pytest.raises(DeviceError, match="cannot be opened"):
                    Microphone(device)
            finally:
                null_sink.add_sink()
        list_devices(again=True)
        with Microphone(find_device(None, cache=tmp_path).device) as microphone:
            assert len(listen(microphone, seconds=0.5)) > 0

    def test_a_sound_system_that_hangs_holds_nobody(self, null_sink, tmp_path):
        """What cannot be closed is left and told of, and the devices of before are listed; then all goes on."""
        device, notes = find_device(None, cache=tmp_path).device, []
        microphone = Microphone(device, stalled_s=0.5, note=notes.append)
        listen(microphone, seconds=0.3)
        with null_sink.hung():
            with pytest.raises(DeviceError, match="is gone and sends no more sound"):
                listen(microphone, seconds=20)
            microphone.close()
            microphone.close()
            assert [note.partition(",")[0] for note in notes] == ["default: the sound system does not close it"]
            assert list_devices(again=True) == (device,)
        wait_until(answers, seconds=SILENCE_S)
        with Microphone(find_device(None, cache=tmp_path).device, note=notes.append) as microphone:
            assert len(listen(microphone, seconds=0.5)) > 0
        assert len(notes) == 1

    def test_a_stream_that_is_never_closed_keeps_nobody_from_the_device(self, null_sink, tmp_path, monkeypatch):
        """As PortAudio's may be that waits for itself: the same device is opened beside it, without looking anew."""
        device, notes, go_on = find_device(None, cache=tmp_path).device, [], threading.Event()
        microphone = Microphone(device, note=notes.append)
        listen(microphone, seconds=0.3)
        null_sink.remove_sink()
        try:
            with pytest.raises(DeviceError, match="is gone and sends no more sound"):
                listen(microphone, seconds=20)
            with monkeypatch.context() as patch:
                patch.setattr("kws.audio.microphone.close_stream", lambda stream: go_on.wait() and stream.close())
                microphone.close()
        finally:
            null_sink.add_sink()
        assert len(notes) == 1 and CALLS.closing
        for _ in range(2):
            with Microphone(match(list_devices(again=True), device.name), note=notes.append) as microphone:
                assert len(listen(microphone, seconds=0.5)) > 0
        go_on.set()
        wait_until(answers, seconds=SILENCE_S)
        assert len(notes) == 1

    @pytest.mark.slow
    def test_playing_and_opening_end_where_the_sound_system_hangs(self, null_sink, tmp_path):
        device = find_device(None, cache=tmp_path).device
        with null_sink.hung():
            with pytest.raises(DeviceError, match="the sound system does not answer; restart it"):
                play(np.zeros(1_600, np.int16))
            with pytest.raises(DeviceError, match="the sound system does not answer; restart it"):
                Microphone(device)
        wait_until(answers, seconds=SILENCE_S)
        play(np.zeros(1_600, np.int16))
