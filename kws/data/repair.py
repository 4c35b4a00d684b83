"""Short gaps in a recording, filled from the sound on both sides by autoregressive interpolation (Janssen, 1986)."""

import numpy as np

from kws.data.clip_faults import longest_gap, longest_repeat

ORDER, CONTEXT = 40, 800  # coefficients of the model; samples on each side that it is fitted to
ROUNDS = 3
MOST_GAPS = 20


def repaired(audio: np.ndarray, *, longest: int) -> np.ndarray | None:
    """int16 [n] with every gap and every block that came twice filled; None if one is longer than `longest`."""
    for _ in range(MOST_GAPS):
        start, length = max(longest_gap(audio), longest_repeat(audio), key=lambda found: found[1])
        if length == 0:
            return audio
        if length > longest:
            return None
        audio = fill_gap(audio, start, length)
    return None


def fill_gap(audio: np.ndarray, start: int, length: int) -> np.ndarray:
    """int16 [n] with samples [start, start + length) made anew, such that a linear prediction errs least."""
    first, last = max(start - CONTEXT, 0), min(start + length + CONTEXT, len(audio))
    sound = audio[first:last].astype(np.float64)
    mean, gap = sound.mean(), np.arange(start - first, start - first + length)
    sound -= mean
    sound[gap] = 0
    for _ in range(ROUNDS):
        predictor = prediction(sound, min(ORDER, len(sound) // 4))
        sound[gap] = least_error(sound, gap, predictor)
    result = audio.copy()
    result[start : start + length] = np.clip(np.rint(sound[gap] + mean), -32768, 32767)
    return result


def prediction(sound: np.ndarray, order: int) -> np.ndarray:
    """float [order + 1], first 1: the error filter of a linear prediction, by autocorrelation."""
    spectrum = np.abs(np.fft.rfft(sound, 2 * len(sound))) ** 2
    lags = np.fft.irfft(spectrum)[: order + 1]
    matrix = lags[np.abs(np.subtract.outer(np.arange(order), np.arange(order)))]
    matrix[np.diag_indices(order)] += 1e-6 * lags[0] + 1e-9
    return np.concatenate(([1.0], -np.linalg.solve(matrix, lags[1:])))


def least_error(sound: np.ndarray, gap: np.ndarray, predictor: np.ndarray) -> np.ndarray:
    """The samples in `gap` for which the prediction errs least over all of float [n] `sound`."""
    order = len(predictor) - 1
    errors = np.arange(order, len(sound))
    lags = errors[:, None] - gap[None]
    matrix = np.where((lags >= 0) & (lags <= order), predictor[np.clip(lags, 0, order)], 0)
    known = sound.copy()
    known[gap] = 0
    right = np.convolve(known, predictor)[order : len(sound)]
    return np.asarray(np.linalg.lstsq(matrix, -right, rcond=None)[0])
