"""What quantization did to each layer: its grid, how much of it is used, the noise that was added, what was cut off.

TensorFlow's converter watches the float network on the representative windows and gives every layer's output one scale
and one zero point, so that 256 steps cover the range that it saw. Weights get a scale for each output channel. A range
that is too wide wastes steps, and the noise of rounding grows; one that is too narrow cuts off peaks (saturation).
"""

import math
from collections.abc import Sequence

import numpy as np

from kws.arguments import Features, check_array
from kws.engine.graph import Graph, Layer, read_graph
from kws.engine.oracle.layers import run_graph
from kws.features.frontend import network_input
from kws.model.keras_types import KerasNetwork, Tensor
from kws.run_metrics import LayerQuantization

WINDOWS = 48  # enough for two digits of a decibel
LOWEST, HIGHEST = -128, 127
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
SAME_GRID = ("RESHAPE", "STRIDED_SLICE", "PAD", "CONCATENATION", "MAX_POOL_2D")  # numbers pass through them unchanged


def inspect_layers(tflite: bytes, model: KerasNetwork, windows: Features) -> tuple[LayerQuantization, ...]:
    """Every layer that computes, in order.

    tflite  : what `convert` made of model
    windows : int8 [n, frames, features], better not of the representative set
    """
    graph = read_graph(tflite)
    check_array("windows", windows, np.int8, "n", graph.frames, graph.features)
    windows = windows[:WINDOWS]
    values = [run_graph(graph, window) for window in windows]
    floats = float_outputs(model, windows)
    found = []
    for layer in graph.layers:
        if layer.op not in SAME_GRID:
            steps = np.stack([one[layer.output].ravel() for one in values])
            found.append(measured(graph, layer, steps, floats))
    return tuple(found)


def float_outputs(model: KerasNetwork, windows: np.ndarray) -> dict[str, np.ndarray]:
    """Name of each layer of a Keras network -> its outputs [windows, numbers]."""
    import keras

    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    every = keras.Model(model.input, [layer.output for layer in layers])
    outputs: Sequence[Tensor] = every(network_input(windows), training=False)
    return {layer.name: np.asarray(output).reshape(len(windows), -1)
            for layer, output in zip(layers, outputs if len(layers) > 1 else [outputs], strict=True)}


def measured(graph: Graph, layer: Layer, steps: np.ndarray, floats: dict[str, np.ndarray]) -> LayerQuantization:
    """One layer; steps : int8 [windows, numbers]."""
    tensor = graph.tensors[layer.output]
    scale, zero = float(tensor.scale[0]), tensor.zero_point
    signal = (steps.astype(np.float64) - zero) * scale
    name = nearest(signal, floats)
    weights = weights_of(graph, layer)
    ends = (steps == HIGHEST) | ((steps == LOWEST) & (zero != LOWEST))  # a zero point at the end is a rectifier's 0
    return LayerQuantization(
        layer.op, name, tensor.shape[1:], scale, zero, (LOWEST - zero) * scale, (HIGHEST - zero) * scale,
        float(signal.min()), float(signal.max()),
        decibels(floats[name], signal - floats[name]) if name else None, above_rounding(signal, scale),
        float(ends.mean()), weights.size, above_rounding(weights, 1.0))


def weights_of(graph: Graph, layer: Layer) -> np.ndarray:
    """int8 weights as numbers, in steps of their channel's scale; empty if the layer has none."""
    data = [graph.tensors[i].data for i in layer.inputs[1:2] if i >= 0 and layer.op in WEIGHTED]
    return np.asarray(data[0], np.float64) if data and data[0] is not None else np.empty(0)


def nearest(signal: np.ndarray, floats: dict[str, np.ndarray]) -> str:
    """The Keras layer of this size whose output it differs least from; "" if the difference is as large as the signal.

    The converter joins convolution, normalisation and rectifier; what comes out is that of the last of them.
    """
    ratios = {name: decibels(output, signal - output) or 0.0 for name, output in floats.items()
              if output.shape == signal.shape}
    best = max(ratios, key=lambda name: ratios[name], default="")
    return best if best and ratios[best] > 0 else ""


def decibels(signal: np.ndarray, noise: np.ndarray) -> float | None:
    """Power of one over that of the other; None if one of them is nothing."""
    powers = float(np.mean(np.square(signal, dtype=np.float64))), float(np.mean(np.square(noise, dtype=np.float64)))
    return 10 * math.log10(powers[0] / powers[1]) if min(powers) > 0 else None


def above_rounding(signal: np.ndarray, scale: float) -> float | None:
    """Decibels above the noise of rounding to steps of `scale`, which is evenly spread: scale² / 12."""
    power = float(np.mean(np.square(signal))) if signal.size else 0.0
    return 10 * math.log10(power / (scale**2 / 12)) if power > 0 else None
