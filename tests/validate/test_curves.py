"""Curves: thresholds that move together, on scores whose counts a person can say."""

import numpy as np
import pytest

from kws.data.truth import Event
from kws.engine.decoder import NEVER, DecoderTables
from kws.validate.curves import at_rate, curve, moved, shifted_tables
from kws.validate.figures import KeywordErrors
from kws.validate.negatives import NegativeSource, Piece
from kws.validate.streams import LabelledTrack
from kws.validate.track import ScoreTrack

LABELS = ("_silence_", "_unknown_", "yes")
TABLES = DecoderTables(labels=3, smoothing_hops=1, refractory_hops=5, thresholds=(NEVER, NEVER, 128),
                       releases=(NEVER, NEVER, 100))


def track(seconds, bursts):
    scores = np.full((round(seconds * 50), 3), -128, np.int8)
    for second, score in bursts:
        scores[round(second * 50):round(second * 50) + 5, 2] = score - 128
    return ScoreTrack(LABELS, scores, 320 * np.arange(1, len(scores) + 1), 320 * len(scores))


@pytest.fixture
def points():
    """Words at 100, 150, 200, 250; false alarms at 90, 140, 190 in a tenth of an hour."""
    stream = LabelledTrack(track(20, [(3 * i + 1, score) for i, score in enumerate((100, 150, 200, 250))]),
                           tuple(Event(3 * i + 0.9, 3 * i + 1.2, "yes") for i in range(4)))
    heard = track(360, [(3 * i + 1, score) for i, score in enumerate((90, 140, 190))])
    return curve(stream, [NegativeSource("talk", heard, (Piece("talk.wav", 0, 360),), 0)], TABLES)


def test_every_point_is_what_the_decoder_counts(points):
    own = next(point for point in points if point.shift == 0)
    assert (own.tally.misses, own.false_alarms, own.per_hour) == (1, 2, pytest.approx(20))
    assert own.per_keyword == {"yes": (1, 2)} and own.miss_rate == 0.25
    assert (points[0].tally.misses, points[0].false_alarms) == (0, 3)
    assert [point.tally.misses for point in points] == sorted(point.tally.misses for point in points)
    assert [point.false_alarms for point in points] == sorted((p.false_alarms for p in points), reverse=True)
    low, high = own.interval
    assert low < 20 < high and own.figures().per_keyword["yes"] == KeywordErrors(misses=1, false_alarms=2)


def test_the_misses_at_a_rate_are_those_of_the_most_lenient_point(points):
    assert at_rate(points, 10).tally.misses == 1 and at_rate(points, 0).tally.misses == 2
    assert at_rate(points, 1_000) is points[0] and at_rate([], 1) is None


def test_thresholds_stay_in_their_range():
    assert (moved(NEVER, 3), moved(128, 0), moved(255, 5), moved(1, -5)) == (NEVER, 128, 255, 1)
    assert moved(128, 1.0) == 187 and moved(128, -1.0) == 69  # 256 / (1 + exp(-+1))
    strict = shifted_tables(TABLES, 1.0)
    assert strict.thresholds == (NEVER, NEVER, 187) and strict.releases == (NEVER, NEVER, 159)
    assert shifted_tables(TABLES, -8.0).releases[2] == 1
