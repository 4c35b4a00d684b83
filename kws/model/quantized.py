"""A network of the zoo as int8 will compute it, but in floating point: to see what that costs, and to train for it.

Conversion (kws.quantize) folds each batch normalisation into the convolution before it, puts the weights of each output
channel on a symmetric grid (-127 to 127 times max |w| / 127), and each activation on 256 steps between the least and
the greatest value that representative clips brought, 0 included. An int8 twin computes the same with the network's own
variables. Gradients pass through the rounding as if it were not there; where an activation saturates they stop.
Biases are rounded, and results twice as TensorFlow Lite Micro does it, so that a twin's answers are int8's but for the
errors of floating point itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kws.errors import ModelError
from kws.features.frontend import INPUT_SCALE, network_input
from kws.model.keras_types import KerasNetwork, Layer, Tensor, Twin
from kws.spec import TrainingSpec

WEIGHTED = ("Conv2D", "DepthwiseConv2D", "Dense")  # a batch normalisation behind them is folded into them
GRIDDED = (*WEIGHTED, "BatchNormalization", "ReLU", "Add", "GlobalAveragePooling2D")  # results on a grid of their own
AVERAGED = "AveragePooling2D"  # results rounded to the grid of what goes in
PASSED_ON = ("Cropping2D", "Dropout", "Flatten", "MaxPooling2D", "Reshape", "ZeroPadding2D")  # on that grid as they are
MEASURING_BATCH = 250  # windows
HALF_IN = 4096  # steps of 1: finer than the distance of any average of int8 numbers to a half that it is not


@dataclass(frozen=True, eq=False)
class Step:
    """One layer. inputs, output : names of values.

    normalisation : the batch normalisation that is folded into it, or None
    source : the place of its first input's grid, None if that is the network's input
    grid   : the place of its result's grid, None if the result is not rounded
    """

    layer: Layer
    inputs: tuple[int, ...]
    output: int
    normalisation: Layer
    source: int | None
    grid: int | None


def steps_of(model: KerasNetwork) -> list[Step]:
    """The layers of a network behind its input, in order. Raises ModelError for one that has no int8 twin."""
    consumers: dict[int, list[Layer]] = {}
    for layer in model.layers[1:]:
        for value in values_of(layer.input):
            consumers.setdefault(id(value), []).append(layer)
    steps: list[Step] = []
    absorbed, grid_of, grids = set(), dict[int, int | None](), 0
    for layer in model.layers[1:]:
        kind, (user, *others) = type(layer).__name__, consumers.get(id(layer.output), [None])
        inputs = tuple(map(id, values_of(layer.input)))
        if kind not in (*GRIDDED, AVERAGED, *PASSED_ON) or (kind == "BatchNormalization" and layer not in absorbed):
            raise ModelError(f"layer {layer.name!r} ({kind}) has no place in quantization-aware training; "
                             "set [training] quantization_aware_epochs = 0 in kws.toml")
        follower = None if others else type(user).__name__
        normalisation = user if kind in WEIGHTED and follower == "BatchNormalization" else None
        absorbed.add(normalisation)
        fused = normalisation is not None or (follower == "ReLU" and kind in ("Add", "BatchNormalization", *WEIGHTED))
        own = kind in GRIDDED and not fused
        source = grid_of.get(inputs[0])
        grid_of[id(layer.output)] = grid = grids if own else source
        grids += own
        steps.append(Step(layer, inputs, id(layer.output), normalisation, source,
                          grid if own or kind == AVERAGED else None))
    return steps


def values_of(tensors: Tensor | list[Tensor]) -> list[Tensor]:
    return tensors if isinstance(tensors, list) else [tensors]


def run(steps: list[Step], window: Tensor, *, grids: Tensor | None = None,
        watch: Callable[[Tensor, int], None] | None = None) -> Tensor:
    """The network on window [n, frames, features, 1].

    grids : scale and zero point of each grid, [grids, 2]; without them nothing is rounded
    watch : is told what goes to each grid: values, place
    """
    values, units = {steps[0].inputs[0]: window}, dict[int, Tensor | None]()
    for step in steps:
        inputs, kind, activation = [values[name] for name in step.inputs], type(step.layer).__name__, None
        unit = units.get(step.inputs[0])  # of sums that are not rounded yet, on their way through what is fused
        if kind in WEIGHTED:
            result, unit = weighted(step, inputs[0], grids)
            activation = step.layer.activation
        elif kind == "BatchNormalization":
            result = inputs[0]
        else:
            result = step.layer(inputs if len(inputs) > 1 else inputs[0])
        if watch is not None and step.grid is not None:
            watch(result, step.grid)
        if grids is not None and step.grid is not None:
            grid = grids[step.grid]
            result = averages_on_grid(result, grid) if kind == AVERAGED else values_on_grid(result, grid, unit)
            unit = None
        values[step.output], units[step.output] = activation(result) if activation else result, unit
    return values[steps[-1].output]


def weighted(step: Step, values: Tensor, grids: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """A convolution's or dense layer's result, and what 1 in int8's sums is worth in each output channel.

    Without grids nothing is rounded, and that is None.
    """
    from keras import ops

    layer, depthwise = step.layer, type(step.layer).__name__ == "DepthwiseConv2D"
    kernel, bias = folded(layer, step.normalisation, channels=2 if depthwise else 1)
    unit = None
    if grids is not None:
        kernel, scale = weights_on_grid(kernel, len(kernel.shape) - (2 if depthwise else 1))
        unit = scale * (INPUT_SCALE if step.source is None else grids[step.source][0])
        bias = rounded(bias / unit) * unit
    if type(layer).__name__ == "Dense":
        return ops.matmul(values, kernel) + bias, unit
    convolve = ops.depthwise_conv if depthwise else ops.conv
    return convolve(values, kernel, layer.strides, layer.padding, dilation_rate=layer.dilation_rate) + bias, unit


def folded(layer: Layer, normalisation: Layer, *, channels: int) -> tuple[Tensor, Tensor | float]:
    """Kernel and bias with the batch normalisation in them, its averages as they are.

    channels : number of the kernel's last axes that are output channels
    """
    from keras import ops

    kernel = layer.kernel if hasattr(layer, "kernel") else layer.depthwise_kernel
    bias = layer.bias if layer.use_bias else 0.0
    if normalisation is None:
        return ops.convert_to_tensor(kernel), bias
    factor = normalisation.gamma * ops.rsqrt(normalisation.moving_variance + normalisation.epsilon)
    bias = normalisation.beta + (bias - normalisation.moving_mean) * factor
    return kernel * ops.reshape(factor, kernel.shape[-channels:]), bias


def weights_on_grid(kernel: Tensor, first_channel: int) -> tuple[Tensor, Tensor]:
    """Each output channel rounded to its 255 steps, and what a step is worth in each: [channels].

    first_channel : axes from there on are output channels
    """
    from keras import ops

    largest = ops.max(ops.abs(kernel), axis=tuple(range(first_channel)), keepdims=True)
    scale = ops.stop_gradient(ops.maximum(largest, 1e-9)) / 127
    return rounded(kernel / scale) * scale, ops.reshape(scale, (-1,))


def values_on_grid(values: Tensor, grid: Tensor, unit: Tensor | None = None) -> Tensor:
    """Activations to int8 and back. grid : scale and zero point; unit : what 1 in the sums before is worth, [channels].

    Sums are rounded twice: first to a fraction of a step, as fine as the product with a 31-bit multiplier leaves it.
    """
    from keras import ops

    scale, zero_point = grid[0], grid[1]
    inside = ops.clip(values / scale, -128 - zero_point, 127 - zero_point)
    result = inside
    if unit is not None:
        finer = 2.0 ** ops.stop_gradient(ops.ceil(-ops.log2(unit / scale)) - 1)
        result = ops.round(result * finer) / finer
    return (inside + ops.stop_gradient(halves_away(result) - inside)) * scale


def averages_on_grid(values: Tensor, grid: Tensor) -> Tensor:
    """Averages of numbers of a grid to whole ones of the same grid; halves are frequent where two are averaged.

    Halves go away from the int8 number 0, not from what stands for the value 0, as TensorFlow Lite Micro has it.
    """
    from keras import ops

    scale, zero_point = grid[0], grid[1]
    exact = values / scale
    number = ops.round((exact + zero_point) * HALF_IN) / HALF_IN  # a half that floating point missed is one again
    return (exact + ops.stop_gradient(halves_away(number) - zero_point - exact)) * scale


def halves_away(values: Tensor) -> Tensor:
    """To the nearest whole numbers, halves away from 0."""
    from keras import ops

    return ops.sign(values) * ops.floor(ops.abs(values) + 0.5)


def rounded(values: Tensor) -> Tensor:
    """To whole numbers; gradients pass."""
    from keras import ops

    return values + ops.stop_gradient(ops.round(values) - values)


def with_extremes(features: np.ndarray) -> np.ndarray:
    """Representative windows with the least and the greatest feature there can be: the input's range is all of int8.

    features : int8 [n, frames, features] -> a copy
    """
    if not len(features):
        raise ModelError("no training features to choose the int8 ranges from; add recordings: kws data stats")
    features = features.copy()
    features[0, 0, 0], features[0, -1, -1] = -128, 127
    return features


def measure_grids(steps: list[Step], representative: np.ndarray) -> np.ndarray:
    """Scale and zero point of each grid: float32 [grids, 2], from what windows int8 [n, frames, features] bring."""
    from keras import ops

    lows, highs = ({step.grid: 0.0 for step in steps if step.grid is not None} for _ in range(2))

    def watch(values: Tensor, grid: int) -> None:
        array = np.asarray(values)
        lows[grid], highs[grid] = min(lows[grid], array.min()), max(highs[grid], array.max())

    windows = network_input(with_extremes(representative))
    for start in range(0, len(windows), MEASURING_BATCH):
        run(steps, ops.convert_to_tensor(windows[start:start + MEASURING_BATCH]), watch=watch)
    low, high = (np.array(list(ends.values()), np.float64) for ends in (lows, highs))
    scale = np.maximum(high - low, 1e-9) / 255
    return np.stack([scale, np.clip(np.rint(-128 - low / scale), -128, 127)], axis=1).astype(np.float32)


def int8_twin(model: KerasNetwork, representative: np.ndarray) -> Twin:
    """A Keras model that computes what the int8 version of `model` will, and trains the variables of `model`.

    representative : int8 [n, frames, features], as for the conversion; call the twin's `measure` when weights changed
    """
    import keras

    steps = steps_of(model)

    class Int8Twin(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.network = model
            count = 1 + max(step.grid for step in steps if step.grid is not None)
            self.grids = self.add_weight(shape=(count, 2), initializer="ones", trainable=False, name="grids")
            self.measure()

        def measure(self) -> None:
            """Choose the grids again, for the weights as they are."""
            self.grids.assign(measure_grids(steps, representative))

        def call(self, window: Tensor) -> Tensor:
            return run(steps, window, grids=self.grids)

    return Int8Twin()


class LastEpochs:
    """Which model learns in an epoch: the network, or in the last ones its int8 twin, where int8 loses too much.

    representative : gives int8 [n, frames, features]; prepare : readies the twin for training; accuracy : 0 to 1, of a
    model on validation clips; note : is told what was decided, in one line
    """

    def __init__(self, model: KerasNetwork, spec: TrainingSpec, representative: Callable[[], np.ndarray], *,
                 prepare: Callable[[KerasNetwork], None], accuracy: Callable[[KerasNetwork], float],
                 note: Callable[[str], None]) -> None:
        self.model, self.spec = model, spec
        self.representative, self.prepare, self.accuracy, self.note = representative, prepare, accuracy, note
        self.first = max(1, spec.epochs - spec.quantization_aware_epochs)
        self.twin: Twin | None = None
        if spec.quantization_aware_epochs:
            steps_of(model)  # refuses now what it would refuse after hours

    def learner(self, number: int, *, decided: bool) -> KerasNetwork:
        """Who learns in epoch `number`. decided : whether the twin did in the one before: it then does to the end."""
        if number < self.first or self.spec.quantization_aware_epochs == 0:
            return self.model
        if self.twin is None:
            self.twin = int8_twin(self.model, self.representative())
            self.prepare(self.twin)
        self.twin.measure()
        return self.twin if decided or self.pays(self.twin, number) else self.model

    def pays(self, twin: Twin, number: int) -> bool:
        """Whether int8 as it is now loses more than the settings allow; asked before each of the last epochs."""
        as_float, as_int8 = self.accuracy(self.model), self.accuracy(twin)
        loses = 100 * (as_float - as_int8) > self.spec.quantization_loss_points
        left = self.spec.epochs - number
        if loses or number == self.first:
            decision = f"the last {left} epochs learn on the int8 grid" if loses else "no need for the int8 grid yet"
            self.note(f"validation clips: {as_float:.1%} in floating point, {as_int8:.1%} as int8; {decision}")
        return loses
