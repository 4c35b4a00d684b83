"""Every setting of a keyword spotter, frozen and self-validating.

A Spec is read from kws.toml (kws.specfile), passed whole, stored in each run's manifest and never changed.
What can be derived is a property. Every field carries its unit, its range and the sentence that kws.toml teaches.
"""

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, is_dataclass
from typing import TypeVar

from kws.errors import SpecError
from kws.processors import CPUS
from kws.records import Fields, JsonObject
from kws.words import fault

Value = TypeVar("Value", str, int, float, bool)  # of a setting
SILENCE, UNKNOWN = "_silence_", "_unknown_"
# The zoo: the name on the command line and in kws.toml -> the function that builds the network, as module:function.
NETWORKS = {
    "linear": "kws.model.zoo:linear",
    "cnn": "kws.model.zoo:cnn",
    "ds_cnn": "kws.model.zoo:ds_cnn",
    "tc_resnet": "kws.model.zoo:tc_resnet",
    "bc_resnet": "kws.model.zoo:bc_resnet",
}
# What runs did before a setting existed, where that is not its default.
HUGE = 10**18  # no setting is as large
KINDS: dict[object, str] = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
ONCE = {"training": {"keyword_balance": 0.0, "talk_percent": 0.0}}


def setting(default: Value, doc: str, *, low: float | None = None, high: float | None = None,
            choices: Collection[Value] | None = None) -> Value:
    """A dataclass field that knows its inclusive range or its choices, and how to explain itself."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high, "choices": choices})


def allowed(f: "Field[object]") -> str:
    """The rule of a setting in words, for messages and for kws.toml."""
    rule = f.metadata
    if f.type is bool:
        return KINDS[bool]
    if rule["choices"] is not None:
        return "one of " + ", ".join(str(choice) for choice in rule["choices"])
    return f"{rule['low']} to {rule['high']}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the sections below have in common: each field is checked against its type and range."""

    section = ""

    def __post_init__(self) -> None:
        for f in fields(self):
            value, name = getattr(self, f.name), f"[{self.section}] {f.name}"
            if f.type is float and type(value) is int:
                value = float(value) if abs(value) < HUGE else math.inf
                object.__setattr__(self, f.name, value)
            if type(value) is not f.type:
                rules = dict.fromkeys((KINDS[f.type], allowed(f)))
                raise SpecError(f"{name} = {value!r}: must be {', '.join(rules)}")
            rule = f.metadata
            if rule["choices"] is not None:
                holds = value in rule["choices"]
            else:
                holds = rule["low"] <= value <= rule["high"]  # also refuses nan
            if not holds:
                raise SpecError(f"{name} = {value!r}: must be {allowed(f)}")
        self.check()

    def check(self) -> None:
        """Rules that involve several fields."""

    def refuse(self, name: str, rule: str) -> None:
        """Raise SpecError for field `name`, which breaks `rule`."""
        raise SpecError(f"[{self.section}] {name} = {getattr(self, name)!r}: must be {rule}")


@dataclass(frozen=True, kw_only=True)
class Requirements(Settings):
    """What the product must hold; stated first and checked at every later stage."""

    section = "requirements"
    flash_bytes: int = setting(128_000, "program and model in flash", low=1_000, high=64_000_000)
    ram_bytes: int = setting(32_000, "state and stack in RAM", low=1_000, high=64_000_000)
    cpu: str = setting("cortex-m4", "the processor that runs the detector",
                       choices=CPUS)
    clock_mhz: float = setting(64.0, "its clock", low=1, high=2_000)
    duty_percent: float = setting(50.0, "share of the processor that the detector may take", low=0.1, high=100)
    latency_ms: float = setting(800.0, "from the end of a word to its detection", low=20, high=5_000)
    decisions_per_second: float = setting(10.0, "decisions per second, at least", low=0.5, high=200)
    accuracy_percent: float = setting(90.0, "correct clips on the test split, at least", low=0, high=100)
    miss_rate_percent: float = setting(10.0, "spoken keywords that are not detected, at most", low=0, high=100)
    false_alarms_per_hour: float = setting(1.0, "detections per hour without a keyword, at most", low=0, high=10_000)
    clips_per_word: int = setting(50, "recordings of each keyword, at least", low=1, high=1_000_000)
    speakers_per_word: int = setting(5, "different speakers of each keyword, at least", low=1, high=100_000)


@dataclass(frozen=True, kw_only=True)
class FrontendSpec(Settings):
    """The fixed-point MFCC front end: int16 samples in, int8 [frames, features] out."""

    section = "frontend"
    sample_rate_hz: int = setting(16_000, "samples per second", choices=(16_000,))
    clip_ms: int = setting(1_000, "length of the window that the network sees", low=200, high=3_000)
    window_ms: int = setting(30, "length of one analysis window", low=8, high=64)
    hop_ms: int = setting(20, "time from one window to the next; the detector decides once per hop", low=5, high=50)
    fft_points: int = setting(512, "FFT length; at least the window's samples", choices=(256, 512, 1_024))
    bands: int = setting(40, "mel bands (HTK scale, triangles of height 1)", low=8, high=80)
    low_hz: float = setting(20.0, "lower edge of the lowest band", low=0, high=2_000)
    high_hz: float = setting(7_600.0, "upper edge of the highest band", low=2_000, high=8_000)
    coefficients: int = setting(0, "cepstral coefficients per window; 0 keeps the log mel bands, which convolutions "
                                "over frequency need", low=0, high=40)
    log_floor: int = setting(32, "added to each band's magnitude before the logarithm: the level below which "
                             "nothing is heard; one unit is one step of a 16-bit sample at the FFT's output",
                             low=1, high=4_096)

    def check(self) -> None:
        if self.window_samples > self.fft_points:
            self.refuse("window_ms", f"at most {self.fft_points * 1000 // self.sample_rate_hz} "
                                     f"for fft_points = {self.fft_points}")
        if self.hop_ms > self.window_ms:
            self.refuse("hop_ms", f"at most window_ms = {self.window_ms}")
        if self.coefficients > self.bands:
            self.refuse("coefficients", f"at most bands = {self.bands}")
        if self.clip_ms < self.window_ms + self.hop_ms:
            self.refuse("clip_ms", "at least one window and one hop")

    @property
    def window_samples(self) -> int:
        return self.sample_rate_hz * self.window_ms // 1000

    @property
    def hop_samples(self) -> int:
        return self.sample_rate_hz * self.hop_ms // 1000

    @property
    def clip_samples(self) -> int:
        return self.sample_rate_hz * self.clip_ms // 1000

    @property
    def imported_samples(self) -> int:
        """Length of imported clips: what the network sees, and at least a second, so that a short window can grow."""
        return max(self.clip_samples, self.sample_rate_hz)

    @property
    def frames(self) -> int:
        """Windows in one clip: what the network sees at once."""
        return 1 + (self.clip_samples - self.window_samples) // self.hop_samples

    @property
    def features(self) -> int:
        """Numbers per window: the cepstral coefficients, or the bands if there are none."""
        return self.coefficients or self.bands


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Settings):
    """Which network of the zoo, and how wide."""

    section = "model"
    name: str = setting("cnn", "network of the zoo", choices=NETWORKS)
    width: float = setting(1.0, "multiplies the channels of every layer", low=0.1, high=8)
    dropout: float = setting(0.0, "share of the pooled activations dropped while training", low=0, high=0.9)


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(Settings):
    """How the network is trained: schedule, augmentation, the mixture of labels."""

    section = "training"
    epochs: int = setting(60, "passes over the training clips", low=1, high=2_000)
    batch: int = setting(128, "clips per step", low=1, high=4_096)
    learning_rate: float = setting(4e-3, "learning rate at the start; falls along a cosine", low=1e-6, high=1)
    weight_decay: float = setting(1e-2, "AdamW's weight decay", low=0, high=1)
    label_smoothing: float = setting(0.05, "share of each label spread over all labels", low=0, high=0.5)
    distillation_weight: float = setting(0.6, "with a teacher: the share of the loss that its soft targets get; "
                                         "the labels get the rest", low=0, high=1)
    distillation_temperature: float = setting(2.0, "with a teacher: softens its scores and the network's; 1 does not",
                                              low=1, high=20)
    quantization_aware_epochs: int = setting(5, "so many of the last epochs learn on the int8 grid if int8 would lose "
                                             "more than quantization_loss_points; 0 switches it off", low=0, high=2_000)
    quantization_loss_points: float = setting(0.3, "percentage points of accuracy on validation clips; -100: always "
                                              "learn on the grid", low=-100, high=100)
    shift_ms: int = setting(100, "largest shift in time, either way", low=0, high=500)
    noise_percent: float = setting(60.0, "share of the clips that get background noise", low=0, high=100)
    snr_low_db: float = setting(0.0, "loudest noise: signal-to-noise ratio", low=-20, high=60)
    snr_high_db: float = setting(30.0, "softest noise", low=-20, high=80)
    gain_db: float = setting(12.0, "largest gain, either way", low=0, high=40)
    equalization_db: float = setting(2.0, "random timbre: standard deviation of each bend of a smooth gain over "
                                     "frequency; 0 switches it off", low=0, high=20)
    augmented_versions: int = setting(0, "how many augmented versions of the clips are kept and used in turn, which "
                                      "saves most of a small network's training time; 0: augment anew in every epoch",
                                      low=0, high=1_000)
    time_mask_frames: int = setting(2, "SpecAugment: longest run of frames blanked; 0 switches it off", low=0, high=60)
    band_mask_features: int = setting(1, "SpecAugment: most bands blanked; 0 switches it off", low=0, high=40)
    unknown_percent: float = setting(25.0, "unknown words per 100 keyword clips", low=1, high=200)
    silence_percent: float = setting(10.0, "silent clips per 100 keyword clips", low=1, high=200)
    talk_percent: float = setting(45.0, "if there is talk in recordings/*/_talk_/: its share of the training time; "
                                  "0 leaves it out, and trains on single clips", low=0, high=90)
    talk_weight: float = setting(0.1, "weight of a hop of talk relative to a clip: more of it means fewer false alarms "
                                 "and more misses", low=0, high=10)
    hard_percent: float = setting(40.0, "share of the talk that is taken where the network was most nearly deceived "
                                  "before the epoch", low=0, high=100)
    keyword_balance: float = setting(1.0, "after training, scores of rare keywords are raised as if all had equally "
                                     "many clips: 1 fully, 0 not at all", low=0, high=1)
    seed: int = setting(1, "seed of every random number", low=0, high=2**31 - 1)

    def check(self) -> None:
        if self.snr_low_db > self.snr_high_db:
            self.refuse("snr_low_db", f"at most snr_high_db = {self.snr_high_db}")


@dataclass(frozen=True, kw_only=True)
class DetectorSpec(Settings):
    """From scores per hop to detections: one utterance, one detection."""

    section = "detector"
    smoothing_ms: int = setting(0, "scores are averaged over this time; 0: chosen for the false alarms per hour",
                                low=0, high=1_000)
    threshold: float = setting(0.0, "score that triggers; 0: chosen per keyword for the false alarms per hour",
                               low=0, high=1)
    hysteresis: float = setting(0.15, "the score must fall this far below the threshold before the same keyword "
                                "can trigger again", low=0, high=1)
    refractory_ms: int = setting(750, "nothing triggers for this time after a detection", low=0, high=5_000)
    after_pause: bool = setting(False, "hear keywords only after 1.5 seconds without talk: far fewer false alarms "
                                "where people talk", choices=(False, True))


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The whole project: what to hear and every setting.

    keywords : words to detect, 1 to 40 of them, in the normal form of kws.words

    Examples:
        >>> from kws.spec import FrontendSpec, Spec
        >>> spec = Spec(keywords=("yes", "no"), frontend=FrontendSpec(hop_ms=10))
        >>> spec.labels
        ('_silence_', '_unknown_', 'yes', 'no')
        >>> FrontendSpec(hop_ms=100)
        Traceback (most recent call last):
        kws.errors.SpecError: [frontend] hop_ms = 100: must be 5 to 50
    """

    keywords: tuple[str, ...]
    requirements: Requirements = Requirements()
    frontend: FrontendSpec = FrontendSpec()
    model: ModelSpec = ModelSpec()
    training: TrainingSpec = TrainingSpec()
    detector: DetectorSpec = DetectorSpec()

    def __post_init__(self) -> None:
        if not 1 <= len(self.keywords) <= 40:
            raise SpecError(f"keywords: {len(self.keywords)} of them; must be 1 to 40 words")
        for word in self.keywords:
            if what := fault(word):
                raise SpecError(f"keywords: {what}")
        if len(set(self.keywords)) < len(self.keywords):
            twice = next(word for word in self.keywords if self.keywords.count(word) > 1)
            raise SpecError(f"keywords: {twice!r} is listed twice; name each word once")

    @property
    def labels(self) -> tuple[str, ...]:
        """What the network tells apart, in the order of its outputs."""
        return (SILENCE, UNKNOWN, *self.keywords)

    @classmethod
    def from_dict(cls, settings: JsonObject) -> "Spec":
        """The inverse of `dataclasses.asdict`, as manifests store it; also of an earlier version's settings.

        Raises KeyError, TypeError or SpecError for anything else.
        """
        words = settings["keywords"]
        if not isinstance(words, list | tuple):
            raise TypeError(f"keywords = {words!r}: must be a list")
        parts: Fields = {name: kind(**{**ONCE.get(name, {}), **section_of(settings, name)})
                         for name, kind in SECTIONS.items()}
        return cls(keywords=tuple(words), **parts)


SECTIONS: dict[str, type[Settings]] = {
    kind.section: kind for kind in (Requirements, FrontendSpec, ModelSpec, TrainingSpec, DetectorSpec)}


def section_of(settings: JsonObject, name: str) -> JsonObject:
    """One section of settings as JSON has them. Raises KeyError or TypeError if there is none."""
    section = settings[name]
    if not isinstance(section, Mapping):
        raise TypeError(f"{name} = {section!r}: must be an object")
    return section


def fingerprint(*parts: object) -> str:
    """Hex SHA-256 (first 16 digits) of settings and plain values: equal exactly when all of them are equal."""
    plain = [asdict(part) if is_dataclass(part) and not isinstance(part, type) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
