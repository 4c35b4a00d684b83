"""The choice of an operating point on scores whose best thresholds a person can say."""

from dataclasses import replace

import numpy as np
import pytest

from kws.calibrate.material import cut_track, halves, stream_halves
from kws.calibrate.sound import DecoderSettings, Sound, TalkRule
from kws.calibrate.thresholds import (
    LEVELS,
    Grid,
    Sweep,
    Target,
    allocate,
    choose,
    expected_false_alarms,
    relaxed,
    tries,
)
from kws.data.truth import Event
from kws.validate.negatives import NegativeSource, Piece
from kws.validate.streams import LabelledTrack
from kws.validate.track import ScoreTrack

LABELS = ("_silence_", "_unknown_", "yes", "no")
GRID = Grid(smoothing_hops=(1,), refractory_hops=(10,))


def track(seconds, bursts):
    """bursts : (second, label, score 0..255), five hops of 20 ms long."""
    hops = round(seconds * 50)
    scores = np.full((hops, 4), -128, np.int8)
    for second, label, score in bursts:
        scores[round(second * 50):round(second * 50) + 5, LABELS.index(label)] = score - 128
    return ScoreTrack(LABELS, scores, 320 * np.arange(1, hops + 1), 320 * hops)


def spoken(*words):
    """Words (keyword, score), three seconds apart."""
    bursts = [(3 * i + 1, word, score) for i, (word, score) in enumerate(words)]
    truth = tuple(Event(3 * i + 0.8, 3 * i + 1.2, word) for i, (word, _) in enumerate(words))
    return LabelledTrack(track(3 * len(words) + 3, bursts), truth)


def talk(hours, *alarms):
    """Hours without keywords with false alarms (keyword, score), two seconds apart."""
    heard = track(hours * 3600, [(2 * i + 1, word, score) for i, (word, score) in enumerate(alarms)])
    return NegativeSource("talk", heard, (Piece("talk.wav", 0.0, heard.seconds),), 0)


def sound(stream, *negatives):
    return Sound(("yes", "no"), LABELS, (stream,), negatives)


def test_thresholds_lie_between_what_was_said_and_what_was_not():
    heard = sound(spoken(*[("yes", 240)] * 10, *[("no", 160)] * 10),
                  talk(0.2, *[("yes", 200)] * 20, *[("no", 60)] * 20))
    found = choose(heard, Target(false_alarms_per_hour=20), GRID)
    yes, no = found.settings.levels
    assert 200 < yes <= 240 and 60 < no <= 160
    assert (found.outcome.misses, found.outcome.total_false_alarms) == (0, 0)


def test_misses_are_taken_where_the_target_asks_for_it_and_the_cheapest_ones():
    """Soft words cannot be told from talk: two "yes" in ten are soft, and eight "no"; one of them may have its talk."""
    heard = sound(spoken(*[("yes", 250)] * 8, *[("yes", 120)] * 2, *[("no", 250)] * 2, *[("no", 120)] * 8),
                  talk(1.0, *[("yes", 140)] * 50, *[("no", 140)] * 50))
    found = choose(heard, Target(false_alarms_per_hour=60), GRID)
    assert found.outcome.hits.tolist() == [8, 10] and found.outcome.false_alarms.tolist() == [0, 50]
    strict = choose(heard, Target(false_alarms_per_hour=5), GRID)
    assert strict.outcome.hits.tolist() == [8, 2] and strict.outcome.total_false_alarms == 0


def test_a_miss_rate_is_met_with_the_fewest_false_alarms():
    heard = sound(spoken(*[("yes", 250)] * 5, *[("yes", 150)] * 5, *[("no", 250)] * 10),
                  talk(0.5, *[("yes", 180)] * 30, *[("no", 100)] * 30))
    found = choose(heard, Target(miss_rate=0.3), GRID)
    assert found.outcome.miss_rate == 0.25 and found.outcome.total_false_alarms == 0
    everything = choose(heard, Target(miss_rate=0.0), GRID)
    assert everything.outcome.misses == 0 and everything.outcome.false_alarms.tolist() == [30, 0]


def test_without_negatives_false_alarms_are_counted_in_the_streams():
    stream = spoken(*[("yes", 240)] * 5)
    stream = LabelledTrack(track(60, [(3 * i + 1, "yes", 240) for i in range(5)] + [(40, "yes", 150)]), stream.truth)
    found = choose(sound(stream), Target(false_alarms_per_hour=1), GRID)
    assert (found.outcome.misses, found.outcome.total_false_alarms) == (0, 0) and found.settings.levels[0] > 150


def test_a_choice_is_in_time_if_any_is():
    """Long smoothing hears the soft word in a long one, and hears it late."""
    long = track(30, [(2 + 0.1 * i, "yes", 150) for i in range(8)])
    heard = sound(LabelledTrack(long, (Event(2.0, 2.2, "yes"),)), talk(0.1, *[("yes", 200)] * 30))
    late = choose(heard, Target(false_alarms_per_hour=1), Grid(smoothing_hops=(1, 20), refractory_hops=(10,)))
    assert late.settings.smoothing_hops == 20 and late.outcome.late_ms == pytest.approx(40)
    soon = choose(heard, Target(false_alarms_per_hour=1),
                  Grid(smoothing_hops=(1, 20), refractory_hops=(10,), latency_ms=30))
    assert soon.settings.smoothing_hops == 1


def test_the_tail_is_extrapolated_and_pooled():
    """Exponential excesses over the logit: the expected number beyond the last that was counted is right on average."""
    rng = np.random.default_rng(1)
    x = np.log(LEVELS / (256 - LEVELS))
    expected = []
    for _ in range(200):
        peaks = 0.5 + rng.exponential(0.8, 40)
        counts = (peaks[:, None] >= x).sum(axis=0)
        found = expected_false_alarms(Sweep(LEVELS, np.zeros((len(LEVELS), 1)), counts[:, None]))[:, 0]
        assert (np.diff(found) <= 1e-9).all() and (found > 0).all()
        expected.append(found)
    truth = 40 * np.exp(-np.maximum(x - 0.5, 0) / 0.8)
    rare = (truth < 4) & (truth > 0.5)
    assert np.abs(np.log(np.mean(expected, axis=0)[rare] / truth[rare])).max() < 0.35


def test_a_keyword_that_nobody_said_gets_its_share_of_the_budget():
    hits = np.zeros((6, 2))
    rates = np.array([[9.0, 9.0], [8.0, 8.0], [4.0, 2.0], [1.0, 0.5], [0.2, 0.2], [0.1, 0.1]])
    assert allocate(hits, rates, 4.0, lowest=1).tolist() == [3, 2]
    assert allocate(hits, rates, 0.01, lowest=1).tolist() == [5, 5]
    assert allocate(hits, rates, 99.0, lowest=1).tolist() == [1, 1]  # never the lowest


def test_a_keyword_that_nobody_said_may_be_heard_at_less_where_hours_of_talk_say_what_that_does():
    unsaid = spoken(*[("yes", 240)] * 5)
    for negatives, lowest in (((), 160), ((talk(0.2),), 96)):
        assert choose(sound(unsaid, *negatives), Target(false_alarms_per_hour=100), GRID).settings.levels[1] == lowest


def test_levels_move_to_the_middle_of_equals_while_the_budget_has_room():
    hits = np.array([[9, 9], [9, 9], [9, 9], [9, 9], [9, 5]])
    rates = np.array([[4.0, 4.0], [3.0, 3.0], [2.0, 2.0], [1.0, 1.0], [0.5, 0.5]])
    assert relaxed(hits, rates, np.array([4, 3]), 9.0).tolist() == [2, 2]
    assert relaxed(hits, rates, np.array([4, 3]), 2.6).tolist() == [4, 2]
    assert relaxed(hits, rates, np.array([4, 3]), 0.0).tolist() == [4, 3]


def test_talk_before_a_false_alarm_bars_it_where_words_need_only_be_heard_after_a_pause():
    stream = spoken(*[("yes", 200)] * 10)
    alarms = [(2 * i + 1, "yes", 240) for i in range(10)]
    heard = track(600, [*alarms, *((second - 0.2, "_unknown_", 255) for second, _, _ in alarms)])
    negatives = NegativeSource("talk", heard, (Piece("talk.wav", 0.0, heard.seconds),), 0)
    rule = TalkRule(hops=10, lag_hops=5, limit=60)
    found = choose(sound(stream, negatives), Target(false_alarms_per_hour=1), replace(GRID, talk=(TalkRule(), rule)))
    assert found.settings.talk == rule and (found.outcome.misses, found.outcome.total_false_alarms) == (0, 0)
    without = choose(sound(stream, negatives), Target(false_alarms_per_hour=1), GRID)
    assert without.settings.talk == TalkRule() and without.outcome.misses == 10


def test_unknown_words_weigh_more_where_that_tells_false_alarms_from_words():
    """Words and false alarms score alike; beside the false alarms unknown words score a little."""
    stream = spoken(*[("yes", 200)] * 10)
    alarms = [(2 * i + 1, "yes", 200) for i in range(10)]
    heard = track(600, [*alarms, *((second, "_unknown_", 30) for second, _, _ in alarms)])
    negatives = NegativeSource("talk", heard, (Piece("talk.wav", 0.0, heard.seconds),), 0)
    found = choose(sound(stream, negatives), Target(false_alarms_per_hour=1), replace(GRID, unknown_weight=(1, 4, 20)))
    assert found.settings.unknown_weight > 1
    assert (found.outcome.misses, found.outcome.total_false_alarms) == (0, 0)
    assert choose(sound(stream, negatives), Target(false_alarms_per_hour=1), GRID).outcome.misses == 10


def test_progress_is_told_as_often_as_announced():
    grid = Grid(smoothing_hops=(1, 3, 5), hysteresis=(13, 38), refractory_hops=(10, 20))
    told, heard = [], sound(spoken(("yes", 200)), talk(0.01))
    choose(heard, Target(false_alarms_per_hour=1), grid, advance=lambda: told.append(1))
    assert len(told) == tries(grid) == 12


def test_halves_have_everything_once():
    pieces = (Piece("a", 0.0, 4.0, ((1.0, 2.0),)), Piece("b", 4.0, 6.0, ((5.0, 6.5),)))
    source = NegativeSource("talk", track(10, [(5.2, "yes", 200)]), pieces, 3)
    first, second = halves(source)
    assert [piece.path for piece in first.pieces] == ["a"] and [piece.path for piece in second.pieces] == ["b"]
    assert second.pieces[0].ignored == ((1.0, 2.5),) and second.pieces[0].start_s == 0
    assert first.track.seconds + second.track.seconds == 10 and first.hours + second.hours == source.hours
    tables = DecoderSettings((100, 100), 1, 10, 10).tables(LABELS)
    assert second.track.detections(tables)[0].time_s == pytest.approx(1.22) and second.wrong(tables) == []
    alone = NegativeSource("one", track(10, []), (Piece("a", 0.0, 10.0),), 0)
    assert [half.track.seconds for half in halves(alone)] == [5, 5]


def test_a_stream_is_cut_between_words():
    first, second = stream_halves(spoken(("yes", 200), ("no", 200), ("yes", 200), ("no", 200)))
    assert [event.keyword for event in first.truth + second.truth] == ["yes", "no", "yes", "no"]
    tables = DecoderSettings((100, 100), 1, 10, 10).tables(LABELS)
    assert [half.judge(tables).total.hits for half in (first, second)] == [len(first.truth), len(second.truth)]


def test_a_cut_track_is_continuous():
    whole = track(2, [(1.5, "no", 100)])
    first, second = cut_track(whole, 16_000)
    assert len(first.scores) == 50 and second.heard[0] == 320 and second.samples == 16_000
    assert (np.concatenate([first.scores, second.scores]) == whole.scores).all()
