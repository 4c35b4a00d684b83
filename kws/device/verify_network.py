"""Does every implementation of a network alone compute the same? For networks from elsewhere, which have no front end.

The same windows go through the oracle, the C engine, TensorFlow Lite Micro and the exported C; then their rows, one
after the other, as a stream. The C engine is what the others are compared with.
"""

from collections.abc import Callable

import numpy as np

from kws.arguments import Features, check_array
from kws.device.emulator import EmulatedNetwork
from kws.device.toolchain import build_image
from kws.device.traces import decision_hops, host_compiler, run_on_host
from kws.device.verify import (
    LAYER_WINDOWS,
    Comparison,
    Verification,
    compare,
    compare_layers,
    emulated,
    judged,
    spread,
)
from kws.engine.network import Network
from kws.engine.oracle.layers import run_graph
from kws.export.c import library
from kws.export.source import Source

DEVICE_WINDOWS = 24  # at most on each emulated processor, spread over all
STREAM_DECISIONS = 8


def verify_network(source: Source, windows: Features, *, note: Callable[[str], None] = lambda line: None,
                   ) -> Verification:
    """Run everything that is installed over windows : int8 [n, frames, features].

    note : is told what runs next. Raises ModelError if the exported C does not compile or crashes.
    """
    check_array("windows", windows, np.int8, "n", source.program.frames, source.program.features)
    found, rows = Verification(), stream_rows(source, windows)
    engine = Network(source.program)
    scores = np.array([engine.window(window) for window in windows])
    engine.reset()
    streamed = engine.stream(rows)
    note("oracle")
    found.comparisons += _compare("oracle", source, (scores, streamed),
                                  (oracle_scores(source, windows), oracle_scores(source, sliding(source, rows))))
    _tflm(found, source, windows, rows, (scores, streamed), note)
    _exported(found, source, windows, rows, (scores, streamed), note)
    found.comparisons.sort(key=lambda one: ("layer", "scores", "stream").index(one.name.split()[0]))
    return found


def stream_rows(source: Source, windows: np.ndarray) -> np.ndarray:
    """int8 [n, features]: the first rows of the noisiest windows, as many as make some decisions."""
    program = source.program
    count = program.frames + (STREAM_DECISIONS - 1) * program.decide_every
    loudest = np.argsort(-windows.reshape(len(windows), -1).std(axis=1), kind="stable")
    rows = windows[loudest].reshape(-1, program.features)
    return rows[np.arange(count) % len(rows)]


def sliding(source: Source, rows: np.ndarray) -> np.ndarray:
    """int8 [decisions, frames, features]: the window behind each decision of a stream."""
    frames = source.program.frames
    return np.array([rows[hop + 1 - frames:hop + 1] for hop in decision_hops(source.program, len(rows))])


def oracle_scores(source: Source, windows: np.ndarray) -> np.ndarray:
    return np.array([run_graph(source.graph, window)[source.graph.output].ravel() for window in windows], np.int8)


def _compare(against: str, source: Source, expected: tuple[np.ndarray, np.ndarray],
             found: tuple[np.ndarray, np.ndarray], chosen: list[int] | None = None) -> list[Comparison]:
    """Scores of windows, and scores of the stream. chosen : which windows `found` has, all of them by default."""
    chosen = list(range(len(expected[0]))) if chosen is None else chosen
    hops = list(decision_hops(source.program, source.program.frames + len(expected[1]) * source.program.decide_every))
    return [compare("scores", against, expected[0][chosen], found[0], hops=chosen, unit="window"),
            compare("stream", against, expected[1], found[1], hops=hops, unit="row")]


def _tflm(found: Verification, source: Source, windows: np.ndarray, rows: np.ndarray,
          expected: tuple[np.ndarray, np.ndarray], note: Callable[[str], None]) -> None:
    deep = spread(len(windows), LAYER_WINDOWS)
    judgement = judged(found, source, np.concatenate([windows, sliding(source, rows)]), deep, note)
    if judgement is None:
        return
    alone, streamed = np.split(judgement.scores, [len(windows)])
    compare_layers(found, source, windows[deep], judgement.layers, hops=deep, unit="window")
    found.comparisons += _compare("TFLM", source, expected, (alone, streamed))


def _exported(found: Verification, source: Source, windows: np.ndarray, rows: np.ndarray,
              expected: tuple[np.ndarray, np.ndarray], note: Callable[[str], None]) -> None:
    """The exported C here, under sanitizers, and on the emulated processors."""
    package, compiler = library(source), host_compiler()
    if compiler is None:
        found.missing["exported C, this computer"] = "no C compiler; install gcc"
    else:
        note("exported C on this computer, with sanitizers")
        counts = np.array([len(windows), len(rows)], "<i4").tobytes()
        output = run_on_host(package, "host_network.c", counts + windows.tobytes() + rows.tobytes(), compiler=compiler)
        scores = np.frombuffer(output, np.int8).reshape(-1, source.program.labels)
        found.comparisons += _compare("exported C, this computer", source, expected,
                                      (scores[:len(windows)], scores[len(windows):]))
    chosen = spread(len(windows), DEVICE_WINDOWS)
    for cpu in emulated(found, note):
        device = EmulatedNetwork(build_image(package, cpu=cpu), labels=source.program.labels)
        alone = np.array([device.run(windows[i])[0] for i in chosen])
        streamed = np.array([decision for decision, _ in device.stream(rows) if decision is not None])
        found.comparisons += _compare(f"exported C, {cpu}", source, expected, (alone, streamed), chosen)
