"""Networks drawn at random from what Keras convolution networks are made of, converted to int8 by TensorFlow.

`choose(low, high)` is the source of randomness: hypothesis in the tests, a seeded generator in scripts/check networks.
"""

from collections.abc import Callable

import numpy as np

from kws.engine.graph import Graph, read_graph
from kws.engine.network import Network
from kws.engine.oracle.layers import run_graph
from kws.engine.streaming import lower
from kws.model.keras_loading import native_messages_hidden
from kws.model.keras_types import KerasNetwork, Tensor

Choose = Callable[[int, int], int]
FRAMES, FEATURES = 24, 8


def convert(model: KerasNetwork, *, seed: int = 0, one_scale: bool = False) -> bytes:
    """int8 .tflite of a Keras model with a fixed batch of 1; ranges come from random inputs on -128..127 / 32.

    one_scale : all weights of a layer share a scale, as networks from elsewhere have it, instead of one per channel.
    """
    with native_messages_hidden():
        import tensorflow as tf

    rng = np.random.default_rng(seed)
    inputs = [rng.normal(0, 1.5, model.input_shape).clip(-4, 127 / 32).astype(np.float32) for _ in range(16)]
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x] for x in inputs)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_disable_per_channel = one_scale
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with native_messages_hidden():
        return converter.convert()


def random_network(choose: Choose) -> bytes:
    """int8 .tflite of a `random_model`; a third of them with one scale of all weights of a layer."""
    return convert(random_model(choose), one_scale=choose(0, 2) == 0)


def random_model(choose: Choose) -> KerasNetwork:
    """A Keras model, input [1, 24, 8, 1], 2 to 5 labels. Most are valid along time, some pad."""
    import keras

    keras.utils.set_random_seed(choose(0, 2**31 - 1))
    x = inputs = keras.Input(batch_shape=(1, FRAMES, FEATURES, 1))
    if choose(0, 3) == 0:  # frequency as channels, as one-dimensional networks have it
        x = keras.layers.Reshape((FRAMES, 1, FEATURES))(x)
    for _ in range(choose(1, 4)):
        x = BLOCKS[choose(0, len(BLOCKS) - 1)](x, choose)
    return keras.Model(inputs, _head(x, choose))


def _activation(x: Tensor, choose: Choose) -> Tensor:
    from keras import layers

    kind = choose(0, 5)
    if kind == 0:
        return x
    if kind == 1:
        return layers.Activation("sigmoid")(x)
    return layers.ReLU(max_value=6 if kind == 2 else None)(x)


def _conv(x: Tensor, choose: Choose) -> Tensor:
    from keras import layers

    time, width = min(choose(1, 4), x.shape[1]), min(choose(1, 3), x.shape[2])
    dilation = choose(1, 2) if (time - 1) * 2 < x.shape[1] else 1
    stride = choose(1, 2) if dilation == 1 else 1
    padding = "same" if choose(0, 9) == 0 else "valid"
    if padding == "valid" and choose(0, 2) == 0:
        x = layers.ZeroPadding2D(((0, 0), (choose(0, 1), 1)))(x)
    x = layers.Conv2D(choose(1, 9), (time, width), strides=(stride, stride), dilation_rate=(dilation, 1),
                      padding=padding, use_bias=choose(0, 1) == 1)(x)
    if choose(0, 1):
        x = layers.BatchNormalization()(x)
    return _activation(x, choose)


def _depthwise(x: Tensor, choose: Choose) -> Tensor:
    from keras import layers

    time, width = min(choose(1, 5), x.shape[1]), min(choose(1, 3), x.shape[2])
    x = layers.DepthwiseConv2D((time, width), depth_multiplier=choose(1, 2), padding="valid")(x)
    return _activation(layers.Conv2D(choose(2, 8), 1)(_activation(x, choose)), choose)


def _residual(x: Tensor, choose: Choose) -> Tensor:
    """A shortcut cropped in time at both ends, as a causal or as a centred convolution needs it."""
    from keras import layers

    time = min(choose(1, 4), x.shape[1])
    y = layers.Conv2D(x.shape[3], (time, 1))(x)
    front = choose(0, time - 1)
    crop = layers.Cropping2D(((front, time - 1 - front), (0, 0)))(x) if time > 1 else x
    kind = choose(0, 3)
    if kind == 0:
        return layers.Concatenate(axis=choose(2, 3))([crop, y])
    if kind == 1:
        return layers.Multiply()([crop, layers.Activation("sigmoid")(y)])
    return _activation(layers.Add()([y, crop] if kind == 2 else [crop, y]), choose)


def _pool(x: Tensor, choose: Choose) -> Tensor:
    from keras import layers

    size = (min(choose(1, 3), x.shape[1]), min(choose(1, 2), x.shape[2]))
    kind = layers.AveragePooling2D if choose(0, 1) else layers.MaxPooling2D
    return kind(size, strides=(choose(1, 2), choose(1, 2)))(x)


def _gate(x: Tensor, choose: Choose) -> Tensor:
    """Scaled by a constant, or by what the whole window says (which cannot stream)."""
    from keras import layers

    if choose(0, 2):
        return x * (choose(1, 30) / 10) + choose(-5, 5) / 3
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Dense(x.shape[3], activation="sigmoid")(gate)])


BLOCKS = (_conv, _conv, _depthwise, _depthwise, _residual, _residual, _pool, _gate)


def _saturated(x: Tensor, choose: Choose) -> Tensor:
    """ReLU6 with channels that are 6 all the time: the mean over them then has the scale of what it is taken over."""
    import keras
    from keras import layers

    bias = keras.initializers.RandomUniform(-20, 20, seed=choose(0, 999))
    return layers.ReLU(6)(layers.Conv2D(choose(4, 8), 1, bias_initializer=bias)(x))


def _head(x: Tensor, choose: Choose) -> Tensor:
    import keras
    from keras import layers

    kind = choose(0, 4)
    if kind and choose(0, 1):
        x = _saturated(x, choose)
    if kind == 0:
        x = layers.Flatten()(x)
    elif kind == 1:
        x = layers.Flatten()(keras.ops.mean(x, axis=1, keepdims=bool(choose(0, 1))))
    elif kind == 2:
        x = layers.Flatten()(layers.AveragePooling2D((x.shape[1], 1))(x))
    else:
        x = layers.GlobalAveragePooling2D(keepdims=kind == 3)(x)
        x = layers.Flatten()(x)
    labels = choose(2, 5)
    return layers.Dense(labels, activation="sigmoid" if choose(0, 4) == 0 else "softmax")(x)


def rows_of(graph: Graph, hops: int, seed: int = 0) -> np.ndarray:
    """int8 [hops, features]: quiet, loud and saturated stretches."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([3.0, 30.0, 300.0], size=(hops, 1))
    return rng.normal(0, spread, (hops, graph.features)).clip(-128, 127).astype(np.int8)


class Microcontroller:
    """The TFLM interpreter."""

    def __init__(self, flatbuffer: bytes):
        from tflite_micro import runtime

        self.interpreter = runtime.Interpreter.from_bytes(
            flatbuffer, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors)

    def run(self, graph: Graph, window: np.ndarray) -> np.ndarray:
        self.interpreter.set_input(np.ascontiguousarray(window).reshape(graph.tensors[graph.input].shape), 0)
        self.interpreter.invoke()
        return self.interpreter.get_output(0).ravel()

    def tensor(self, index: int) -> np.ndarray:
        return np.array(self.interpreter.GetTensor(index, 0)["tensor_data"])


def check_network(flatbuffer: bytes, *, hops: int = 8) -> None:
    """Oracle layer by layer, streaming and windowed C, all equal to TFLM; at every hop after the window has filled."""
    graph = read_graph(flatbuffer)
    judge = Microcontroller(flatbuffer)
    rows = rows_of(graph, graph.frames + hops)
    expected = []
    for hop in range(hops + 1):
        window = rows[hop:hop + graph.frames]
        expected.append(judge.run(graph, window))
        if hop % 4 == 0:
            values = run_graph(graph, window)
            for layer in graph.layers:
                np.testing.assert_array_equal(values[layer.output].ravel(), judge.tensor(layer.output).ravel(),
                                              f"oracle, {layer.op}, hop {hop}")
    for windowed in (None, True):
        for every in (1, 2, 3):
            network = Network(lower(graph, decide_every=every, windowed=windowed))
            np.testing.assert_array_equal(network.stream(rows), expected[::every], f"{windowed=} {every=}")
