"""Shares and intervals that a person can count or look up."""

import numpy as np
import pytest

from kws.records import to_json
from kws.validate import metrics
from kws.validate.metrics import Confusion, poisson_interval, wilson_interval

LABELS = ("_silence_", "_unknown_", "yes")


@pytest.mark.parametrize(("successes", "n", "low", "high"), [
    (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1.0),
    (90, 100, 0.8256, 0.9448),
])  # Newcombe 1998 and the closed form: at 0 of n the upper end is z² / (n + z²)
def test_wilson_interval(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=1e-4)


def test_wilson_interval_of_nothing_is_everything():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_wilson_interval_narrows_with_confidence_and_refuses_nonsense():
    wide, narrow = wilson_interval(5, 10), wilson_interval(5, 10, confidence=0.5)
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]
    with pytest.raises(ValueError, match="successes = 3 of n = 2"):
        wilson_interval(3, 2)


@pytest.mark.parametrize(("count", "low", "high"), [
    (0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (100, 81.3640, 121.6268),
])  # Garwood's table: half the 0.025 and 0.975 quantiles of chi square with 2 n and 2 n + 2 degrees of freedom
def test_poisson_interval(count, low, high):
    assert poisson_interval(count) == pytest.approx((low, high), abs=1e-4)


def test_poisson_interval_narrows_with_confidence_and_refuses_nonsense():
    wide, narrow = poisson_interval(5), poisson_interval(5, confidence=0.5)
    assert wide[0] < narrow[0] < 5 < narrow[1] < wide[1]
    with pytest.raises(ValueError, match="count = -1"):
        poisson_interval(-1)


def six_clips():
    # two of silence: both right; two unknown: one taken for yes; two yes: one taken for unknown
    return Confusion.count(LABELS, truth=np.array([0, 0, 1, 1, 2, 2]), decided=np.array([0, 0, 1, 2, 2, 1]))


def test_six_clips():
    table = six_clips()
    assert table.counts.tolist() == [[2, 0, 0], [0, 1, 1], [0, 1, 1]]
    assert (table.n, table.correct, table.accuracy) == (6, 4, 4 / 6)
    assert (table.recall("yes"), table.precision("yes")) == (0.5, 0.5)
    assert (table.recall("_silence_"), table.precision("_silence_")) == (1.0, 1.0)


def test_rows_are_the_truth():
    table = Confusion.count(LABELS, truth=np.array([2, 2, 2]), decided=np.array([2, 1, 1]))
    assert table.counts[2].tolist() == [0, 2, 1]
    assert table.recall("yes") == 1 / 3 and table.precision("yes") == 1.0
    assert table.recall("_unknown_") is None and table.precision("_unknown_") == 0.0
    assert table.precision("_silence_") is None


def test_json():
    shape = to_json(six_clips().figures())
    assert set(shape) == {"n", "accuracy", "interval", "per_label", "confusion"}
    assert shape["confusion"]["yes"] == {"_silence_": 0, "_unknown_": 1, "yes": 1}
    assert shape["per_label"]["yes"] == {"n": 2, "recall": 0.5, "precision": 0.5,
                                         "interval": list(wilson_interval(1, 2))}
    nothing = to_json(Confusion.count(LABELS, truth=np.array([], int), decided=np.array([], int)).figures())
    assert nothing["n"] == 0 and nothing["accuracy"] is None and nothing["interval"] == [0.0, 1.0]


def test_large_poisson_counts_are_worked_out_at_once_and_agree_with_the_exact_way(monkeypatch):
    quick = metrics.poisson_interval(2_500)
    monkeypatch.setattr(metrics, "LARGE_COUNT", 10_000)
    assert quick == pytest.approx(metrics.poisson_interval(2_500), rel=1e-5)
    assert metrics.poisson_interval(10_000_000)[1] == pytest.approx(10_006_199, abs=20)
