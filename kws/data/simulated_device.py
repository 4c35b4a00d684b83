"""What lies between a mouth and the samples: the room, the microphone, its gain control, what its driver loses.

Arrays in, arrays out: float32 [n] in units of a 16-bit sample. Random numbers come from the generator that is passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.choices import Device

AGC_FRAME = SAMPLE_RATE_HZ // 50  # 20 ms
AGC_RISE, AGC_FALL = 0.02, 0.3  # share of the way to the wanted gain per 20 ms: slow up, fast down
AGC_FLOOR = 30.0  # RMS below which the gain stays as it is: silence is not pulled up


@dataclass(frozen=True, kw_only=True)
class SimulatedDevice:
    """response_db : standard deviation of a smooth gain over frequency; 0: flat
    high_pass_hz   : what a small capsule does not pass; 0: all of it
    agc_rms        : RMS that the gain control aims at, in steps of int16; 0: none
    agc_range_db   : most gain and attenuation that it has
    gain_db        : before the converter clips
    drop_per_hour  : buffers of `buffer_ms` that get lost; what follows them comes that much earlier
    """

    response_db: float = 0.0
    high_pass_hz: float = 0.0
    agc_rms: float = 0.0
    agc_range_db: float = 20.0
    gain_db: float = 0.0
    drop_per_hour: float = 0.0
    buffer_ms: int = 32


PHONE = SimulatedDevice(response_db=3.0, high_pass_hz=150.0, agc_rms=2_000.0, drop_per_hour=10.0)
CHEAP = SimulatedDevice(response_db=5.0, high_pass_hz=250.0, gain_db=9.0, drop_per_hour=30.0)
DEVICES = {Device.NONE: SimulatedDevice(), Device.PHONE: PHONE, Device.CHEAP: CHEAP}


def in_room(audio: np.ndarray, response: np.ndarray) -> np.ndarray:
    """float32 [n] heard in a room: float32 [n + m - 1]. response : as from `direct_first`, [m]."""
    length = len(audio) + len(response) - 1
    size = 1 << (length - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(response, size), size)
    return heard[:length].astype(np.float32)


def direct_first(response: np.ndarray) -> np.ndarray:
    """A measured impulse response that starts at its direct sound, whose peak becomes 1: times stay as they are."""
    peak = int(np.abs(response).argmax())
    return response[peak:].astype(np.float32) / np.float32(response[peak])


def through(device: SimulatedDevice, audio: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the device delivers: int16 [m], and the lost stretches as samples of `audio`: int [drops, 2], sorted."""
    heard = gain_control(device, respond(device, audio, rng))
    lost = draw_losses(device, len(audio), rng)
    kept = np.ones(len(audio), bool)
    for start, end in lost:
        kept[start:end] = False
    loud = heard[kept] * np.float32(10 ** (device.gain_db / 20))
    return np.clip(np.rint(loud), -32768, 32767).astype(np.int16), lost


def respond(device: SimulatedDevice, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through the capsule: a smooth random gain over frequency, and nothing below high_pass_hz (12 dB per octave)."""
    if not device.response_db and not device.high_pass_hz:
        return audio
    taps = 512
    hz = np.fft.rfftfreq(taps, 1 / SAMPLE_RATE_HZ)
    bends = sum(rng.standard_normal() / k * np.cos(np.pi * k * hz / hz[-1]) for k in range(1, 5))
    gain = 10 ** (device.response_db * bends / 20)
    if device.high_pass_hz:
        gain *= 1 / np.sqrt(1 + (device.high_pass_hz / np.maximum(hz, 1.0)) ** 4)
    impulse = np.roll(np.fft.irfft(gain), taps // 2) * np.hanning(taps)
    return overlap_add(audio, impulse.astype(np.float32))[taps // 2:taps // 2 + len(audio)]


def overlap_add(audio: np.ndarray, impulse: np.ndarray, *, block: int = 1 << 16) -> np.ndarray:
    """Convolution of hours with a short impulse: float32 [n + m - 1]."""
    out = np.zeros(len(audio) + len(impulse) - 1, np.float32)
    for start in range(0, len(audio), block):
        piece = in_room(audio[start:start + block], impulse)
        out[start:start + len(piece)] += piece
    return out


def gain_control(device: SimulatedDevice, audio: np.ndarray) -> np.ndarray:
    """A gain that follows the level: down at once, up slowly, as telephones have it."""
    if not device.agc_rms or len(audio) < AGC_FRAME:
        return audio
    frames = len(audio) // AGC_FRAME
    rms = np.sqrt(np.mean(np.square(audio[:frames * AGC_FRAME].reshape(frames, AGC_FRAME), dtype=np.float64), axis=1))
    most = 10 ** (device.agc_range_db / 20)
    gains, gain = np.empty(frames), 1.0
    for i, level in enumerate(rms):
        if level > AGC_FLOOR:
            wanted = min(max(device.agc_rms / level, 1 / most), most)
            gain += (wanted - gain) * (AGC_FALL if wanted < gain else AGC_RISE)
        gains[i] = gain
    at = (np.arange(frames) + 0.5) * AGC_FRAME
    return audio * np.interp(np.arange(len(audio)), at, gains).astype(np.float32)


def draw_losses(device: SimulatedDevice, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Stretches that the driver loses: int [drops, 2], [start, end) in samples, sorted and apart."""
    length = device.buffer_ms * SAMPLE_RATE_HZ // 1000
    buffers = samples // length
    count = min(int(rng.poisson(device.drop_per_hour * samples / SAMPLE_RATE_HZ / 3600)), buffers)
    starts = np.sort(rng.choice(buffers, count, replace=False)) * length if count else np.zeros(0, np.int64)
    return np.stack([starts, starts + length], axis=1)


def after_losses(samples: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Where moments of the sound lie in what the device delivered: int [n] -> int [n]."""
    samples = np.asarray(samples, np.int64)
    gone = np.zeros(len(samples), np.int64)
    for start, end in lost:
        gone += np.clip(samples - start, 0, end - start)
    return samples - gone


def babble(talk: Sequence[np.ndarray], seconds: float, voices: int, rng: np.random.Generator) -> np.ndarray:
    """So many people at once, none of whom is understood: float32 [n] with an RMS of 1,000."""
    samples = round(seconds * SAMPLE_RATE_HZ)
    track = np.zeros(samples, np.float32)
    for _ in range(voices):
        recording = talk[int(rng.integers(len(talk)))]
        start = int(rng.integers(len(recording)))
        voice = recording.take(np.arange(start, start + samples), mode="wrap").astype(np.float32)
        track += voice / max(float(np.sqrt(np.mean(np.square(voice)))), 1.0)
    return track * np.float32(1_000 / max(float(np.sqrt(np.mean(np.square(track)))), 1e-3))
