"""The weights of a finished run as the beginning of another training: `kws train --start RUN`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.features.tables import Normalisation, normalisation_of
from kws.model.keras_loading import load_network
from kws.spec import Spec
from kws.workspace import read_artefact, read_manifest


@dataclass(frozen=True, eq=False)
class WarmStart:
    """weights : of the Keras network, in its order; sha256 : of the file that they come from."""

    name: str
    sha256: str
    normalisation: Normalisation
    weights: Sequence[np.ndarray]

    def to_json(self) -> dict[str, str]:
        """For the manifest and the fingerprint: which run, to the byte."""
        return {"run": self.name, "model.keras": self.sha256}


def load_warm_start(run: Path, spec: Spec) -> WarmStart:
    """The run as a beginning for `spec`. Raises ModelError if its keywords, front end or network are others."""
    plan = Plan.from_bytes(read_artefact(run, "model.kws"))
    for name, theirs, ours in (("keywords", plan.spec.keywords, spec.keywords),
                               ("[frontend]", plan.spec.frontend, spec.frontend),
                               ("[model] name", plan.spec.model.name, spec.model.name),
                               ("[model] width", plan.spec.model.width, spec.model.width)):
        if theirs != ours:
            raise ModelError(f"--start {run.name}: its {name} differ from kws.toml's; take its settings with "
                             f"--like {run.name}, or begin without it")
    network = load_network(run)
    return WarmStart(run.name, read_manifest(run).files["model.keras"], normalisation_of(plan.frontend),
                     network.get_weights())
