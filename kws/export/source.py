"""What is exported: a run's detector, or a network from elsewhere."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kws.detect.detector import PLAN_NAME
from kws.engine.graph import Graph, read_graph
from kws.engine.plan import Plan
from kws.engine.program import Program
from kws.engine.streaming import lower
from kws.errors import KwsError
from kws.workspace import read_artefact

TFLITE_NAME = "model.tflite"


@dataclass(frozen=True, eq=False)
class Source:
    """name : of the run or the file, for people. plan : None for a network alone. tflite : the int8 network's file."""

    name: str
    program: Program
    graph: Graph
    tflite: bytes
    plan: Plan | None = None

    @property
    def labels(self) -> int:
        return self.program.labels

    @property
    def sha256(self) -> str:
        """Of what determines the package: the plan, or the network's file where there is none."""
        return hashlib.sha256(self.plan.to_bytes() if self.plan else self.tflite).hexdigest()


def from_run(run: Path) -> Source:
    """The detector of a run folder. Raises ModelError or PlanError where it is not whole."""
    plan, tflite = Plan.from_bytes(read_artefact(run, PLAN_NAME)), read_artefact(run, TFLITE_NAME)
    return Source(run.name, plan.program, read_graph(tflite), tflite, plan)


def from_tflite(path: Path) -> Source:
    """A network from elsewhere. Raises ModelError, with the reason, for what the engine cannot run."""
    try:
        tflite = path.read_bytes()
    except OSError as error:
        raise KwsError(f"{path}: {error.strerror or error}; name a .tflite file") from error
    graph = read_graph(tflite)
    return Source(path.name, lower(graph), graph, tflite)
