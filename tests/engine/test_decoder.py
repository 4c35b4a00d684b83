"""The decoder: literal sequences whose answer a person can count, and C against oracle on random ones."""

import dataclasses
import struct
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.engine.decoder import NEVER, Decoder, DecoderTables, build_decoder_tables, release_of
from kws.engine.oracle.decoder import decode
from kws.errors import PlanError, SpecError
from kws.native.build import include_folders, sources
from kws.spec import DetectorSpec, FrontendSpec, Spec
from tests.helpers.paths import ROOT

TALK_AT = 12 + 2 * 42 * 2  # of the fields about talk in kws_decoder_tables, in bytes
YES, NO = 2, 3  # labels: silence, unknown, yes, no


def tables(*, smoothing_hops=1, refractory_hops=0, threshold=100, release=50, talk=(0, 0, 0), weight=1):
    return DecoderTables(labels=4, smoothing_hops=smoothing_hops, refractory_hops=refractory_hops,
                         thresholds=(NEVER, NEVER, threshold, threshold), releases=(NEVER, NEVER, release, release),
                         talk_hops=talk[0], talk_lag_hops=talk[1], talk_limit=talk[2], unknown_weight=weight)


def hear(settings_, *, yes=(), no=(), silence=(), unknown=()):
    """Detections (hop, label, score) in sequences of scores 0..255, from the C, which must agree with the oracle."""
    hops = max(len(track) for track in (yes, no, silence, unknown))
    scores = np.zeros((hops, 4), int)
    for column, track in enumerate((silence, unknown, yes, no)):
        scores[:len(track), column] = track
    rows = (scores - 128).astype(np.int8)
    found = Decoder(settings_).push(rows)
    assert found == list(decode(settings_, rows))
    return found


def test_one_burst_is_one_detection():
    assert hear(tables(), yes=[0, 0, 200, 210, 220, 0, 0]) == [(2, YES, 200)]


def test_a_plateau_is_one_detection_however_long():
    assert hear(tables(refractory_hops=3), yes=[200] * 500) == [(0, YES, 200)]


def test_a_dip_that_stays_above_the_release_does_not_trigger_again():
    assert hear(tables(), yes=[200, 60, 200, 50, 200]) == [(0, YES, 200)]


def test_a_dip_below_the_release_does():
    assert hear(tables(), yes=[200, 49, 200]) == [(0, YES, 200), (2, YES, 200)]


def test_two_words_with_more_than_the_refractory_time_between_them_are_two():
    assert hear(tables(refractory_hops=3), yes=[200], no=[0, 0, 0, 0, 150]) == [(0, YES, 200), (4, NO, 150)]


def test_a_word_inside_the_refractory_time_is_not_heard():
    assert hear(tables(refractory_hops=3), yes=[200], no=[0, 0, 0, 150, 0]) == [(0, YES, 200)]


def test_at_the_threshold_triggers_and_one_step_below_does_not():
    assert hear(tables(threshold=100), yes=[99, 99, 99]) == []
    assert hear(tables(threshold=100), yes=[99, 100, 99]) == [(1, YES, 100)]


def test_the_average_is_compared_exactly():
    # Sums over 3 hops: 99, 199, 299, 300, 300: the threshold is 3 * 100.
    assert hear(tables(smoothing_hops=3), yes=[99, 100, 100, 100, 100]) == [(3, YES, 100)]


def test_hops_before_the_first_count_as_zero():
    assert hear(tables(smoothing_hops=4, threshold=200), yes=[255, 255, 255, 255]) == [(3, YES, 255)]


def test_a_word_right_after_talk_is_not_heard_and_one_after_a_pause_is():
    # The mean of 3 hops of the unknown word, the last of them 2 hops back, must be below 100.
    mindful = tables(talk=(3, 2, 100))
    talk = [255, 255, 255]
    assert hear(tables(), unknown=talk, yes=[0, 0, 0, 200]) == [(3, YES, 200)]
    assert hear(mindful, unknown=talk, yes=[0, 0, 0, 200]) == []  # hops 0 and 1 lie in it: mean 170
    assert hear(mindful, unknown=talk, yes=[0] * 6 + [200]) == [(6, YES, 200)]  # hop 2 alone: mean 85


def test_a_word_that_lasts_until_the_talk_is_far_enough_back_is_heard_then():
    assert hear(tables(talk=(3, 2, 100)), unknown=[255] * 3, yes=[0] * 3 + [200] * 5) == [(6, YES, 200)]


def test_talk_at_its_limit_bars_and_one_step_below_does_not():
    assert hear(tables(talk=(2, 0, 100)), unknown=[0, 100, 100], yes=[0, 0, 200]) == []
    assert hear(tables(talk=(2, 0, 100)), unknown=[0, 100, 99], yes=[0, 0, 200]) == [(2, YES, 200)]


def test_talk_before_the_first_hop_counts_as_none():
    assert hear(tables(talk=(200, 200, 1)), yes=[200], unknown=[255]) == [(0, YES, 200)]


def test_a_keyword_beside_which_unknown_words_are_likely_counts_less():
    assert hear(tables(), yes=[200], unknown=[40]) == [(0, YES, 200)]
    assert hear(tables(weight=4), yes=[200], unknown=[40]) == [(0, YES, 136)]  # 200 * 256 / (256 + 3 * 40)
    assert hear(tables(weight=8), yes=[200], unknown=[40]) == []  # 95
    assert hear(tables(weight=255), yes=[200], unknown=[0]) == [(0, YES, 200)]


def test_silence_beside_a_keyword_weighs_what_it_did():
    assert hear(tables(weight=255), yes=[200], silence=[40]) == [(0, YES, 200)]


def test_talk_before_a_word_is_measured_by_the_scores_as_they_are():
    assert hear(tables(talk=(2, 0, 100), weight=9), unknown=[100, 100, 0], yes=[0, 0, 200]) == [(2, YES, 200)]
    assert hear(tables(talk=(2, 1, 100), weight=9), unknown=[100, 100, 0], yes=[0, 0, 200]) == []


def test_smoothing_ignores_a_single_spike():
    assert hear(tables(smoothing_hops=3), yes=[0, 255, 0, 0]) == []


def test_the_best_of_several_keywords_wins():
    assert hear(tables(refractory_hops=9), yes=[120], no=[121]) == [(0, NO, 121)]
    assert hear(tables(refractory_hops=9), yes=[120], no=[120]) == [(0, YES, 120)]


def test_while_the_last_keyword_is_still_the_best_no_other_triggers():
    assert hear(tables(), yes=[140, 140, 140, 100], no=[0, 110, 110, 110]) == [(0, YES, 140), (3, NO, 110)]


def test_silence_and_unknown_never_trigger_and_do_not_hide_a_keyword():
    assert hear(tables(), silence=[255] * 3, unknown=[255] * 3) == []
    assert hear(tables(), unknown=[155], yes=[100]) == [(0, YES, 100)]


def test_reset_forgets():
    decoder = Decoder(tables(smoothing_hops=2, refractory_hops=9))
    loud = np.array([[-128, -128, 127, -128]] * 2, np.int8)
    assert decoder.push(loud) == [(0, YES, 128)]
    assert decoder.push(loud) == []
    decoder.reset()
    assert decoder.push(loud) == [(0, YES, 128)]


@st.composite
def any_tables(draw):
    labels = draw(st.integers(1, 6))
    thresholds = tuple(draw(st.one_of(st.just(NEVER), st.integers(1, 255))) for _ in range(labels))
    return DecoderTables(labels=labels, smoothing_hops=draw(st.integers(1, 9)), refractory_hops=draw(st.integers(0, 9)),
                         thresholds=thresholds, releases=tuple(draw(st.integers(1, step)) for step in thresholds),
                         talk_hops=draw(st.integers(0, 9)) if labels > 1 else 0, talk_lag_hops=draw(st.integers(0, 9)),
                         talk_limit=draw(st.integers(1, 255)),
                         unknown_weight=draw(st.integers(1, 255)) if labels > 1 else 1)


def random_scores(rng, *, hops, labels):
    """Speech-like: runs of loud and soft scores, with jumps to both ends of the range."""
    level = rng.choice([-128, -60, 0, 60, 127], size=(-(-hops // 5), labels)).repeat(5, axis=0)[:hops]
    return np.clip(level + rng.integers(-40, 41, size=(hops, labels)), -128, 127).astype(np.int8)


@settings(max_examples=300, deadline=None)
@given(any_tables(), st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_c_equals_the_oracle(settings_, seed, hops):
    rows = random_scores(np.random.default_rng(seed), hops=hops, labels=settings_.labels)
    assert Decoder(settings_).push(rows) == list(decode(settings_, rows))


def test_detections_do_not_depend_on_how_the_rows_are_cut():
    rng = np.random.default_rng(3)
    settings_ = tables(smoothing_hops=3, refractory_hops=5)
    rows = random_scores(rng, hops=2000, labels=4)
    whole, decoder, pieces, done = Decoder(settings_).push(rows), Decoder(settings_), [], 0
    while done < len(rows):
        piece = rows[done:done + int(rng.integers(0, 40))]
        pieces += [(done + hop, label, score) for hop, label, score in decoder.push(piece)]
        done += len(piece)
    assert pieces == whole and len(whole) > 20


@pytest.mark.parametrize(("change", "message"), [
    ({"labels": 0}, "labels = 0"), ({"labels": 43}, "labels = 43"), ({"smoothing_hops": 0}, "smoothing_hops = 0"),
    ({"smoothing_hops": 201}, "1 to 200"), ({"refractory_hops": -1}, "refractory_hops = -1"),
    ({"refractory_hops": 1001}, "0 to 1000"), ({"thresholds": (256, 256, 257, 1)}, "no release above"),
    ({"releases": (256, 256, 0, 50)}, "no release above"), ({"releases": (256, 256, 101, 50)}, "no release above"),
    ({"unknown_weight": 0}, "unknown_weight = 0"), ({"unknown_weight": 256}, "1 to 255"),
    ({"thresholds": (256, 256, -1, 1)}, "ranges of DecoderTables"), ({"labels": 2**40}, "ranges of DecoderTables"),
])
def test_impossible_tables_are_refused(change, message):
    with pytest.raises(PlanError, match=message):
        Decoder(dataclasses.replace(tables(), **change))


def test_wrong_scores_are_refused():
    with pytest.raises(ValueError, match=r"int8 \[hops, 4\]"):
        Decoder(tables()).push(np.zeros((3, 4), np.uint8))
    with pytest.raises(ValueError, match=r"int8 \[hops, 4\]"):
        Decoder(tables()).push(np.zeros((3, 5), np.int8))


def test_tables_from_the_spec():
    spec = Spec(keywords=("yes", "no"), frontend=FrontendSpec(hop_ms=20),
                detector=DetectorSpec(hysteresis=0.25, refractory_ms=750))
    made = build_decoder_tables(spec, thresholds={"yes": 0.5, "no": 1.0}, smoothing_ms=100)
    assert made == DecoderTables(labels=4, smoothing_hops=5, refractory_hops=38, thresholds=(256, 256, 128, 255),
                                 releases=(256, 256, 64, 191))
    low = build_decoder_tables(spec, thresholds={"yes": 0.0, "no": 0.1}, smoothing_ms=0)
    assert low.smoothing_hops == 1 and low.thresholds == (256, 256, 1, 26) and low.releases[2:] == (1, 13)
    with pytest.raises(SpecError, match="threshold of 'no': missing"):
        build_decoder_tables(spec, thresholds={"yes": 0.5}, smoothing_ms=100)


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """The decoder in a program of its own under AddressSanitizer and UndefinedBehaviorSanitizer, warnings as errors."""
    program = tmp_path_factory.mktemp("c") / "decoder"
    source = ROOT / "tests" / "c" / "decoder_main.c"
    subprocess.run(["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-O1",
                    "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                    *(f"-I{folder}" for folder in include_folders()),
                    str(source), str(sources()["decoder.c"]), "-o", str(program)], check=True)
    return program


def packed(settings_):
    padded = [tuple(values) + (0,) * (42 - len(values)) for values in (settings_.thresholds, settings_.releases)]
    counts = (settings_.labels, settings_.smoothing_hops, settings_.refractory_hops)
    talk = (settings_.talk_hops, settings_.talk_lag_hops, settings_.talk_limit, settings_.unknown_weight)
    return struct.pack("=3i42H42H4i", *counts, *padded[0], *padded[1], *talk)


def run_cases(program, cases):
    done = subprocess.run([program], input=b"".join(cases), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split("check ")[1:]


def test_sanitized_c_equals_the_oracle(sanitized):
    rng, cases, expected = np.random.default_rng(1), [], []
    for case in range(60):
        labels, hops = int(rng.integers(1, 43)), 150
        thresholds = tuple(int(step) for step in rng.choice([NEVER, 1, 40, 128, 200, 255], size=labels))
        made = DecoderTables(labels=labels, smoothing_hops=int(rng.choice([1, 2, 7, 200])), thresholds=thresholds,
                             refractory_hops=int(rng.choice([0, 1, 20, 1000])),
                             releases=tuple(int(rng.integers(1, step + 1)) for step in thresholds),
                             talk_hops=int(rng.choice([0, 1, 40, 200])) if labels > 1 else 0,
                             talk_lag_hops=int(rng.choice([0, 1, 45, 200])), talk_limit=int(rng.choice([60, 200])),
                             unknown_weight=int(rng.choice([1, 2, 255])) if labels > 1 else 1)
        rows = random_scores(rng, hops=hops, labels=labels) if case % 3 else np.full((hops, labels), 127, np.int8)
        cases.append(struct.pack("=i", hops) + packed(made) + rows.tobytes())
        expected.append("0\n" + "".join(f"{hop} {label} {score}\n" for hop, label, score in decode(made, rows)))
    assert run_cases(sanitized, cases) == expected
    assert sum(len(text.splitlines()) - 1 for text in expected) > 200


def test_hostile_tables_pass_the_check_or_are_refused_but_never_crash(sanitized):
    rng, cases = np.random.default_rng(2), []
    good = packed(tables(smoothing_hops=5))
    for _ in range(20_000):
        damaged = bytearray(good)
        places = [*range(20), *range(TALK_AT, TALK_AT + 16)]  # the counts, the first thresholds, what is said on talk
        for position in rng.choice(places, size=rng.integers(1, 4)):
            damaged[position] = rng.choice([0, 1, 41, 42, 43, 127, 128, 200, 255])
        labels = struct.unpack_from("=i", damaged)[0]
        accepted = 1 <= labels <= 42
        cases.append(struct.pack("=i", 3 if accepted else 0) + bytes(damaged))
        if accepted and passes(damaged):
            cases.append(rng.integers(-128, 128, size=(3, labels), dtype=np.int8).tobytes())
    results = run_cases(sanitized, cases)
    assert len(results) == 20_000
    assert len({text.split("\n")[0] for text in results}) == 7  # accepted, and refused for each of the six rules


def passes(raw):
    """The rules of kws_decoder_check, said again."""
    labels, smoothing, refractory, *steps, talk, lag, limit, weight = struct.unpack("=3i42H42H4i", raw)
    fine = 1 <= smoothing <= 200 and 0 <= refractory <= 1000
    fine = fine and (talk == 0 or (0 < talk <= 200 and labels > 1 and 0 <= lag <= 200 and 1 <= limit <= 255))
    fine = fine and (weight == 1 or (1 <= weight <= 255 and labels > 1))
    pairs = zip(steps[:labels], steps[42:42 + labels], strict=True)
    return fine and all(1 <= release <= threshold <= 256 for threshold, release in pairs)


def test_a_low_threshold_is_released_at_half_of_it_so_that_a_score_that_never_falls_to_0_cannot_hold_it():
    assert [release_of(step, 38) for step in (256, 200, 76, 40, 1)] == [256, 162, 38, 20, 1]
    spec = Spec(keywords=("yes",))
    tables = build_decoder_tables(spec, thresholds={"yes": 0.12}, smoothing_ms=20)
    rows = np.full((200, 3), -128, np.int8)
    rows[:, 2] = 6 - 128  # the score that silence leaves
    rows[[20, 120], 2] = 100 - 128
    assert [hop for hop, _, _ in Decoder(tables).push(rows)] == [20, 120]
