"""Conversion to int8: the grid at both ends, and that the int8 network is the float one but for rounding."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kws.engine.graph import read_graph
from kws.errors import ModelError
from kws.features.frontend import network_input
from kws.model.keras_loading import load_keras
from kws.model.zoo import build
from kws.quantize.convert import convert, with_extremes
from kws.spec import NETWORKS, FrontendSpec, ModelSpec, Spec


def make(name):
    load_keras()
    return build(Spec(keywords=("yes", "no"), model=ModelSpec(name=name), frontend=FrontendSpec(clip_ms=500)), seed=3)


def windows(model, count=64):
    rng = np.random.default_rng(1)
    return np.clip(rng.normal(0, 40, (count, *model.input_shape[1:3])), -100, 100).astype(np.int8)


@pytest.mark.parametrize("name", NETWORKS)
def test_features_go_in_as_they_are_and_a_softmax_comes_out(name, capfd):
    model = make(name)
    capfd.readouterr()
    flatbuffer = convert(model, windows(model))
    assert capfd.readouterr() == ("", "")
    graph = read_graph(flatbuffer)
    entry, exit_ = graph.tensors[graph.input], graph.tensors[graph.output]
    assert (entry.scale[0], entry.zero_point, entry.shape) == (1 / 32, 0, (1, *model.input_shape[1:]))
    assert (exit_.scale[0], exit_.zero_point, graph.labels) == (1 / 256, -128, 4)


def test_the_int8_network_says_what_the_float_one_says():
    from kws.engine.network import Network
    from kws.engine.streaming import lower

    model = make("ds_cnn")
    for layer in model.layers:  # statistics as after training, so that activations are spread
        if hasattr(layer, "moving_variance"):
            layer.gamma.assign(np.full(layer.gamma.shape, 1.5))
    features = windows(model, 200)
    network = Network(lower(read_graph(convert(model, features))))
    exact = np.asarray(model(network_input(features)))
    rounded = np.stack([np.asarray(network.window(window)) for window in features]) / 256 + 0.5
    assert np.abs(rounded - exact).max() < 0.1 and (rounded.argmax(1) == exact.argmax(1)).mean() > 0.9


def test_the_same_network_gives_the_same_bytes():
    model = make("cnn")
    assert convert(model, windows(model)) == convert(model, windows(model))


def test_the_range_of_the_input_is_all_of_int8_and_nothing_else_changes():
    features = np.full((2, 4, 3), 7, np.int8)
    wide = with_extremes(features)
    assert wide.min() == -128 and wide.max() == 127 and (wide != features).sum() == 2 and (features == 7).all()


def test_without_features_there_are_no_ranges():
    with pytest.raises(ModelError, match="no training features"):
        with_extremes(np.zeros((0, 4, 3), np.int8))


def test_a_network_without_softmax_is_refused():
    import keras

    window = keras.Input((9, 4, 1))
    model = keras.Model(window, keras.layers.Dense(3)(keras.layers.Flatten()(window)))
    with pytest.raises(ModelError, match=r"the output was quantized to scale .* softmax"):
        convert(model, windows(model))
