"""What the arguments of public functions must be, and the check of it: ArgumentError, with name, value and rule.

    check_array("clips", clips, np.int16, "n", 16_000)     clips = float32 [3, 16000]: must be … int16 [n, 16000]
    check_number("threads", threads, low=1)                threads = 0: must be a whole number of 1 or more
"""

import os
from collections.abc import Sized
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kws.errors import ArgumentError

Samples: TypeAlias = NDArray[np.int16]  # [n] at 16 kHz mono, or clips of them [n, samples]
Features: TypeAlias = NDArray[np.int8]  # [frames, features], or windows of them [n, frames, features]
Scores: TypeAlias = NDArray[np.int8]  # [decisions, labels] or [labels]; the softmax is (score + 128) / 256


def check_array(name: str, value: object, kind: DTypeLike, *shape: str | int, hint: str = "") -> None:
    """Raise ArgumentError unless `value` is a NumPy array of this type and shape.

    kind  : one type, or all of a kind: np.integer, np.floating
    shape : how many entries each dimension has, or if that does not matter what they are. hint : what would help.
    """
    if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, kind) and value.ndim == len(shape) and all(
            isinstance(wanted, str) or wanted == got for wanted, got in zip(shape, value.shape, strict=True)):
        return
    got = f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else shown(value)
    rule = f"a NumPy array {getattr(kind, '__name__', kind)} [{', '.join(map(str, shape))}]"
    raise ArgumentError(f"{name} = {got}: must be {rule}{f' ({hint})' if hint else ''}")


def check_places(name: str, value: object, count: int) -> None:
    """Raise ArgumentError unless `value` is a NumPy array of whole numbers [n], each a place among `count`."""
    check_array(name, value, np.integer, "n")
    assert isinstance(value, np.ndarray)
    if len(value) and not 0 <= value.min() <= value.max() < count:
        raise ArgumentError(f"{name} has {value.min()} to {value.max()}: must be 0 to {count - 1}")


def check_lengths(**named: Sized) -> None:
    """Raise ArgumentError unless all of these have as many entries as the first."""
    (first, whole), *others = ((name, len(value)) for name, value in named.items())
    for name, count in others:
        if count != whole:
            raise ArgumentError(f"{name} has {count:,} entries: must have {whole:,}, as {first}")


def window_of(features: NDArray[np.int8], frames: int, values: int) -> Features:
    """One window as int8 [frames, values]; also taken in the shape of a .tflite's input, [1, frames, bands, channels].

    Raises ArgumentError for anything else.
    """
    if np.ndim(features) > 2 and np.shape(features)[:2] == (1, frames) and np.size(features) == frames * values:
        features = features.reshape(frames, values)
    check_array("features", features, np.int8, frames, values)
    return features


def check_number(name: str, value: object, *, low: float, high: float | None = None, whole: bool = True) -> None:
    """Raise ArgumentError unless `value` is a number, or whole number, of `low` to `high`."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    right = isinstance(value, kinds) and not isinstance(value, bool)
    if not right or not low <= value <= (np.inf if high is None else high):  # type: ignore[operator]  # nan is refused
        ends = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
        raise ArgumentError(f"{name} = {shown(value)}: must be a {'whole number' if whole else 'number'} of {ends}")


def checked_path(name: str, value: object) -> Path:
    """The path that a string or a path names. Raises ArgumentError for anything else."""
    if not isinstance(value, str | os.PathLike) or not str(value):
        raise ArgumentError(f"{name} = {shown(value)}: must be a path, as a string or pathlib.Path")
    return Path(value)


def shown(value: object) -> str:
    """A value for a message: as Python writes it, if that is short; or else its type."""
    text = repr(value)
    return text if len(text) <= 40 else type(value).__name__
