"""Features on disk, under a fingerprint of everything that they depend on."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

import numpy as np

from kws.features.tables import FrontendTables
from kws.files import named, temporary_sibling

BLOCK = 1_024  # clips that are hashed at once


def features_fingerprint(tables: FrontendTables, probe: np.ndarray, clips: np.ndarray) -> str:
    """Hex digits that are equal exactly when tables, arithmetic and clips (int16 [n, samples]) are.

    probe : features of a fixed sound, which change when the arithmetic of the C does.
    """
    digest = hashlib.sha256(repr((clips.shape, probe.shape)).encode())
    for value in (*astuple(tables), probe):
        digest.update(value.tobytes() if isinstance(value, np.ndarray) else f"{value} ".encode())
    for start in range(0, len(clips), BLOCK):
        digest.update(np.ascontiguousarray(clips[start : start + BLOCK]).data)
    return digest.hexdigest()[:24]


def cached(folder: Path, fingerprint: str, shape: tuple[int, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
    """The int8 array of that fingerprint, memory-mapped read-only; made and stored where it is missing or damaged."""
    path = folder / f"features-{fingerprint}.npy"
    with suppress(OSError, ValueError, EOFError):  # not there, cut off or something else: made anew
        stored = np.load(path, mmap_mode="r")
        if stored.shape == shape and stored.dtype == np.int8:
            return stored
    folder.mkdir(parents=True, exist_ok=True)
    sibling = temporary_sibling(path)
    try:
        with named(path), open(sibling, "wb") as file:
            np.save(file, make())
        os.replace(sibling, path)
    finally:
        sibling.unlink(missing_ok=True)
    return np.load(path, mmap_mode="r")
