"""The integer constants of each layer, derived from its scales exactly as TFLM prepares them.

Shared by the oracle (which runs a graph as it is) and by the lowering (which turns it into the C program), so that
there is one place where a real scale becomes a multiplier.
"""

from dataclasses import dataclass

import numpy as np

from kws.engine.graph import Graph, Layer, Tensor
from kws.engine.operators import OPERATORS
from kws.engine.oracle import arithmetic as fixed
from kws.errors import ModelError
from kws.registry import load

MOST_SHIFT = 30  # to the left, of a 32-bit sum


def real_scale(tensor: Tensor) -> float:
    return float(tensor.scale[0])


def activation_range(output: Tensor, activation: str) -> tuple[int, int]:
    """Inclusive int8 range of a fused activation."""
    low, high = -128, 127
    if activation != "NONE":
        low = max(low, output.zero_point)
    if activation == "RELU6":
        high = min(high, output.zero_point + _round_half_away(float(6.0 / np.float32(output.scale[0]))))
    return low, high


def _round_half_away(value: float) -> int:
    return int(np.floor(abs(float(value)) + 0.5)) * (1 if value >= 0 else -1)


def multiplier(real: float) -> tuple[int, int]:
    """Q31 multiplier and shift of a real factor. Raises ModelError for one that TFLM cannot shift by."""
    pair = fixed.quantize_multiplier(real)
    if pair[1] > MOST_SHIFT:
        raise ModelError(f"the scales of a layer differ by a factor of {real:.3g}; it must be below 2^{MOST_SHIFT}")
    return pair


def multipliers(reals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Q31 multipliers and shifts of real factors, both int32 of the same length."""
    pairs = [multiplier(float(real)) for real in reals]
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int32)


def weighted_multipliers(layer: Layer, graph: Graph, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Requantization of a convolution or fully connected layer, one entry per output channel.

    The product of the scales is taken in double, for one scale of all weights as for one per channel.
    """
    source, weights = graph.tensors[layer.inputs[0]], graph.tensors[layer.inputs[1]]
    reals = real_scale(source) * weights.scale.astype(np.float64) / real_scale(graph.tensors[layer.output])
    return multipliers(np.broadcast_to(reals, (channels,)))


def bias_of(layer: Layer, graph: Graph, channels: int) -> np.ndarray:
    """int32 [channels]; zeros if the layer has none."""
    if len(layer.inputs) > 2 and layer.inputs[2] >= 0:
        bias = graph.tensors[layer.inputs[2]].data
        if bias is None or bias.dtype != np.dtype("<i4"):
            raise ModelError(f"{layer.op} has a bias that is not a constant int32 tensor")
        return bias.reshape(channels)
    return np.zeros(channels, np.int32)


def constant_weights(layer: Layer, graph: Graph) -> np.ndarray:
    weights = graph.tensors[layer.inputs[1]].data
    if weights is None or weights.dtype != np.int8:
        raise ModelError(f"{layer.op} has weights that are not a constant int8 tensor")
    return weights


@dataclass(frozen=True)
class AddConstants:
    """Both inputs are shifted left by 20 bits, scaled to a common scale, added and scaled to the output."""

    first: tuple[int, int]
    second: tuple[int, int]
    output: tuple[int, int]


def add_constants(first: Tensor, second: Tensor, output: Tensor) -> AddConstants:
    twice = 2.0 * max(real_scale(first), real_scale(second))
    return AddConstants(multiplier(real_scale(first) / twice), multiplier(real_scale(second) / twice),
                        multiplier(twice / ((1 << 20) * real_scale(output))))


def mul_multiplier(first: Tensor, second: Tensor, output: Tensor) -> tuple[int, int]:
    return multiplier(real_scale(first) * real_scale(second) / real_scale(output))


def mean_multiplier(source: Tensor, output: Tensor, count: int) -> tuple[int, int]:
    """Of the sum minus count zero points: the division by count lies in it, for equal scales too."""
    q31, shift = multiplier(real_scale(source) / real_scale(output))
    spread = min(count.bit_length() - 1, 32, 31 + shift)
    return (q31 << spread) // count, shift - spread


def table_of(layer: Layer, source: Tensor, output: Tensor) -> np.ndarray:
    """int8 [256]: the result of an operator on one number, for q = -128 .. 127."""
    table = OPERATORS[layer.op].table
    assert table is not None, layer.op
    return load(table)(layer, source, output)


def centred(source: Tensor) -> np.ndarray:
    """int64 [256]: what -128 .. 127 stand for, in steps of the scale."""
    return np.arange(-128, 128, dtype=np.int64) - source.zero_point


def quantize_table(layer: Layer, source: Tensor, output: Tensor) -> np.ndarray:
    ratio = real_scale(source) / real_scale(output)
    scaled = output.zero_point + fixed.requantize(centred(source), *multiplier(ratio))
    return np.clip(scaled, -128, 127).astype(np.int8)


def relu_table(layer: Layer, source: Tensor, output: Tensor) -> np.ndarray:
    return np.maximum(quantize_table(layer, source, output), np.int8(output.zero_point))


def relu6_table(layer: Layer, source: Tensor, output: Tensor) -> np.ndarray:
    """TFLM clamps and does not rescale."""
    low, high = activation_range(source, "RELU6")
    return np.clip(np.arange(-128, 128), low, high).astype(np.int8)


def logistic_table(layer: Layer, source: Tensor, output: Tensor) -> np.ndarray:
    integer_bits = 4
    q31, shift = fixed.quantize_multiplier(real_scale(source) * (1 << (31 - integer_bits)))
    radius = int(((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits) / 2.0**shift)
    steps = centred(source)
    shares = fixed.logistic(fixed.requantize(np.clip(steps, -radius + 1, radius - 1), q31, shift))
    result = np.clip(fixed.rounding_shift_right(shares, 23) - 128, -128, 127)
    return np.where(steps <= -radius, -128, np.where(steps >= radius, 127, result)).astype(np.int8)


def softmax_table(source: Tensor, beta: float) -> np.ndarray:
    """int32 [n], n <= 256: exp(-d * scale * beta) in Q31 for the distance d = 0 .. n-1 to the largest input.

    Distances that TFLM takes for zero are left out.
    """
    integer_bits = 5
    real = min(beta * real_scale(source) * (1 << (31 - integer_bits)), float(fixed.INT32_MAX))
    q31, shift = fixed.quantize_multiplier(real)
    radius = int(np.floor(((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits) / 2.0**shift))
    distances = np.arange(min(radius, 255) + 1, dtype=np.int64)
    scaled = fixed.doubling_high_multiply(-distances << shift, q31)
    return fixed.exp_of_negative(scaled, integer_bits).astype(np.int32)
