"""Augmented versions of an epoch's clips that are kept: their features are computed once, and heard again and again.

Shift, noise, gain, front end and teachers cost more than a small network's training step. With `augmented_versions`
of [training] epoch e hears version e modulo that number, in another order each time; timbre and SpecAugment, which
cost little, are drawn anew. Every training with the same recordings and the same settings of augmentation, front end
and teachers shares them, whatever its network and its seed.
"""

import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from kws import __version__
from kws.data.pool import map_blocks
from kws.features.tables import Normalisation
from kws.kept_arrays import keep_arrays, kept_arrays
from kws.model.distill import Teaching
from kws.model.examples import Examples
from kws.model.sound_jobs import SoundJob, SoundRows, make_sounds
from kws.spec import Spec, fingerprint

# Settings of [training] that a version depends on.
HEARD = ("shift_ms", "noise_percent", "snr_low_db", "snr_high_db", "gain_db", "unknown_percent", "silence_percent",
         "distillation_temperature")
VERSION = 5  # purpose of random numbers, beside those of kws.model.dataset
PART = 512  # clips that are made at once
BLOCK = 1_024  # rows that are summed up at once
Version = tuple[np.ndarray, np.ndarray]  # features int8 [n, frames, features], targets float32 [n, labels or twice]
LOCK = threading.Lock()  # of the threads that prepare batches, the first makes a version and the others wait


class Augmented(Protocol):
    """What kws.model.dataset.Material has of which versions are made."""

    @property
    def spec(self) -> Spec: ...
    @property
    def examples(self) -> Examples: ...
    @property
    def clips(self) -> dict[str, np.ndarray]: ...
    @property
    def noise(self) -> dict[str, list[np.ndarray]]: ...
    @property
    def normalisation(self) -> Normalisation: ...
    @property
    def teaching(self) -> Teaching | None: ...
    @property
    def cache(self) -> Path | None: ...

    def epoch_rows(self, rng: np.random.Generator) -> np.ndarray: ...
    @property
    def scheduler(self) -> str | None: ...

    def sounds(self, rows: np.ndarray, rng: np.random.Generator) -> SoundRows: ...
    def job(self, rows: np.ndarray, *seed: int) -> SoundJob: ...
    def targets(self, rows: np.ndarray, features: np.ndarray, taught: Sequence[np.ndarray | None]) -> np.ndarray: ...


class Versions:
    """What was kept of one material: in its cache folder, or in memory if it has none."""

    def __init__(self, material: Augmented):
        self._material = material
        self._now: tuple[int, Version] | None = None

    def __getitem__(self, number: int) -> Version:
        """Version `number`: features int8 [n, frames, features], targets float32 [n, labels] or, taught, twice as wide.

        Made and stored where it is missing or damaged.
        """
        with LOCK:
            if self._now is None or self._now[0] != number:
                self._now = (number, self._stored(number))
            return self._now[1]

    def make(self, numbers: Iterable[int]) -> None:
        """Make and store what is missing, on all cores of this machine or on the cluster; nothing without a cache."""
        if self._material.cache is not None:
            for number in numbers:
                if self._kept(number) is None:
                    self._keep(number, self._made_by_others(number))

    def _stored(self, number: int) -> Version:
        kept = self._kept(number)
        return kept if kept is not None else self._keep(number, self._made(number))

    def _kept(self, number: int) -> Version | None:
        """None where there is none, or a damaged one."""
        if (path := self._path(number)) is None:
            return None
        arrays = kept_arrays(path, "features", "targets")
        return None if arrays is None else (arrays[0], arrays[1])

    def _keep(self, number: int, made: Version) -> Version:
        if (path := self._path(number)) is not None:
            keep_arrays(path, features=made[0], targets=made[1])
        return made

    def _path(self, number: int) -> Path | None:
        cache = self._material.cache
        return None if cache is None else cache / "versions" / f"{self._fingerprint}-{number}.npz"

    def _made(self, number: int) -> Version:
        return self._complete((some, self._material.sounds(some, np.random.default_rng(list(seed))))
                              for some, seed in self._parts(number))

    def _made_by_others(self, number: int) -> Version:
        parts = list(self._parts(number))
        made = map_blocks(make_sounds, [self._material.job(some, *seed) for some, seed in parts],
                          scheduler=self._material.scheduler, title=f"augmenting clips, version {number + 1}",
                          sizes=[len(some) for some, _ in parts])
        return self._complete((some, (sounds.features, sounds.taught))
                              for (some, _), sounds in zip(parts, made, strict=True))

    def _parts(self, number: int) -> Iterator[tuple[np.ndarray, tuple[int, ...]]]:
        """Rows of the training part, some at a time, and the seed of each."""
        rows = self._material.epoch_rows(np.random.default_rng([VERSION, number]))
        for start in range(0, len(rows), PART):
            yield rows[start : start + PART], (VERSION, number, start)

    def _complete(self, parts: Iterable[tuple[np.ndarray, SoundRows]]) -> Version:
        """With what should be said about each row."""
        done = [(features, self._material.targets(some, features, taught)) for some, (features, taught) in parts]
        features, targets = zip(*done, strict=True)
        return np.concatenate(features), np.concatenate(targets)

    @cached_property
    def _fingerprint(self) -> str:
        """Of all that a version depends on, the sound itself included: a take recorded anew may have its old size."""
        material = self._material
        training = material.spec.training
        teachers = material.teaching.teachers if material.teaching else ()
        return fingerprint(list(material.spec.keywords), material.spec.frontend, material.examples.fingerprint,
                           checksum([material.clips["training"], *material.noise["training"]]),
                           asdict(material.normalisation),
                           [getattr(training, name) for name in HEARD], [teacher.to_json() for teacher in teachers],
                           __version__)


def checksum(arrays: Iterable[np.ndarray]) -> int:
    """CRC-32 of all the numbers, one block after the other."""
    found = 0
    for array in arrays:
        for start in range(0, len(array), BLOCK):
            found = zlib.crc32(np.ascontiguousarray(array[start : start + BLOCK]).data, found)
    return found
