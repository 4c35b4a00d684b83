"""Distillation: a network learns from the labels and from what larger ones, its teachers, make of the same sounds.

Beside the label of each augmented clip stands what the teachers say about it: label probabilities, softened by a
temperature T (their logarithms divided by T, normalised again), which tell how alike two words sounded. The loss is

    (1 - weight) * cross entropy with the label + weight * T² * divergence of the softened probabilities

with weight and T from [training]; T² keeps the gradients of both parts alike in size. Logarithms of probabilities
differ from a network's logits by a constant, which the softening takes away: no network needs to show its logits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.features.frontend import Frontend, network_input
from kws.features.tables import Normalisation, normalisation_of
from kws.model.keras_loading import load_network, native_messages_hidden
from kws.model.keras_types import KerasNetwork, Loss, Tensor
from kws.records import Json
from kws.spec import Spec, TrainingSpec
from kws.workspace import read_artefact, read_manifest

LEAST = 1e-30  # probability whose logarithm is taken for that of 0
FILES = ("model.keras", "model.kws")  # of a run: its network, and its front end with the labels


@dataclass(frozen=True, eq=False)
class Teacher:
    """A trained run. model : Keras, from float32 [n, frames, features, 1] to probabilities [n, labels]."""

    name: str
    sha256: dict[str, str]
    plan: Plan
    model: KerasNetwork

    def shares_features(self, spec: Spec) -> bool:
        """Whether the front end of `spec` has this run's settings, so that the same features can serve both."""
        return self.plan.spec.frontend == spec.frontend

    def to_json(self) -> dict[str, Json]:
        """For the manifest: which run this is, to the byte."""
        return {"run": self.name, "files": self.sha256}


@dataclass(frozen=True, eq=False)
class Teaching:
    """Teachers, each with the front end that it needs beside the student's, None if the student's serves it too."""

    teachers: tuple[Teacher, ...]
    frontends: tuple[Frontend | None, ...]
    temperature: float

    def soft_targets(self, windows: np.ndarray, taught: Sequence[np.ndarray | None]) -> np.ndarray:
        """What the teachers say on average: float32 [n, labels], rows add up to 1. May be called from several threads.

        windows : float32 [n, frames, features, 1], as the student sees them
        taught  : int8 [n, frames, features] of the same sounds, by each teacher's own front end; None if it has none.
                  Such a teacher sees no SpecAugment.
        """
        seen = (windows if own is None else network_input(own) for own in taught)
        return np.mean([softened(teacher.model.predict_on_batch(window), self.temperature)
                        for teacher, window in zip(self.teachers, seen, strict=True)], axis=0)


def softened(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """float [n, labels] -> float32 [n, labels]: every probability to the power of 1 / temperature, normalised."""
    powers = np.maximum(np.asarray(probabilities, np.float32), LEAST) ** np.float32(1 / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def load_teachers(runs: Sequence[Path], spec: Spec) -> tuple[Teacher, ...]:
    """The runs as teachers of a network for `spec`. Raises ModelError for a damaged one or one with other labels."""
    return tuple(load_teacher(run, spec) for run in runs)


def load_teacher(run: Path, spec: Spec) -> Teacher:
    plan = Plan.from_bytes(read_artefact(run, "model.kws"))
    if plan.labels != spec.labels:
        raise ModelError(f"teacher {run.name} knows the keywords {', '.join(plan.spec.keywords)}, and kws.toml asks "
                         f"for {', '.join(spec.keywords)}; a teacher must know the same ones in the same order: train "
                         "one with these, or change keywords in kws.toml")
    model = load_network(run)
    with native_messages_hidden():
        model.predict_on_batch(np.zeros((1, *model.input_shape[1:]), np.float32))  # made here, not by two threads
    listed = read_manifest(run).files
    return Teacher(run.name, {name: listed[name] for name in FILES}, plan, model)


def shared_normalisation(teachers: Sequence[Teacher], spec: Spec) -> Normalisation | None:
    """Of the first teacher whose front end has the settings of `spec`; None if the student must measure its own."""
    for teacher in teachers:
        if teacher.shares_features(spec):
            return normalisation_of(teacher.plan.frontend)
    return None


def make_teaching(teachers: Sequence[Teacher], spec: Spec, student: Frontend) -> Teaching | None:
    """The teachers beside a student whose front end is `student`; None if there is no teacher."""
    if not teachers:
        return None
    frontends = tuple(None if teacher.shares_features(spec) and same_scales(teacher, student) else
                      Frontend(teacher.plan.frontend) for teacher in teachers)
    return Teaching(tuple(teachers), frontends, spec.training.distillation_temperature)


def same_scales(teacher: Teacher, student: Frontend) -> bool:
    return normalisation_of(teacher.plan.frontend) == normalisation_of(student.tables)


def distillation_loss(spec: TrainingSpec) -> Loss:
    """The loss of the module's head, a function of targets [n, 2 * labels] and probabilities [n, labels] -> [n].

    targets : the labels, then the teachers' soft targets.
    """
    import keras
    from keras import ops

    weight, temperature = spec.distillation_weight, spec.distillation_temperature

    def loss(targets: Tensor, probabilities: Tensor) -> Tensor:
        labels, soft = ops.split(targets, 2, axis=-1)
        hard = keras.losses.categorical_crossentropy(labels, probabilities, label_smoothing=spec.label_smoothing)
        said = ops.log_softmax(ops.log(ops.maximum(probabilities, LEAST)) / temperature, axis=-1)
        divergence = ops.sum(soft * (ops.log(ops.maximum(soft, LEAST)) - said), axis=-1)
        return (1 - weight) * hard + weight * temperature**2 * divergence

    return loss


def label_accuracy(targets: Tensor, probabilities: Tensor) -> Tensor:
    """1 where the most probable label is the clip's, of targets [n, 2 * labels] -> [n]."""
    import keras

    return keras.metrics.categorical_accuracy(targets[:, : probabilities.shape[-1]], probabilities)
