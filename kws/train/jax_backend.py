"""The epochs of a training as programs for a graphics card, by JAX; kws.train.loop takes up where they end.

Settings, clips, augmentation, network, loss and optimizer are those of kws.train.loop; the numbers are not the same to
the bit. Processes make the sounds of the next epochs while an epoch is one program on the card, which also draws timbre
and SpecAugment and asks the teachers. It stops before the last epochs if [training] quantization_aware_epochs asks for
some: whether they learn on the int8 grid is decided by the loop. The checkpoint is the loop's: Ctrl-C loses no whole
epoch. It runs on a processor too, but slower than the loop. Its speed is that of the slower of two: the card, or the
processor that makes the sounds.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np

from kws.features.frontend import INPUT_SCALE
from kws.model.augment import CURVES
from kws.model.dataset import BATCH, EPOCH, Material
from kws.model.examples import SILENCE_LABEL
from kws.model.keras_loading import native_messages_hidden
from kws.model.keras_types import JaxArray, KerasNetwork, Layer, Tensor, Tree, Variable
from kws.run_metrics import Epoch
from kws.spec import Spec, TrainingSpec
from kws.train.interrupt import CtrlC
from kws.train.loop import EVALUATION_BATCH, finite, prepare_steps, restore, save, training_loss
from kws.train.progress import TrainingProgress

PART = 512  # clips that a process makes at once
AHEAD = 2  # epochs whose sounds are made before it is their turn

material: Material  # of this process, set by who trains; those that make sounds inherit it


def use(chosen: Material) -> None:
    """Make `chosen` what this process, and those that it forks from now on, train on."""
    global material
    material = chosen


def sounds(rows: np.ndarray, epoch: int, start: int) -> np.ndarray:
    """Features of augmented clips, int8 [n, frames, features]; the same call gives the same ones."""
    return material.sounds(rows, material.rng(BATCH, epoch, start))[0]


def epoch_rows(epoch: int) -> np.ndarray:
    """One epoch's examples in the order in which they are learnt: places in the training part, -1 for silence."""
    rows, size = material.epoch_rows(material.rng(EPOCH, epoch)), material.spec.training.batch
    return rows[: max(1, len(rows) // size) * size]


def supply(first: int, last: int, pool: ProcessPoolExecutor) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each epoch features int8 [n, frames, features] and labels int8 [n], made ahead by the pool."""
    waiting: deque[tuple[np.ndarray, list[Future[np.ndarray]]]] = deque()
    for epoch in range(first, last + AHEAD):
        if epoch < last:
            rows = epoch_rows(epoch)
            waiting.append((rows, [pool.submit(sounds, rows[start : start + PART], epoch, start)
                                   for start in range(0, len(rows), PART)]))
        if epoch >= first + AHEAD:
            rows, parts = waiting.popleft()
            labels = np.where(rows >= 0, material.examples.training.labels[rows], SILENCE_LABEL).astype(np.int8)
            yield np.concatenate([part.result() for part in parts]), labels


def summed_depthwise(model: KerasNetwork) -> KerasNetwork:
    """A copy of a network with its weights, whose depthwise convolutions are sums of shifted products.

    A card runs a grouped convolution of few channels far below its speed.
    """
    import keras

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
        def call(self, inputs: Tensor) -> Tensor:
            (height, width), (down, right) = self.kernel.shape[:2], self.dilation_rate
            rows, columns = inputs.shape[1] - (height - 1) * down, inputs.shape[2] - (width - 1) * right
            result = sum(inputs[:, down * i : down * i + rows, right * j : right * j + columns]
                         * self.kernel[i, j, :, 0]
                         for i in range(height) for j in range(width))
            return result + self.bias if self.use_bias else result

    def copied(layer: Layer) -> Layer:
        summed = type(layer) is keras.layers.DepthwiseConv2D and layer.padding == "valid" and layer.strides == (1, 1)
        return (DepthwiseConv2D if summed else type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy


def disguise(features: JaxArray, curves: np.ndarray, spec: TrainingSpec, key: Tree) -> JaxArray:
    """kws.model.augment's equalize and mask: int8 [n, frames, features] -> float32, whole numbers."""
    from jax import numpy as jnp
    from jax import random

    features = features.astype(jnp.float32)
    timbre, *gaps = random.split(key, 5)
    if spec.equalization_db:
        nepers = spec.equalization_db / (20 / np.log(10))
        gains = random.normal(timbre, (len(features), len(CURVES))) * np.float32(nepers) @ curves
        features = jnp.clip(jnp.rint(features + gains[:, None]), -128, 127)

    def gap(axis: int, longest: int, sizes: JaxArray, starts: JaxArray) -> JaxArray:
        length, n = features.shape[axis], len(features)
        size = random.randint(sizes, (n, 1), 0, min(longest, length) + 1)
        start = jnp.floor(random.uniform(starts, (n, 1)) * (length - size + 1))
        return (jnp.arange(length) >= start) & (jnp.arange(length) < start + size)

    hidden = (gap(1, spec.time_mask_frames, *gaps[:2])[:, :, None]
              | gap(2, spec.band_mask_features, *gaps[2:])[:, None])
    return jnp.where(hidden, 0, features)


def programs(spec: Spec, model: KerasNetwork, teachers: list[KerasNetwork],
             curves: np.ndarray) -> tuple[Callable[..., Tree], Callable[..., JaxArray]]:
    """One epoch, and the network's answers, as programs for the card.

    epoch(state, said, features, labels, key) -> state, loss, accuracy, with state and said (the teachers') as
    Keras' stateless calls take them; answers(state, features) -> labels int [n].
    """
    import jax

    step = step_program(spec, model, teachers, curves)

    @jax.jit
    def epoch(state: Tree, said: Tree, features: JaxArray, labels: JaxArray, key: Tree) -> Tree:
        steps = max(1, len(labels) // spec.training.batch)
        batches = (features.reshape(steps, -1, *features.shape[1:]), labels.reshape(steps, -1),
                   jax.random.split(key, steps))
        state, (losses, hits) = jax.lax.scan(lambda state, batch: step(state, batch, said), state, batches)
        return state, losses.mean(), hits.mean()

    @jax.jit
    def answers(state: Tree, features: JaxArray) -> JaxArray:
        def answer(features: JaxArray) -> JaxArray:
            return model.stateless_call(*state[:2], window(features[None]), training=False)[0][0].argmax()

        return jax.lax.map(answer, features, batch_size=EVALUATION_BATCH)

    return epoch, answers


def window(features: JaxArray) -> JaxArray:
    """What the network takes: int8 or float32 [n, frames, features] -> float32 [n, frames, features, 1]."""
    return (features.astype(np.float32) * np.float32(INPUT_SCALE))[..., None]


def opinion(teacher: KerasNetwork, weights: Tree, windows: JaxArray, *, temperature: float) -> JaxArray:
    """What a teacher says of windows, softened: float32 [n, labels]."""
    from jax import numpy as jnp

    powers = jnp.maximum(teacher.stateless_call(*weights, windows, training=False)[0], 1e-30) ** (1 / temperature)
    return powers / powers.sum(-1, keepdims=True)


def step_program(spec: Spec, model: KerasNetwork, teachers: list[KerasNetwork],
                 curves: np.ndarray) -> Callable[[Tree, Tree, Tree], Tree]:
    """One batch: (state, (features, labels, key), said) -> (state, (loss, accuracy)), state and said as in programs."""
    import jax
    from jax import numpy as jnp

    loss_of, count = training_loss(spec.training, taught=bool(teachers)), len(spec.labels)

    def step(state: Tree, batch: Tree, said: Tree) -> Tree:
        (trained, others, optimizer), (features, labels, key) = state, batch
        windows, targets = window(disguise(features, curves, spec.training, key)), jax.nn.one_hot(labels, count)
        if teachers:
            opinions = [opinion(*pair, windows, temperature=spec.training.distillation_temperature)
                        for pair in zip(teachers, said, strict=True)]
            targets = jnp.concatenate([targets, sum(opinions) / len(opinions)], axis=1)

        def objective(trained: Tree) -> Tree:
            probabilities, now = model.stateless_call(trained, others, windows, training=True)
            return jnp.mean(loss_of(targets, probabilities)), (probabilities, now)

        (loss, (probabilities, others)), slope = jax.value_and_grad(objective, has_aux=True)(trained)
        trained, optimizer = model.optimizer.stateless_apply(optimizer, slope, trained)
        return (trained, others, optimizer), (loss, jnp.mean(probabilities.argmax(-1) == labels))

    return step


def values(variables: Sequence[Variable]) -> list[JaxArray]:
    """What Keras' variables hold, as JAX' arrays."""
    return [variable.value for variable in variables]


def train(checkpoint: Path, pool: ProcessPoolExecutor) -> None:
    """Run the epochs of `material` that the checkpoint lacks, and bring it up to date after each."""
    import jax

    from kws.model.zoo import build

    spec, training = material.spec, material.spec.training
    teachers = [summed_depthwise(teacher.model) for teacher in material.teaching.teachers] if material.teaching else []
    steps = max(1, len(epoch_rows(0)) // training.batch)
    with native_messages_hidden():
        model = summed_depthwise(build(spec, seed=training.seed))
        prepare_steps(model, training, steps * training.epochs, taught=bool(teachers))
    history, last = restore(model, checkpoint), training.epochs - training.quantization_aware_epochs
    clips, labels = material.audio("validation")
    features = jax.device_put(material.frontend.extract(clips))
    epoch, answers = programs(spec, model, teachers, material.curves)
    variables = model.trainable_variables, model.non_trainable_variables, model.optimizer.variables
    state = tuple(map(values, variables))
    said = [[values(it.trainable_variables), values(it.non_trainable_variables)] for it in teachers]
    with CtrlC() as ctrl_c, TrainingProgress(epochs=last, steps=1, history=history) as progress:
        for number, (heard, expected) in enumerate(supply(len(history), last, pool), start=len(history)):
            start = time.perf_counter()
            key = jax.random.key(material.rng(BATCH, number).integers(2**31))
            state, loss, accuracy = epoch(state, said, heard, expected, key)
            share = float((np.asarray(answers(state, features)) == labels).mean()) if len(labels) else float("nan")
            history.append(Epoch(finite(float(loss), number, training), float(accuracy), share,
                                 time.perf_counter() - start))
            for variable, value in zip(chain(*variables), chain(*state), strict=True):
                variable.assign(value)
            save(model, history, checkpoint)
            progress.step(number + 1, asdict(history[-1]))
            progress.epoch_ended(number + 1, history[-1])
            ctrl_c.check()
