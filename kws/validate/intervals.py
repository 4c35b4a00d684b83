"""Intervals of shares and rates, and how much audio it takes to prove a requirement."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from kws.arguments import check_lengths, check_number
from kws.validate.metrics import CONFIDENCE, poisson_interval, poisson_mean, wilson_interval

RESAMPLES = 2_000
BOOTSTRAP_SEED = 20_261_128  # the interval is a function of its data


def miss_interval(missed: Sequence[bool], speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the share of misses: (low, high), 0..1.

    missed   : per utterance; speakers : who spoke it, "" if nobody knows
    Wilson's interval takes utterances as independent. If speakers repeat, they are not: speakers are then drawn with
    replacement (the bootstrap), and of both intervals the wider end counts on each side.
    """
    wilson = wilson_interval(sum(missed), len(missed))
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for i, (miss, speaker) in enumerate(zip(missed, speakers, strict=True)):
        group = groups[speaker or f"\0{i}"]
        group[0] += miss
        group[1] += 1
    if len(groups) in (0, 1, len(missed)):
        return wilson
    low, high = group_bootstrap(np.array([group[0] for group in groups.values()]),
                                np.array([group[1] for group in groups.values()]))
    return min(low, wilson[0]), max(high, wilson[1])


def group_bootstrap(parts: np.ndarray, wholes: np.ndarray, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of sum(parts) / sum(wholes) if whole groups are drawn with replacement. parts, wholes : [groups]."""
    check_lengths(parts=parts, wholes=wholes)
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    groups = len(parts)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES)  # [resamples, groups]
    shares = (weights @ parts) / (weights @ wholes)
    low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def rate_interval(count: int, hours: float) -> tuple[float, float]:
    """95 % interval of a rate per hour, exact for a Poisson count; without any hours nothing is known: (0, inf)."""
    if hours <= 0:
        return 0.0, float("inf")
    low, high = poisson_interval(count)
    return low / hours, high / hours


def rate_bound(count: int, hours: float, *, confidence: float = CONFIDENCE) -> float:
    """The rate per hour that can be claimed with this confidence: 3.0 / hours for a count of 0."""
    return poisson_mean(count, 1 - confidence) / hours if hours > 0 else float("inf")


def hours_to_prove(per_hour: float, *, false_alarms: int = 0, confidence: float = CONFIDENCE) -> float:
    """Hours of audio with so many false alarms that prove, with this confidence, at most `per_hour`."""
    check_number("false_alarms", false_alarms, low=0)
    return poisson_mean(false_alarms, 1 - confidence) / per_hour if per_hour > 0 else float("inf")
