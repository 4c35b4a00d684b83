"""Augmented versions of an epoch's clips that are kept: their features are computed once, and heard again and again.

Shift, noise, gain, front end and teachers cost more than a small network's training step. With `augmented_versions`
of [training] epoch e hears version e modulo that number, in another order each time; timbre and SpecAugment, which
cost little, are drawn anew. Every training with the same recordings and the same settings of augmentation, front end
and teachers shares them, whatever its network and its seed.
"""

import io
import threading
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from kws import __version__
from kws.features.tables import Normalisation
from kws.files import write_atomic
from kws.model.distill import Teaching
from kws.model.examples import Examples
from kws.spec import Spec, fingerprint

# Settings of [training] that a version depends on.
HEARD = ("shift_ms", "noise_percent", "snr_low_db", "snr_high_db", "gain_db", "unknown_percent", "silence_percent",
         "distillation_temperature")
VERSION = 5  # purpose of random numbers, beside those of kws.model.dataset
PART = 512  # clips that are made at once
BLOCK = 1_024  # rows that are summed up at once
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
    def sounds(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]: ...
    def targets(self, rows: np.ndarray, features: np.ndarray, clips: np.ndarray) -> np.ndarray: ...


class Versions:
    """What was kept of one material: in its cache folder, or in memory where it has none."""

    def __init__(self, material: Augmented):
        self._material = material
        self._now: tuple[int, tuple[np.ndarray, np.ndarray]] | None = None

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Version `number`: features int8 [n, frames, features], targets float32 [n, labels] or, taught, twice as wide.

        Made and stored where it is missing or damaged.
        """
        with LOCK:
            if self._now is None or self._now[0] != number:
                self._now = (number, self._stored(number))
            return self._now[1]

    def _stored(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        if self._material.cache is None:
            return self._made(number)
        path = self._material.cache / "versions" / f"{self._fingerprint}-{number}.npz"
        try:
            with open(path, "rb") as file, np.load(file) as arrays:
                return arrays["features"], arrays["targets"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            features, targets = self._made(number)
            stored = io.BytesIO()
            np.savez(stored, features=features, targets=targets)
            write_atomic(path, stored.getbuffer(), durable=False)
            return features, targets

    def _made(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        material = self._material
        rows = material.epoch_rows(np.random.default_rng([VERSION, number]))
        parts = []
        for start in range(0, len(rows), PART):
            some = rows[start : start + PART]
            features, clips = material.sounds(some, np.random.default_rng([VERSION, number, start]))
            parts.append((features, material.targets(some, features, clips)))
        features, targets = zip(*parts, strict=True)
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
