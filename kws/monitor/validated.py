"""Levels and rates of a device beside the validation sound of its run.

Nobody knows a microphone's gain, how far people sit from it, or how often they say a word. So a device may have any
noise of its own up to the loudest quiet of the validation, any mixture of the levels above it, and any rate that its
words and the false alarms of the validation explain. What is judged is what is well in no home.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from kws.listen.field_report import LEVELS
from kws.monitor.drift import (
    VALIDATED_ALPHA,
    Drift,
    Sample,
    independent,
    log_variance,
    samples_drift,
    unfavourable,
)
from kws.monitor.mixture import mixed, nearest_mixture
from kws.monitor.validation_sound import NOISE, QUIET, QUIET_DB, RECORDINGS, TALK, WORDS
from kws.validate.metrics import poisson_interval

SPEECH = (WORDS, TALK, RECORDINGS)
STEP_DB = 6.0  # of the histogram of levels
OWN_NOISE = LEVELS + round(QUIET_DB[1] / STEP_DB)  # steps below the loudest quiet: any noise of its own is well
LEVELS_MATTER = 0.5  # population stability index; homes reach 0.35 (kws/bench/check_monitor_validation.py)
LOUD, LOUDEST, MIDDLE = 0.01, 0.001, 0.5  # shares of the sound that are louder
SOFTER_DB = 6.0  # than the softest speech of the validation
RANGE_DB = 6.0  # from the middle to LOUDEST; even an empty home has 20
LEAST_SD_DB = 1.0  # of the days
TALK_SHARE = 0.05  # of the nearest mixture, without which nobody may have spoken: empty homes reach 0.049
SAID_PER_HOUR = 30.0  # keywords that people say, day and night; who says more records a baseline


def level_db(counts: np.ndarray, share: float) -> float:
    """The level that this share of the hops exceeds, in dB of full scale. counts : int [LEVELS]"""
    above = np.cumsum(counts[::-1]) / max(counts.sum(), 1)
    place = min(int(np.searchsorted(above, share)), LEVELS - 1)
    before = float(above[place - 1]) if place else 0.0
    return -STEP_DB * (place + (share - before) / max(float(above[place]) - before, 1e-12))


def levels_drift(here: np.ndarray, blocks: np.ndarray) -> Drift:
    """The distance from the nearest mixture of the levels alone. here : int [clusters, LEVELS]; blocks : of each block

    The size of the mixture is without end: it is the nearest there is, and not a draw.
    """
    known = np.concatenate([blocks, np.eye(LEVELS, dtype=np.int64)[:OWN_NOISE]])
    weights = nearest_mixture({"levels": here.sum(axis=0)}, {"levels": known})
    return samples_drift("levels", here=independent(here), there=Sample(mixed(known, weights), 1e9),
                         alpha=VALIDATED_ALPHA, matters=LEVELS_MATTER)


def loudness_drifts(days: np.ndarray, talk_share: float, blocks: np.ndarray, kinds: Sequence[str]) -> list[Drift]:
    """Whether words come too softly, and whether anything rises out of the microphone's own noise; of one day, nothing.

    days : int [days, LEVELS], of whole days; talk_share : of the nearest mixture; kinds : of the blocks
    """
    if len(days) < 2:
        return []
    speech = [level_db(counts, LOUD) for counts, kind in zip(blocks, kinds, strict=True) if kind in SPEECH]
    loud = np.array([level_db(counts, LOUD) for counts in days])
    heights = np.array([level_db(counts, LOUDEST) - level_db(counts, MIDDLE) for counts in days])
    return [below("loudness", loud, min(speech) - SOFTER_DB, judged=talk_share >= TALK_SHARE),
            below("range", heights, RANGE_DB, judged=True)]


def below(name: str, days: np.ndarray, limit: float, *, judged: bool) -> Drift:
    """Whether the mean of the days is below a limit beyond chance. days : float [2 or more], in dB"""
    spread = max(float(days.std(ddof=1)), LEAST_SD_DB) * math.sqrt(unfavourable(len(days) - 1) / len(days))
    mean = float(days.mean())
    p = NormalDist().cdf((mean - limit) / spread)
    return Drift(name, max(limit - mean, 0.0), 0.0, p, judged and p < VALIDATED_ALPHA, mean, limit, True)


def rate_limit(counts: np.ndarray, hours: np.ndarray, kinds: Sequence[str]) -> float:
    """How many an hour are well: the upper bound of the kind without keywords that has most, and SAID_PER_HOUR.

    counts, hours : of each block; kinds : of the blocks
    """
    bounds = [0.0]
    for kind in (TALK, NOISE, QUIET):
        these = [i for i, one in enumerate(kinds) if one == kind]
        if these:
            bounds.append(poisson_interval(int(counts[these].sum()))[1] / float(hours[these].sum()))
    return max(bounds) + SAID_PER_HOUR


def limit_drift(name: str, here: np.ndarray, hours: np.ndarray, limit: float) -> Drift:
    """Whether a rate is above a limit beyond chance. here, hours : of each cluster"""
    rate, total = float(here.sum()), max(float(hours.sum()), 1e-9)
    ratio = (rate + 0.5) / total / limit
    p = 1 - NormalDist().cdf(math.log(ratio) / math.sqrt(log_variance(here, hours)))
    return Drift(name, ratio, 0.0, p, p < VALIDATED_ALPHA and ratio > 1, rate / total, limit, True)
