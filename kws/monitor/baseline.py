"""What a detector counts where it was validated: what the field is held against.

It is kept in blocks of sound, because neighbouring seconds resemble each other: how much they do shows between blocks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detector
from kws.engine.plan import Plan
from kws.errors import DataError
from kws.listen.field_counter import FieldCounter
from kws.listen.field_report import FEATURES, LEVELS, SCORES, FieldReport
from kws.monitor.validation_sound import BLOCK_S as VALIDATION_BLOCK_S
from kws.monitor.validation_sound import RECORDINGS, TALK, ValidationSound, blocks
from kws.records import Json, from_json, to_json

BLOCK_S = 30.0
BINS = {"levels": LEVELS, "scores": SCORES, "features": FEATURES}


@dataclass(frozen=True)
class Baseline:
    """source : what was heard, in words; continuous : as it is in a room, not clips one after the other

    Of each block: seconds; detections, near_misses; levels, scores, features : the counts of its report; kinds : what
    validation sound it is of; empty for recordings of a place.
    """

    source: str
    continuous: bool
    seconds: tuple[float, ...]
    detections: tuple[int, ...]
    near_misses: tuple[int, ...]
    levels: tuple[tuple[int, ...], ...]
    scores: tuple[tuple[int, ...], ...]
    features: tuple[tuple[int, ...], ...]
    kinds: tuple[str, ...] = ()

    def counts(self, name: str) -> np.ndarray:
        """int64 [blocks, bins] of "levels", "scores" or "features"."""
        return np.array(getattr(self, name), np.int64).reshape(-1, BINS[name])

    @property
    def hours(self) -> float:
        return sum(self.seconds) / 3_600

    def what(self) -> tuple[str, ...]:
        """The kinds, each once."""
        return tuple(dict.fromkeys(self.kinds))

    @property
    def mixture(self) -> bool:
        """Whether rooms are mixtures of it: only if somebody talks in it."""
        return not self.continuous and bool({TALK, RECORDINGS} & set(self.kinds))

    def to_json(self) -> dict[str, Json]:
        return to_json(self)


def baseline_from_json(content: Json) -> Baseline:
    """What Baseline.to_json made. Raises DataError for anything else."""
    try:
        made = from_json(Baseline, content)
        for name in BINS:
            made.counts(name)
    except ValueError as error:  # a RecordError is one, too
        raise DataError(f"the baseline is damaged or of another version of kws ({error}); measure it again with: "
                        "kws monitor baseline AUDIO") from error
    return made


def measure_baseline(plan: Plan, sound: Iterable[np.ndarray], *, source: str, continuous: bool,
                     block_s: float = BLOCK_S) -> Baseline:
    """Let a detector hear pieces of sound, int16 [n] each, as one stream.

    Raises DataError if they are shorter than two blocks together.
    """
    detector, counter = Detector(plan), FieldCounter(plan, session="0" * 8)
    reports: list[FieldReport] = []
    for block in in_blocks(sound, round(block_s * SAMPLE_RATE_HZ)):
        counter.push(block, detector.watch(block))
        reports.append(counter.take())
    if len(reports) < 2:
        raise DataError(f"{source}: less than {2 * block_s:.0f} s of sound; a baseline needs more, better an hour")
    return Baseline(source, continuous, tuple(report.samples / SAMPLE_RATE_HZ for report in reports),
                    tuple(report.detections for report in reports), tuple(report.near_misses for report in reports),
                    tuple(report.levels for report in reports), tuple(report.scores for report in reports),
                    tuple(report.features for report in reports))


def in_blocks(sound: Iterable[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """int16 [samples] each; what is left at the end is left out."""
    rest = np.zeros(0, np.int16)
    for piece in sound:
        rest = np.concatenate([rest, piece])
        while len(rest) >= samples:
            yield rest[:samples]
            rest = rest[samples:]


def measure_validation(plan: Plan, sound: ValidationSound, rng: np.random.Generator) -> Baseline:
    """What the detector counts in blocks of validation sound."""
    kinds: list[str] = []

    def heard() -> Iterator[np.ndarray]:
        for kind, block in blocks(sound, rng):
            kinds.append(kind)
            yield block

    found = measure_baseline(plan, heard(), source="validation sound", continuous=False, block_s=VALIDATION_BLOCK_S)
    return replace(found, kinds=tuple(kinds))
