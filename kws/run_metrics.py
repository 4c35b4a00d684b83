"""What metrics.json says of a run: sizes, accuracy, the operating point, what it takes of a device, its training.

The records travel through training, validation, tuning, comparison and export; kws.records writes and reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kws.errors import ModelError
from kws.records import LEFT_OUT, JsonObject, RecordError, from_json, named
from kws.requirements import Requirement
from kws.workspace import read_json, read_manifest

METRICS = "metrics.json"


@dataclass(frozen=True)
class LabelAccuracy:
    """Clips of one label. recall : of the n clips that hold it, precision : of those that were decided so; 0..1.

    None if there is nothing to divide by. interval : Wilson's, of the recall, at 95 %.
    """

    n: int
    recall: float | None
    interval: tuple[float, float]
    precision: float | None


@dataclass(frozen=True)
class Accuracy:
    """What was decided about n clips. accuracy, interval : 0..1; confusion : truth -> decision -> clips."""

    n: int
    accuracy: float | None
    interval: tuple[float, float]
    per_label: Mapping[str, LabelAccuracy]
    confusion: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class SplitAccuracy:
    """The network as it was trained, and the int8 one in the engine; None without clips."""

    as_trained: Accuracy | None = field(metadata=named("float"))
    int8: Accuracy | None


@dataclass(frozen=True)
class WantedRates:
    """What an operating point was chosen for; one of both is None."""

    false_alarms_per_hour: float | None
    miss_rate: float | None


@dataclass(frozen=True)
class KeywordCounts:
    """What became of one keyword on the sound that its threshold was chosen on."""

    hits: int
    misses: int
    false_alarms: int


@dataclass(frozen=True)
class PointCheck:
    """An operating point on sound that nothing was chosen on. told : what that was, in words; talk : hours of it?

    interval, upper_bound : of the false alarms per hour, at 95 %; None without hours. miss_rate : 0..1, of the events.
    holds, proven, refuted : as kws.calibrate.run.Verdict
    """

    told: tuple[str, ...] = field(metadata=named("from"))
    hours: float
    false_alarms: int
    false_alarms_per_hour: float | None
    interval: tuple[float, float] | None
    upper_bound: float | None
    events: int
    misses: int
    miss_rate: float
    latency_p95_ms: float | None
    talk: bool
    holds: bool
    proven: bool
    refuted: bool


@dataclass(frozen=True)
class TalkBefore:
    """Nothing triggers if the average score of unknown words is `limit` (0..1) or more over `ms`, `before_ms` ago."""

    limit: float
    ms: float
    before_ms: float


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """The detector's settings, the rule that chose them, and how they do on the sound that they were chosen on.

    thresholds, hysteresis : 0..1. unknown_weight : as in DecoderTables, None: 1. told : the sound, in words; talk : was
    it hours of talk, too? clips : keywords said. check : the same on other sound. What has a default is missing in runs
    of earlier versions.
    """

    rule: str
    target: WantedRates | None = None
    smoothing_ms: float
    thresholds: Mapping[str, float]
    hysteresis: float | None = None
    refractory_ms: float | None = None
    talk_rule: TalkBefore | None = field(default=None, metadata=LEFT_OUT)
    unknown_weight: int | None = field(default=None, metadata=LEFT_OUT)
    told: tuple[str, ...] = field(default=(), metadata=named("from"))
    hours: float
    clips: int
    hits: int
    misses: int
    false_alarms: int
    expected_false_alarms_per_hour: float | None = None
    per_keyword: Mapping[str, KeywordCounts]
    latency_p95_ms: float | None = None
    talk: bool = False
    check: PointCheck | None = field(default=None, metadata=named("test"))


@dataclass(frozen=True)
class Spread:
    """Of a count over many hops."""

    min: int
    median: int
    max: int


@dataclass(frozen=True)
class FlashBytes:
    code: int
    model: int

    @property
    def total(self) -> int:
        return self.code + self.model


@dataclass(frozen=True)
class RamBytes:
    state: int
    stack: int

    @property
    def total(self) -> int:
        return self.state + self.stack


@dataclass(frozen=True)
class Duty:
    """The processor's share at a clock, estimated from assumed cycles per instruction."""

    percent: float
    clock_mhz: float
    cycles_per_instruction: float


@dataclass(frozen=True)
class MeasuredBudget:
    """What a detector takes of a processor that was emulated. stages : front end, network, decoder, per hop.

    audio : what it heard, in words
    """

    cpu: str
    instructions_per_hop: Spread
    instructions_per_second: int
    flash_bytes: FlashBytes
    ram_bytes: RamBytes
    requirements: tuple[Requirement, ...]
    stages: Mapping[str, Spread]
    hop_ms: float
    duty: Duty
    toolchain: str
    hops: int
    audio: str


@dataclass(frozen=True)
class CountedBudget:
    """What it takes by the sizes of its tables: no instructions. note : why it was not measured."""

    cpu: str
    flash_bytes: FlashBytes
    ram_bytes: RamBytes
    requirements: tuple[Requirement, ...]
    note: str | None = field(default=None, metadata=LEFT_OUT)


Budget = MeasuredBudget | CountedBudget


@dataclass(frozen=True)
class WordCounts:
    """How many clips and speakers each keyword has, by the names of the requirements."""

    clips_per_word: Mapping[str, int]
    speakers_per_word: Mapping[str, int]


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training clips brought; accuracies from 0 to 1.

    loss, accuracy : on the augmented training clips, on the way
    validation_accuracy : after it; nan if there are no validation clips
    on_int8_grid : whether it was the network's int8 twin that learned and was validated
    """

    loss: float
    accuracy: float
    validation_accuracy: float
    seconds: float
    on_int8_grid: bool = False


@dataclass(frozen=True)
class LayerQuantization:
    """One layer's output.

    layer     : of the Keras network, "" if none is like it
    low, high : what the grid of 256 steps holds; used_low, used_high : what came up
    sqnr_db   : signal to quantization noise against the float network, all layers before it included; None if unknown
    grid_db   : what rounding to this grid alone would leave; None without a signal
    saturated : share of the numbers at an end of the grid, unless that end is 0; 0..1
    weights, weights_db : how many, and their signal to the noise of rounding; None without weights
    """

    op: str
    layer: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    low: float
    high: float
    used_low: float
    used_high: float
    sqnr_db: float | None
    grid_db: float | None
    saturated: float
    weights: int
    weights_db: float | None


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The content of metrics.json. What has a default is missing in runs of earlier versions.

    splits         : "validation" and "testing"
    field_baseline : as kws.monitor.baseline writes it; None with too little sound
    bytes          : of the network's files, by name
    """

    model: str
    parameters: int
    splits: Mapping[str, SplitAccuracy]
    operating_point: OperatingPoint
    device: Budget
    field_baseline: JsonObject | None = None
    quantization: tuple[LayerQuantization, ...] = ()
    training_seconds: float
    data: WordCounts | None = None
    epochs: tuple[Epoch, ...]
    bytes: Mapping[str, int]
    requirements: tuple[Requirement, ...] = ()


def read_metrics(run: Path) -> Metrics | None:
    """What metrics.json says of a run; None if the run lists no such file. Raises ModelError if it is damaged."""
    if METRICS not in read_manifest(run).files:
        return None
    try:
        return from_json(Metrics, read_json(run, METRICS))
    except RecordError as error:
        raise ModelError(f"{run / METRICS} is damaged ({error}); train again with: kws train") from error
