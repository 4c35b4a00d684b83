"""TensorFlow Lite Micro, the judge, in a process of its own: a file that crashes it ends nothing else.

The process is `python -m kws.engine.tflm ASKED ANSWER`, two files of NumPy's .npz.
"""

import importlib.util
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from kws.arguments import Features, check_array
from kws.engine.ends import from_file, to_file
from kws.engine.graph import Graph
from kws.errors import ModelError

ARENA_BYTES = 1 << 20  # beside what its tensors and tables take
LONGEST_S = 3_600
PACKAGES = Path(__file__).parents[2]  # where the process finds this package


class NotRun(Exception):
    """Why TFLM was not run, for people: it is not installed, or refuses the network."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """scores : int8 [windows, labels]; layers : what each layer gave, [layer][window of `deep`], int8 [numbers]."""

    scores: np.ndarray
    layers: tuple[np.ndarray, ...]


def judge(tflite: bytes, graph: Graph, windows: Features, *, deep: Sequence[int] = ()) -> Judgement:
    """Run TFLM over windows : int8 [n, frames, features].

    deep : the windows of which every layer's output is wanted
    Raises NotRun, and ModelError if TFLM crashes or does not end.
    """
    check_array("windows", windows, np.int8, "n", graph.frames, graph.features)
    if importlib.util.find_spec("tflite_micro") is None:
        raise NotRun("tflite-micro is not installed; pip install 'tflite-micro>=0.dev0'")
    numbers, ends = sum(prod(tensor.shape) for tensor in graph.tensors), (graph.input, graph.output)
    (kind, result), (source, target) = graph.ends, (graph.tensors[i] for i in ends)
    with tempfile.TemporaryDirectory(prefix="kws-") as folder:
        asked, answer = Path(folder) / "asked.npz", Path(folder) / "answer.npz"
        np.savez(asked, tflite=np.frombuffer(tflite, np.uint8), arena=ARENA_BYTES + 10 * len(tflite) + 4 * numbers,
                 windows=to_file(kind, source, windows.reshape(-1, *source.shape)), deep=np.array(deep, np.int64),
                 layers=[layer.output for layer in graph.layers])
        try:
            status = subprocess.run([sys.executable, "-m", __name__, asked, answer], cwd=PACKAGES, timeout=LONGEST_S,
                                    stdin=subprocess.DEVNULL, capture_output=True).returncode
        except subprocess.TimeoutExpired as error:
            raise failed(f"has not ended after {LONGEST_S:,} s") from error
        if status or not answer.is_file():
            raise failed(f"crashes ({signal.Signals(-status).name})" if status < 0 else f"ends with status {status}")
        with np.load(answer, allow_pickle=False) as found:
            if "refused" in found:
                raise NotRun(f"it refuses the network: {found['refused']}")
            layers = tuple(found[f"layer{i}"] for i in range(len(graph.layers)))
            return Judgement(from_file(result, target, found["scores"]), layers)


def failed(what: str) -> ModelError:
    return ModelError(f"TFLM {what} on this network, so nothing can be compared with it; convert the network again "
                      "with TensorFlow's TFLiteConverter and run kws verify once more")


def answer_to(asked: str) -> dict[str, np.ndarray]:
    """What the process does: load the network, run every window."""
    from tflite_micro import runtime

    with np.load(asked, allow_pickle=False) as given:
        windows, deep, layers = given["windows"], set(given["deep"].tolist()), given["layers"].tolist()
        interpreter = runtime.Interpreter.from_bytes(
            given["tflite"].tobytes(), arena_size=int(given["arena"]),
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors)
    scores: list[np.ndarray] = []
    inner: list[list[np.ndarray]] = [[] for _ in layers]
    for index, window in enumerate(windows):
        interpreter.set_input(np.ascontiguousarray(window), 0)
        interpreter.invoke()
        scores.append(interpreter.get_output(0).ravel())
        for numbers, tensor in zip(inner, layers if index in deep else (), strict=False):
            numbers.append(np.array(interpreter.GetTensor(tensor, 0)["tensor_data"]).ravel())
    return {"scores": np.array(scores), **{f"layer{i}": np.array(numbers) for i, numbers in enumerate(inner)}}


def main(asked: str, answer: str) -> None:
    try:
        found = answer_to(asked)
    except Exception as error:  # of many kinds, for a damaged file
        found = {"refused": np.array(str(error))}
    np.savez(answer, **found)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
