"""Matching detections with the truth, on sequences whose answer a person can count."""

import pytest

from kws.data.stream import Event
from kws.detect.detector import Detection
from kws.validate.events import match

YES = Event(1.0, 1.5, "yes")
NO = Event(3.0, 3.4, "no")


def kinds(detections, truth=(YES, NO)):
    heard = [Detection(keyword, time_s, 0.9) for keyword, time_s in detections]
    return [item.kind for item in match(truth, heard)]


@pytest.mark.parametrize(("detections", "expected"), [
    ([], ["miss", "miss"]),
    ([("yes", 1.6), ("no", 3.5)], ["hit", "hit"]),
    ([("no", 3.5), ("yes", 1.6)], ["hit", "hit"]),
    ([("yes", 1.0), ("no", 4.4)], ["hit", "hit"]),  # the first and the last moment that count
    ([("yes", 0.99), ("no", 4.41)], ["false alarm", "miss", "miss", "false alarm"]),
    ([("no", 1.6)], ["miss", "false alarm", "miss"]),
    ([("yes", 1.6), ("yes", 1.8)], ["hit", "false alarm", "miss"]),  # one utterance, one detection
    ([("go", 9.0)], ["miss", "miss", "false alarm"]),
], ids=str)
def test_every_detection_is_a_hit_or_a_false_alarm(detections, expected):
    assert kinds(detections) == expected


def test_a_word_said_twice_needs_two_detections():
    twice = (Event(1.0, 1.5, "yes"), Event(2.0, 2.5, "yes"))
    assert kinds([("yes", 2.4)], twice) == ["hit", "miss"]  # the first one is still in time
    assert kinds([("yes", 2.3), ("yes", 2.6)], twice) == ["hit", "hit"]


def test_nothing_said_and_nothing_heard():
    assert match([], []) == []
