"""The int8 twin: its grids are the converter's, its answers int8's, and the last epochs train it."""

import sys
from dataclasses import fields, replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kws.audio.files import read_samples
from kws.engine.graph import read_graph
from kws.engine.network import Network
from kws.engine.plan import Plan
from kws.engine.streaming import lower
from kws.errors import ModelError
from kws.features.frontend import FrontendStream, network_input
from kws.model.keras_loading import load_keras
from kws.model.quantized import (
    WEIGHTED,
    LastEpochs,
    averages_on_grid,
    folded,
    int8_twin,
    steps_of,
    values_on_grid,
    weights_on_grid,
)
from kws.model.zoo import build
from kws.quantize.convert import convert
from kws.spec import FrontendSpec, ModelSpec, Spec, TrainingSpec
from kws.train.loop import train
from tests.helpers.paths import ROOT
from tests.helpers.tone_clips import SPEC, make_material, write_clips

pytestmark = [pytest.mark.slow, pytest.mark.train]

NAMES = next(field.metadata["choices"] for field in fields(ModelSpec) if field.name == "name")
SAME_GRID = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "PAD", "RESHAPE", "SOFTMAX", "STRIDED_SLICE")  # as what goes in


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("recordings"))


def network(name):
    """A random network whose activations are spread as after a training."""
    load_keras()
    model = build(Spec(keywords=("yes", "no"), model=ModelSpec(name=name), frontend=FrontendSpec(clip_ms=700)), seed=3)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if hasattr(layer, "moving_variance"):
            layer.gamma.assign(rng.normal(1.5, 0.2, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
            layer.moving_mean.assign(rng.normal(0, 0.1, layer.beta.shape))
    return model


def windows(model, count=60):
    rng = np.random.default_rng(2)
    smooth = np.cumsum(rng.normal(0, 12, (count, *model.input_shape[1:3])), axis=1) + rng.normal(0, 20, (count, 1, 1))
    return np.clip(smooth, -128, 127).astype(np.int8)


@pytest.mark.parametrize("name", NAMES)
def test_every_grid_is_the_converters(name):
    model = network(name)
    features = windows(model)
    graph = read_graph(convert(model, features))
    outputs = [graph.tensors[layer.output] for layer in graph.layers if layer.op not in SAME_GRID]
    grids = np.asarray(int8_twin(model, features).grids)
    assert [tensor.zero_point for tensor in outputs] == grids[:, 1].tolist()
    assert grids[:, 0] == pytest.approx([tensor.scale[0] for tensor in outputs], rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_is_the_converters(name):
    """Folded and rounded alike: what the converter wrote, layer by layer, in the same order."""
    model = network(name)
    graph = read_graph(convert(model, windows(model)))
    found = []
    for step in steps_of(model):
        depthwise = type(step.layer).__name__ == "DepthwiseConv2D"
        if type(step.layer).__name__ in WEIGHTED:
            kernel, _ = folded(step.layer, step.normalisation, channels=2 if depthwise else 1)
            rounded, scale = map(np.asarray, weights_on_grid(kernel, 2 if depthwise else len(kernel.shape) - 1))
            found.append(np.rint(rounded.reshape(-1, len(scale)) / scale))
    layers = [layer for layer in graph.layers if layer.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")]
    assert len(found) == len(layers)
    for numbers, layer in zip(found, layers, strict=True):
        weights = graph.tensors[layer.inputs[1]].data.astype(int)
        theirs = weights.reshape(-1, weights.shape[-1]) if "DEPTH" in layer.op else weights.reshape(len(weights), -1).T
        assert np.abs(numbers - theirs).max() <= 1 and (numbers != theirs).mean() < 1e-3


def test_the_twin_says_what_int8_says():
    """The released network on windows of the demo recording."""
    plan = Plan.from_bytes((ROOT / "models/commands/model.kws").read_bytes())
    load_keras()
    import keras

    trained = keras.models.load_model(ROOT / "models/commands/model.keras", compile=False)
    model = build(plan.spec, seed=1)
    pairs = zip(trained.get_weights(), model.get_weights(), strict=True)
    model.set_weights([old.reshape(new.shape) for old, new in pairs])
    rows = FrontendStream(plan.frontend).push(read_samples(ROOT / "recordings/demo/commands.flac"))
    features = np.stack([rows[start:start + plan.spec.frontend.frames] for start in range(0, len(rows) - 49, 7)])
    int8 = Network(lower(read_graph(convert(model, features))))
    said = np.stack([int8.window(window) for window in features]).astype(int)
    twin, exact = (it.predict(network_input(features), verbose=0) for it in (int8_twin(model, features), model))
    steps = {name: np.abs(np.clip(np.rint(256 * it) - 128, -128, 127) - said) for name, it in
             (("twin", twin), ("float", exact))}
    assert (twin.argmax(axis=1) == said.argmax(axis=1)).mean() > 0.99
    assert (steps["twin"] <= 1).mean() > 0.95 and steps["twin"].mean() < 0.3 * steps["float"].mean()


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_of_every_network_says_what_int8_says(name):
    """Also where averages of two numbers often end on a half. What differs: convolutions that floating point rounds."""
    model = network(name)
    features = windows(model)
    int8 = Network(lower(read_graph(convert(model, features))))
    said = np.stack([int8.window(window) for window in features]).astype(int)
    twin = int8_twin(model, features).predict(network_input(features), verbose=0)
    steps = np.abs(np.clip(np.rint(256 * twin) - 128, -128, 127) - said)
    assert (steps <= 1).mean() > 0.98 and steps.mean() < {"cnn": 0.3, "ds_cnn": 0.05}.get(name, 0.01)


@pytest.mark.parametrize("zero_point", [-128, -21, 0, 48])
@pytest.mark.parametrize("count", [2, 9, 18])
def test_averages_are_rounded_as_int8_rounds_them(zero_point, count):
    """AVERAGE_POOL_2D of TensorFlow Lite Micro: half of the count is added to a sum above 0, else taken away."""
    numbers = np.random.default_rng(1).integers(-128, 128, (5_000, count))
    total, scale = numbers.sum(axis=1), np.float32(0.1511)
    theirs = np.where(total > 0, total + count // 2, -(count // 2 - total)) / count
    averages = ((numbers - zero_point) * scale).astype(np.float32).mean(axis=1)
    ours = np.asarray(averages_on_grid(averages, np.float32([scale, zero_point]))) / scale + zero_point
    assert np.rint(ours).tolist() == np.trunc(theirs).tolist()


def test_values_go_to_the_nearest_step_and_saturate():
    grid = np.array([0.5, -120.0], "f4")  # -128..127 stand for -4..123.5
    values = np.array([-9.0, -4.0, 0.2, 0.3, 1.0, 200.0], "f4")
    assert np.asarray(values_on_grid(values, grid)).tolist() == [-4, -4, 0, 0.5, 1, 123.5]


def test_sums_are_rounded_twice():
    """A product with 0.3 = 0.6 / 2 is rounded to halves first, and halves go away from zero."""
    grid, unit = np.array([1.0, 0.0], "f4"), np.array([0.3], "f4")
    assert np.asarray(values_on_grid(np.array([[0.3], [-0.3], [0.2]], "f4"), grid, unit)).ravel().tolist() == [1, -1, 0]


def test_each_output_channel_has_its_own_symmetric_grid():
    kernel = np.array([[1.27, -0.1], [0.014, 0.0], [-0.006, 0.0254]], "f4")
    rounded, scale = map(np.asarray, weights_on_grid(kernel, 1))
    assert scale == pytest.approx([0.01, 0.1 / 127])
    assert rounded == pytest.approx(np.array([[1.27, -0.1], [0.01, 0.0], [-0.01, 32 * 0.1 / 127]]), abs=1e-6)


def test_gradients_pass_the_rounding_and_stop_where_it_saturates():
    import keras

    class Probe(keras.Model):
        def __init__(self):
            super().__init__()
            self.values = self.add_weight(shape=(3,), name="values")

        def call(self, ones):
            return values_on_grid(self.values * ones, np.array([0.5, 0.0], "f4"))

    probe, start = Probe(), [0.3, 1.1, 1000.0]
    probe.values.assign(start)
    probe.compile(keras.optimizers.SGD(0.3), loss=lambda wanted, got: got)
    probe.fit(np.ones((1, 3), "f4"), np.zeros((1, 3), "f4"), verbose=0)
    assert np.array(start) - np.asarray(probe.values) == pytest.approx([0.1, 0.1, 0])  # a third of the rate each


def test_a_layer_without_a_twin_is_named_before_any_training():
    load_keras()
    import keras

    window = keras.Input((8, 4, 1))
    model = keras.Model(window, keras.layers.Dense(3)(keras.layers.LSTM(2)(keras.layers.Reshape((8, 4))(window))))
    with pytest.raises(ModelError, match=r"'lstm.*' \(LSTM\) has no place .* quantization_aware_epochs = 0"):
        LastEpochs(model, TrainingSpec(), lambda: None, prepare=print, accuracy=print, note=print)
    off = TrainingSpec(quantization_aware_epochs=0)
    LastEpochs(model, off, lambda: None, prepare=print, accuracy=print, note=print)


def spec_with(**training):
    return replace(SPEC, training=replace(SPEC.training, **training))


def test_the_last_epochs_learn_on_the_grid_where_int8_loses(recordings, tmp_path):
    notes = []
    material = make_material(recordings, spec_with(quantization_aware_epochs=2, quantization_loss_points=-100.0))
    model, history = train(material, checkpoint=tmp_path / "a.npz", note=notes.append)
    assert [epoch.on_int8_grid for epoch in history] == [False, False, True, True]
    assert notes[0].endswith("; the last 2 epochs learn on the int8 grid")
    plain, _ = train(make_material(recordings, spec_with(quantization_aware_epochs=0)), checkpoint=tmp_path / "b.npz",
                     note=notes.append)
    assert len(notes) == 1
    assert any((a != b).any() for a, b in zip(model.get_weights(), plain.get_weights(), strict=True))


def test_they_do_not_where_it_does_not(recordings, tmp_path):
    notes = []
    material = make_material(recordings, spec_with(quantization_aware_epochs=2, quantization_loss_points=100.0))
    _, history = train(material, checkpoint=tmp_path / "a.npz", note=notes.append)
    assert not any(epoch.on_int8_grid for epoch in history)
    assert len(notes) == 1 and notes[0].endswith("; no need for the int8 grid yet")


def test_it_is_decided_before_each_of_the_last_epochs():
    """int8 loses nothing before the first of them, 10 points before the second."""
    load_keras()
    from kws.model.zoo import build

    rng, notes, said = np.random.default_rng(0), [], iter((0.9, 0.9, 0.9, 0.8))
    windows = rng.integers(-128, 128, (4, SPEC.frontend.frames, SPEC.frontend.features), np.int8)
    spec = TrainingSpec(epochs=9, quantization_aware_epochs=3)
    last = LastEpochs(build(SPEC, seed=1), spec, lambda: windows, prepare=lambda twin: None,
                      accuracy=lambda model: next(said), note=notes.append)
    learners = [last.learner(number, decided=decided) is last.twin
                for number, decided in ((5, False), (6, False), (7, False), (8, True))]
    assert learners == [False, False, True, True]
    assert [note.partition("; ")[2] for note in notes] == [
        "no need for the int8 grid yet", "the last 2 epochs learn on the int8 grid"]


@pytest.mark.parametrize("stop_after", [2, 3])
def test_a_training_stopped_on_the_grid_ends_in_the_same_weights(recordings, tmp_path, stop_after):
    material = make_material(recordings, spec_with(quantization_aware_epochs=2, quantization_loss_points=-100.0))
    whole, _ = train(material, checkpoint=tmp_path / "whole.npz", note=lambda line: None)

    class Stop(Exception):
        pass

    def stopping(model, history, checkpoint, save=sys.modules["kws.train.loop"].save):
        save(model, history, checkpoint)
        if len(history) == stop_after:
            raise Stop

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        patch.setattr("kws.train.loop.save", stopping)
        train(material, checkpoint=tmp_path / "stopped.npz", note=lambda line: None)
    resumed, _ = train(material, checkpoint=tmp_path / "stopped.npz", note=lambda line: None)
    assert all((a == b).all() for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True))
