"""What a decoder is chosen on: labelled recordings and hours without keywords, heard once, and how any decoder does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kws.engine.decoder import NEVER, DecoderTables, release_of
from kws.spec import SILENCE, UNKNOWN
from kws.validate.events import Kind, bursts, latencies_s, match
from kws.validate.negatives import NegativeSource
from kws.validate.streams import LabelledTrack

LATE = 0.95  # quantile of the latencies that is held against the requirement


class TalkRule(NamedTuple):
    """What talk right before a word does, as in DecoderTables; hops = 0: nothing."""

    hops: int = 0
    lag_hops: int = 0
    limit: int = 0


NO_RULE = TalkRule()


@dataclass(frozen=True)
class DecoderSettings:
    """A decoder's tables but for the labels that never trigger, in its integers.

    levels : threshold of each keyword in steps of 1/256, 1..255; hysteresis : steps below it to the release
    unknown_weight : as in DecoderTables
    """

    levels: tuple[int, ...]
    smoothing_hops: int
    hysteresis: int
    refractory_hops: int
    talk: TalkRule = NO_RULE
    unknown_weight: int = 1

    def tables(self, labels: Sequence[str]) -> DecoderTables:
        """As the C reads them; labels : silence, unknown words, and the keywords in the order of `levels`."""
        wanted = iter(self.levels)
        thresholds = tuple(NEVER if label in (SILENCE, UNKNOWN) else next(wanted) for label in labels)
        releases = tuple(release_of(step, self.hysteresis) for step in thresholds)
        return DecoderTables(labels=len(labels), smoothing_hops=self.smoothing_hops,
                             refractory_hops=self.refractory_hops, thresholds=thresholds, releases=releases,
                             talk_hops=self.talk.hops, talk_lag_hops=self.talk.lag_hops, talk_limit=self.talk.limit,
                             unknown_weight=self.unknown_weight)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a decoder does, per keyword. said, hits, false_alarms : int [keywords]; late_ms : None without hits."""

    said: np.ndarray
    hits: np.ndarray
    false_alarms: np.ndarray
    late_ms: float | None

    @property
    def misses(self) -> int:
        return int(self.said.sum() - self.hits.sum())

    @property
    def miss_rate(self) -> float:
        """0..1; 0 if nothing was said."""
        said = int(self.said.sum())
        return self.misses / said if said else 0.0

    @property
    def total_false_alarms(self) -> int:
        return int(self.false_alarms.sum())


@dataclass(frozen=True, eq=False)
class Sound:
    """Everything that was heard to choose on.

    negatives : where false alarms are counted; if there are none, they are counted in the streams
    """

    keywords: tuple[str, ...]
    labels: tuple[str, ...]
    streams: tuple[LabelledTrack, ...]
    negatives: tuple[NegativeSource, ...]

    @property
    def hours(self) -> float:
        """In which false alarms are counted."""
        if self.negatives:
            return sum(source.hours for source in self.negatives)
        return sum(stream.track.hours for stream in self.streams)

    @property
    def events(self) -> int:
        return sum(len(stream.truth) for stream in self.streams)

    def outcome(self, settings: DecoderSettings) -> Outcome:
        """Run the C decoder over all of it."""
        tables = settings.tables(self.labels)
        place = {keyword: i for i, keyword in enumerate(self.keywords)}
        said, hits, false_alarms = (np.zeros(len(self.keywords), np.int64) for _ in range(3))
        late: list[float] = []
        for stream in self.streams:
            matches = match(stream.truth, stream.track.detections(tables))
            late += latencies_s(matches)
            for item in matches:
                if item.said is not None and item.kind is not Kind.DUPLICATE:
                    said[place[item.said.keyword]] += 1
                    hits[place[item.said.keyword]] += item.kind is Kind.HIT
                elif item.heard is not None and item.kind is Kind.FALSE_ALARM and not self.negatives:
                    false_alarms[place[item.heard.keyword]] += 1
        for source in self.negatives:
            for item in bursts(source.wrong(tables)):
                if item.heard is not None and item.kind is Kind.FALSE_ALARM:
                    false_alarms[place[item.heard.keyword]] += 1
        return Outcome(said, hits, false_alarms, float(np.quantile(late, LATE) * 1000) if late else None)
