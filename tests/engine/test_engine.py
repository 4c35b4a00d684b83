"""The engine against the interpreter of TensorFlow Lite for Microcontrollers: every number equal, at every hop."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from kws.bench.random_networks import FEATURES, FRAMES, check_network, convert, random_network, rows_of
from kws.engine.graph import Graph, read_graph
from kws.engine.network import Network
from kws.engine.streaming import lower
from kws.errors import ModelError
from kws.native.build import include_folders
from kws.spec import NETWORKS, FrontendSpec, ModelSpec, Spec
from tests.helpers.paths import ROOT


@settings(max_examples=12, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_random_networks_equal_tflm(data):
    flatbuffer = random_network(lambda low, high: data.draw(st.integers(low, high)))
    try:
        lower(read_graph(flatbuffer))
    except ModelError as refusal:
        assert "SOFTMAX of inputs with scale" in str(refusal)
        reject()  # died in its random initialization: TFLM aborts at it
    check_network(flatbuffer)


def test_mlperf_network_equals_tflm(mlperf_network: Path):
    check_network(mlperf_network.read_bytes(), hops=12)


@pytest.mark.parametrize("name", NETWORKS)
def test_zoo_equals_tflm(name: str):
    """Every network of the zoo streams; its normalisation is as uneven as training leaves it."""
    from kws.model.zoo import build
    from kws.quantize.convert import convert as quantize

    rng = np.random.default_rng(7)
    spec = Spec(keywords=("yes", "no", "stop"), model=ModelSpec(name=name), frontend=FrontendSpec(clip_ms=700))
    model = build(spec, seed=3)
    model.set_weights([np.abs(w) * rng.uniform(0.5, 2, w.shape) + 0.1 * (w.ndim == 1) * rng.random(w.shape)
                       if w.ndim == 1 else w for w in model.get_weights()])
    windows = rng.normal(0, 40, (64, spec.frontend.frames, spec.frontend.features)).clip(-128, 127).astype(np.int8)
    flatbuffer = quantize(model, windows)
    assert not lower(read_graph(flatbuffer)).windowed
    check_network(flatbuffer, hops=12)


@pytest.fixture(scope="module")
def small() -> Graph:
    """One convolution over three rows of two, by hand: weights 1 for the newest row, nothing else."""
    import keras

    x = inputs = keras.Input(batch_shape=(1, 4, 2, 1))
    x = keras.layers.Conv2D(2, (3, 2), name="conv")(x)
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(x)))
    weights = np.zeros((3, 2, 1, 2), np.float32)
    weights[2, 0, 0, 0], weights[2, 1, 0, 1] = 1, 1
    model.get_layer("conv").set_weights([weights, np.zeros(2, np.float32)])
    return read_graph(convert(model))


def test_scores_wait_for_the_window(small: Graph):
    network = Network(lower(small))
    answers = [network.push(row) for row in rows_of(small, 6)]
    assert [answer is not None for answer in answers] == [False, False, False, True, True, True]


def test_largest_input_has_the_largest_score(small: Graph):
    network, rows = Network(lower(small)), np.zeros((4, 2), np.int8)
    rows[3] = (-20, 90)
    assert network.window(rows).argmax() == 3  # the second column of the newest row


def test_reset_forgets(small: Graph):
    network, rows = Network(lower(small)), rows_of(small, 9)
    first = network.stream(rows)
    network.reset()
    np.testing.assert_array_equal(network.stream(rows), first)


def test_state_does_not_drift():
    """After 20,000 hops the running sums still equal a fresh window."""
    import keras

    x = inputs = keras.Input(batch_shape=(1, FRAMES, FEATURES, 1))
    x = keras.layers.Conv2D(4, (3, 3), strides=(2, 1), activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    graph = read_graph(convert(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))))
    rows = rows_of(graph, 20_000)
    network, fresh = Network(lower(graph)), Network(lower(graph))
    last = network.stream(rows)[-1]
    np.testing.assert_array_equal(last, fresh.window(rows[-graph.frames:]))


def test_decisions_are_as_rare_as_asked(small: Graph):
    with pytest.raises(ModelError, match="decide_every = 0"):
        lower(small, decide_every=0)
    assert len(Network(lower(small, decide_every=3)).stream(rows_of(small, 10))) == 3  # hops 4, 7 and 10


def test_rounding_equals_its_definition(tmp_path: Path):
    root, binary = ROOT, tmp_path / "check_requantize"
    subprocess.run(["gcc", "-std=c99", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all",
                    *(f"-I{folder}" for folder in include_folders()),
                    f"{root}/tests/c/check_requantize.c", "-o", binary], check=True)
    result = subprocess.run([binary, "3000000"], capture_output=True, text=True)
    assert result.returncode == 0 and "0 different" in result.stdout, result.stdout + result.stderr
