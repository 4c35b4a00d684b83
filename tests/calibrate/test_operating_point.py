"""Calibration: counting on streams that a person can count, and the rule on scores whose best threshold is known."""

from dataclasses import replace

import numpy as np
import pytest

from kws.calibrate.operating_point import (
    LEVELS,
    SMOOTHING_MS,
    Count,
    Stream,
    background,
    build_stream,
    choose_clips,
    choose_operating_point,
    choose_thresholds,
    count,
    longest_best,
)
from kws.engine.decoder import build_decoder_tables
from kws.spec import DetectorSpec, Spec

SPEC = Spec(keywords=("yes", "no"), detector=DetectorSpec(refractory_ms=0, hysteresis=0.1))
UNKNOWN, YES, NO = 1, 2, 3
HOP = 320  # samples


def stream_of(*labels):
    """Clips of one second, two seconds apart, the first at 1 s, in silence."""
    starts = 16_000 + 32_000 * np.arange(len(labels))
    return Stream(np.zeros(32_000 * len(labels) + 32_000, np.int16), starts, starts + 16_000, np.array(labels))


def scores_of(stream, bursts):
    """bursts : (second, label, score 0..255), each 5 hops long."""
    decided_at = HOP * np.arange(1, len(stream.samples) // HOP + 1)
    scores = np.full((len(decided_at), 4), -128, np.int8)
    for second, label, score in bursts:
        first = int(second * 50)
        scores[first:first + 5, label] = score - 128
    return scores, decided_at


def counts(stream, bursts, *, threshold=0.5):
    tables = build_decoder_tables(SPEC, thresholds={"yes": threshold, "no": threshold}, smoothing_ms=20)
    return count(SPEC, tables, stream, *scores_of(stream, bursts))


def test_a_detection_inside_its_clip_is_a_hit_and_the_clip_that_is_not_heard_a_miss():
    stream = stream_of(YES, YES, NO)
    assert counts(stream, [(1.5, YES, 200), (5.5, NO, 200)]) == {"yes": Count(1, 1, 0), "no": Count(1, 0, 0)}


def test_late_is_a_hit_and_too_late_is_a_miss_and_a_false_alarm():
    stream = stream_of(YES)
    assert counts(stream, [(2.7, YES, 200)])["yes"] == Count(1, 0, 0)
    assert counts(stream, [(2.9, YES, 200)])["yes"] == Count(0, 1, 1)
    assert counts(stream, [(0.5, YES, 200)])["yes"] == Count(0, 1, 1)


def test_a_wrong_keyword_is_a_miss_of_one_and_a_false_alarm_of_the_other():
    assert counts(stream_of(YES), [(1.5, NO, 200)]) == {"yes": Count(0, 1, 0), "no": Count(0, 0, 1)}


def test_the_same_clip_twice_and_unknown_words_are_false_alarms():
    assert counts(stream_of(YES), [(1.2, YES, 200), (1.6, YES, 200)])["yes"] == Count(1, 0, 1)
    assert counts(stream_of(UNKNOWN), [(1.5, YES, 200)])["yes"] == Count(0, 0, 1)


@pytest.mark.parametrize(("values", "run"), [
    ([1, 5, 5, 5, 1], (1, 3)), ([5, 5, 1, 5, 5, 5], (3, 3)), ([5, 1, 5], (2, 1)), ([3], (0, 1)), ([2, 2], (0, 2)),
])
def test_the_longest_run_of_the_best(values, run):
    assert longest_best(values) == run


def test_each_keyword_gets_the_threshold_between_its_words_and_its_false_alarms():
    # yes: spoken at 220, taken wrongly at 100; no: spoken at 120, never taken wrongly
    stream = stream_of(YES, UNKNOWN, YES, NO, NO, UNKNOWN)
    bursts = [(1.5, YES, 220), (3.5, YES, 100), (5.5, YES, 220), (7.5, NO, 120), (9.5, NO, 120), (11.5, YES, 100)]
    scores, decided_at = scores_of(stream, bursts)
    chosen, room = choose_thresholds(SPEC, stream, scores, decided_at, smoothing_ms=20, every=1)
    assert room == 15 + 9  # levels 108, 116 … 220 and 52, 60 … 116
    assert 150 <= chosen["yes"] * 256 <= 170  # between 100 and 220
    assert 80 <= chosen["no"] * 256 <= 92  # between the lowest level, 52, and 120


def test_misses_are_taken_for_fewer_false_alarms():
    # One yes at 80, two unknown words at 150: one hit does not pay for two false alarms.
    stream = stream_of(YES, UNKNOWN, UNKNOWN)
    scores, decided_at = scores_of(stream, [(1.5, YES, 80), (3.5, YES, 150), (5.5, YES, 150)])
    assert choose_thresholds(SPEC, stream, scores, decided_at, smoothing_ms=20, every=1)[0]["yes"] * 256 > 150


def test_levels_lie_in_the_range_of_a_score():
    assert LEVELS[0] > 0 and LEVELS[-1] < 256


def test_the_stream_holds_every_clip_and_reproduces():
    clips = np.stack([np.full(16_000, 1_000 * (i + 1), np.int16) for i in range(5)])
    made = [build_stream(clips, np.array([2, 3, 2, 1, 3]), [], np.random.default_rng(seed)) for seed in (1, 1, 2)]
    stream = made[0]
    for clip, start, end in zip(clips, stream.starts, stream.ends, strict=True):
        assert abs(stream.samples[start:end].mean() - clip[0]) < 1 and end - start == 16_000
    gaps = stream.starts[1:] - stream.ends[:-1]
    assert gaps.min() >= 14_400 and stream.starts[0] >= 14_400
    assert (made[1].samples == stream.samples).all() and len(made[2].samples) != len(stream.samples)


def test_background_lies_between_5_and_30_db_below_the_speech():
    noise = [np.random.default_rng(3).integers(-9_000, 9_000, 50_000).astype(np.int16)]
    track = background(16_000 * 600, noise, level=1_000.0, rng=np.random.default_rng(4))
    levels = np.sqrt(np.mean(track.reshape(-1, 16_000) ** 2, axis=1))
    assert 1_000 * 10 ** (-30 / 20) * 0.95 <= levels.min() <= levels.max() <= 1_000 * 10 ** (-5 / 20) * 1.05
    assert levels.max() > 3 * levels.min()


def test_a_silent_background_recording_stays_silent():
    track = background(40_000, [np.zeros(100, np.int16)], level=1_000.0, rng=np.random.default_rng(4))
    assert track.shape == (40_000,) and not track.any()


def test_as_many_unknown_words_as_keywords_are_chosen():
    labels = np.array([YES] * 200 + [NO] * 30 + [UNKNOWN] * 500)
    chosen = labels[choose_clips(SPEC, labels, np.random.default_rng(1))]
    assert [int((chosen == label).sum()) for label in (YES, NO, UNKNOWN)] == [80, 30, 110]
    assert sorted(choose_clips(SPEC, np.array([YES, UNKNOWN, UNKNOWN]), np.random.default_rng(1)))[0] == 0
    assert len(choose_clips(SPEC, np.array([], int), np.random.default_rng(1))) == 0


@pytest.fixture(scope="module")
def material(tone_run):
    """A detector whose thresholds are of no use, validation clips and noise of the workspace of tones."""
    import kws
    from kws.data.corpus import load_clips, scan
    from kws.detect.detector import Detector
    from kws.engine.plan import Plan
    from kws.model.examples import label_of

    plan = kws.load(tone_run).plan
    useless = build_decoder_tables(plan.spec, thresholds=dict.fromkeys(plan.spec.keywords, 1.0), smoothing_ms=20)
    clips = scan(tone_run.parents[1] / "recordings").of(split="validation")
    labels = np.array([label_of(clip.word, plan.spec) for clip in clips])
    noise = [np.random.default_rng(5).integers(-500, 500, 32_000).astype(np.int16)]
    detector = Detector(Plan(plan.spec, plan.frontend, plan.program, useless))
    return detector, load_clips(clips, samples=plan.spec.frontend.clip_samples), labels, noise


def choose(material, spec=None, *, labels=None, clips=None):
    detector, all_clips, all_labels, noise = material
    return choose_operating_point(spec or detector.plan.spec, detector, noise=noise, rng=np.random.default_rng(1),
                                  clips=all_clips if clips is None else clips,
                                  labels=all_labels if labels is None else labels)


def test_a_trained_network_is_calibrated_to_hear_its_words_and_nothing_else(material):
    labels = material[2]
    point = choose(material)
    found = point.to_json()
    assert (found["hits"], found["misses"], found["false_alarms"]) == (int((labels >= 2).sum()), 0, 0)
    assert point.smoothing_ms in SMOOTHING_MS and min(point.thresholds.values()) > 0.2
    assert found["clips"] == 14 and set(found["per_keyword"]) == {"low", "high"}
    assert choose(material) == point  # the same seed, the same choice


def test_what_the_settings_fix_is_not_touched(material):
    spec = replace(material[0].plan.spec, detector=DetectorSpec(smoothing_ms=80, threshold=0.7))
    point = choose(material, spec)
    assert point.smoothing_ms == 80 and point.thresholds == {"low": 0.7, "high": 0.7}
    assert point.tables.smoothing_hops == 4 and point.tables.thresholds[2:] == (179, 179)


def test_a_keyword_without_validation_clips_and_no_clips_at_all(material):
    _, clips, labels, _ = material
    only = labels != 3
    point = choose(material, clips=clips[only], labels=labels[only])
    assert point.counts["high"] == Count(0, 0, 0) and point.counts["low"].misses == 0
    assert 0.5 < point.thresholds["high"] < 0.7  # no level gave a false alarm: the middle of all
    assert choose(material, clips=clips[:0], labels=labels[:0]).to_json()["clips"] == 0
