"""Networks from elsewhere: read as they are, or refused by name."""

import numpy as np
import pytest

from kws.bench.random_networks import FEATURES, FRAMES, convert
from kws.engine.graph import read_graph
from kws.engine.operators import OPERATORS
from kws.engine.streaming import lower
from kws.errors import ModelError
from kws.registry import load


def model(build, *, batch: int | None = 1):
    import keras

    inputs = keras.Input(batch_shape=(batch, FRAMES, FEATURES, 1))
    return keras.Model(inputs, build(inputs, keras.layers))


def classifier(x, layers):
    return layers.Dense(3, activation="softmax")(layers.Flatten()(x))


def test_every_operator_is_specified_and_lowered():
    for operator in OPERATORS.values():
        assert all(callable(load(name)) for name in (operator.lower, operator.compute, operator.table, operator.demand)
                   if name is not None)
    assert sorted(OPERATORS) == list(OPERATORS)


def test_mlperf_network(mlperf_network):
    graph = read_graph(mlperf_network)
    assert (graph.frames, graph.features, graph.labels) == (49, 10, 12)
    assert [layer.op for layer in graph.layers[:2]] == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert lower(graph).windowed  # it pads along time


def test_unknown_operator_is_named_with_the_list():
    flatbuffer = convert(model(lambda x, layers: classifier(layers.LeakyReLU()(layers.Conv2D(3, 3)(x)), layers)))
    with pytest.raises(ModelError, match="operator LEAKY_RELU; it runs ADD, AVERAGE_POOL_2D"):
        read_graph(flatbuffer)


def test_float_network_is_refused():
    import tensorflow as tf

    flatbuffer = tf.lite.TFLiteConverter.from_keras_model(model(classifier)).convert()
    with pytest.raises(ModelError, match="is FLOAT32; the engine runs networks that are int8 throughout"):
        read_graph(flatbuffer)


def test_slice_of_frequency_is_refused():
    flatbuffer = convert(model(lambda x, layers: classifier(layers.Cropping2D(((0, 0), (2, 1)))(x), layers)))
    with pytest.raises(ModelError, match="the engine cuts along time only"):
        lower(read_graph(flatbuffer))


def test_padding_along_time_does_not_stream():
    graph = read_graph(convert(model(lambda x, layers: classifier(layers.Conv2D(2, 3, padding="same")(x), layers))))
    assert lower(graph).windowed
    with pytest.raises(ModelError, match="cannot stream: CONV pads along time"):
        lower(graph, windowed=False)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"RIFF0000WAVE" * 9, b"\x1c\x00\x00\x00TFL3" + b"\xff" * 200])
def test_what_is_no_network_is_refused(content):
    with pytest.raises(ModelError, match=r"not a TensorFlow Lite file|damaged"):
        read_graph(content)


def test_damaged_networks_are_refused_or_read():
    """2,000 damaged files: an error of ours or a graph, never another exception."""
    flatbuffer = convert(model(lambda x, layers: classifier(layers.Conv2D(3, 3, activation="relu")(x), layers)))
    rng, refused = np.random.default_rng(0), 0
    for _ in range(2_000):
        damaged = bytearray(flatbuffer)
        for at in rng.integers(8, len(damaged), rng.integers(1, 9)):
            damaged[at] = rng.integers(256)
        try:
            lower(read_graph(bytes(damaged)))
        except ModelError:
            refused += 1
    assert refused > 100


def test_network_that_says_the_same_to_everything_is_refused():
    def dead(x, layers):
        x = layers.Conv2D(2, 3, activation="relu", kernel_initializer="zeros")(x)
        return layers.Dense(3, activation="softmax", use_bias=False)(layers.Flatten()(x))

    with pytest.raises(ModelError, match=r"SOFTMAX of inputs with scale .* the same for every sound"):
        lower(read_graph(convert(model(dead))))
