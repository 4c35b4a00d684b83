"""A small log mel picture of a clip, in bytes, that is kept for many thousand clips: for fingerprints, label checks and
pages. It is no front end: networks get kws.features.

    picture : uint8 [clips, FRAMES, BANDS], half a decibel per step, 0 is -110 dB of full scale and below
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from kws.audio.files import SAMPLE_RATE_HZ

BANDS, LOW_HZ, HIGH_HZ = 24, 100.0, 6_000.0
FRAMES, HOP, WINDOW = 50, 320, 640  # 20 ms and 40 ms; one second
STEP_DB, LOWEST_DB = 0.5, -110.0


def mel_picture(audio: np.ndarray) -> np.ndarray:
    """int16 [16000] -> uint8 [FRAMES, BANDS]."""
    return np.clip(np.rint((band_levels(audio, FRAMES, HOP) - LOWEST_DB) / STEP_DB), 0, 255).astype(np.uint8)


def band_levels(audio: np.ndarray, frames: int, hop: int) -> np.ndarray:
    """int16 [n] -> float32 [frames, BANDS], dB of full scale; a frame every `hop` samples, silence beyond the end."""
    padded = np.pad(audio.astype(np.float32), (WINDOW // 4, WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: frames * hop : hop]
    window, weights = mel_weights()
    power = np.square(np.abs(np.fft.rfft(windows * window, axis=1))).astype(np.float32) @ weights
    levels: np.ndarray = 10 * np.log10(power + 1e-4) - 20 * np.log10(32768.0)
    return levels.astype(np.float32)


def to_db(picture: np.ndarray) -> np.ndarray:
    """uint8 -> float32 dB of full scale."""
    return picture.astype(np.float32) * np.float32(STEP_DB) + np.float32(LOWEST_DB)


@cache
def mel_weights() -> tuple[np.ndarray, np.ndarray]:
    """The Hann window float32 [WINDOW], scaled so that a sine of full scale has -3 dB in its band, and triangles on
    the HTK mel scale, float32 [bins, BANDS]."""
    def mel(hz: ArrayLike) -> np.ndarray:
        return 2595 * np.log10(1 + np.asarray(hz) / 700)

    edges = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2)
    bins = mel(np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE_HZ))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    window = np.hanning(WINDOW + 1)[:-1]
    return ((window * np.sqrt(2) / window.sum()).astype(np.float32),
            np.maximum(0, np.minimum(rising, falling)).astype(np.float32))
