"""What is exported: a run's detector, or a network from elsewhere."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from kws.arguments import checked_path
from kws.detect.detector import PLAN_NAME
from kws.engine.graph import Graph, read_graph
from kws.engine.network import NetworkTables
from kws.engine.plan import Plan
from kws.engine.schedule import Program
from kws.engine.streaming import lower
from kws.errors import KwsError
from kws.export.compress import DECODER_CODE_BYTES, Compressed, compress
from kws.run_metrics import MeasuredBudget, read_metrics
from kws.workspace import read_artefact

TFLITE_NAME = "model.tflite"


@dataclass(frozen=True, eq=False)
class Source:
    """name : of the run or the file, for people. plan : None for a network alone. tflite : the int8 network's file.

    compressed : the program with coded weights, where they are to be stored like that. device : what an emulated
    processor took when the run was trained; None if that was not measured.
    """

    name: str
    program: Program
    graph: Graph
    tflite: bytes
    plan: Plan | None = None
    compressed: Compressed | None = None
    device: MeasuredBudget | None = None

    @property
    def whole_plan(self) -> Plan:
        """The plan of a run; a network alone has none."""
        assert self.plan is not None, "a network alone has no plan"
        return self.plan

    @property
    def stored(self) -> Program:
        """The program as its constants lie in flash."""
        return self.compressed.program if self.compressed else self.program

    @property
    def longest_row(self) -> int:
        """Bytes, of compressed weights; 0 if there are none."""
        return self.compressed.longest_row if self.compressed else 0

    @property
    def labels(self) -> int:
        return self.program.labels

    @property
    def sha256(self) -> str:
        """Of what determines the package: the plan, or the network's file if there is none."""
        return hashlib.sha256(self.plan.to_bytes() if self.plan else self.tflite).hexdigest()


def from_run(run: Path | str) -> Source:
    """The detector of a run folder. Raises ModelError or PlanError if it is not whole."""
    run = checked_path("run", run)
    plan, tflite = Plan.from_bytes(read_artefact(run, PLAN_NAME)), read_artefact(run, TFLITE_NAME)
    return Source(run.name, plan.program, read_graph(tflite), tflite, plan, device=measured(run))


def measured(run: Path) -> MeasuredBudget | None:
    """The device's figures in a run's metrics, or None if instructions were not counted."""
    metrics = read_metrics(run)
    return metrics.device if metrics and isinstance(metrics.device, MeasuredBudget) else None


def compressed(source: Source, *, force: bool = False) -> Source:
    """The same with compressed weights. Raises KwsError if that saves no flash, unless `force` is set."""
    found = compress(source.program)
    if found.saved_bytes <= 0 and not force:
        raise KwsError(f"compression saves nothing: {found.weights_bytes:,} bytes of weights would take "
                       f"{found.coded_bytes:,}, and the decoder about {DECODER_CODE_BYTES}; --force exports it anyway")
    return replace(source, compressed=found)


def from_tflite(path: Path) -> Source:
    """A network from elsewhere. Raises ModelError or PlanError, with the reason, for what the engine cannot run."""
    try:
        tflite = path.read_bytes()
    except OSError as error:
        raise KwsError(f"{path}: {error.strerror or error}; name a .tflite file") from error
    graph = read_graph(tflite)
    program = lower(graph)
    NetworkTables(program)  # what is too large for the engine is refused here, before anything is written
    return Source(path.name, program, graph, tflite)
