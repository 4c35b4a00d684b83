"""Windows of int8 numbers for a network without a front end: drawn, or from a file."""

from pathlib import Path

import numpy as np

from kws.engine.graph import Graph
from kws.errors import DataError

WINDOWS = 24


def drawn_windows(graph: Graph, *, count: int = WINDOWS, seed: int = 0) -> np.ndarray:
    """int8 [count, frames, features]: silence, both ends of the range, and in turn three kinds.

    Noise over the whole range; noise around the zero point, quiet to loud; and what features of sound look like, each
    with a level of its own that changes slowly from row to row.
    """
    rng, zero = np.random.default_rng(seed), graph.tensors[graph.input].zero_point
    shape = (graph.frames, graph.features)
    windows = [np.full(shape, value, np.int8) for value in (zero, -128, 127)]
    while len(windows) < count:
        kind, spread = len(windows) % 3, rng.choice([3.0, 20.0, 60.0])
        if kind == 0:
            window = rng.integers(-128, 128, shape).astype(np.float64)
        elif kind == 1:
            window = rng.normal(zero, spread, shape)
        else:
            window = zero + rng.normal(0, spread, shape[1]) + rng.normal(0, spread / 4, shape).cumsum(axis=0)
        windows.append(np.clip(np.round(window), -128, 127).astype(np.int8))
    return np.stack(windows[:count])


def choose_windows(path: Path | None, graph: Graph) -> tuple[np.ndarray, str]:
    """Windows int8 [n, frames, features] and where they are from in words: a file, or drawn if there is none."""
    windows = drawn_windows(graph) if path is None else read_windows(path, graph)
    shape = " x ".join(map(str, windows.shape[1:]))
    return windows, f"{len(windows)} windows of {shape}, {'drawn over the whole range' if path is None else path.name}"


def read_windows(path: Path, graph: Graph) -> np.ndarray:
    """int8 [n, frames, features] of an .npy file of one window or several. Raises DataError for any other file."""
    shape = graph.tensors[graph.input].shape
    wanted = f"int8 numbers, [n, {', '.join(map(str, shape[1:]))}] or {list(shape)}"
    try:
        with path.open("rb") as file:
            numbers = np.lib.format.read_array(file, allow_pickle=False, max_header_size=10_000)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a NumPy array ({error}); must be {wanted}") from error
    size = graph.frames * graph.features
    if numbers.dtype != np.int8 or numbers.size == 0 or numbers.size % size:
        raise DataError(f"{path}: {numbers.dtype} {list(numbers.shape)}; must be {wanted}")
    return numbers.reshape(-1, graph.frames, graph.features)
