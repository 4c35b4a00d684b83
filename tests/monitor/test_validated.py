"""Levels and rates beside validation sound: a home has any of its own, and only what is well in no home is found."""

from dataclasses import replace

import numpy as np
import pytest

from kws.monitor.field_data import Hours
from kws.monitor.judge import references_of
from kws.monitor.validated import (
    OWN_NOISE,
    level_db,
    levels_drift,
    limit_drift,
    loudness_drifts,
    rate_limit,
)
from tests.monitor.test_mixture import baseline

QUIET_STEP, SOFT, TALK, LOUD = 2, 6, 9, 12  # steps of 6 dB; the first is below -78 dB, the last above -6


def levels(**shares):
    """int [14], a thousand hops: in the named steps so many, and the rest in QUIET_STEP."""
    counts = np.zeros(14, np.int64)
    for name, count in shares.items():
        counts[{"soft": SOFT, "talk": TALK, "loud": LOUD}[name]] = count
    counts[QUIET_STEP] = 1_000 - counts.sum()
    return counts


def week(day):
    return np.array([day] * 7) * 100


BLOCKS = np.array([levels(talk=1_000), levels(soft=1_000), levels(), levels()])
KINDS = ("talk", "words", "noise", "quiet")


def test_the_level_that_a_share_exceeds_is_read_off_the_histogram():
    counts = np.zeros(14, np.int64)
    counts[6], counts[10] = 99, 1
    assert level_db(counts, 0.01) == -24.0, "one of a hundred is in the step from -24 to -18 dB"
    assert level_db(counts, 0.505) == pytest.approx(-45.0)


def test_any_noise_of_its_own_up_to_the_loudest_quiet_is_well():
    for step in range(OWN_NOISE):
        counts = np.zeros(14, np.int64)
        counts[step], counts[TALK] = 900, 100
        assert not levels_drift(week(counts), BLOCKS).alarm, step
    drowned = levels_drift(week(levels(loud=900, talk=50)), BLOCKS)
    assert drowned.alarm and drowned.distance > 2


def test_talk_that_comes_too_softly_is_found_and_an_empty_home_is_not():
    """The softest speech of the validation is words of -48 to -42 dB; here the loudest hundredth has less than -66."""
    loudness, _ = loudness_drifts(week(levels()), 0.2, BLOCKS, KINDS)
    assert loudness.alarm and (round(loudness.here), round(loudness.there)) == (-66, -48)
    assert not loudness_drifts(week(levels()), 0.04, BLOCKS, KINDS)[0].alarm
    assert not loudness_drifts(week(levels(soft=20)), 0.2, BLOCKS, KINDS)[0].alarm
    assert not loudness_drifts(week(levels())[:2], 0.2, BLOCKS, KINDS)[0].alarm, "two days are few"


def test_a_dead_microphone_is_found_after_some_days():
    assert loudness_drifts(week(levels())[:1], 0.0, BLOCKS, KINDS) == []
    for days in range(2, 8):
        _, alive = loudness_drifts(week(levels(soft=2))[:days], 0.0, BLOCKS, KINDS)
        _, dead = loudness_drifts(week(levels())[:days], 0.0, BLOCKS, KINDS)
        assert not alive.alarm and dead.alarm == (days >= 6)


def test_a_rate_that_words_and_validated_false_alarms_explain_is_well():
    """Six hours of talk with 12 false alarms: at most 20.96 of them, 3.49 an hour; and 30 words are said."""
    limit = rate_limit(np.array([12, 900, 0, 0]), np.array([6.0, 1.0, 6.0, 6.0]), KINDS)
    assert limit == pytest.approx(33.49, abs=0.01), "words count for nothing"
    hours = np.full(7, 24.0)
    assert not limit_drift("activations", np.full(7, 24 * 33), hours, limit).alarm
    assert limit_drift("activations", np.full(7, 24 * 45), hours, limit).alarm
    assert not limit_drift("activations", np.zeros(7, np.int64), hours, limit).alarm


def test_a_device_is_held_against_validation_sound_and_its_own_week_unless_a_baseline_was_recorded():
    def references(days, known):
        n = 24 * days
        zeros = np.zeros(n, np.int64)
        hours = Hours(3_600_000 * np.arange(1, n + 1), np.full(n, 3_600.0), *[zeros] * 4, *[np.zeros((n, 14))] * 3)
        return [reference.source for reference in references_of(hours, known)]

    validation = "the nearest mixture of its validation sound"
    assert references(2, baseline("talk")) == [validation]
    assert references(14, baseline("talk")) == ["its own first week with this model", validation]
    assert references(14, baseline("words")) == ["its own first week with this model"]
    assert references(2, None) == []
    assert references(14, replace(baseline("talk"), continuous=True)) == ["validation sound"]
