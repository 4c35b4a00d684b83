"""Runs, networks from elsewhere and other detectors side by side, on the same sound, with paired tests.

Same clips: McNemar's exact test on the clips that only one of two got right. Same stream: the misses of both on the
same utterances, whose difference gets its interval from drawing speakers (or utterances) with replacement.
"""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.arguments import check_array
from kws.data.truth import Event
from kws.detect.detector import Detection
from kws.errors import DataError
from kws.records import LEFT_OUT, Json, JsonObject, to_json
from kws.requirements import Requirement
from kws.spec import Requirements
from kws.validate.events import Kind, bursts
from kws.validate.gate import against
from kws.validate.intervals import BOOTSTRAP_SEED, RESAMPLES, rate_interval
from kws.validate.metrics import wilson_interval
from kws.validate.streams import StreamResult

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Costs:
    """What a run takes of the device; instructions only if they were counted."""

    flash_bytes: float
    ram_bytes: float
    instructions_per_second: float | None = field(default=None, metadata=LEFT_OUT)


@dataclass(frozen=True, eq=False)
class Contender:
    """One of those that are compared; what was not measured is None.

    right        : bool [clips], decided correctly
    stream       : what became of the utterances
    false_alarms : on hours without keywords
    """

    name: str
    right: np.ndarray | None = None
    stream: StreamResult | None = None
    false_alarms: int | None = None
    hours: float = 0.0
    costs: Costs | None = None

    @property
    def accuracy(self) -> float | None:
        return float(self.right.mean()) if self.right is not None and len(self.right) else None

    @property
    def per_hour(self) -> float | None:
        return self.false_alarms / self.hours if self.false_alarms is not None and self.hours else None

    @property
    def alarms(self) -> tuple[int, float] | None:
        """False alarms and in how many hours: of the negatives, or else of the stream."""
        if self.false_alarms is not None and self.hours:
            return self.false_alarms, self.hours
        return (self.stream.total.false_alarms, self.stream.hours) if self.stream and self.stream.hours else None

    def broken(self, limits: Requirements) -> list[Requirement]:
        """The requirements that it was measured on and does not meet."""
        stream, found = self.stream, dict[str, float | None]()
        if self.costs is not None:
            found |= {"flash_bytes": self.costs.flash_bytes, "ram_bytes": self.costs.ram_bytes}
        found["latency_ms"] = stream.latency_ms(0.95) if stream else None
        found["accuracy_percent"] = None if self.accuracy is None else 100 * self.accuracy
        found["miss_rate_percent"] = 100 * stream.miss_rate if stream and stream.miss_rate is not None else None
        found["false_alarms_per_hour"] = self.alarms[0] / self.alarms[1] if self.alarms else None
        judged = [against(limits, name, value) for name, value in found.items() if value is not None]
        return [one for one in judged if one.holds is False]

    def to_json(self) -> JsonObject:
        found: dict[str, Json] = {"name": self.name, "costs": to_json(self.costs) if self.costs else None}
        if self.right is not None:
            found["accuracy"] = self.accuracy
            found["accuracy_interval"] = list(wilson_interval(int(self.right.sum()), len(self.right)))
        if self.stream is not None:
            found["miss_rate"] = self.stream.miss_rate
            found["miss_interval"] = list(self.stream.miss_interval)
            found["stream_false_alarms_per_hour"] = self.stream.per_hour
        if self.false_alarms is not None:
            found["false_alarms_per_hour"] = self.per_hour
            found["interval"] = list(rate_interval(self.false_alarms, self.hours))
        return found


@dataclass(frozen=True)
class Difference:
    """What `other` has more than `first`: points of accuracy or misses; interval : 95 %; p : of no difference."""

    first: str
    other: str
    what: str
    points: float
    interval: tuple[float, float] | None
    p: float | None

    @property
    def significant(self) -> bool:
        if self.p is not None:
            return self.p < SIGNIFICANT
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    def to_json(self) -> JsonObject:
        return {"first": self.first, "other": self.other, "what": self.what, "points": self.points,
                "interval": self.interval and list(self.interval), "p": self.p, "significant": self.significant}


def mcnemar(first: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """The exact two-sided probability of so unequal a split of the clips that only one of two got right, by chance.

    first, other : bool [clips], whether each of the two got them right
    """
    check_array("first", first, np.bool_, "clips")
    check_array("other", other, np.bool_, len(first))
    only_first, only_other = int((first & ~other).sum()), int((other & ~first).sum())
    n, k = only_first + only_other, min(only_first, only_other)
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    return float(min(2 * tail, 1.0))


def missed_by_event(result: StreamResult) -> dict[Event, bool]:
    """Utterance -> whether it was missed."""
    return {item.said: item.kind is not Kind.HIT for item in result.matches
            if item.said is not None and item.kind is not Kind.DUPLICATE}


def paired_misses(first: StreamResult, other: StreamResult) -> tuple[float, tuple[float, float]]:
    """Misses of `other` minus those of `first` on the same utterances, 0..1, and the 95 % interval."""
    a, b = missed_by_event(first), missed_by_event(other)
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for i, event in enumerate(a):
        group = groups[event.speaker or f"\0{i}"]
        group[0] += int(b[event]) - int(a[event])
        group[1] += 1
    parts = np.array([group[0] for group in groups.values()])
    wholes = np.array([group[1] for group in groups.values()])
    if not len(parts):
        return 0.0, (0.0, 0.0)
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    weights = rng.multinomial(len(parts), np.full(len(parts), 1 / len(parts)), size=RESAMPLES)
    low, high = np.quantile((weights @ parts) / (weights @ wholes), [0.025, 0.975])
    return float(parts.sum() / wholes.sum()), (float(low), float(high))


def differences(contenders: Sequence[Contender]) -> list[Difference]:
    """Every other against the first, on what both were measured."""
    first, found = contenders[0], []
    for other in contenders[1:]:
        if first.right is not None and other.right is not None:
            points = 100 * float(other.right.mean() - first.right.mean())
            chance = mcnemar(first.right, other.right)
            found.append(Difference(first.name, other.name, "accuracy", points, None, chance))
        if first.stream is not None and other.stream is not None:
            share, (low, high) = paired_misses(first.stream, other.stream)
            found.append(Difference(first.name, other.name, "misses", 100 * share, (100 * low, 100 * high), None))
    return found


def read_detections(path: Path, keywords: Sequence[str]) -> dict[str, list[Detection]]:
    """What a peer heard, by the name of the file ("" if none is given): a JSON object a line with keyword, time_s and
    perhaps file and score, as `kws detect --json` prints.

    Raises DataError that names the line which is none, or a word that is no keyword.
    """
    found: dict[str, list[Detection]] = defaultdict(list)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            hit = Detection(str(entry["keyword"]), float(entry["time_s"]), float(entry.get("score", 1.0)))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f'{path}, line {number}: must be like {{"keyword": "yes", "time_s": 1.5}}') from error
        if hit.keyword not in keywords:
            raise DataError(f"{path}, line {number}: {hit.keyword!r} is none of the keywords: {', '.join(keywords)}")
        found[Path(str(entry.get("file", ""))).name].append(hit)
    return {name: sorted(hits, key=lambda hit: hit.time_s) for name, hits in found.items()}


def count_bursts(detections: Sequence[Detection]) -> int:
    """False alarms among detections where nothing was said."""
    return sum(item.kind is Kind.FALSE_ALARM for item in bursts(detections))


def recommended(contenders: Sequence[Contender], limits: Requirements) -> str:
    """Whom to take, in words: the cheapest that meets what was measured, else the one nearest to it."""
    def cost(one: Contender) -> float:
        return one.costs.instructions_per_second or one.costs.flash_bytes if one.costs else math.inf

    meeting = [one for one in contenders if not one.broken(limits)]
    if meeting:
        best = min(meeting, key=cost)
        others = ("the only one that meets" if len(meeting) == 1 else
                  f"the cheapest of the {len(meeting)} that meet")
        return f"{best.name}: {others} the requirements as far as they were measured"
    best = min(contenders, key=lambda one: sum(map(overshoot, one.broken(limits))))
    return f"none meets the requirements as far as they were measured; {best.name} comes nearest"


def overshoot(broken: Requirement) -> float:
    """How far a requirement is missed, as a share of its limit."""
    return abs((broken.measured or 0.0) - broken.limit) / max(broken.limit, 0.01)
