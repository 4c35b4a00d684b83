"""What TFLM demands of a layer's scales before it runs it.

The engine demands the same. A network that the judge refuses cannot be proven equal to anything, and what TFLM checks
is what its kernels leave out: a pool copies numbers, and would ignore that its output has another scale.
"""

import numpy as np

from kws.engine.graph import Graph, Layer, Tensor
from kws.engine.operators import OPERATORS
from kws.engine.quantization import real_scale
from kws.errors import ModelError
from kws.registry import load

INT32_MAX = 2**31 - 1
SCORE_SCALE, SCORE_ZERO = 1 / 256, -128  # of a SOFTMAX; a LOGISTIC has the zero point
BIAS_TOLERANCE = 0.02  # of a step of the output
SOFTMAX_Q, LOGISTIC_Q = 26, 27  # fraction bits of what goes into the exponential


def check_demands(graph: Graph) -> None:
    """Raise ModelError, with operator and scales, for the first layer that TFLM would refuse to prepare."""
    for layer in graph.layers:
        sources = [graph.tensors[i] for i in layer.inputs if i >= 0]
        output = graph.tensors[layer.output]
        if layer.options.get("activation") == "RELU6" and 6 / real_scale(output) > INT32_MAX - 128:
            raise ModelError(f"{layer.op} with RELU6 and scale {real_scale(output):.3g}: 6 is beyond 32 bits there")
        if demand := OPERATORS[layer.op].demand:
            load(demand)(layer, sources, output)


def grid(tensor: Tensor) -> str:
    return f"scale {real_scale(tensor):.6g}, zero point {tensor.zero_point}"


def same_grid(layer: Layer, sources: list[Tensor], output: Tensor) -> None:
    """Numbers are passed on as they are."""
    for source in sources:
        if (source.scale[0], source.zero_point) != (output.scale[0], output.zero_point):
            raise ModelError(f"{layer.op} from {grid(source)} to {grid(output)}: it does not rescale, so both must be "
                             "equal; convert the network with TensorFlow's TFLiteConverter")


def _deaf(op: str, source: Tensor) -> ModelError:
    return ModelError(f"{op} of inputs with scale {real_scale(source):.2g}: the layers before it give the same for "
                      "every sound; train the network again")


def softmax(layer: Layer, sources: list[Tensor], output: Tensor) -> None:
    if (real_scale(output), output.zero_point) != (SCORE_SCALE, SCORE_ZERO):
        raise ModelError(f"SOFTMAX to {grid(output)}; must be scale 1/256, zero point {SCORE_ZERO}")
    if layer.options["Beta"] * real_scale(sources[0]) * (1 << SOFTMAX_Q) <= 1:
        raise _deaf("SOFTMAX", sources[0])


def logistic(layer: Layer, sources: list[Tensor], output: Tensor) -> None:
    if output.zero_point != SCORE_ZERO:
        raise ModelError(f"LOGISTIC to {grid(output)}; the zero point must be {SCORE_ZERO}")
    if real_scale(sources[0]) * (1 << LOGISTIC_Q) < 0.5:
        raise _deaf("LOGISTIC", sources[0])


def add(layer: Layer, sources: list[Tensor], output: Tensor) -> None:
    """The sum is kept with 20 more bits than the inputs; its output must not need finer steps than that."""
    largest = max(real_scale(source) for source in sources)
    if 2 * largest >= (1 << 20) * real_scale(output):
        raise ModelError(f"ADD from scale {largest:.3g} to {real_scale(output):.3g}: a step of the output must be more "
                         "than 2^-19 of one of the input")


def fully_connected(layer: Layer, sources: list[Tensor], output: Tensor) -> None:
    """With one scale for all weights, the bias must stand in steps of the products. Convolutions are not asked."""
    if len(sources) < 3 or len(sources[1].scale) > 1:
        return
    product, bias = float(sources[0].scale[0] * np.float32(sources[1].scale[0])), real_scale(sources[2])
    if abs(product - bias) / real_scale(output) > BIAS_TOLERANCE:
        raise ModelError(f"FULLY_CONNECTED with a bias of scale {bias:.6g}; must be that of its products, input times "
                         f"weights, {product:.6g}; convert the network with TensorFlow's TFLiteConverter")
