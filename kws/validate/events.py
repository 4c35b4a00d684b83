"""Detections against what was really said: what became of every spoken keyword, and of every detection.

Each spoken keyword is a hit, a confusion or a miss:
  hit          its keyword was detected between its start and LATEST_S after its end; one utterance is one hit at most
  confusion    it was missed, and another keyword was detected in that time
  miss         neither
Each detection that is neither a hit nor a confusion is one of
  duplicate    the keyword of an utterance that has its hit already
  false alarm  nothing that was said explains it
  echo         a false alarm less than BURST_S after the last one of the same keyword: a burst is one false alarm
A confusion counts among the misses, and not among the false alarms; duplicates and echoes are counted on their own.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kws.data.truth import Event
from kws.detect.detector import Detection

LATEST_S = 1.0  # a detection may come this long after the end of its word
BURST_S = 1.0  # detections of one keyword that follow each other faster are one burst


class Kind(StrEnum):
    """What became of a spoken keyword or of a detection."""

    HIT = "hit"
    CONFUSION = "confusion"
    MISS = "miss"
    DUPLICATE = "duplicate"
    FALSE_ALARM = "false alarm"
    ECHO = "echo"


@dataclass(frozen=True)
class Match:
    """said : None for a false alarm and an echo; heard : None for a miss."""

    kind: Kind
    said: Event | None
    heard: Detection | None

    @property
    def time_s(self) -> float:
        """Where it belongs in the recording."""
        if self.said is not None and self.kind is not Kind.DUPLICATE:
            return self.said.start_s
        return self.heard.time_s if self.heard is not None else 0.0


@dataclass(frozen=True)
class Tally:
    """How many of each kind there are."""

    events: int
    hits: int
    confusions: int
    false_alarms: int
    duplicates: int
    echoes: int

    @property
    def misses(self) -> int:
        """Spoken keywords that were not detected, confusions included."""
        return self.events - self.hits

    @property
    def detections(self) -> int:
        return self.hits + self.confusions + self.false_alarms + self.duplicates + self.echoes


def match(truth: Iterable[Event], detections: Iterable[Detection], *, latest_s: float = LATEST_S,
          burst_s: float = BURST_S) -> list[Match]:
    """What became of every spoken keyword and of every detection, in order of time.

    Of several utterances that a detection could belong to, it is the one whose time runs out first: so there are as
    many hits as there can be.
    """
    events = sorted(truth, key=lambda event: (event.start_s, event.end_s))
    heard = sorted(detections, key=lambda detection: detection.time_s)
    hits = pair(events, heard, latest_s=latest_s, group=lambda item: item.keyword)
    left = [detection for i, detection in enumerate(heard) if i not in hits]
    found = set(hits.values())
    missed = [event for i, event in enumerate(events) if i not in found]
    hit_events: dict[str, list[Event]] = {}
    for i in sorted(found):
        hit_events.setdefault(events[i].keyword, []).append(events[i])
    doubled = {i: said for i, detection in enumerate(left)
               if (said := explaining(hit_events.get(detection.keyword, []), detection, latest_s)) is not None}
    duplicates = [Match(Kind.DUPLICATE, said, left[i]) for i, said in doubled.items()]
    left = [detection for i, detection in enumerate(left) if i not in doubled]
    confused = pair(missed, left, latest_s=latest_s, group=lambda item: "")
    matches = [Match(Kind.HIT, events[event], heard[i]) for i, event in hits.items()]
    matches += [Match(Kind.CONFUSION, missed[event], left[i]) for i, event in confused.items()]
    explained = set(confused.values())
    matches += [Match(Kind.MISS, event, None) for i, event in enumerate(missed) if i not in explained]
    matches += duplicates
    matches += bursts([detection for i, detection in enumerate(left) if i not in confused], burst_s=burst_s)
    return sorted(matches, key=lambda item: item.time_s)


def pair(events: Sequence[Event], heard: Sequence[Detection], *, latest_s: float,
         group: Callable[[Event | Detection], str]) -> dict[int, int]:
    """Index of a detection -> index of the event of its group that it belongs to; both are sorted by time.

    The open event whose time runs out first is taken, which gives the greatest possible number of pairs.
    """
    pairs: dict[int, int] = {}
    waiting: dict[str, list[tuple[float, int]]] = {}
    started = 0
    for i, detection in enumerate(heard):
        while started < len(events) and events[started].start_s <= detection.time_s:
            event = events[started]
            heapq.heappush(waiting.setdefault(group(event), []), (event.end_s, started))
            started += 1
        queue = waiting.get(group(detection), [])
        while queue and queue[0][0] + latest_s < detection.time_s:
            heapq.heappop(queue)
        if queue:
            pairs[i] = heapq.heappop(queue)[1]
    return pairs


def explaining(hit_events: Sequence[Event], detection: Detection, latest_s: float) -> Event | None:
    """Of the utterances of its keyword that were detected already, the one in whose time it falls; None if none."""
    return next((event for event in hit_events if event.start_s <= detection.time_s <= event.end_s + latest_s), None)


def bursts(detections: Iterable[Detection], *, burst_s: float = BURST_S) -> list[Match]:
    """False alarms and their echoes; the detections are sorted by time."""
    last: dict[str, float] = {}
    found = []
    for detection in detections:
        echo = detection.time_s - last.get(detection.keyword, float("-inf")) < burst_s
        last[detection.keyword] = detection.time_s
        found.append(Match(Kind.ECHO if echo else Kind.FALSE_ALARM, None, detection))
    return found


def tally(matches: Iterable[Match], keyword: str | None = None) -> Tally:
    """Count, all of it or one keyword: its utterances, and the detections of it.

    A confusion belongs to the keyword that was said, and a false alarm to the one that was detected.
    """
    counts = Counter(item.kind for item in matches if keyword in (None, keyword_of(item)))
    events = counts[Kind.HIT] + counts[Kind.MISS] + counts[Kind.CONFUSION]
    return Tally(events, counts[Kind.HIT], counts[Kind.CONFUSION], counts[Kind.FALSE_ALARM], counts[Kind.DUPLICATE],
                 counts[Kind.ECHO])


def keyword_of(item: Match) -> str:
    """What was said; what was heard if nothing was said."""
    if item.said is not None:
        return item.said.keyword
    return item.heard.keyword if item.heard is not None else ""


def latencies_s(matches: Iterable[Match]) -> list[float]:
    """From the end of each detected word to its detection; negative if the detector did not wait for the end."""
    return [item.heard.time_s - item.said.end_s for item in matches
            if item.kind is Kind.HIT and item.said is not None and item.heard is not None]


def confusions(matches: Iterable[Match]) -> Counter[tuple[str, str]]:
    """(said, heard) -> how often."""
    return Counter((item.said.keyword, item.heard.keyword) for item in matches
                   if item.kind is Kind.CONFUSION and item.said is not None and item.heard is not None)


