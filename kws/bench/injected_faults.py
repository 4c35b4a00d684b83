"""Faults put into copies of real clips, for kws.bench.data_check: what a person would call so, at random strength.

Each function takes int16 [n] of a sound clip and gives int16 [m]; loudness and noise are those of the clip itself.
"""

from collections.abc import Callable

import numpy as np

from kws.audio.endpoint import FRAME, levels
from kws.audio.files import SAMPLE_RATE_HZ, fit

CODECS = (("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))
Make = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def to_int16(audio: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(audio), -32768, 32767).astype(np.int16)


def within(audio: np.ndarray) -> np.ndarray:
    """Turned down as far as it takes not to be clipped as well."""
    return to_int16(audio * min(1.0, 32_000 / max(float(np.abs(audio).max()), 1)))


def wrong_length(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """0.15 to 0.45 s of it, or 1.2 to 3 s with its own background."""
    if rng.random() < 0.5:
        samples = int(rng.integers(2_400, 7_200))
        start = int(rng.integers(0, len(audio) - samples))
        return audio[start : start + samples]
    return np.concatenate((audio, room(audio, int(rng.integers(3_200, 32_000)), rng)))


def silent(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An RMS of 0.00005 to 0.0008 of full scale."""
    wanted = 32768 * 10 ** rng.uniform(np.log10(5e-5), np.log10(8e-4))
    return to_int16(audio * (wanted / np.sqrt(np.mean(audio.astype(float) ** 2))))


def dropped(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """5 to 60 ms of zeros in the word, or a buffer of a usual size that comes twice there."""
    result = audio.copy()
    at = word_place(audio, rng)
    if rng.random() < 0.5:
        result[at : at + int(rng.integers(80, 960))] = 0
    else:
        size = int(rng.choice([64, 128, 160, 256, 320, 441, 480, 512, 1_024]))
        at = min(at, len(audio) - 2 * size)
        result[at + size : at + 2 * size] = result[at : at + size]
    return result


def clipped(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """0.5 to 5 % of the samples at full scale; every second clip is turned down by 2 to 12 dB afterwards."""
    wanted = np.quantile(np.abs(audio.astype(float)), 1 - rng.uniform(0.005, 0.05))
    loud = to_int16(audio * (32767 / max(wanted, 1)))
    return loud if rng.random() < 0.5 else to_int16(loud * 10 ** (-rng.uniform(2, 12) / 20))


def offset(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """1.5 to 10 % of full scale, either way."""
    return within(audio + rng.choice([-1, 1]) * rng.uniform(0.015, 0.1) * 32768)


def hum(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """50 or 60 Hz with three to five harmonics, -45 to -25 dB of full scale."""
    time, base = np.arange(len(audio)) / SAMPLE_RATE_HZ, rng.choice([50.0, 60.0]) * rng.uniform(0.999, 1.001)
    lines = sum(rng.uniform(0.3, 1) * np.sin(2 * np.pi * base * n * time + rng.uniform(0, 6.28))
                for n in range(1, int(rng.integers(4, 7))))
    return within(audio + lines / np.std(lines) * 32768 * 10 ** (rng.uniform(-45, -25) / 20))


def noisy(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White or pink noise 0 to 7 dB below the word's loudest 100 ms."""
    noise = rng.standard_normal(len(audio))
    if rng.random() < 0.5:
        spectrum = np.fft.rfft(noise)
        spectrum[:20] = 0  # what a microphone does not hear, and what would be an offset of the clip
        noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(audio))
    power = np.convolve(audio.astype(float) ** 2, np.ones(1_600) / 1_600, "valid").max()
    return within(audio + noise / noise.std() * np.sqrt(power * 10 ** (-rng.uniform(0, 7) / 10)))


def cut_off(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The recording starts, or ends, in the loud part of the word; the rest of the clip is its own background."""
    level = levels(audio)
    loud = np.flatnonzero(level > level.max() - 8)
    inner = loud[(loud >= loud[0] + 5) & (loud <= loud[-1] - 5)]
    at = int(rng.choice(inner if len(inner) else loud)) * FRAME
    if rng.random() < 0.5:
        return np.concatenate((audio[at:], room(audio, at, rng)))
    return np.concatenate((room(audio, len(audio) - at, rng), audio[:at]))


def near_duplicate(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shifted by 10 to 100 ms, 3 to 12 dB louder or softer, or encoded as Vorbis, Opus or MP3 and decoded again."""
    kind = int(rng.integers(3))
    if kind == 0:
        shift = int(rng.integers(160, 1_600))
        filling = room(audio, shift, rng)
        return np.concatenate((filling, audio[:-shift]) if rng.random() < 0.5 else (audio[shift:], filling))
    if kind == 1:
        return within(audio * 10 ** (rng.choice([-1, 1]) * rng.uniform(3, 12) / 20))
    return encoded_again(audio, *CODECS[int(rng.integers(len(CODECS)))])


def encoded_again(audio: np.ndarray, container: str, codec: str) -> np.ndarray:
    import io

    import soundfile

    data = io.BytesIO()
    soundfile.write(data, audio, SAMPLE_RATE_HZ, format=container, subtype=codec)
    data.seek(0)
    return fit(soundfile.read(data, dtype="int16")[0], len(audio))


def room(audio: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """int16 [samples] of the clip's own background: its quietest 60 ms in a row, at random places of it."""
    power = np.convolve(audio.astype(float) ** 2, np.ones(960), "valid")
    quiet = audio[int(power.argmin()) :][:960].astype(float)
    spectrum = np.abs(np.fft.rfft(quiet * np.hanning(len(quiet)), 1_024))
    shape = np.interp(np.linspace(0, 1, samples // 2 + 1), np.linspace(0, 1, len(spectrum)), spectrum)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * shape, samples)
    return to_int16(noise / max(float(noise.std()), 1e-9) * max(float(quiet.std()), 0.6))


def word_place(audio: np.ndarray, rng: np.random.Generator) -> int:
    """A sample in the loud part of the word."""
    level = levels(audio)
    return min(int(rng.choice(np.flatnonzero(level > level.max() - 15))) * FRAME, len(audio) - 2_048)


SINGLE: dict[str, Make] = {"silent": silent, "wrong length": wrong_length, "dropped buffer": dropped,
                           "clipped": clipped, "DC offset": offset, "hum": hum, "low SNR": noisy, "cut off": cut_off}
# What a fault brings with it by its nature: a report of these on such a clip is neither right nor wrong.
CONSEQUENCES = {"wrong length": {"cut off", "silent", "low SNR"}, "clipped": {"DC offset"}, "two words": {"label"}}
