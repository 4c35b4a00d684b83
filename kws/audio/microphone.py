"""The microphone: samples as they come, int16 at 16 kHz mono, whatever the device's own rate and channels are.

    with Microphone(find_device(None, cache=place.cache).device) as microphone:
        while True:
            display(microphone.read())      # what has come since the last call; microphone.overflows counts gaps

PortAudio calls back from a thread of its own and only fills a ring buffer there; resampling happens in `read`. A gap
is counted, never hidden; a device that is missing, busy or gone raises DeviceError with the next step. No call waits
for the sound system without an end (sound_system.py).
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from kws.arguments import Samples, check_array
from kws.audio.files import SAMPLE_RATE_HZ
from kws.audio.sound_system import ANSWER_S, CALLS, import_sounddevice, quiet_stderr, reason, to_stderr
from kws.errors import DeviceError
from kws.files import write_atomic

if TYPE_CHECKING:
    from sounddevice import CallbackFlags, InputStream

REMEMBERED = "microphone.json"
RATES_HZ = (48_000, 44_100, 16_000)  # tried after the device's own
CHANNELS = 2  # more are averaged only where a device offers nothing less
LATENCY_S = 0.2  # what the system may buffer, so that a busy machine loses nothing
BUFFER_S = 20.0
STALLED_S = 2.0  # a microphone that gives nothing for this time is gone
LAG_S = 1.0  # a microphone that has given this much less than the time that has passed has lost it
LAG_FOLLOWS = 0.01  # per block: the device's clock and ours differ a little


@dataclass(frozen=True)
class Device:
    """An input device of this machine.

    index    : its number in listings, which changes when devices come and go; the name does not
    api      : the sound system, as ALSA
    channels : at most; rate_hz : its own sample rate
    default  : whether it is what the system would take
    """

    index: int
    name: str
    api: str
    channels: int
    rate_hz: int
    default: bool

    def __str__(self) -> str:
        return f"{self.index}: {self.name} ({self.api}, {self.rate_hz} Hz){' - default' if self.default else ''}"


@dataclass(frozen=True)
class Choice:
    """The device to use, and what the person should know about how it was chosen; None if there is nothing."""

    device: Device
    notice: str | None = None


def list_devices(*, again: bool = False) -> tuple[Device, ...]:
    """Every device that records, in the system's order.

    again : look again for devices that have come or gone; every open Microphone must be closed before. While the
            sound system has not closed one of them, these are the devices that were there before.
    Raises DeviceError if PortAudio is missing or does not answer.
    """
    sounddevice = import_sounddevice()
    with quiet_stderr():
        try:
            if again and not CALLS.closing:
                CALLS.ask(partial(start_anew, sounddevice))
            found, apis = sounddevice.query_devices(), sounddevice.query_hostapis()
            default = default_index(sounddevice)
        except sounddevice.PortAudioError as error:
            raise DeviceError(f"sound devices cannot be listed ({reason(error)}); restart the sound system") from error
    return tuple(
        Device(i, device["name"], apis[device["hostapi"]]["name"], device["max_input_channels"],
               round(device["default_samplerate"]), i == default)
        for i, device in enumerate(found) if device["max_input_channels"] > 0)


def start_anew(sounddevice: ModuleType) -> None:
    """Have PortAudio look for devices, which it does when it starts."""
    sounddevice._terminate()
    sounddevice._initialize()


def default_index(sounddevice: ModuleType) -> int:
    """Number of the system's input device; -1 if there is none."""
    try:
        return sounddevice.query_devices(kind="input")["index"]
    except (sounddevice.PortAudioError, ValueError):
        return -1


def find_device(wanted: str | None, *, cache: Path, again: bool = False) -> Choice:
    """The device to record from, by what was asked for, by what was remembered in `cache`, or the system's own.

    wanted : number, name or part of a name; it is remembered for the next time
    again  : as in list_devices
    Raises DeviceError that lists the devices where none fits, or more than one.
    """
    devices = list_devices(again=again)
    choice = choose(devices, wanted=wanted, remembered=recall(cache))
    if wanted is not None:
        write_atomic(cache / REMEMBERED, json.dumps({"device": choice.device.name}) + "\n")
    return choice


def recall(cache: Path) -> str | None:
    """Name of the device that was used last in this workspace; None if nothing readable is remembered."""
    try:
        name = json.loads((cache / REMEMBERED).read_text())["device"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def choose(devices: tuple[Device, ...], *, wanted: str | None, remembered: str | None = None) -> Choice:
    """See find_device; a remembered device that is not there gives way to the system's, with a notice."""
    if not devices:
        raise DeviceError("no recording device; plug in a microphone, and check that the system sees it "
                          "(Linux: arecord -l, or pactl list short sources)")
    system = next((device for device in devices if device.default), devices[0])
    if wanted is not None:
        return Choice(match(devices, wanted))
    if remembered is None:
        return Choice(system)
    for device in devices:
        if device.name == remembered:
            return Choice(device)
    return Choice(system, f"{remembered!r}, which was used last, is not connected; using {system.name!r}")


def match(devices: tuple[Device, ...], wanted: str) -> Device:
    """The device whose number, name or part of the name is `wanted`."""
    exact = [device for device in devices if wanted in (str(device.index), device.name)]
    found = exact or [device for device in devices if wanted.lower() in device.name.lower()]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(map(str, devices))
    raise DeviceError(f"device {wanted!r}: {'fits more than one' if found else 'no such device'}; there are: {listed}")


def play(samples: Samples) -> None:
    """Play int16 [n] at 16 kHz mono on the system's output device, and wait for its end.

    Raises DeviceError if there is none, or if it does not play.
    """
    check_array("samples", samples, np.int16, "n")
    sounddevice = import_sounddevice()
    try:
        with quiet_stderr():
            rate_hz = round(sounddevice.query_devices(kind="output")["default_samplerate"])
            audio = samples.astype(np.float32) / np.float32(32768)
            if rate_hz != SAMPLE_RATE_HZ:
                import soxr

                audio = soxr.resample(audio, SAMPLE_RATE_HZ, rate_hz)
            CALLS.ask(partial(sounddevice.play, audio, rate_hz, blocking=True),
                      seconds=len(samples) / SAMPLE_RATE_HZ + ANSWER_S)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise DeviceError(f"nothing can be played ({reason(error)}); plug in a loudspeaker") from error


class Ring:
    """Samples between two threads, float32: what does not fit is dropped and counted."""

    def __init__(self, size: int):
        self._buffer = np.zeros(size, np.float32)
        self._written = self._read = 0
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self.dropped = 0

    def write(self, samples: np.ndarray) -> None:
        """Add float32 [n]; the newest are dropped if there is no room."""
        size = len(self._buffer)
        with self._lock:
            count = min(len(samples), size - (self._written - self._read))
            self.dropped += len(samples) - count
            start = self._written % size
            first = min(count, size - start)
            self._buffer[start : start + first] = samples[:first]
            self._buffer[: count - first] = samples[first:count]
            self._written += count
            self._filled.set()

    def read(self, *, timeout_s: float) -> np.ndarray:
        """Everything there is, float32 [n]; waits up to `timeout_s` for something."""
        self._filled.wait(timeout_s)
        with self._lock:
            size, start, count = len(self._buffer), self._read % len(self._buffer), self._written - self._read
            first = min(count, size - start)
            samples = np.concatenate((self._buffer[start : start + first], self._buffer[: count - first]))
            self._read = self._written
            self._filled.clear()
        return samples


class Clock:
    """Notices sound that is lost without a word from the system: what has come, held against the time that passed."""

    def __init__(self) -> None:
        self._start_s: float | None = None
        self._come_s = self._usual_s = 0.0

    def late(self, *, now_s: float, block_s: float) -> bool:
        """Whether at least LAG_S more than before is missing, now that a block of `block_s` seconds has come."""
        if self._start_s is None:
            self._start_s = now_s - block_s
        self._come_s += block_s
        lag_s = now_s - self._start_s - self._come_s
        missing = lag_s - self._usual_s >= LAG_S
        self._usual_s = lag_s if missing else self._usual_s + LAG_FOLLOWS * (lag_s - self._usual_s)
        return missing


class Inlet:
    """Where PortAudio's own thread puts the sound: apart from the Microphone, which a stream left open does not keep.

    gaps : times that sound was lost on its way here
    """

    def __init__(self, *, rate_hz: int, buffer_s: float):
        self.ring = Ring(round(buffer_s * rate_hz))
        self.gaps = 0
        self._rate_hz, self._clock = rate_hz, Clock()

    def arrived(self, frames: np.ndarray, count: int, when: object, status: "CallbackFlags") -> None:
        """PortAudio's callback: float32 [count, channels]."""
        late = self._clock.late(now_s=time.monotonic(), block_s=count / self._rate_hz)
        if status.input_overflow or late:
            self.gaps += 1
        self.ring.write(frames.mean(axis=1))


def start_stream(stream: "InputStream") -> "InputStream":
    """The stream, once it runs."""
    stream.start()
    return stream


def close_stream(stream: "InputStream") -> None:
    """Stop and free a stream; what PortAudio has against that helps nobody."""
    stream.close(ignore_errors=True)


class Microphone:
    """An open input device.

    rate_hz, channels : as it was opened
    overflows : times that sound was lost, because this computer was too slow
    """

    def __init__(self, device: Device, *, buffer_s: float = BUFFER_S, stalled_s: float = STALLED_S,
                 note: Callable[[str], None] = to_stderr):
        """Open and start `device`. buffer_s : how long `read` may wait to be called; note : is told if closing fails.

        Raises DeviceError if it is busy, gone, or takes none of the usual rates, or if the sound system does not
        answer.
        """
        import soxr

        self.device, self._note = device, note
        self._sounddevice = import_sounddevice()
        self._stream, self._inlet, self.rate_hz, self.channels = self._open(buffer_s)
        self._resampler = soxr.ResampleStream(self.rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
        self._stalled_s, self._last_s = stalled_s, time.monotonic()
        self._drops = self._dropped = 0
        self._closed = False
        try:
            with quiet_stderr():
                CALLS.ask(partial(start_stream, self._stream), late=close_stream)
        except self._sounddevice.PortAudioError as error:
            self.close()
            raise self._refused(error) from error

    def _open(self, buffer_s: float) -> tuple["InputStream", Inlet, int, int]:
        """The first combination of channels and rate that the device takes."""
        most = self.device.channels
        last: Exception | None = None
        for channels in dict.fromkeys((min(most, CHANNELS), most, 1)):
            for rate_hz in dict.fromkeys((self.device.rate_hz, *RATES_HZ)):
                inlet = Inlet(rate_hz=rate_hz, buffer_s=buffer_s)
                try:
                    with quiet_stderr():
                        stream = CALLS.ask(partial(
                            self._sounddevice.InputStream, device=self.device.index, channels=channels,
                            samplerate=rate_hz, dtype="float32", latency=LATENCY_S, callback=inlet.arrived),
                            late=close_stream)
                    return stream, inlet, rate_hz, channels
                except (self._sounddevice.PortAudioError, ValueError) as error:
                    last = error
        raise self._refused(last) from last

    def _refused(self, error: Exception | None) -> DeviceError:
        return DeviceError(f"{self.device.name}: cannot be opened ({reason(error or OSError('no rate fits'))}); close "
                           f"other programs that record, plug it in again, or choose another with --device")

    @property
    def overflows(self) -> int:
        """Gaps that the system reported or that the clock shows, and reads that came too late for the buffer."""
        return self._inlet.gaps + self._drops

    @property
    def latency_s(self) -> float:
        """From the air to `read`, as the sound system states it."""
        return float(self._stream.latency)

    def read(self, *, timeout_s: float = 0.2) -> np.ndarray:
        """What has come since the last call, int16 [n] at 16 kHz mono, clipped at full scale; n may be 0.

        timeout_s : how long to wait if nothing has come
        Raises DeviceError if the device is gone.
        """
        samples = self._inlet.ring.read(timeout_s=timeout_s)
        now = time.monotonic()
        if len(samples):
            self._last_s = now
        elif now - self._last_s > self._stalled_s or not self._stream.active:
            raise DeviceError(f"{self.device.name}: is gone and sends no more sound; plug it in again, or "
                              f"choose another with --device")
        if self._inlet.ring.dropped > self._dropped:
            self._drops, self._dropped = self._drops + 1, self._inlet.ring.dropped
        if self.rate_hz != SAMPLE_RATE_HZ:
            samples = self._resampler.resample_chunk(samples)
        return np.clip(np.rint(samples * np.float32(32768.0)), -32768, 32767).astype(np.int16)

    def close(self) -> None:
        """Stop and free the device; safe to call twice and after it is gone."""
        if self._closed:
            return
        self._closed = True
        with quiet_stderr():
            come_back = CALLS.close(partial(close_stream, self._stream))
        if not come_back:
            self._note(f"{self.device.name}: the sound system does not close it, so it stays open until this program "
                       "ends (if it is not found again, restart the sound system, then this program)")

    def __enter__(self) -> "Microphone":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
