"""Does the field sound, and does the detector behave, as where it was validated?

Hops and decisions that follow each other resemble each other, and so do the hours of a day: ten thousand of them say no
more than a few independent ones. How many those are, is estimated from how much the days (or hours, or blocks) differ
among themselves, and with few of them from the unfavourable end of that estimate. An alarm needs both: a difference
that chance does not explain, at a level that allows for all the looks that a week brings, and a difference that
matters. docs/monitoring.md states how often a quiet week raises one, as kws/bench/monitor_alarm.py measures it.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

WEEK_ALPHA = 0.01  # false alarms of a device in a week, at most
LOOKS, TESTS = 7, 5  # a look a day; levels, scores, features, activations, near misses
ALPHA = WEEK_ALPHA / (LOOKS * TESTS)
VALIDATED_TESTS = 7  # beside validation sound: those, loudness and range
VALIDATED_ALPHA = WEEK_ALPHA / 10 / (LOOKS * VALIDATED_TESTS)  # a tenth more, for both comparisons are made
PSI_MATTERS = 0.1  # the usual border between no shift and a moderate one
RATIO_MATTERS = 1.5  # of rates
UNFAVOURABLE = 0.1  # share of the estimates of a spread that are smaller than what is reckoned with


@dataclass(frozen=True)
class Sample:
    """shares : float [bins], of everything counted; size : of how many independent draws that is worth."""

    shares: np.ndarray
    size: float


@dataclass(frozen=True)
class Drift:
    """One quantity of a device beside its reference.

    name : "levels", "scores", "features", "activations", "near misses"; "loudness", "range" beside validation sound
    distance : population stability index of a histogram, ratio of a rate; ks : largest difference of the cumulated
    shares, 0 for a rate; p : of a difference as large by chance; alarm : whether it matters and is not chance
    here, there : what it is in the field and in the reference: mean bin of a histogram, per hour of a rate, or dB
    limit : whether `there` is a limit that only one side is wrong of
    """

    name: str
    distance: float
    ks: float
    p: float
    alarm: bool
    here: float
    there: float
    limit: bool = False


def independent(counts: np.ndarray) -> Sample:
    """counts : int [clusters, bins], clusters that are independent of each other, such as days."""
    total = int(counts.sum())
    sizes = counts.sum(axis=1)
    counts, sizes = counts[sizes > 0], sizes[sizes > 0]
    if total == 0:
        return Sample(np.full(counts.shape[1], 1 / counts.shape[1]), 0.0)
    below = np.cumsum(counts, axis=1)[:, :-1]
    share = below.sum(axis=0) / total
    binomial = share * (1 - share)
    clusters = len(sizes)
    if clusters < 2 or binomial.sum() == 0:
        return Sample(counts.sum(axis=0) / total, 1.0 if clusters < 2 else float(clusters))
    spread = clusters / (clusters - 1) * ((below - sizes[:, None] * share) ** 2).sum(axis=0) / total**2
    spread = spread * unfavourable(clusters - 1)
    return Sample(counts.sum(axis=0) / total, float(min(binomial.sum() / max(spread.sum(), 1e-300), total)))


def unfavourable(freedom: int) -> float:
    """By how much a variance may be larger than its estimate with `freedom` degrees of freedom.

    freedom / (the UNFAVOURABLE quantile of chi squared), by Wilson and Hilferty.
    """
    z = NormalDist().inv_cdf(UNFAVOURABLE)
    ninth = 2 / (9 * freedom)
    root: float = max(1 - ninth + z * math.sqrt(ninth), 0.05)
    return float(1 / root**3)


def stability(here: Sample, there: Sample) -> float:
    """Population stability index, less what two samples of this size have by chance."""
    bins = len(here.shares)
    p, q = ((sample.shares * sample.size + 0.5) / (sample.size + 0.5 * bins) for sample in (here, there))
    chance = (bins - 1) * (1 / max(here.size, 1) + 1 / max(there.size, 1))
    return max(float(((p - q) * np.log(p / q)).sum()) - chance, 0.0)


def kolmogorov(distance: float, size: float) -> float:
    """Probability that the largest difference of two cumulated distributions is this by chance.

    size : n m / (n + m) of both samples. For binned values it is larger than that: on the safe side.
    """
    root = math.sqrt(size)
    scaled = distance * (root + 0.12 + 0.11 / max(root, 1e-9))
    if scaled < 0.2:
        return 1.0
    total = sum((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(max(2 * total, 0.0), 1.0)


def histogram_drift(name: str, *, here: np.ndarray, there: np.ndarray, alpha: float = ALPHA) -> Drift:
    """here, there : int [clusters, bins] of the field and of the reference."""
    return samples_drift(name, here=independent(here), there=independent(there), alpha=alpha)


def samples_drift(name: str, *, here: Sample, there: Sample, alpha: float = ALPHA,
                  matters: float = PSI_MATTERS) -> Drift:
    """matters : the smallest population stability index that does"""
    field, reference = here, there
    ks = float(np.abs(np.cumsum(field.shares) - np.cumsum(reference.shares)).max())
    size = field.size * reference.size / max(field.size + reference.size, 1e-9)
    p, psi = kolmogorov(ks, size), stability(field, reference)
    places = np.arange(len(field.shares))
    return Drift(name, psi, ks, p, bool(p < alpha and psi > matters), float(field.shares @ places),
                 float(reference.shares @ places))


def rate_drift(name: str, *, here: np.ndarray, here_hours: np.ndarray, there: np.ndarray, there_hours: np.ndarray,
               alpha: float = ALPHA, matters: float = RATIO_MATTERS) -> Drift:
    """Counts and hours of clusters, [clusters] each, of the field and of the reference.

    matters : the smallest ratio that does
    """
    field, reference = (counts.sum() / max(hours.sum(), 1e-9)
                        for counts, hours in ((here, here_hours), (there, there_hours)))
    spread = math.sqrt(log_variance(here, here_hours) + log_variance(there, there_hours))
    ratio = (here.sum() + 0.5) / max(here_hours.sum(), 1e-9) * max(there_hours.sum(), 1e-9) / (there.sum() + 0.5)
    p = 2 * (1 - NormalDist().cdf(abs(math.log(ratio)) / spread))
    alarm = bool(p < alpha and max(ratio, 1 / ratio) > matters)
    return Drift(name, float(ratio), 0.0, float(p), alarm, float(field), float(reference))


def log_variance(counts: np.ndarray, hours: np.ndarray) -> float:
    """Of the logarithm of a rate: that of a Poisson count, times how much more the clusters differ than such counts."""
    total, clusters = float(counts.sum()), len(counts)
    if clusters < 2 or hours.sum() == 0:
        return 1.0 / (total + 0.5) + 1.0
    expected = (total + 0.5) * hours / hours.sum()
    dispersion = float(((counts - expected) ** 2 / np.maximum(expected, 1e-9)).sum()) / (clusters - 1)
    return max(dispersion, 1.0) * unfavourable(clusters - 1) / (total + 0.5)
