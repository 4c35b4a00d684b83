"""The specification of the network: every layer over the whole window, in NumPy integers.

Slow, short and readable. Activations are int8 arrays in TFLite's own shapes; results equal the TFLM interpreter and
the C engine bit for bit.
"""

from collections.abc import Callable

import numpy as np

from kws.arguments import window_of
from kws.engine import quantization as constants
from kws.engine.graph import Graph, Layer
from kws.engine.operators import OPERATORS
from kws.engine.oracle import arithmetic as fixed
from kws.registry import load


def run_graph(graph: Graph, features: np.ndarray) -> dict[int, np.ndarray]:
    """Every activation of the network, by tensor index, for one window of features : int8 [frames, features]."""
    features = window_of(features, graph.frames, graph.features)
    values = {i: t.data for i, t in enumerate(graph.tensors) if t.data is not None}
    values[graph.input] = features.reshape(graph.tensors[graph.input].shape)
    for layer in graph.layers:
        inputs = [values.get(i) for i in layer.inputs]
        result = load(OPERATORS[layer.op].compute)(layer, graph, *inputs)
        values[layer.output] = result.astype(np.int8).reshape(graph.tensors[layer.output].shape)
    return values


def _centred(layer: Layer, graph: Graph, which: int, value: np.ndarray) -> np.ndarray:
    return value.astype(np.int64) - graph.tensors[layer.inputs[which]].zero_point


def _finish(layer: Layer, graph: Graph, scaled: np.ndarray) -> np.ndarray:
    output = graph.tensors[layer.output]
    low, high = constants.activation_range(output, layer.options.get("activation", "NONE"))
    return np.clip(scaled + output.zero_point, low, high)


def _requantize_sums(layer: Layer, graph: Graph, sums: np.ndarray) -> np.ndarray:
    """Sums of products [..., channels] -> int8, after the bias."""
    channels = sums.shape[-1]
    with_bias = fixed.wrap(sums + constants.bias_of(layer, graph, channels))
    return _finish(layer, graph, fixed.requantize(with_bias, *constants.weighted_multipliers(layer, graph, channels)))


def padding_before(size: int, out: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """Rows or columns added in front: 0 for VALID (1), half of what SAME (0) needs."""
    needed = (out - 1) * stride + (kernel - 1) * dilation + 1 - size
    return max(needed, 0) // 2 if padding == 0 else 0


def _patches(layer: Layer, graph: Graph, image: np.ndarray, kernel: tuple[int, int], fill: int) -> np.ndarray:
    """image [H, W, C] -> [out_h, out_w, kernel_h, kernel_w, C]; positions outside hold `fill`."""
    _, out_h, out_w, _ = graph.tensors[layer.output].shape
    taps = []
    for axis, (out, side) in enumerate((("H", out_h), ("W", out_w))):
        stride, dilation = layer.options[f"Stride{out}"], layer.options.get(f"Dilation{out}Factor", 1)
        before = padding_before(image.shape[axis], side, kernel[axis], stride, dilation, layer.options["Padding"])
        taps.append(np.arange(side)[:, None] * stride + np.arange(kernel[axis])[None] * dilation - before)
    inside_h, inside_w = ((t >= 0) & (t < n) for t, n in zip(taps, image.shape, strict=False))
    rows, columns = (np.clip(t, 0, n - 1) for t, n in zip(taps, image.shape, strict=False))
    picked = image[rows[:, None, :, None], columns[None, :, None, :]]
    inside = inside_h[:, None, :, None] & inside_w[None, :, None, :]
    return np.where(inside[..., None], picked, fill)


def conv_2d(layer: Layer, graph: Graph, image: np.ndarray, *_: np.ndarray | None) -> np.ndarray:
    weights = constants.constant_weights(layer, graph).astype(np.int64)
    patches = _patches(layer, graph, _centred(layer, graph, 0, image)[0], weights.shape[1:3], 0)
    return _requantize_sums(layer, graph, np.einsum("hwklc,oklc->hwo", patches, weights))


def depthwise_conv_2d(layer: Layer, graph: Graph, image: np.ndarray, *_: np.ndarray | None) -> np.ndarray:
    weights = constants.constant_weights(layer, graph)[0].astype(np.int64)
    channels = weights.shape[-1]
    patches = _patches(layer, graph, _centred(layer, graph, 0, image)[0], weights.shape[:2], 0)
    patches = np.repeat(patches, channels // patches.shape[-1], axis=-1)
    return _requantize_sums(layer, graph, np.einsum("hwklc,klc->hwc", patches, weights))


def fully_connected(layer: Layer, graph: Graph, vector: np.ndarray, *_: np.ndarray | None) -> np.ndarray:
    weights = constants.constant_weights(layer, graph).astype(np.int64)
    rows = _centred(layer, graph, 0, vector).reshape(-1, weights.shape[1])
    return _requantize_sums(layer, graph, rows @ weights.T)


def add(layer: Layer, graph: Graph, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    a, b = (graph.tensors[i] for i in layer.inputs)
    scale = constants.add_constants(a, b, graph.tensors[layer.output])
    total = (fixed.requantize(_centred(layer, graph, 0, first) << 20, *scale.first)
             + fixed.requantize(_centred(layer, graph, 1, second) << 20, *scale.second))
    return _finish(layer, graph, fixed.requantize(fixed.wrap(total), *scale.output))


def mul(layer: Layer, graph: Graph, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    a, b = (graph.tensors[i] for i in layer.inputs)
    scale = constants.mul_multiplier(a, b, graph.tensors[layer.output])
    product = _centred(layer, graph, 0, first) * _centred(layer, graph, 1, second)
    return _finish(layer, graph, fixed.requantize(product, *scale))


def mean(layer: Layer, graph: Graph, value: np.ndarray, axes: np.ndarray) -> np.ndarray:
    over = tuple(int(a) % value.ndim for a in np.atleast_1d(axes))
    count = int(np.prod([value.shape[a] for a in over]))
    source, output = graph.tensors[layer.inputs[0]], graph.tensors[layer.output]
    total = value.astype(np.int64).sum(axis=over)
    scale = constants.mean_multiplier(source, output, count)
    return np.clip(fixed.requantize(total - count * source.zero_point, *scale) + output.zero_point, -128, 127)


def _pool(layer: Layer, graph: Graph, image: np.ndarray,
          reduce: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    kernel = (layer.options["FilterHeight"], layer.options["FilterWidth"])
    outside = 1 << 20
    patches = _patches(layer, graph, image[0].astype(np.int64), kernel, outside)
    low, high = constants.activation_range(graph.tensors[layer.output], layer.options["activation"])
    return np.clip(reduce(patches, patches != outside), low, high)


def average_pool_2d(layer: Layer, graph: Graph, image: np.ndarray) -> np.ndarray:
    def average(patches: np.ndarray, inside: np.ndarray) -> np.ndarray:
        total, count = (patches * inside).sum(axis=(2, 3)), inside.sum(axis=(2, 3))
        half = count // 2
        return np.where(total > 0, (total + half) // count, -((half - total) // count))
    return _pool(layer, graph, image, average)


def max_pool_2d(layer: Layer, graph: Graph, image: np.ndarray) -> np.ndarray:
    return _pool(layer, graph, image, lambda patches, inside: np.where(inside, patches, -128).max(axis=(2, 3)))


def softmax(layer: Layer, graph: Graph, value: np.ndarray) -> np.ndarray:
    table = constants.softmax_table(graph.tensors[layer.inputs[0]], layer.options["Beta"]).astype(np.int64)
    result = np.empty(value.shape, np.int64)
    for index in np.ndindex(value.shape[:-1]):
        result[index] = softmax_row(value[index].astype(np.int64), table)
    return result


def softmax_row(row: np.ndarray, table: np.ndarray) -> np.ndarray:
    """int8 [labels] with scale 1/256 and zero point -128, from one row and its table of exponentials."""
    distances = row.max() - row
    exponentials = np.where(distances < len(table), table[np.minimum(distances, len(table) - 1)], 0)
    total = int(fixed.rounding_shift_right(exponentials, 12).sum())
    headroom = 32 - total.bit_length()
    scale = fixed.reciprocal_of_one_plus(((total << headroom) & 0xFFFFFFFF) - (1 << 31))
    over_unit = 12 - headroom
    shares = fixed.rounding_shift_right(fixed.doubling_high_multiply(exponentials, scale), over_unit + 23)
    return np.clip(shares - 128, -128, 127)


def lookup(layer: Layer, graph: Graph, value: np.ndarray) -> np.ndarray:
    table = constants.table_of(layer, graph.tensors[layer.inputs[0]], graph.tensors[layer.output])
    return table[value.astype(np.int64) + 128]


def pad(layer: Layer, graph: Graph, value: np.ndarray, paddings: np.ndarray) -> np.ndarray:
    return np.pad(value, paddings, constant_values=graph.tensors[layer.output].zero_point)


def slices(layer: Layer, graph: Graph) -> tuple[slice, ...]:
    """The slices of a STRIDED_SLICE, one per dimension of its input."""
    begin, end, step = (np.asarray(graph.tensors[i].data) for i in layer.inputs[1:4])
    begin_mask, end_mask = layer.options["BeginMask"], layer.options["EndMask"]
    starts = [None if begin_mask >> i & 1 else int(begin[i]) for i in range(len(begin))]
    stops = [None if end_mask >> i & 1 else int(end[i]) for i in range(len(begin))]
    return tuple(slice(a, b, int(s)) for a, b, s in zip(starts, stops, step, strict=True))


def strided_slice(layer: Layer, graph: Graph, value: np.ndarray, *_: np.ndarray) -> np.ndarray:
    return value[slices(layer, graph)]


def concatenation(layer: Layer, graph: Graph, *values: np.ndarray) -> np.ndarray:
    return np.concatenate(values, axis=layer.options["Axis"])


def reshape(layer: Layer, graph: Graph, value: np.ndarray, *_: np.ndarray) -> np.ndarray:
    return value
