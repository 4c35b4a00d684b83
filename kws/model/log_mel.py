"""What happens to a sound, done to its log mel rows: louder, another voice, slower, another sound beside it.

float32 [rows, bands] in, the same out, natural logarithms of magnitudes: what the front end has before quantization.
Cheap enough to be drawn anew for every stretch of every epoch. Approximations, used for what only has to be diverse;
the words themselves go through the augmentation of samples and the front end (kws.model.augment).
"""

import numpy as np

from kws.features.tables import Normalisation
from kws.spec import FrontendSpec

NEPER_DB = 20 / np.log(10)
LOUD = 0.9  # quantile of the rows' mean that stands for how loud a stretch is


def dequantized(rows: np.ndarray, normalisation: Normalisation) -> np.ndarray:
    """int8 [rows, bands] -> float32 [rows, bands]."""
    return rows * np.array(normalisation.scale, np.float32) + np.array(normalisation.offset, np.float32)


def quantized(rows: np.ndarray, normalisation: Normalisation) -> np.ndarray:
    """float32 [rows, bands] -> int8 [rows, bands], saturated."""
    steps = (rows - np.array(normalisation.offset, np.float32)) / np.array(normalisation.scale, np.float32)
    return np.clip(np.rint(steps), -128, 127).astype(np.int8)


def loudness(rows: np.ndarray) -> float:
    """Of the louder rows, in nepers."""
    return float(np.quantile(rows.mean(axis=1), LOUD))


def louder(rows: np.ndarray, gain_db: float, spec: FrontendSpec) -> np.ndarray:
    """By `gain_db`, not below the front end's floor."""
    return np.maximum(rows + np.float32(gain_db / NEPER_DB), np.float32(np.log(spec.log_floor)))


def mixed(rows: np.ndarray, other: np.ndarray, snr_db: float) -> np.ndarray:
    """Both at once, `other` softer than `rows` by `snr_db`: their powers add."""
    other = other + np.float32(loudness(rows) - loudness(other) - snr_db / NEPER_DB)
    return np.asarray(0.5 * np.logaddexp(2 * rows, 2 * other), np.float32)


def with_voice(rows: np.ndarray, stretch: float) -> np.ndarray:
    """A longer or shorter vocal tract: what stood at band b * stretch stands at band b."""
    return interpolated(rows.T, np.clip(np.arange(rows.shape[1]) * stretch, 0, rows.shape[1] - 1)).T


def at_pace(rows: np.ndarray, pace: float, count: int) -> np.ndarray:
    """`count` rows of speech that is `pace` times as fast. rows : at least `rows_needed` of them."""
    return interpolated(rows, np.arange(count) * pace)


def rows_needed(count: int, pace: float) -> int:
    """Rows that `at_pace` looks at."""
    return int(np.ceil((count - 1) * pace)) + 2


def interpolated(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows between rows: [n, m] at places float [k], 0..n-1 -> float32 [k, m]."""
    before = np.minimum(places.astype(np.int64), len(rows) - 2)
    share = (places - before).astype(np.float32)[:, None]
    return np.asarray(rows[before] * (1 - share) + rows[before + 1] * share, np.float32)
