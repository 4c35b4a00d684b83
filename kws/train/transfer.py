"""Transfer: a new keyword on what a base network, trained on many other words, has learnt to hear.

The base is cut in two where one tensor holds everything, so that about half of its layers with weights come after it.
The first part, which tells sounds apart, stays as it is, and its output for every example is computed once. The second
part, which puts sounds together to words, gets a new last layer for the new labels and is trained at a small learning
rate. Batch normalisation keeps the base's averages.

Where there is talk to learn from, the whole base learns instead: kws.train.transfer_with_talk.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.features.frontend import network_input
from kws.features.tables import Normalisation, normalisation_of
from kws.model.dataset import EPOCH, Material, one_hot
from kws.model.few_shot_examples import Lesson
from kws.model.keras_loading import load_network, native_messages_hidden
from kws.model.keras_types import KerasNetwork
from kws.run_metrics import Epoch
from kws.spec import FrontendSpec, ModelSpec, Spec
from kws.train.interrupt import CtrlC
from kws.train.loop import EVALUATION_BATCH, prepare_steps, restore, save
from kws.train.progress import TrainingProgress
from kws.train.transfer_with_talk import COURSE, learn_with_talk
from kws.workspace import read_artefact, read_manifest

FREE = ("dropout",)  # a setting of the network that does not change its shape


@dataclass(frozen=True)
class Learning:
    """How long, and at which learning rate in the beginning; it falls along a cosine."""

    epochs: int
    rate: float


LEARNING = Learning(epochs=6, rate=1e-3)
SCRATCH = Learning(epochs=10, rate=4e-3)  # to compare with: as long as it takes the same network without a base


@dataclass(frozen=True, eq=False)
class Base:
    """A trained run that others build on. model : Keras, its last layer makes the scores of its own labels."""

    name: str
    sha256: str
    command: str
    normalisation: Normalisation
    model: KerasNetwork

    def to_json(self) -> dict[str, str]:
        """For the manifest: which run, how it came about, and its network to the byte."""
        return {"run": self.name, "command": self.command, "model.keras": self.sha256}


def load_base(run: Path, spec: Spec) -> Base:
    """The run as a base for `spec`. Raises ModelError if it is damaged, or if the settings do not fit it."""
    plan = Plan.from_bytes(read_artefact(run, "model.kws"))
    other = [f"[{section}] {line}" for section in ("frontend", "model")
             for line in differences(getattr(plan.spec, section), getattr(spec, section))]
    if other:
        raise ModelError(f"the base {run.name} has other settings than kws.toml; next: write {', '.join(other)} into "
                         "kws.toml, or start from another base")
    manifest = read_manifest(run)
    model = load_network(run)
    last = model.layers[-1]
    if type(last).__name__ != "Dense" or len(model.inputs) != 1:
        raise ModelError(f"the base {run.name} ends in {type(last).__name__}; a base must end in the Dense layer that "
                         "makes the scores, as the networks of the zoo do")
    return Base(run.name, manifest.files["model.keras"], manifest.command,
                normalisation_of(plan.frontend), model)


def differences(base: FrontendSpec | ModelSpec, own: FrontendSpec | ModelSpec) -> list[str]:
    """`name = value` of the base for every setting in which the two differ."""
    return [f"{field.name} = {toml_value(getattr(base, field.name))}" for field in fields(base)
            if field.name not in FREE and getattr(base, field.name) != getattr(own, field.name)]


def toml_value(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def transfer(material: Material, base: Base, lesson: Lesson, *, checkpoint: Path,
             note: Callable[[str], None]) -> tuple[KerasNetwork, tuple[Epoch, ...]]:
    """Teach the base the labels of `material` by a lesson: a Keras model from features to probabilities, its epochs.

    checkpoint : file that is replaced after every epoch; remove it when the result is safe
    The same recordings, settings and base give the same network. Raises ModelError if the training diverges.
    """
    note(f"learning from {len(lesson.labels):,} examples made of {len(material.examples.training.clips):,} clips")
    if material.stretches:
        with native_messages_hidden():
            model = with_new_scores(base.model, len(material.spec.labels), seed=material.spec.training.seed)
        history = learn_with_talk(model, lesson, material, COURSE, checkpoint=checkpoint, note=note)
        model.trainable = True
        return without_optimizer(model), history
    with native_messages_hidden():
        body, tail, model = grafted(base.model, len(material.spec.labels), seed=material.spec.training.seed)
        heard = body.predict(network_input(lesson.features), batch_size=EVALUATION_BATCH, verbose=0)
    history = learn(tail, heard, lesson.labels, material, LEARNING, checkpoint=checkpoint, note=note)
    model.trainable = True  # all of it, for whoever counts its weights or trains it further
    return without_optimizer(model), history


def from_scratch(material: Material, lesson: Lesson, plan: Learning, *, checkpoint: Path,
                 note: Callable[[str], None]) -> tuple[KerasNetwork, tuple[Epoch, ...]]:
    """What `transfer` is measured against: the same examples, a network that has learnt nothing before."""
    from kws.model.zoo import build

    with native_messages_hidden():
        model = build(material.spec, seed=material.spec.training.seed)
    features = network_input(lesson.features)
    history = learn(model, features, lesson.labels, material, plan, checkpoint=checkpoint, note=note)
    return without_optimizer(model), history


def without_optimizer(model: KerasNetwork) -> KerasNetwork:
    """The network alone: whoever loads or copies it needs neither its optimizer nor its loss."""
    model.compiled, model.optimizer = False, None
    return model


def grafted(model: KerasNetwork, labels: int, *, seed: int) -> tuple[KerasNetwork, KerasNetwork, KerasNetwork]:
    """The part that stays, the part that learns, with a fresh last layer for `labels`, and both together."""
    import keras

    whole = with_new_scores(model, labels, seed=seed)
    joint = cut_point(model)
    for layer in model.layers[: joint + 1]:
        layer.trainable = False
    middle = model.layers[joint].output
    return keras.Model(model.input, middle), keras.Model(middle, whole.output), whole


def with_new_scores(model: KerasNetwork, labels: int, *, seed: int) -> KerasNetwork:
    """The model with a fresh last layer for `labels`; all of it learns, but batch normalisation keeps its averages."""
    import keras

    keras.utils.set_random_seed(seed)
    for layer in model.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    scores = keras.layers.Dense(labels, activation="softmax", name="scores")(model.layers[-2].output)
    return keras.Model(model.input, scores, name=model.name)


def cut_point(model: KerasNetwork) -> int:
    """Index of the last layer whose output is all that later layers see and that leaves half of the weights to them."""
    layers = model.layers
    weighted = [bool(layer.weights) and "Normalization" not in type(layer).__name__ for layer in layers]
    found = [place for place in passages(model) if sum(weighted[place + 1 : -1]) >= sum(weighted[:-1]) / 2]
    return found[-1]


def passages(model: KerasNetwork) -> list[int]:
    """Indices of the layers, the last one left out, whose output alone reaches the layers after them."""
    import keras

    place = {id(layer.output): i for i, layer in enumerate(model.layers)}
    sources = [[place[id(tensor)] for tensor in keras.tree.flatten(layer.input)] for layer in model.layers[1:]]
    return [i for i in range(len(model.layers) - 1) if all(min(source) >= i for source in sources[i:])]


def learn(network: KerasNetwork, heard: np.ndarray, labels: np.ndarray, material: Material, plan: Learning, *,
          checkpoint: Path, note: Callable[[str], None]) -> tuple[Epoch, ...]:
    """Train `network` on examples that do not change. heard : float32, its input for each of them; labels : int [n]."""
    targets, batch = one_hot(labels, len(material.spec.labels)), material.spec.training.batch
    steps = -(-len(labels) // batch)
    prepare_steps(network, replace(material.spec.training, learning_rate=plan.rate), steps * plan.epochs, taught=False)
    history = restore(network, checkpoint)
    with CtrlC() as ctrl_c:
        if history:
            note(f"resuming after epoch {len(history)} of {plan.epochs} ({checkpoint})")
        with TrainingProgress(epochs=plan.epochs, steps=steps, history=history) as progress:
            for number in range(len(history), plan.epochs):
                start, results = time.perf_counter(), []
                rows = material.rng(EPOCH, number).permutation(len(labels))
                for some in np.array_split(rows, steps):
                    results.append(network.train_on_batch(heard[some], targets[some]))
                    progress.step(number + 1, {})
                    ctrl_c.check()
                loss, accuracy = (float(mean) for mean in np.mean(results, axis=0))
                if not np.isfinite(loss):
                    raise ModelError(f"the training diverged in epoch {number + 1} (loss {loss}); start from another "
                                     "base with --from, or without one")
                history.append(Epoch(loss, accuracy, float("nan"), time.perf_counter() - start))
                save(network, history, checkpoint)
                progress.epoch_ended(number + 1, history[-1])
    return tuple(history)
