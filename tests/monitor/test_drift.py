"""What counts as drift: what chance explains is none, what does not matter is none, the rest is."""

import numpy as np
import pytest

from kws.monitor.drift import Sample, histogram_drift, independent, kolmogorov, rate_drift, stability

RNG_SEED = 3


def days(shares, *, count=7, size=1_000, spread=0.0, rng):
    """int [count, bins]: every day with its own shares."""
    rows = []
    for _ in range(count):
        day = np.array(shares) * np.exp(rng.normal(0, spread, len(shares)))
        rows.append(rng.multinomial(size, day / day.sum()))
    return np.array(rows)


def test_days_that_differ_count_for_less():
    rng = np.random.default_rng(RNG_SEED)
    alike = independent(days([0.5, 0.3, 0.2], rng=rng)).size
    unlike = independent(days([0.5, 0.3, 0.2], spread=0.5, rng=rng)).size
    assert 500 < alike <= 7_000 and unlike < 0.1 * alike


def test_the_same_ten_thousand_hops_every_day_are_never_worth_more_than_they_are():
    same = np.tile([600, 300, 100], (7, 1))
    assert independent(same).size == 7_000
    assert independent(np.zeros((7, 3), int)).size == 0
    assert independent(np.array([[5, 5, 5]])).size == 1


def test_the_kolmogorov_distribution_by_its_table():
    """1.36 at 5 % and 1.63 at 1 %, for large samples."""
    for scaled, p in ((1.358, 0.05), (1.628, 0.01)):
        assert kolmogorov(scaled / 1_000, 1_000_000) == pytest.approx(p, rel=0.02)
    assert kolmogorov(0.0, 100) == 1.0


def test_the_stability_index_by_hand():
    """(0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5) = 0.416"""
    here, there = (Sample(np.array(shares), 1e9) for shares in ([0.8, 0.2], [0.5, 0.5]))
    assert stability(here, there) == pytest.approx(0.4159, 1e-3)


def test_a_level_that_moves_is_an_alarm_and_chance_is_none():
    rng = np.random.default_rng(RNG_SEED)
    before = days([0.1, 0.4, 0.4, 0.1], spread=0.2, rng=rng)
    assert not histogram_drift("levels", here=days([0.1, 0.4, 0.4, 0.1], spread=0.2, rng=rng), there=before).alarm
    assert histogram_drift("levels", here=days([0.5, 0.4, 0.08, 0.02], spread=0.2, rng=rng), there=before).alarm


def test_what_is_certain_but_does_not_matter_is_no_alarm():
    rng = np.random.default_rng(RNG_SEED)
    there, here = (days([share, 1 - share], size=10_000_000, rng=rng) for share in (0.50, 0.52))
    drift = histogram_drift("levels", here=here, there=there)
    assert drift.p < 1e-9 and not drift.alarm


def test_four_times_the_detections_are_an_alarm_and_four_instead_of_one_are_none():
    hours = np.full(7, 24.0)
    many, few = np.array([40, 38, 45, 41, 44, 39, 43]), np.array([10, 12, 9, 11, 10, 8, 12])
    assert rate_drift("activations", here=many, here_hours=hours, there=few, there_hours=hours).alarm
    assert not rate_drift("activations", here=np.array([4, 0, 0, 0, 0, 0, 0]), here_hours=hours,
                          there=np.array([1, 0, 0, 0, 0, 0, 0]), there_hours=hours).alarm


def test_detections_in_bursts_count_for_less():
    hours, there = np.full(7, 24.0), np.full(7, 20)
    bursts, steady = np.array([280, 0, 0, 0, 0, 0, 0]), np.full(7, 40)
    p = {name: rate_drift("activations", here=here, here_hours=hours, there=there, there_hours=hours).p
         for name, here in (("bursts", bursts), ("steady", steady))}
    assert p["bursts"] > 0.05 and p["steady"] < 1e-3
