"""Thresholds from what is not a keyword: the lowest that stays as quiet as the requirement asks."""

import numpy as np
import pytest

from kws.calibrate.negatives import LEVELS, RULE, SMOOTHING_MS, choose_on_negatives
from kws.spec import DetectorSpec, Requirements, Spec

SPEC = Spec(keywords=("one", "two"), detector=DetectorSpec(refractory_ms=500))
CLIPS = np.full((60, 16_000), 50, np.int16)  # with their gaps two minutes and more: 0.04 hours


class Scored:
    """A detector whose scores are known: bursts of half a second, one in each clip, of (label, score)."""

    decide_every = 1

    def __init__(self, *bursts):
        self.bursts = bursts

    def reset(self):
        pass

    def scores(self, samples):
        rows = np.full((len(samples) // 320, 4), -128, np.int8)
        for place, (label, score) in enumerate(self.bursts):
            rows[100 * (place + 1):100 * (place + 1) + 25, label] = score - 128
        return rows, 320 * (np.arange(len(rows)) + 1)


def chosen(detector, spec=SPEC, clips=CLIPS):
    return choose_on_negatives(spec, detector, clips=clips, noise=[], rng=np.random.default_rng(0))


def test_each_keyword_stands_just_above_what_its_negatives_reached():
    point = chosen(Scored((2, 160), (2, 120), (3, 200)))
    steps = [round(point.thresholds[word] * 256) for word in ("one", "two")]
    assert steps == [min(level for level in LEVELS if level > top) for top in (160, 200)]
    assert point.counts["one"].false_alarms == point.counts["two"].false_alarms == 0
    assert point.smoothing_ms == SMOOTHING_MS and point.to_json()["rule"] == RULE
    assert point.to_json()["clips"] == 0 and point.hours > 0.03


def test_a_requirement_that_allows_alarms_lets_the_loudest_pass():
    spec = Spec(keywords=("one", "two"), requirements=Requirements(false_alarms_per_hour=40.0))
    assert int(40 * chosen(Scored(), spec).hours) == 1
    point = chosen(Scored((2, 230), (2, 150)), spec)
    assert 150 < 256 * point.thresholds["one"] <= 153 and point.counts["one"].false_alarms == 1


def test_silence_allows_the_lowest_and_a_certain_network_gets_the_highest():
    assert chosen(Scored()).thresholds == pytest.approx(dict.fromkeys(SPEC.keywords, LEVELS[0] / 256))
    assert chosen(Scored((2, 255))).thresholds["one"] == LEVELS[-1] / 256


def test_what_the_settings_fix_is_kept():
    spec = Spec(keywords=("one", "two"), detector=DetectorSpec(threshold=0.5, smoothing_ms=60))
    point = chosen(Scored((2, 255)), spec)
    assert point.thresholds == {"one": 0.5, "two": 0.5} and point.smoothing_ms == 60
    assert point.counts["one"].false_alarms == 1
