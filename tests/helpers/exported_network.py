"""A network alone, exported: rows to push, and the scores of the export and of TFLM."""

import numpy as np
import pytest

from kws.export.source import Source
from tests.helpers.exported import compile_host, run


def rows_for(source: Source, hops: int) -> np.ndarray:
    """int8 [frames + hops, features]: quiet, loud and saturated rows."""
    rng = np.random.default_rng(0)
    spread = rng.choice([3.0, 30.0, 300.0], size=(source.program.frames + hops, 1))
    return rng.normal(0, spread, (len(spread), source.program.features)).clip(-128, 127).astype(np.int8)


def exported_scores(folder, rows: np.ndarray) -> list[list[int]]:
    lines = run([compile_host(folder)], cwd=folder, stdin=rows.tobytes()).splitlines()
    assert lines[0] == "ready 0"
    return [[int(word) for word in line.split()[2:]] for line in lines if line.startswith("scores")]


def tflm_scores(source: Source, rows: np.ndarray) -> list[list[int]]:
    """Of every window of the rows."""
    runtime = pytest.importorskip("tflite_micro", reason="tflite-micro is not installed").runtime
    judge, scores = runtime.Interpreter.from_bytes(source.tflite), []
    for hop in range(0, len(rows) - source.program.frames + 1, source.program.decide_every):
        window = rows[hop:hop + source.program.frames]
        judge.set_input(window.reshape(source.graph.tensors[source.graph.input].shape), 0)
        judge.invoke()
        scores.append(judge.get_output(0).ravel().tolist())
    return scores
