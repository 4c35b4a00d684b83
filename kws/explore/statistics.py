"""Sums over the features of many clips, from which means, variances, F ratios, histograms and correlations follow.

Blocks of clips are summed apart, by other processes or machines, and added up: memory does not grow with the clips.

Feature numbers are logarithms: raw features of the C front end, in natural logarithms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from kws.audio.files import fit, read_samples
from kws.data.pool import map_blocks
from kws.errors import DataError
from kws.features.frontend import RAW_SCALE, Frontend, measure_normalisation
from kws.features.tables import Normalisation, build_tables
from kws.spec import FrontendSpec

PER_BLOCK = 256
LOWEST, HIGHEST, BINS = -2.0, 18.0, 160  # of the histogram of raw features
SAMPLE = 2_000  # clips that the normalisation is measured on


@dataclass(frozen=True)
class Task:
    """One block of clips: their paths and the place of each one's word."""

    paths: tuple[Path, ...]
    words: np.ndarray
    word_count: int
    spec: FrontendSpec
    normalisation: Normalisation


@dataclass(frozen=True, eq=False)
class FeatureSums:
    """What a block adds up to; F features, T frames, W words.

    count      : clips of each word [W]
    total, square : sums over the clips of each word [W, T, F]
    powers     : sums of the first four powers over clips and frames [4, F]
    products   : sums of products of two features [F, F]
    raw        : histogram from LOWEST to HIGHEST [F, BINS]
    grid       : histogram over the int8 grid [F, 256]
    saturated  : share of each clip's numbers at an end of the grid, in the order of the clips [n]
    """

    count: np.ndarray
    total: np.ndarray
    square: np.ndarray
    powers: np.ndarray
    products: np.ndarray
    raw: np.ndarray
    grid: np.ndarray
    saturated: np.ndarray

    def __add__(self, other: "FeatureSums") -> "FeatureSums":
        return FeatureSums(self.count + other.count, self.total + other.total, self.square + other.square,
                           self.powers + other.powers, self.products + other.products, self.raw + other.raw,
                           self.grid + other.grid, np.concatenate((self.saturated, other.saturated)))

    @property
    def numbers(self) -> int:
        """Of each feature: clips times frames."""
        return int(self.count.sum()) * self.total.shape[1]

    @property
    def means(self) -> np.ndarray:
        """Mean of each word [W, T, F]; zero for a word without clips."""
        return np.asarray(self.total / np.maximum(self.count, 1)[:, None, None])


def sum_features(paths: Sequence[Path], words: np.ndarray, *, word_count: int, spec: FrontendSpec,
                 normalisation: Normalisation, scheduler: str | None) -> FeatureSums:
    """Add up the features of all clips. words : int [paths], the place of each clip's word."""
    if not len(paths):
        raise DataError("no clips to explore; get some with: kws data import PATH")
    tasks = [Task(tuple(paths[at : at + PER_BLOCK]), words[at : at + PER_BLOCK], word_count, spec, normalisation)
             for at in range(0, len(paths), PER_BLOCK)]
    done = map_blocks(sum_block, tasks, scheduler=scheduler, title="summing features",
                      sizes=[len(task.paths) for task in tasks])
    return reduce(FeatureSums.__add__, done)


def sum_block(task: Task) -> FeatureSums:
    """The sums of one block."""
    clips = np.stack([fit(read_samples(path), task.spec.clip_samples) for path in task.paths])
    frontend = Frontend(build_tables(task.spec, task.normalisation))
    grid = frontend.extract(clips, threads=1)
    logs = frontend.raw(clips, threads=1) * RAW_SCALE
    flat, features = logs.reshape(-1, logs.shape[2]), logs.shape[2]
    total = np.zeros((task.word_count, *logs.shape[1:]))
    square = np.zeros_like(total)
    np.add.at(total, task.words, logs)
    np.add.at(square, task.words, logs**2)
    return FeatureSums(
        count=np.bincount(task.words, minlength=task.word_count), total=total, square=square,
        powers=np.stack([(flat**power).sum(axis=0) for power in (1, 2, 3, 4)]), products=flat.T @ flat,
        raw=histogram(np.clip((flat - LOWEST) / (HIGHEST - LOWEST) * BINS, 0, BINS - 1).astype(np.int64), BINS),
        grid=histogram(grid.reshape(-1, features).astype(np.int64) + 128, 256),
        saturated=((grid == -128) | (grid == 127)).mean(axis=(1, 2)))


def histogram(places: np.ndarray, bins: int) -> np.ndarray:
    """int [n, F] -> int [F, bins]: how often each value comes, for each feature."""
    features = places.shape[1]
    return np.bincount((places + bins * np.arange(features)).ravel(), minlength=bins * features).reshape(features, bins)


def normalisation_of(spec: FrontendSpec, paths: Sequence[Path], rng: np.random.Generator) -> Normalisation:
    """What training would measure, on at most SAMPLE clips."""
    some = rng.choice(len(paths), min(len(paths), SAMPLE), replace=False)
    return measure_normalisation(spec, np.stack([fit(read_samples(paths[i]), spec.clip_samples) for i in some]))


def f_ratio(count: np.ndarray, total: np.ndarray, square: np.ndarray) -> np.ndarray:
    """ANOVA's F of each number [...], from sums [W, ...] over `count` [W] clips: variance between words over within.

    Zero if there are not two words with clips, or nothing varies within.
    """
    used = count > 0
    count, total, square = count[used], total[used], square[used]
    if len(count) < 2:
        return np.zeros(total.shape[1:])
    shape = (-1, *([1] * (total.ndim - 1)))
    number = count.reshape(shape).astype(np.float64)
    mean = total / number
    overall = total.sum(axis=0) / number.sum()
    between = (number * (mean - overall) ** 2).sum(axis=0) / (len(count) - 1)
    within = np.maximum((square - number * mean**2).sum(axis=0), 0) / max(float(number.sum()) - len(count), 1)
    return np.asarray(np.divide(between, within, out=np.zeros_like(between), where=within > 1e-12))


def pair_information(sums: FeatureSums, first: int, second: int) -> np.ndarray:
    """F between two words alone [T, F]."""
    both = [first, second]
    return f_ratio(sums.count[both], sums.total[both], sums.square[both])


@dataclass(frozen=True, eq=False)
class Shape:
    """How a feature is distributed over all clips and frames [F] each.

    skew, kurtosis : 0 for a normal distribution; distance : greatest difference of the cumulated shares to those of the
    normal distribution with the same mean and deviation, 0..1 (Kolmogorov, Smirnov)
    """

    mean: np.ndarray
    deviation: np.ndarray
    skew: np.ndarray
    kurtosis: np.ndarray
    distance: np.ndarray


def shape_of(sums: FeatureSums) -> Shape:
    """The shape of raw features."""
    first, second, third, fourth = sums.powers / sums.numbers
    variance = np.maximum(second - first**2, 1e-12)
    deviation = np.sqrt(variance)
    skew = (third - 3 * first * second + 2 * first**3) / deviation**3
    kurtosis = (fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4) / variance**2 - 3
    edges = LOWEST + (HIGHEST - LOWEST) * np.arange(1, BINS + 1) / BINS
    shares = np.cumsum(sums.raw, axis=1) / sums.numbers
    normal = normal_share((edges[None] - first[:, None]) / deviation[:, None])
    return Shape(first, deviation, skew, kurtosis, np.abs(shares - normal).max(axis=1))


def normal_share(z: np.ndarray) -> np.ndarray:
    """The share of a normal distribution below z deviations, to 1e-7 (Abramowitz and Stegun, 26.2.17)."""
    t = 1 / (1 + 0.2316419 * np.abs(z))
    tail = np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi) * t * (
        0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    return np.where(z >= 0, 1 - tail, tail)


def covariance(sums: FeatureSums) -> np.ndarray:
    """Of the features over all clips and frames [F, F]."""
    mean = sums.powers[0] / sums.numbers
    return np.asarray(sums.products / sums.numbers - np.outer(mean, mean))


def correlation(matrix: np.ndarray) -> np.ndarray:
    """Of a covariance matrix; zero where nothing varies."""
    deviation = np.sqrt(np.maximum(np.diag(matrix), 0))
    scale = np.outer(deviation, deviation)
    return np.asarray(np.divide(matrix, scale, out=np.zeros_like(matrix), where=scale > 1e-12))


def cosine_transform(bands: int) -> np.ndarray:
    """The orthonormal DCT-II [bands, bands]: row k is cepstral coefficient k."""
    rows = np.cos(np.pi * np.outer(np.arange(bands), np.arange(bands) + 0.5) / bands) * np.sqrt(2 / bands)
    rows[0] /= np.sqrt(2)
    return rows


def after_transform(matrix: np.ndarray) -> np.ndarray:
    """The covariance of cepstral coefficients, from that of log mel bands."""
    transform = cosine_transform(len(matrix))
    return np.asarray(transform @ matrix @ transform.T)


def neighbours(matrix: np.ndarray) -> float:
    """Mean size of the correlation of each feature with the next."""
    return float(np.abs(np.diag(correlation(matrix), 1)).mean())


def others(matrix: np.ndarray) -> float:
    """Mean size of the correlation of two different features."""
    found = np.abs(correlation(matrix))
    return float(found[~np.eye(len(found), dtype=bool)].mean())
