"""What a trained network makes of clips before it decides: its last layer's input, by the integer engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.audio.files import fit, read_samples
from kws.data.corpus import Clip
from kws.data.pool import map_blocks
from kws.engine.graph import Graph, read_graph
from kws.engine.network import Network
from kws.engine.plan import Plan
from kws.engine.streaming import lower
from kws.errors import ModelError
from kws.features.frontend import Frontend
from kws.workspace import read_artefact

PER_BLOCK = 256


@dataclass(frozen=True)
class NetworkEmbedding:
    """The embedding of a run; can be sent to other processes. Called with clips it gives float32 [clips, n]."""

    plan: bytes
    tflite: bytes
    scheduler: str | None = None

    def __call__(self, clips: Sequence[Clip]) -> np.ndarray:
        blocks = [[clip.path for clip in clips[at : at + PER_BLOCK]] for at in range(0, len(clips), PER_BLOCK)]
        done = map_blocks(self.of_paths, blocks, scheduler=self.scheduler, title="asking the network",
                          sizes=list(map(len, blocks)))
        return np.concatenate(done)

    def of_paths(self, paths: Sequence[Path]) -> np.ndarray:
        """float32 [paths, n]."""
        plan = Plan.from_bytes(self.plan)
        samples = plan.spec.frontend.clip_samples
        features = Frontend(plan.frontend).extract(
            np.stack([fit(read_samples(path), samples) for path in paths]), threads=1)
        network = Network(lower(without_decision(read_graph(self.tflite))))
        return np.stack([network.window(rows) for rows in features]).astype(np.float32)


def embedding_of(run: Path, *, scheduler: str | None = None) -> Callable[[Sequence[Clip]], np.ndarray]:
    """The embedding of a run. Raises ModelError if the run is damaged or its network has no last dense layer."""
    plan, tflite = read_artefact(run, "model.kws"), read_artefact(run, "model.tflite")
    without_decision(read_graph(tflite))
    return NetworkEmbedding(plan, tflite, scheduler)


def without_decision(graph: Graph) -> Graph:
    """The network up to what its last fully connected layer is given."""
    last = next((place for place in range(len(graph.layers) - 1, 0, -1)
                 if graph.layers[place].op == "FULLY_CONNECTED"), None)
    if last is None:
        raise ModelError("this network has no fully connected layer at its end, so it has no embedding; "
                         "name another run with --run")
    return replace(graph, layers=graph.layers[:last], output=graph.layers[last].inputs[0])
