"""Misses against false alarms per hour: the run's own thresholds, all made stricter or more lenient together.

A step is the same for every keyword in the logit of its threshold, so that the order among them stays as it was chosen.
Every point is counted anew by the C decoder.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kws.engine.decoder import NEVER, SCORE_STEPS, DecoderTables, release_of
from kws.validate.events import Kind, Tally, bursts, tally
from kws.validate.figures import KeywordErrors, PointFigures
from kws.validate.intervals import rate_interval
from kws.validate.negatives import NegativeSource
from kws.validate.streams import LabelledTrack, StreamResult

CURVE_RATES = (100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.1)  # at which a curve is read
SHIFTS = tuple(step / 4 for step in range(-16, 25))  # in logits, from lenient to strict


@dataclass(frozen=True)
class CurvePoint:
    """shift : 0 is the run as it is; per_keyword : keyword -> (misses, false alarms on the negatives)."""

    shift: float
    tally: Tally
    miss_interval: tuple[float, float]
    false_alarms: int
    hours: float
    per_keyword: dict[str, tuple[int, int]]

    @property
    def miss_rate(self) -> float:
        return self.tally.misses / self.tally.events if self.tally.events else 0.0

    @property
    def per_hour(self) -> float:
        return self.false_alarms / self.hours

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the false alarms per hour."""
        return rate_interval(self.false_alarms, self.hours)

    def figures(self) -> PointFigures:
        return PointFigures(self.shift, self.tally.events, self.tally.misses, self.miss_rate, self.miss_interval,
                            self.false_alarms, self.per_hour, self.interval,
                            {word: KeywordErrors(*both) for word, both in self.per_keyword.items()})


def shifted_tables(tables: DecoderTables, shift: float) -> DecoderTables:
    """Thresholds moved by `shift` in their logit, within 1..255; the hysteresis keeps its steps."""
    thresholds = tuple(moved(step, shift) for step in tables.thresholds)
    releases = tuple(release_of(step, old - release)
                     for step, old, release in zip(thresholds, tables.thresholds, tables.releases, strict=True))
    return replace(tables, thresholds=thresholds, releases=releases)


def moved(step: int, shift: float) -> int:
    if step == NEVER:
        return NEVER
    logit = math.log(step / (SCORE_STEPS - step)) + shift
    return min(max(round(SCORE_STEPS / (1 + math.exp(-logit))), 1), SCORE_STEPS - 1)


def curve(stream: LabelledTrack, negatives: Sequence[NegativeSource], tables: DecoderTables,
          shifts: Sequence[float] = SHIFTS) -> list[CurvePoint]:
    """A point for each shift whose tables differ from the last one's, from lenient to strict."""
    points, last = [], None
    for shift in shifts:
        moved_tables = shifted_tables(tables, shift)
        if moved_tables != last:
            points.append(point(stream, negatives, moved_tables, shift))
        last = moved_tables
    return points


def point(stream: LabelledTrack, negatives: Sequence[NegativeSource], tables: DecoderTables,
          shift: float) -> CurvePoint:
    """Decode everything with these tables."""
    found: StreamResult = stream.judge(tables)
    alarms = [item.heard.keyword for source in negatives for item in bursts(source.wrong(tables))
              if item.kind is Kind.FALSE_ALARM and item.heard is not None]
    words = sorted({event.keyword for event in stream.truth} | set(alarms))
    per_keyword = {word: (tally(found.matches, word).misses, alarms.count(word)) for word in words}
    return CurvePoint(shift, found.total, found.miss_interval, len(alarms), sum(one.hours for one in negatives),
                      per_keyword)


def at_rate(points: Sequence[CurvePoint], per_hour: float) -> CurvePoint | None:
    """The most lenient point with at most so many false alarms per hour; None if there is none."""
    return next((one for one in points if one.per_hour <= per_hour), None)
