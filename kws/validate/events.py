"""Detections against what was really said: hits, misses and false alarms in a recording with known content."""

from collections.abc import Sequence
from dataclasses import dataclass

from kws.data.stream import Event
from kws.detect.detector import Detection

LATEST_S = 1.0  # a detection may come this long after the end of its word


@dataclass(frozen=True)
class Match:
    """A hit has both, a miss only what was said, a false alarm only what was heard."""

    said: Event | None
    heard: Detection | None

    @property
    def kind(self) -> str:
        """"hit", "miss" or "false alarm"."""
        if self.said is None:
            return "false alarm"
        return "miss" if self.heard is None else "hit"

    @property
    def time_s(self) -> float:
        """Where it belongs in the recording."""
        return self.said.start_s if self.said else self.heard.time_s


def match(truth: Sequence[Event], detections: Sequence[Detection], *, latest_s: float = LATEST_S) -> list[Match]:
    """Pair detections with the truth, in order of time.

    A detection belongs to the earliest event with its keyword that has none yet and that began before it and ended at
    most `latest_s` seconds before it. Whatever remains is a miss or a false alarm: a word detected twice is one hit and
    one false alarm.
    """
    missing = sorted(truth, key=lambda event: event.start_s)
    matches = []
    for heard in sorted(detections, key=lambda detection: detection.time_s):
        said = next((event for event in missing if event.keyword == heard.keyword
                     and event.start_s <= heard.time_s <= event.end_s + latest_s), None)
        if said is not None:
            missing.remove(said)
        matches.append(Match(said, heard))
    return sorted([*matches, *(Match(said, None) for said in missing)], key=lambda item: item.time_s)
