"""What a validation found, in figures: validation.json of a run, and what `kws validate --json` prints.

Each part says when it was measured and on what, so that parts of several validations can stand beside each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from kws.errors import ModelError
from kws.records import INLINE, LEFT_OUT, RecordError, from_json, named
from kws.requirements import Requirement
from kws.run_metrics import Accuracy, LayerQuantization
from kws.workspace import read_json, read_manifest

VALIDATION_NAME = "validation.json"
Interval: TypeAlias = tuple[float, float]  # at 95 %, low and high


@dataclass(frozen=True)
class Measured:
    """date : of the day; told : the sound, in words."""

    date: str
    told: str = field(metadata=named("from"))


@dataclass(frozen=True)
class EngineFigures:
    """One way to run the network; different : from what the streaming engine says, of clips and of int8 scores."""

    accuracy: float | None
    interval: Interval
    different_clips: int | None = field(default=None, metadata=LEFT_OUT)
    different_scores: int | None = field(default=None, metadata=LEFT_OUT)


@dataclass(frozen=True)
class ClipFigures:
    """The streaming engine's figures, and those of each engine by its name."""

    found: Accuracy = field(metadata=INLINE)
    engines: Mapping[str, EngineFigures]


@dataclass(frozen=True)
class ClipPart:
    """speakers : (name, clips, right) of each known one."""

    measured: Measured = field(metadata=INLINE)
    figures: ClipFigures = field(metadata=INLINE)
    speakers: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class ConditionFigures:
    """One row of the robustness: noise, level, …; missed : of so many keywords."""

    group: str
    name: str
    clips: int
    accuracy: float
    interval: Interval
    keywords: int
    missed: int


@dataclass(frozen=True)
class RobustnessPart:
    measured: Measured = field(metadata=INLINE)
    conditions: tuple[ConditionFigures, ...]


@dataclass(frozen=True)
class QuantizationPart:
    measured: Measured = field(metadata=INLINE)
    layers: tuple[LayerQuantization, ...]


@dataclass(frozen=True)
class WordFigures:
    """What became of one keyword in a recording. events : how often it was said."""

    events: int
    hits: int
    misses: int
    confusions: int
    false_alarms: int
    duplicates: int


@dataclass(frozen=True)
class Confused:
    said: str
    heard: str
    count: int


@dataclass(frozen=True)
class Latency:
    """From the end of a word to its detection; None without hits."""

    median: float | None
    p95: float | None


@dataclass(frozen=True)
class StreamFigures:
    """What became of the keywords of a recording. miss_rate : None if nothing was said.

    not_keywords : words of its truth that are no keywords of the run, and how often
    """

    hours: float
    events: int
    hits: int
    misses: int
    confusions: tuple[Confused, ...]
    false_alarms: int
    duplicates: int
    detections: int
    miss_rate: float | None
    miss_interval: Interval
    per_hour: float
    per_hour_interval: Interval
    upper_bound: float
    latency_ms: Latency
    per_keyword: Mapping[str, WordFigures]
    not_keywords: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamPart:
    measured: Measured = field(metadata=INLINE)
    figures: StreamFigures = field(metadata=INLINE)


@dataclass(frozen=True)
class SourceFigures:
    """False alarms in hours without keywords; left_out : recordings that hold one. None without hours."""

    hours: float
    false_alarms: int
    detections: int
    per_hour: float | None
    interval: Interval | None
    left_out: int


@dataclass(frozen=True)
class WorstAlarm:
    source: str
    file: str
    time_s: float
    keyword: str
    score: float


@dataclass(frozen=True)
class NegativeFigures:
    """All sources together, then by keyword and by source, and the moments with the greatest scores."""

    total: SourceFigures = field(metadata=INLINE)
    upper_bound: float
    per_keyword: Mapping[str, int]
    per_source: Mapping[str, SourceFigures]
    worst: tuple[WorstAlarm, ...]


@dataclass(frozen=True)
class NegativePart:
    measured: Measured = field(metadata=INLINE)
    figures: NegativeFigures = field(metadata=INLINE)


@dataclass(frozen=True)
class KeywordErrors:
    misses: int
    false_alarms: int


@dataclass(frozen=True)
class PointFigures:
    """Misses and false alarms at thresholds that were moved together; shift : 0 is the run as it is."""

    shift: float
    events: int
    misses: int
    miss_rate: float
    miss_interval: Interval
    false_alarms: int
    per_hour: float
    interval: Interval
    per_keyword: Mapping[str, KeywordErrors]


@dataclass(frozen=True)
class CurvePart:
    """hours : of the false alarms."""

    measured: Measured = field(metadata=INLINE)
    hours: float
    points: tuple[PointFigures, ...]


@dataclass(frozen=True)
class MeasuredRequirement:
    """What a validation measured for a requirement of kws.toml, whatever the limit is now."""

    measured: float
    note: str
    date: str


@dataclass(frozen=True)
class Validation:
    """The content of validation.json; what was never measured is None."""

    clips: ClipPart | None = field(default=None, metadata=LEFT_OUT)
    robustness: RobustnessPart | None = field(default=None, metadata=LEFT_OUT)
    quantization: QuantizationPart | None = field(default=None, metadata=LEFT_OUT)
    stream: StreamPart | None = field(default=None, metadata=LEFT_OUT)
    negatives: NegativePart | None = field(default=None, metadata=LEFT_OUT)
    curve: CurvePart | None = field(default=None, metadata=LEFT_OUT)
    measured: Mapping[str, MeasuredRequirement] = field(default_factory=dict)

    @property
    def date(self) -> str:
        """Of the latest part; empty if there is none."""
        parts = (self.clips, self.robustness, self.quantization, self.stream, self.negatives, self.curve)
        return max((part.measured.date for part in parts if part), default="")


@dataclass(frozen=True)
class OutcomeFigures:
    """What `kws validate --json` prints: the parts that were asked for."""

    clips: ClipFigures | None = field(metadata=LEFT_OUT)
    negatives: NegativeFigures | None = field(metadata=LEFT_OUT)
    stream: StreamFigures | None = field(metadata=LEFT_OUT)
    curve: tuple[PointFigures, ...] | None = field(metadata=LEFT_OUT)
    requirements: tuple[Requirement, ...]
    robustness: tuple[ConditionFigures, ...] | None = field(metadata=LEFT_OUT)


def read_validation(run: Path) -> Validation:
    """What earlier validations left in a run; empty if there were none. Raises ModelError if it is damaged."""
    if VALIDATION_NAME not in read_manifest(run).files:
        return Validation()
    try:
        return from_json(Validation, read_json(run, VALIDATION_NAME))
    except RecordError as error:
        raise ModelError(f"{run / VALIDATION_NAME} is damaged ({error}); remove it from the run and measure again: "
                         "kws validate") from error
