"""The same audio through every implementation of the detector: what each stage of each gives, hop by hop."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.device.emulator import emulate
from kws.device.toolchain import NOT_ON_DEVICE, TEMPLATES, Image
from kws.engine.decoder import Decoder
from kws.engine.network import Network
from kws.engine.oracle.decoder import decode
from kws.engine.oracle.frontend import features as oracle_features
from kws.engine.oracle.layers import run_graph
from kws.engine.plan import Plan
from kws.engine.schedule import Program
from kws.errors import ModelError
from kws.export.source import Source
from kws.features.frontend import FrontendStream
from kws.files import write_files

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")


@dataclass(frozen=True, eq=False)
class Trace:
    """features : int8 [hops, features]; scores : int8 [decisions, labels].

    rows : uint8 [hops, arena bytes], the network's memory after each hop, or None if it is laid out otherwise.
    detections : (hop, label, score) each.
    """

    features: np.ndarray
    scores: np.ndarray
    detections: list[tuple[int, int, int]]
    rows: np.ndarray | None = None


def decision_hops(program: Program, hops: int) -> range:
    """The hops, counted from 0, after which there are new scores."""
    return range(program.frames - 1, hops, program.decide_every)


def on_hops(program: Program, found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Detections counted in decisions -> counted in hops."""
    return [(program.frames - 1 + decision * program.decide_every, label, score) for decision, label, score in found]


def engine_trace(plan: Plan, samples: np.ndarray) -> Trace:
    """The C engine on this computer, stage by stage."""
    from kws.native._native import ffi

    program, network = plan.program, Network(plan.program)
    rows = FrontendStream(plan.frontend).push(samples)
    decisions, memory = [], np.empty((len(rows), program.arena_bytes), np.uint8)
    for hop, row in enumerate(rows):
        decision = network.push(row)
        if decision is not None:
            decisions.append(decision)
        memory[hop] = np.frombuffer(ffi.buffer(network.state.arena, program.arena_bytes), np.uint8)
    scores = np.array(decisions, np.int8).reshape(-1, program.labels)
    return Trace(rows, scores, on_hops(program, Decoder(plan.decoder).push(scores)), memory)


def oracle_trace(source: Source, plan: Plan, samples: np.ndarray) -> Trace:
    """NumPy: front end, layers of the .tflite over whole windows, decoder."""
    rows, program, graph = oracle_features(plan.frontend, samples), plan.program, source.graph
    windows = [rows[hop + 1 - program.frames:hop + 1] for hop in decision_hops(program, len(rows))]
    output = graph.layers[-1].output
    scores = np.array([run_graph(graph, window)[output].ravel() for window in windows], np.int8)
    scores = scores.reshape(-1, program.labels)
    return Trace(rows, scores, on_hops(program, list(decode(plan.decoder, scores))))


def device_trace(image: Image, plan: Plan, samples: np.ndarray) -> Trace:
    """The exported C on an emulated processor."""
    detector, program = emulate(image, plan), plan.program
    machine = detector.machine
    arena = machine.read_word(machine.read_word(machine.symbol("kws_device_arena")))
    features, scores, memory, detections = [], [], [], []
    for hop, found in enumerate(detector.hops(samples)):
        features.append(found.features)
        scores.append(found.scores)
        memory.append(np.frombuffer(machine.read(arena, program.arena_bytes), np.uint8))
        if found.event is not None:
            detections.append((hop, *found.event))
    decided = [scores[hop] for hop in decision_hops(program, len(scores))]
    return Trace(np.array(features), np.array(decided, np.int8).reshape(-1, program.labels), detections,
                 np.array(memory))


def host_compiler() -> str | None:
    """$CC, or the first of gcc, clang and cc that is there."""
    names = [os.environ.get("CC"), "gcc", "clang", "cc"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


def host_trace(package: Mapping[str, str | bytes], plan: Plan, samples: np.ndarray, *, compiler: str) -> Trace:
    """The exported C compiled here with every warning an error, run under sanitizers.

    Raises ModelError with the compiler's or the sanitizer's words if one of them objects.
    """
    return _host_output(run_on_host(package, "host_main.c", np.ascontiguousarray(samples, "<i2").tobytes(),
                                    compiler=compiler), plan)


def run_on_host(package: Mapping[str, str | bytes], driver: str, stdin: bytes, *, compiler: str) -> bytes:
    """What the package writes with a driver of templates/ as its main program, compiled and run as in `host_trace`."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write_files(folder, package)
        shutil.copy(TEMPLATES / driver, folder)
        sources = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.c"))
                   if path.name not in NOT_ON_DEVICE]
        _run([compiler, *STRICT, *SANITIZE, "-DKWS_MODEL_CONFIG", "-I.", *sources, "-o", "host"], folder)
        return _run([str(folder / "host")], folder, stdin=stdin)


def _host_output(output: bytes, plan: Plan) -> Trace:
    """What host_main.c has written."""
    program = plan.program
    kind = np.dtype([("features", "i1", (program.features,)), ("scores", "i1", (program.labels,)),
                     ("rows", "u1", (program.arena_bytes,)), ("found", "<i4", (3,))])
    hops = np.frombuffer(output, kind)
    detections = [(hop, int(label), int(score)) for hop, (count, label, score) in enumerate(hops["found"]) if count]
    decided = list(decision_hops(program, len(hops)))
    return Trace(hops["features"], hops["scores"][decided], detections, hops["rows"])


def _run(command: list[str], folder: Path, *, stdin: bytes = b"") -> bytes:
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        name = Path(command[0]).name
        raise ModelError(f"exported C on this computer: {name} fails: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout
