"""What makes one recording many: shifted, louder or softer, in noise, of another timbre, and with gaps in its features.

Arrays in, arrays out; every random number comes from the generator that is passed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kws.arguments import Features, Samples, check_array, check_number
from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.data.corpus import SPLITS, TESTING_PERCENT, VALIDATION_PERCENT
from kws.errors import ArgumentError
from kws.spec import FrontendSpec, TrainingSpec

Noise: TypeAlias = NDArray[np.float32]  # one recording, in units of a 16-bit sample
LOWEST, HIGHEST = -32768, 32767
CURVES = (1.0, 1.0, 0.7, 0.5)  # of a timbre: the slope over frequency, and ever finer bends
NOISE_SECONDS = 10  # of each kind of noise that is made where none was recorded


def read_noise(paths: Sequence[Path], *, split: str, samples: int) -> list[Noise]:
    """One split's stretch of every noise recording: float32 [n], n >= samples, in units of a 16-bit sample.

    split : training gets the first 80 % of each recording, validation and testing the next and the last 10 %, so that
            no noise is in two splits; a stretch shorter than `samples` is repeated.
    Without recordings, noise is made (`made_noise`).
    """
    recordings = [read_samples(path) for path in paths] or made_noise(NOISE_SECONDS * SAMPLE_RATE_HZ)
    return [repeat(stretch(recording, split).astype(np.float32), samples) for recording in recordings]


def stretch(recording: np.ndarray, split: str) -> np.ndarray:
    """The part of [n] that belongs to `split`; at least one sample."""
    ends = [0, 100 - VALIDATION_PERCENT - TESTING_PERCENT, 100 - TESTING_PERCENT, 100]
    first, last = (len(recording) * ends[SPLITS.index(split) + k] // 100 for k in (0, 1))
    return recording[first : max(last, first + 1)]


def repeat(noise: np.ndarray, samples: int) -> np.ndarray:
    """[n] as often as it takes to reach `samples`."""
    return np.tile(noise, -(-samples // len(noise)))


def made_noise(samples: int) -> list[np.ndarray]:
    """White, pink and brown noise, int16 [samples] each, RMS 0.1 of full scale; the same on every call."""
    rng = np.random.default_rng(0)
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 20)
    kinds = []
    for slope in (0, 0.5, 1):
        noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) / hz**slope, samples)
        kinds.append(np.clip(np.rint(noise / noise.std() * 3277), LOWEST, HIGHEST).astype(np.int16))
    return kinds


def cut(noise: Sequence[np.ndarray], samples: int, rng: np.random.Generator) -> np.ndarray:
    """A random stretch of one random recording: a view, float32 [samples]."""
    recording = noise[int(rng.integers(len(noise)))]
    start = rng.integers(len(recording) - samples + 1)
    return recording[start : start + samples]


def check_noise(noise: Sequence[Noise], samples: int) -> None:
    """Raise ArgumentError unless there is noise, and every recording of it is float32 [samples or more]."""
    if not len(noise):
        raise ArgumentError("noise has 0 recordings: must have 1 or more (read_noise makes some if there are none)")
    for one in noise:
        check_array("noise", one, np.float32, "n")
        if len(one) < samples:
            raise ArgumentError(f"noise = float32 [{len(one)}]: must have {samples:,} samples or more (see repeat)")


def silence(noise: Sequence[Noise], count: int, samples: int, rng: np.random.Generator) -> Samples:
    """Clips without speech: cuts of noise at a volume drawn from 0 to 1, int16 [count, samples].

    The official test archive makes its `_silence_` so, loud ones included.
    """
    check_number("count", count, low=0)
    check_number("samples", samples, low=1)
    check_noise(noise, samples)
    clips = np.empty((count, samples), np.int16)
    for clip in clips:
        clip[:] = to_int16(cut(noise, samples, rng) * np.float32(rng.random()))
    return clips


def augment(clips: Samples, noise: Sequence[Noise], spec: TrainingSpec, rng: np.random.Generator) -> Samples:
    """Clips as another microphone might have heard them: shift, noise and gain drawn for each.

    clips : int16 [n, samples]; noise : as from read_noise.
    -> int16 [n, samples]. Where a shift leaves a gap there is silence (or the noise).
    """
    check_array("clips", clips, np.int16, "n", "samples")
    n, samples = clips.shape
    if spec.noise_percent and n:
        check_noise(noise, samples)
    largest = min(spec.shift_ms * SAMPLE_RATE_HZ // 1000, samples - 1)
    shifts = rng.integers(-largest, largest + 1, n)
    gains = db_to_ratio(rng.uniform(-spec.gain_db, spec.gain_db, n)).astype(np.float32)
    ratios = db_to_ratio(-rng.uniform(spec.snr_low_db, spec.snr_high_db, n)).astype(np.float32)
    noisy = np.asarray(rng.random(n) * 100 < spec.noise_percent)
    result = np.empty_like(clips)
    for i, clip in enumerate(clips):  # row by row: one row stays in the processor's cache
        row = shifted(clip, shifts[i])
        if noisy[i]:
            sound = cut(noise, samples, rng)
            row += sound * (ratios[i] * rms(row) / rms(sound))
        row *= gains[i]
        result[i] = to_int16(row)
    return result


def shifted(clip: np.ndarray, shift: int) -> np.ndarray:
    """int16 [n] later by `shift` samples (earlier where negative), zeros in the gap: float32 [n]."""
    row = np.zeros(len(clip), np.float32)
    if shift >= 0:
        row[shift:] = clip[: len(clip) - shift]
    else:
        row[:shift] = clip[-shift:]
    return row


def rms(audio: np.ndarray) -> np.float32:
    """Root mean square of float32 [n]; at least 1 (one step of a 16-bit sample)."""
    return np.sqrt(np.dot(audio, audio) / np.float32(len(audio)) + np.float32(1))


def db_to_ratio(db: ArrayLike) -> np.ndarray:
    """Decibels to a ratio of amplitudes."""
    return 10.0 ** (np.asarray(db) / 20)


def to_int16(audio: np.ndarray) -> np.ndarray:
    """float32 [n] rounded and clipped like a converter does it: int16 [n]."""
    rounded = np.rint(audio)
    return np.clip(rounded, LOWEST, HIGHEST, out=rounded).astype(np.int16)


def mask(features: Features, spec: TrainingSpec, rng: np.random.Generator) -> Features:
    """SpecAugment: one run of frames and one run of features set to 0, the middle of their range.

    features : int8 [n, frames, features]; the lengths are drawn from 0 to time_mask_frames and band_mask_features.
    -> int8 [n, frames, features], a copy.
    """
    check_array("features", features, np.int8, "n", "frames", "features")
    n, frames, bands = features.shape
    gaps = gap(n, frames, spec.time_mask_frames, rng)[:, :, None] | gap(n, bands, spec.band_mask_features, rng)[:, None]
    return np.where(gaps, np.int8(0), features)


def timbre_curves(spec: FrontendSpec) -> np.ndarray:
    """What a microphone or a room does to the features, 1 standard deviation of each curve: float32 [CURVES, features].

    In natural logarithms. Over the bands they are cosines of half a turn, a whole one and so on, the finer the smaller;
    a DCT turns each of them into a single coefficient.
    """
    k = np.arange(1, len(CURVES) + 1)[:, None]
    size = np.array(CURVES)[:, None]
    if spec.coefficients:
        return (size * np.sqrt(spec.bands / 2) * (k == np.arange(spec.coefficients))).astype(np.float32)
    return (size * np.cos(np.pi * k * (np.arange(spec.bands) + 0.5) / spec.bands)).astype(np.float32)


def equalize(features: Features, curves: NDArray[np.float32], spec: TrainingSpec,
             rng: np.random.Generator) -> Features:
    """The same sounds through another microphone: a smooth random gain over frequency, one for each clip.

    features : int8 [n, frames, features]; curves : float32 [CURVES, features], timbre_curves in steps of the int8 grid.
    A filter adds its logarithm to every row; near the log floor, where it would add less, this overstates it.
    -> int8 [n, frames, features], saturated.
    """
    check_array("features", features, np.int8, "n", "frames", "features")
    check_array("curves", curves, np.floating, "curves", features.shape[2])
    if spec.equalization_db == 0:
        return features
    nepers = spec.equalization_db / (20 / np.log(10))
    gains = (rng.standard_normal((len(features), len(curves)), np.float32) * np.float32(nepers)) @ curves
    return np.clip(np.rint(features + gains[:, None]), -128, 127).astype(np.int8)


def gap(n: int, length: int, longest: int, rng: np.random.Generator) -> np.ndarray:
    """A random run of at most `longest` true values in each row: bool [n, length]."""
    size = rng.integers(0, min(longest, length) + 1, n)
    start = rng.integers(0, length - size + 1)
    place = np.arange(length)
    return (place >= start[:, None]) & (place < (start + size)[:, None])
