"""Intervals and the audio it takes to prove something: against closed forms and by simulation."""

import math

import numpy as np
import pytest

from kws.validate.intervals import hours_to_prove, miss_interval, rate_bound, rate_interval
from kws.validate.metrics import wilson_interval


def test_without_false_alarms_three_over_the_hours_can_be_claimed():
    assert rate_bound(0, 5.5) == pytest.approx(-math.log(0.05) / 5.5)
    assert hours_to_prove(0.1) == pytest.approx(29.96, abs=0.01)
    assert hours_to_prove(1.0, false_alarms=2) == pytest.approx(6.296, abs=0.001)
    assert rate_bound(2, hours_to_prove(1.0, false_alarms=2)) == pytest.approx(1.0)


def test_without_hours_and_without_events_nothing_is_known():
    assert rate_interval(0, 0.0) == (0.0, math.inf)
    assert rate_bound(3, 0.0) == hours_to_prove(0.0) == math.inf
    assert miss_interval([], []) == (0.0, 1.0)


def test_speakers_who_speak_once_are_independent():
    missed = [True] * 3 + [False] * 17
    assert miss_interval(missed, [f"s{i}" for i in range(20)]) == wilson_interval(3, 20)
    assert miss_interval(missed, [""] * 20) == wilson_interval(3, 20)


def test_speakers_who_repeat_widen_the_interval():
    """Ten speakers with ten words each, one of whom is never understood: as good as ten utterances, not a hundred."""
    missed = [True] * 10 + [False] * 90
    speakers = [f"s{i // 10}" for i in range(100)]
    low, high = miss_interval(missed, speakers)
    assert low == 0.0 and high >= 0.3
    assert wilson_interval(10, 100)[1] < 0.18


def test_the_bootstrap_over_speakers_holds_the_truth_as_often_as_it_says():
    rng, inside = np.random.default_rng(7), 0
    for _ in range(200):
        chance = rng.beta(2, 8, size=40)  # mean 0.2, and speakers differ
        missed = (rng.random((40, 5)) < chance[:, None]).ravel().tolist()
        low, high = miss_interval(missed, [f"s{i // 5}" for i in range(200)])
        inside += low <= 0.2 <= high
    assert inside >= 184  # 95 % of 200 are 190
