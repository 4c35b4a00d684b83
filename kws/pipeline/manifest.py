"""What a run says of itself: which training it is, what it was made of, and the last files that it gets."""

import platform
from dataclasses import asdict
from pathlib import Path

import numpy as np

from kws import __version__
from kws.model.dataset import Material
from kws.model.versions import checksum
from kws.model.warm_start import WarmStart
from kws.records import Json, JsonObject
from kws.run_metrics import Metrics
from kws.spec import fingerprint
from kws.train.choices import Strategy
from kws.validate.record import renew
from kws.workspace import write_manifest


def training_fingerprint(material: Material, begun: WarmStart | None = None) -> str:
    """Equal exactly for trainings that go through the same weights."""
    spec = material.spec
    return fingerprint(list(spec.keywords), spec.frontend, spec.model, spec.training, material.examples.fingerprint,
                       asdict(material.normalisation), teachers_of(material), __version__,
                       *([begun.to_json()] if begun else []), *([talk_of(material)] if material.stretches else []),
                       *talk_teachers_of(material))


def talk_of(material: Material) -> dict[str, Json] | None:
    """How much talk took part, and its checksum; None if none did."""
    if material.stretches is None:
        return None
    talk = material.stretches.talk
    return {"hours": round(len(talk) * material.spec.frontend.hop_ms / 3.6e6, 3),
            "crc32": checksum([talk.rows, talk.in_room, talk.said, material.stretches.noise])}


def teachers_of(material: Material) -> list[dict[str, Json]]:
    """Who taught, to the byte; empty if the labels alone did."""
    return [teacher.to_json() for teacher in material.teaching.teachers] if material.teaching else []


def talk_teachers_of(material: Material) -> list[dict[str, Json]]:
    """Who taught at every hop of talk, to the byte."""
    return [teacher.to_json() for teacher in material.talk_teaching.teachers] if material.talk_teaching else []


def manifest_of(name: str, material: Material, metrics: Metrics, folder: Path, strategy: Strategy | None,
                begun: WarmStart | None = None) -> dict[str, Json]:
    """What it takes to build the run again, and its main figures."""
    spec, examples = material.spec, material.examples
    return {
        "name": name,
        "command": " ".join([f"kws train --like {name} --run {name}-again",
                             *(f"--teacher {teacher['run']}" for teacher in teachers_of(material)),
                             *(f"--talk-teacher {teacher['run']}" for teacher in talk_teachers_of(material)),
                             *([f"--start {begun.name}"] if begun else []),
                             *([f"--strategy {strategy}"] if strategy else [])]),
        "teachers": teachers_of(material),
        "talk_teachers": talk_teachers_of(material),
        "start": begun.to_json() if begun else None,
        "talk": talk_of(material),
        "spec": asdict(spec),
        "data_fingerprint": examples.fingerprint,
        "clips": {"training": len(examples.training.clips), "validation": len(examples.validation.clips),
                  "testing": len(examples.testing.clips)},
        "seed": spec.training.seed,
        "versions": versions(),
        "accuracy": {split: {"float": found.as_trained.accuracy if found.as_trained else None,
                             "int8": found.int8.accuracy if found.int8 else None}
                     for split, found in metrics.splits.items()},
        "bytes": {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
    }


def versions() -> dict[str, str]:
    """Of everything that takes part in the arithmetic of training."""
    import keras

    backend = keras.backend.backend()
    return {"kws": __version__, "python": platform.python_version(), "numpy": np.__version__,
            "keras": keras.__version__, backend: __import__(backend).__version__}


def seal(folder: Path, manifest: JsonObject) -> None:
    """The last files of a run: its manifest, and the page that quotes it."""
    write_manifest(folder, manifest)
    renew(folder, name=str(manifest["name"]))
