"""Training: seeded, checkpointed after every epoch, the same weights whether it was interrupted or not.

AdamW with a learning rate that falls along a cosine to zero. The weights after the last epoch are kept: choosing an
earlier epoch by its validation accuracy would pick luck, and make that accuracy no measure any more.
"""

import io
import json
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, astuple, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kws.arguments import Features
from kws.errors import ModelError
from kws.features.frontend import network_input
from kws.files import write_atomic
from kws.model.dataset import Material, epoch_batches
from kws.model.distill import distillation_loss, label_accuracy
from kws.model.examples import FIRST_KEYWORD
from kws.model.keras_loading import load_keras, native_messages_hidden
from kws.model.keras_types import KerasNetwork, Layer, Logs, Loss, Optimizer, Variable
from kws.model.quantized import LastEpochs
from kws.model.stretch_loss import clip_accuracy, stretch_loss
from kws.model.stretches import CLIPS, Stretches
from kws.model.talk import hardest
from kws.model.unrolled import unrolled
from kws.run_metrics import Epoch
from kws.spec import TrainingSpec
from kws.train.cpu_speed import keep_freed_memory, with_fused_normalisation
from kws.train.interrupt import CtrlC
from kws.train.progress import TrainingProgress

if TYPE_CHECKING:
    from kws.train.workers import Workers

EVALUATION_BATCH = 512
SCANNED_ROWS = 4_000  # of talk at once
HARD_PLACES, HARD_APART_MS = 1_500, 500
NONE_SHIFTS = tuple(step / 4 for step in range(-8, 13))  # that the biases of silence and other words fall, in nepers
NONE_TOLERANCE = 0.001  # share of the validation clips that smaller shifts may cost
DECEIVED = 0.5  # probability of a keyword where none is


def train(material: Material, *, checkpoint: Path, note: Callable[[str], None], workers: "Workers | None" = None,
          start: Sequence[np.ndarray] | None = None,
          changed: Callable[[KerasNetwork], KerasNetwork] | None = None) -> tuple[KerasNetwork, tuple[Epoch, ...]]:
    """Train the network of `material.spec` from its seed, or go on where `checkpoint` stopped.

    checkpoint : file that is replaced after every epoch; remove it when the result is safe
    note       : is told in one line when the training resumes
    workers    : what to train with instead of this process alone; the chief's checkpoint counts, and it alone writes
    start      : weights to begin with instead of the seed's
    changed    : makes what is trained out of the zoo's network
    Raises ModelError if the training diverges or the checkpoint is of another training.
    """
    load_keras()
    batches = epoch_batches(material, 0)
    refuse_infinite(batches[0])
    network, model = built(material, len(batches), workers=workers, start=start, changed=changed)
    history = restored(model, checkpoint, workers)
    spec = grid_epochs_allowed(material, workers, note)
    clips, labels = material.audio("validation")
    features = material.frontend.extract(clips)
    last_epochs = LastEpochs(
        model, spec, material.representative, note=note, accuracy=lambda it: accuracy_of(it, features, labels),
        prepare=lambda twin: prepare_loss(twin, model.optimizer, spec, taught=material.teaching is not None))
    listener = Listener(model, material, spec, note) if material.stretches else None
    if history:
        note(f"resuming after epoch {len(history)} of {spec.epochs} ({checkpoint})")
    with CtrlC() as ctrl_c, TrainingProgress(epochs=spec.epochs, steps=len(batches), history=history) as progress:
        for number in range(len(history), spec.epochs):
            def step(logs: Logs, number: int = number) -> None:
                progress.step(number + 1, logs)
                ctrl_c.check()

            learner = last_epochs.learner(number, decided=history[-1].on_int8_grid if history else False)
            if listener:
                material = listener.told(material, number)
            epoch = run_epoch(learner, material, number, features, labels, step, workers,
                              through=listener.learner if listener else learner)
            history.append(replace(epoch, on_int8_grid=learner is not model))
            if workers is None or workers.chief:
                save(model, history, checkpoint)
            progress.epoch_ended(number + 1, history[-1])
            if workers:
                workers.check(ctrl_c)
            ctrl_c.check()
    network.set_weights(model.get_weights())
    balance_keywords(network, material.examples.training.labels, spec.keyword_balance)
    if listener and len(labels):
        note(balance_none(network, features, labels))
    return network, tuple(history)


def built(material: Material, steps: int, *, workers: "Workers | None", start: Sequence[np.ndarray] | None,
          changed: Callable[[KerasNetwork], KerasNetwork] | None) -> tuple[KerasNetwork, KerasNetwork]:
    """The network, and what is trained: the same variables as this processor runs them fastest, or as workers do.

    steps : of an epoch; the others as for train
    """
    from kws.model.zoo import build

    spec = material.spec.training
    keep_freed_memory()
    with native_messages_hidden():
        network = build(material.spec, seed=spec.seed)
        network = changed(network) if changed else network
        if start is not None:
            network.set_weights(start)
        model = with_fused_normalisation(network)
        if workers:
            model = workers.replicate(model)
        with workers.scope() if workers else nullcontext():
            prepare_steps(model, spec, steps * spec.epochs, taught=material.teaching is not None)
    return network, model


def restored(model: KerasNetwork, checkpoint: Path, workers: "Workers | None") -> list[Epoch]:
    """Bring the model to the state of `checkpoint`, with workers that of the chief's; the epochs that led there."""
    if not workers:
        return restore(model, checkpoint)
    history = restore(model, checkpoint) if workers.chief else []
    rows = workers.spread(state_of(model), [astuple(epoch) for epoch in history])
    return [Epoch(loss, accuracy, validation, seconds, bool(grid))
            for loss, accuracy, validation, seconds, grid in rows]


def grid_epochs_allowed(material: Material, workers: "Workers | None", note: Callable[[str], None]) -> TrainingSpec:
    """The settings, without epochs on the int8 grid where these are impossible."""
    spec = material.spec.training
    if not (workers or material.stretches) or not spec.quantization_aware_epochs:
        return spec
    note(f"{'several workers' if workers else 'training with talk'}: no epochs on the int8 grid")
    return replace(spec, quantization_aware_epochs=0)


class Listener:
    """Trains a network on stretches (kws.model.stretches), and hears all the talk before each epoch.

    learner : the network unrolled over a stretch, compiled; its variables and its optimizer are the network's own
    """

    def __init__(self, model: KerasNetwork, material: Material, spec: TrainingSpec,
                 note: Callable[[str], None]) -> None:
        assert material.stretches is not None
        self.stretches: Stretches = material.stretches
        self.note, self.frontend = note, material.spec.frontend
        self.learner = unrolled(model, self.stretches.frames)
        labels = len(material.spec.labels)
        self.learner.compile(model.optimizer, stretch_loss(spec, labels=labels, clips=spec.batch // CLIPS * CLIPS,
                                                           taught=material.taught),
                             metrics=[named(clip_accuracy(labels))], jit_compile=False)
        self.scanner = unrolled(model, SCANNED_ROWS + self.frontend.frames - 1)

    def told(self, material: Material, number: int) -> Material:
        """The material with the places where the network, as it is before epoch `number`, is most nearly deceived."""
        if number == 0:
            return material
        places, found = hardest(self.stretches.talk, self.score, window=self.frontend.frames, count=HARD_PLACES,
                                apart=HARD_APART_MS // self.frontend.hop_ms)
        hours = len(self.stretches.talk) * self.frontend.hop_ms / 3.6e6
        self.note(f"after epoch {number}: in {hours:.1f} hours of training talk the network takes "
                  f"{int((found > DECEIVED).sum()):,} half seconds for a keyword")
        return replace(material, stretches=replace(self.stretches, places=places))

    def score(self, rows: np.ndarray) -> np.ndarray:
        """int8 [n, features] -> probabilities of the keywords, float32 [n - window + 1, keywords]."""
        return scan(self.scanner, rows, self.frontend.frames)


def scan(scanner: KerasNetwork, rows: np.ndarray, window: int) -> np.ndarray:
    """A network unrolled over SCANNED_ROWS windows, at every window of rows, int8 [n, features].

    -> probabilities of the keywords, float32 [n - window + 1, keywords]
    """
    answers = []
    for start in range(0, len(rows) - window + 1, SCANNED_ROWS):
        part = rows[start : start + SCANNED_ROWS + window - 1]
        whole = np.pad(part, ((0, SCANNED_ROWS + window - 1 - len(part)), (0, 0)))
        said = np.asarray(scanner.predict_on_batch(network_input(whole[None])))[0]
        answers.append(said[: len(part) - window + 1, FIRST_KEYWORD:])
    return np.concatenate(answers)


def named(metric: Loss) -> Layer:
    """A function as the metric that is called accuracy."""
    import keras

    return keras.metrics.MeanMetricWrapper(metric, name="accuracy")


def balance_keywords(network: KerasNetwork, labels: np.ndarray, share: float) -> None:
    """Take the keywords' different numbers of clips out of the scores: a rare one is heard as readily as the others.

    A network learns how often each label comes, as an addend to its logit. Of that of the keywords `share`, 0 to 1, is
    taken out of the last layer's bias; their mean stays, so that `_unknown_` and silence weigh what they did.
    (Menon et al.: "Long-Tail Learning via Logit Adjustment", 2021.)
    labels : int [n], of the training clips; every keyword must be among them
    """
    bias = network.layers[-1].bias
    values = bias.numpy()
    frequency = np.log(np.bincount(labels, minlength=len(values))[FIRST_KEYWORD:])
    values[FIRST_KEYWORD:] -= share * (frequency - frequency.mean())
    bias.assign(values)


def balance_none(network: KerasNetwork, features: np.ndarray, labels: np.ndarray) -> str:
    """Take back what hours of talk did to the balance between keywords and none, and say so in one line.

    In talk nearly every hop is none, so a network that learnt there is slow to name a clip's keyword, and tells other
    words from silence better than silence from them. The biases of `_silence_` and `_unknown_` are moved to where most
    validation clips are right, or hardly fewer, and no further: along the scores of a stream this moves the threshold,
    which is chosen afterwards, and takes from their resolution.
    features : int8 [n, frames, features], validation clips; labels : int [n]
    """
    said = np.asarray(network.predict(network_input(features), batch_size=EVALUATION_BATCH, verbose=0))
    logits = np.log(np.maximum(said, np.finfo(np.float32).tiny))

    def right(shifts: tuple[float, float]) -> float:
        moved = logits - np.pad(np.array(shifts, np.float32), (0, logits.shape[1] - FIRST_KEYWORD))
        return float((moved.argmax(axis=-1) == labels).mean())

    found = {shifts: right(shifts) for shifts in product(NONE_SHIFTS, NONE_SHIFTS)}
    good = max(found.values()) - NONE_TOLERANCE
    best = min((shifts for shifts in found if found[shifts] >= good), key=lambda shifts: abs(np.array(shifts)).sum())
    bias = network.layers[-1].bias
    bias.assign(bias.numpy() - np.pad(np.array(best, np.float32), (0, len(bias.numpy()) - FIRST_KEYWORD)))
    silence, unknown = np.exp(-np.array(best))
    return (f"balance after talk: silence weighs {silence:.1f} times as much, other words {unknown:.1f} times, which "
            f"takes validation clips from {found[0.0, 0.0]:.1%} to {found[best]:.1%}")


def prepare_steps(model: KerasNetwork, spec: TrainingSpec, total_steps: int, *, taught: bool) -> None:
    """Give the model its optimizer and its loss. taught : batches hold teachers' soft targets beside the labels."""
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(spec.learning_rate, total_steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=spec.weight_decay)
    optimizer.build(model.trainable_variables)
    prepare_loss(model, optimizer, spec, taught=taught)


def prepare_loss(model: KerasNetwork, optimizer: Optimizer, spec: TrainingSpec, *, taught: bool) -> None:
    """Give the network or its int8 twin the loss that the settings ask for."""
    import keras

    accuracy = keras.metrics.MeanMetricWrapper(label_accuracy, name="accuracy") if taught else "accuracy"
    model.compile(optimizer, training_loss(spec, taught=taught), metrics=[accuracy],
                  jit_compile=False)  # XLA on a CPU: 6 to 10 times slower


def training_loss(spec: TrainingSpec, *, taught: bool) -> Loss:
    """The loss that the settings ask for: a function of targets and probabilities. taught : as for prepare_steps."""
    import keras

    return distillation_loss(spec) if taught else keras.losses.CategoricalCrossentropy(
        label_smoothing=spec.label_smoothing)


def refuse_infinite(batch: Sequence[np.ndarray]) -> None:
    """Raise ModelError if a batch holds what is no number: some processors' rectifiers would turn it into 0."""
    if not all(np.isfinite(np.asarray(part, np.float32)).all() for part in batch):
        raise ModelError("the features or targets hold values that are not finite; this is a fault of kws, not of the "
                         "recordings: please report it")


def finite(loss: float, number: int, spec: TrainingSpec) -> float:
    """The loss of epoch `number`, counted from 0. Raises ModelError if the training has diverged."""
    if not np.isfinite(loss):
        raise ModelError(f"the training diverged in epoch {number + 1} (loss {loss}); lower [training] learning_rate = "
                         f"{spec.learning_rate} in kws.toml")
    return loss


def run_epoch(model: KerasNetwork, material: Material, number: int, features: np.ndarray, labels: np.ndarray,
              step: Callable[[Logs], None], workers: "Workers | None" = None,
              through: KerasNetwork | None = None) -> Epoch:
    """One pass over the training clips, then the validation clips `features`, int8 [n, frames, features].

    step    : is told the loss and accuracy so far after every batch
    through : what the batches go through where it is not `model` itself, with the same variables
    """
    import keras

    class Steps(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
            step(logs or {})

    start = time.perf_counter()
    if workers:
        loss, accuracy = workers.run_epoch(model, material, number, step)
        model = workers.alone(model)
    else:
        batches = epoch_batches(material, number)
        logs = (through or model).fit(batches, verbose=0, shuffle=False, callbacks=[Steps()]).history
        loss, accuracy = (float(logs[name][0]) for name in ("loss", "accuracy"))
    return Epoch(finite(loss, number, material.spec.training), accuracy, accuracy_of(model, features, labels),
                 time.perf_counter() - start)


def accuracy_of(model: KerasNetwork, features: np.ndarray, labels: np.ndarray) -> float:
    """Share of the windows, int8 [n, frames, features], that get their label, int [n]; nan if there are none."""
    return float((predict(model, features) == labels).mean()) if len(labels) else float("nan")


def predict(model: KerasNetwork, features: Features) -> NDArray[np.int64]:
    """The most probable label of each window, int8 [n, frames, features] -> int [n]."""
    if not len(features):
        return np.zeros(0, np.int64)
    return model.predict(network_input(features), batch_size=EVALUATION_BATCH, verbose=0).argmax(-1)


def save(model: KerasNetwork, history: list[Epoch], checkpoint: Path) -> None:
    """Everything that the next epoch depends on: weights, optimizer, random states, history."""
    arrays = {f"variable_{i}": variable.numpy() for i, variable in enumerate(state_of(model))}
    file = io.BytesIO()
    np.savez(file, history=json.dumps([asdict(epoch) for epoch in history]), **arrays)
    write_atomic(checkpoint, file.getvalue())


def restore(model: KerasNetwork, checkpoint: Path) -> list[Epoch]:
    """Bring the model to the state of `checkpoint`, if that exists, and return the epochs that led there."""
    if not checkpoint.exists():
        return []
    variables = state_of(model)
    try:
        with np.load(checkpoint) as arrays:
            values = [arrays[f"variable_{i}"] for i in range(len(variables))]
            history = [Epoch(**epoch) for epoch in json.loads(str(arrays["history"]))]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    except (KeyError, ValueError, TypeError, OSError, EOFError) as error:
        raise ModelError(f"{checkpoint} is damaged or of another training ({error}); "
                         "remove it to start again") from error
    return history


def state_of(model: KerasNetwork) -> list[Variable]:
    """Keras variables: the network's, its random generators' and the optimizer's."""
    generators = [layer.seed_generator.state for layer in model.layers if hasattr(layer, "seed_generator")]
    return [*model.weights, *generators, *model.optimizer.variables]
