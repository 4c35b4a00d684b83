"""Matching detections with the truth: sequences that a person can count, and any others against a slow matcher."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.data.truth import Event
from kws.detect.detector import Detection
from kws.validate.events import BURST_S, LATEST_S, Kind, confusions, latencies_s, match, tally

YES = Event(1.0, 1.5, "yes")
NO = Event(3.0, 3.4, "no")


def heard(detections):
    return [Detection(keyword, time_s, 0.9) for keyword, time_s in detections]


def kinds(detections, truth=(YES, NO)):
    return [item.kind for item in match(truth, heard(detections))]


@pytest.mark.parametrize(("detections", "expected"), [
    ([], ["miss", "miss"]),
    ([("yes", 1.6), ("no", 3.5)], ["hit", "hit"]),
    ([("no", 3.5), ("yes", 1.6)], ["hit", "hit"]),
    ([("yes", 1.0), ("no", 4.4)], ["hit", "hit"]),  # the first and the last moment that count
    ([("yes", 0.99), ("no", 4.41)], ["false alarm", "miss", "miss", "false alarm"]),
    ([("no", 1.6)], ["confusion", "miss"]),
    ([("no", 1.6), ("go", 1.7)], ["confusion", "false alarm", "miss"]),  # one utterance explains one detection
    ([("no", 1.6), ("yes", 1.7)], ["hit", "false alarm", "miss"]),  # a word that was heard explains no other
    ([("yes", 1.6), ("yes", 1.8), ("yes", 2.4)], ["hit", "duplicate", "duplicate", "miss"]),
    ([("go", 9.0)], ["miss", "miss", "false alarm"]),
    ([("go", 9.0), ("go", 9.9), ("go", 10.8)], ["miss", "miss", "false alarm", "echo", "echo"]),  # a burst is one
    ([("go", 9.0), ("go", 10.0)], ["miss", "miss", "false alarm", "false alarm"]),
    ([("go", 9.0), ("up", 9.1)], ["miss", "miss", "false alarm", "false alarm"]),  # two things would happen
], ids=str)
def test_everything_said_and_heard_gets_its_kind(detections, expected):
    assert kinds(detections) == expected


def test_ten_frames_of_one_false_alarm_are_one_false_alarm():
    found = tally(match([], heard([("yes", 5 + 0.08 * frame) for frame in range(10)])))
    assert (found.false_alarms, found.echoes, found.detections) == (1, 9, 10)


def test_a_word_said_twice_needs_two_detections():
    twice = (Event(1.0, 1.5, "yes"), Event(2.0, 2.5, "yes"))
    assert kinds([("yes", 2.4)], twice) == ["hit", "miss"]  # the first one is still in time
    assert kinds([("yes", 2.3), ("yes", 2.6)], twice) == ["hit", "hit"]


def test_a_detection_goes_to_the_word_whose_time_runs_out_first():
    long_and_short = (Event(1.0, 3.0, "yes"), Event(1.5, 2.0, "yes"))
    assert kinds([("yes", 2.5), ("yes", 3.5)], long_and_short) == ["hit", "hit"]


def test_nothing_said_and_nothing_heard():
    assert match([], []) == []
    assert tally([]).events == tally([]).detections == 0


def test_figures_per_keyword_latencies_and_confusions():
    truth = [YES, NO, Event(6.0, 6.5, "yes")]
    found = match(truth, heard([("yes", 1.7), ("no", 3.3), ("no", 6.4), ("yes", 20.0)]))
    assert [tally(found, word).misses for word in ("yes", "no")] == [1, 0]
    assert [tally(found, word).false_alarms for word in ("yes", "no")] == [1, 0]
    assert latencies_s(found) == pytest.approx([0.2, -0.1])
    assert confusions(found) == {("yes", "no"): 1}


# Times in quarters of a second are exact in binary, so both matchers see the same borders.
QUARTERS = st.integers(0, 60).map(lambda n: n / 4)
EVENTS = st.lists(st.builds(lambda start, length, word: Event(start, start + length / 4, word), QUARTERS,
                            st.integers(0, 6), st.sampled_from("ab")), max_size=8)
DETECTIONS = st.lists(st.tuples(st.sampled_from("abc"), QUARTERS), max_size=10, unique=True).map(heard)


def explains(event, detection):
    return event.start_s <= detection.time_s <= event.end_s + LATEST_S


def most_pairs(events, detections, fits):
    """The greatest number of pairs that fit, by trying everything there is (augmenting paths)."""
    taken = {}

    def place(detection, tried):
        for number, event in enumerate(events):
            if number not in tried and fits(event, detections[detection]):
                tried.add(number)
                if number not in taken or place(taken[number], tried):
                    taken[number] = detection
                    return True
        return False

    return sum(place(detection, set()) for detection in range(len(detections)))


@given(EVENTS, DETECTIONS)
def test_hits_are_as_many_as_any_matcher_can_find(truth, detections):
    found = match(truth, detections)
    assert tally(found).hits == most_pairs(truth, detections, lambda said, what: said.keyword == what.keyword
                                           and explains(said, what))


@given(EVENTS, DETECTIONS)
def test_every_kind_keeps_its_word(truth, detections):
    found = match(truth, detections)
    of = {kind: [item for item in found if item.kind is kind] for kind in Kind}
    once = of[Kind.HIT] + of[Kind.CONFUSION] + of[Kind.MISS]
    assert sorted(map(repr, truth)) == sorted(repr(item.said) for item in once)
    assert sorted(map(repr, detections)) == sorted(repr(item.heard) for item in found if item.heard)
    assert all(item.said.keyword == item.heard.keyword and explains(item.said, item.heard)
               for item in of[Kind.HIT] + of[Kind.DUPLICATE])
    assert all(item.said.keyword != item.heard.keyword and explains(item.said, item.heard)
               for item in of[Kind.CONFUSION])
    # A detection that could be a hit or a duplicate is never a false alarm, and a missed word explains what it can.
    alone = [item.heard for item in of[Kind.FALSE_ALARM] + of[Kind.ECHO]]
    assert not any(said.keyword == what.keyword and explains(said, what) for said in truth for what in alone)
    assert not any(explains(item.said, what) for item in of[Kind.MISS] for what in alone)
    missed = [item.said for item in of[Kind.MISS] + of[Kind.CONFUSION]]
    left = alone + [item.heard for item in of[Kind.CONFUSION]]
    assert len(of[Kind.CONFUSION]) == most_pairs(missed, left, explains)


@given(DETECTIONS)
def test_a_burst_has_one_false_alarm_and_a_pause_before_it(detections):
    found = match([], detections)
    for word in "abc":
        times = sorted(item.heard.time_s for item in found if item.heard.keyword == word)
        starts = [t for i, t in enumerate(times) if i == 0 or t - times[i - 1] >= BURST_S]
        assert [item.heard.time_s for item in found
                if item.heard.keyword == word and item.kind is Kind.FALSE_ALARM] == starts
