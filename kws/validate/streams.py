"""A long recording with its truth, judged as a user would: hits, misses, false alarms and how long it took."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.reading import open_sound
from kws.data.truth import Event
from kws.detect.detector import Detection, Detector
from kws.engine.decoder import DecoderTables
from kws.errors import DataError
from kws.validate.events import Kind, Match, Tally, confusions, latencies_s, match, tally
from kws.validate.figures import Confused, Latency, StreamFigures, WordFigures
from kws.validate.intervals import miss_interval, rate_bound, rate_interval
from kws.validate.track import ScoreTrack, hear


@dataclass(frozen=True, eq=False)
class LabelledTrack:
    """The scores of a recording, and the keywords said in it; others : words of its truth that are no keywords."""

    track: ScoreTrack
    truth: tuple[Event, ...]
    others: tuple[str, ...] = ()

    def judge(self, tables: DecoderTables) -> "StreamResult":
        """What a detector with these tables does."""
        return StreamResult(self.track.hours, tuple(match(self.truth, self.track.detections(tables))), self.others)


@dataclass(frozen=True)
class StreamResult:
    """What became of everything said and heard in a recording; others : words of its truth that are no keywords."""

    hours: float
    matches: tuple[Match, ...]
    others: tuple[str, ...] = ()

    @property
    def total(self) -> Tally:
        return tally(self.matches)

    @property
    def keywords(self) -> tuple[str, ...]:
        """Every word that was said or heard, sorted."""
        return tuple(sorted({item.said.keyword for item in self.matches if item.said is not None}
                            | {item.heard.keyword for item in self.matches if item.heard is not None}))

    def of(self, keyword: str) -> Tally:
        return tally(self.matches, keyword)

    @property
    def miss_rate(self) -> float | None:
        """0..1; None if nothing was said."""
        total = self.total
        return total.misses / total.events if total.events else None

    @property
    def miss_interval(self) -> tuple[float, float]:
        """Of the miss rate, over speakers if they repeat."""
        spoken = [(item.kind is not Kind.HIT, item.said.speaker) for item in self.matches
                  if item.said is not None and item.kind is not Kind.DUPLICATE]
        return miss_interval([missed for missed, _ in spoken], [speaker for _, speaker in spoken])

    @property
    def per_hour(self) -> float:
        """False alarms per hour of the recording."""
        return self.total.false_alarms / self.hours if self.hours else 0.0

    @property
    def per_hour_interval(self) -> tuple[float, float]:
        return rate_interval(self.total.false_alarms, self.hours)

    @property
    def upper_bound(self) -> float:
        return rate_bound(self.total.false_alarms, self.hours)

    @property
    def confusions(self) -> Counter[tuple[str, str]]:
        """(said, heard) -> how often."""
        return confusions(self.matches)

    def latency_ms(self, quantile: float) -> float | None:
        """Of the hits, from the end of the word; None if there are none."""
        found = latencies_s(self.matches)
        return float(np.quantile(found, quantile) * 1000) if found else None

    def figures(self) -> StreamFigures:
        total = self.total
        return StreamFigures(
            self.hours, total.events, total.hits, total.misses,
            tuple(Confused(said, heard, n) for (said, heard), n in self.confusions.most_common()),
            total.false_alarms, total.duplicates, total.detections, self.miss_rate, self.miss_interval, self.per_hour,
            self.per_hour_interval, self.upper_bound, Latency(self.latency_ms(0.5), self.latency_ms(0.95)),
            {name: word_figures(self.of(name)) for name in self.keywords}, dict(Counter(self.others).most_common()))


def word_figures(found: Tally) -> WordFigures:
    return WordFigures(found.events, found.hits, found.misses, found.confusions, found.false_alarms, found.duplicates)


def judge_detections(truth: tuple[Event, ...], detections: list[Detection], *, hours: float) -> StreamResult:
    """Detections of any detector, ours or another's, against the truth."""
    return StreamResult(hours, tuple(match(truth, detections)))


def hear_stream(detector: Detector, audio: Path, truth: tuple[Event, ...]) -> LabelledTrack:
    """Scores of a recording. Raises DataError if an event lies behind its end, or if none of its words is a keyword."""
    track = hear(detector, open_sound(audio).blocks())
    late = next((event for event in truth if event.start_s > track.seconds), None)
    if late is not None:
        raise DataError(f"{audio}: is {track.seconds:.1f} s long, but the truth has {late.keyword!r} at "
                        f"{late.start_s:.1f} s; give the table that belongs to this recording with --truth")
    known = tuple(event for event in truth if event.keyword in detector.plan.spec.keywords)
    if truth and not known:
        raise DataError(f"{audio}: none of the words in its truth is a keyword of this run "
                        f"({', '.join(detector.plan.spec.keywords)})")
    return LabelledTrack(track, known, tuple(event.keyword for event in truth if event not in known))
