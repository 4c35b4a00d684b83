"""Does every implementation compute the same? The same audio through all of them, compared number by number.

The C engine is what the others are compared with; the oracle's layers are compared with those of TensorFlow Lite Micro.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from kws.arguments import Samples, check_array
from kws.device.profile import plan_of
from kws.device.toolchain import build_image, require_device
from kws.device.traces import Trace, decision_hops, device_trace, engine_trace, host_compiler, host_trace, oracle_trace
from kws.engine.plan import Plan
from kws.engine.schedule import KINDS, Program
from kws.engine.tflm import Judgement, NotRun, judge
from kws.errors import DataError, KwsError, ModelError
from kws.export.c import library
from kws.export.source import Source
from kws.processors import PROCESSORS
from kws.records import Json

CPUS = tuple(one.name for one in PROCESSORS.values() if one.verified)
LAYER_WINDOWS, TFLM_WINDOWS = 10, 200  # at most, spread over the audio
VERIFY_SECONDS = 10  # of audio, where nobody names any
STAGES = ("features", "layer", "rows", "scores", "detections")


@dataclass(frozen=True)
class Difference:
    """The first number that differs: at which hop, where in that hop's result, what was there and what should be.

    unit : what `hop` counts; "window" where a network alone was given windows.
    """

    hop: int
    index: int
    expected: int
    found: int
    place: str = ""
    unit: str = "hop"

    def __str__(self) -> str:
        at = f"{self.place}, " if self.place else ""
        return f"{at}{self.unit} {self.hop}, index {self.index}: {self.found} instead of {self.expected}"


@dataclass(frozen=True)
class Comparison:
    """name : the stage; against : the implementation; compared, different : how many numbers."""

    name: str
    against: str
    compared: int
    different: int
    first: Difference | None = None

    def to_json(self) -> dict[str, Json]:
        return asdict(self)


@dataclass
class Verification:
    """comparisons : in the order of the stages. missing : implementation -> why it was not run."""

    comparisons: list[Comparison] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def first_difference(self) -> Comparison | None:
        return next((one for one in self.comparisons if one.different), None)

    def to_json(self) -> dict[str, Json]:
        return {"stages": [one.to_json() for one in self.comparisons], "missing": self.missing}


def verify(source: Source, samples: Samples, *, note: Callable[[str], None] = lambda line: None) -> Verification:
    """Run everything that is installed over samples : int16 [n].

    note : is told what runs next. Raises DataError if the samples hold no decision, ModelError if the exported C
    does not compile or crashes.
    """
    check_array("samples", samples, np.int16, "n")
    plan = plan_of(source)
    engine, found = engine_trace(plan, samples), Verification()
    if not len(engine.scores):
        raise DataError(f"{len(samples)} samples: too few for one decision of this run")
    note("oracle")
    _compare(found, "oracle", engine, oracle_trace(source, plan, samples), plan)
    _tflm(found, source, engine, plan, note)
    package = library(source)
    compiler = host_compiler()
    if compiler is None:
        found.missing["exported C, this computer"] = "no C compiler; install gcc"
    else:
        note("exported C on this computer, with sanitizers")
        _compare(found, "exported C, this computer", engine,
                 host_trace(package, plan, samples, compiler=compiler), plan)
    for cpu in emulated(found, note):
        _compare(found, f"exported C, {cpu}", engine, device_trace(build_image(package, cpu=cpu), plan, samples), plan)
    found.comparisons.sort(key=lambda one: STAGES.index(one.name.split()[0]))
    return found


def emulated(found: Verification, note: Callable[[str], None]) -> Iterator[str]:
    """The processors to run the export on, one by one; those that cannot be emulated here are noted as missing."""
    for cpu in CPUS:
        try:
            require_device()
        except KwsError as error:
            found.missing[f"exported C, {cpu}"] = str(error)
            continue
        note(f"exported C on an emulated {cpu}")
        yield cpu


def compare(name: str, against: str, expected: np.ndarray, found: np.ndarray, *, hops: list[int],
            place: Callable[[int], str] = lambda index: "", unit: str = "hop") -> Comparison:
    """Rows [n, ...] of two implementations; hops : at which hop each was made; place : names an index within a row."""
    if expected.shape != found.shape:
        raise ModelError(f"{name} against {against}: {list(found.shape)} numbers, {list(expected.shape)} expected")
    expected, found = expected.reshape(len(expected), -1), found.reshape(len(found), -1)
    where = np.argwhere(expected != found)
    if not len(where):
        return Comparison(name, against, expected.size, 0)
    row, index = (int(n) for n in where[0])
    first = Difference(hops[row], index, int(expected[row, index]), int(found[row, index]), place(index), unit)
    return Comparison(name, against, expected.size, len(where), first)


def _compare(found: Verification, against: str, engine: Trace, other: Trace, plan: Plan) -> None:
    """All stages that the two traces share."""
    hops = list(range(len(engine.features)))
    found.comparisons.append(compare("features", against, engine.features, other.features, hops=hops))
    if engine.rows is not None and other.rows is not None:
        memory = engine.rows.view(np.int8), other.rows.view(np.int8)
        found.comparisons.append(compare("rows", against, *memory, hops=hops,
                                         place=lambda index: op_at(plan.program, index)))
    decided = list(decision_hops(plan.program, len(hops)))
    found.comparisons.append(compare("scores", against, engine.scores, other.scores, hops=decided))
    found.comparisons.append(compare_detections(against, engine.detections, other.detections))


def op_at(program: Program, offset: int) -> str:
    """The first op that writes to this place of the network's memory. Rings that live for less than a hop share it, so
    that an op whose output is gone by the end of the hop shows in that of a later op."""
    kinds = {number: name for name, number in KINDS.items()}
    for index, op in enumerate(program.ops):
        ring = program.buffers[op.output]
        if ring.offset <= offset < ring.offset + ring.rows * ring.row_bytes:
            return f"up to op {index} {kinds[op.kind]}"
    return "input"


def compare_detections(against: str, expected: list[tuple[int, int, int]],
                       found: list[tuple[int, int, int]]) -> Comparison:
    """Detections (hop, label, score): those that only one of the two has count as different."""
    different = sorted(set(expected) ^ set(found))
    first = None
    if different:
        hop, label, score = different[0]
        first = Difference(hop, label, score, 0) if different[0] in expected else Difference(hop, label, 0, score)
    return Comparison("detections", against, len(set(expected) | set(found)), len(different), first)


def _tflm(found: Verification, source: Source, engine: Trace, plan: Plan, note: Callable[[str], None]) -> None:
    """TensorFlow Lite Micro: the scores against the engine, each layer against the oracle."""
    hops = list(decision_hops(plan.program, len(engine.features)))
    chosen = spread(len(hops), TFLM_WINDOWS)
    deep = spread(len(chosen), LAYER_WINDOWS)
    windows = np.array([engine.features[hops[i] + 1 - plan.program.frames:hops[i] + 1] for i in chosen])
    judgement = judged(found, source, windows, deep, note)
    if judgement is None:
        return
    at = [hops[i] for i in chosen]
    compare_layers(found, source, windows[deep], judgement.layers, hops=[at[i] for i in deep])
    found.comparisons.append(compare("scores", "TFLM", engine.scores[chosen], judgement.scores, hops=at))


def judged(found: Verification, source: Source, windows: np.ndarray, deep: list[int],
           note: Callable[[str], None]) -> Judgement | None:
    """TFLM's results; None if it cannot be run, which `found` then says."""
    note("TensorFlow Lite Micro")
    try:
        return judge(source.tflite, source.graph, windows, deep=deep)
    except NotRun as error:
        found.missing["TFLM"] = str(error)
        return None


def compare_layers(found: Verification, source: Source, windows: np.ndarray, layers: Sequence[np.ndarray], *,
                   hops: list[int], unit: str = "hop") -> None:
    """Every layer of the oracle against TFLM's, for some windows. layers : int8 [window, numbers] of each."""
    from kws.engine.oracle.layers import run_graph

    values = [run_graph(source.graph, window) for window in windows]
    for index, layer in enumerate(source.graph.layers):
        ours = np.array([value[layer.output].ravel() for value in values])
        found.comparisons.append(compare(f"layer {index} {layer.op}", "oracle and TFLM", layers[index], ours, hops=hops,
                                         unit=unit))


def spread(count: int, most: int) -> list[int]:
    """At most `most` of 0 .. count - 1, evenly, the first and the last among them."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})
