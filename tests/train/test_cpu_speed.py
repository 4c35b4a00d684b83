"""What makes training faster computes the same, and nothing of it is left in the network that is saved."""

from dataclasses import replace

import numpy as np
import pytest

from kws.bench import tones
from kws.model.keras_loading import load_keras

load_keras()
keras = pytest.importorskip("keras")

from kws.model.zoo import build  # noqa: E402
from kws.train.cpu_speed import with_fused_normalisation  # noqa: E402

SPEC = replace(tones.SPEC, model=replace(tones.SPEC.model, name="ds_cnn", width=0.5))


def after_steps(model, count):
    """Weights after `count` steps on the same random batches; moving averages are among them."""
    model.compile(keras.optimizers.SGD(0.5), "categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(1)
    for _ in range(count):
        windows = rng.normal(size=(32, *model.input_shape[1:])).astype(np.float32)
        labels = np.eye(len(SPEC.labels), dtype=np.float32)[rng.integers(len(SPEC.labels), size=32)]
        model.train_on_batch(windows, labels)
    return model.get_weights()


def test_fused_normalisation_trains_the_same_weights_and_averages():
    plain = build(SPEC, seed=3)
    fused = with_fused_normalisation(plain)
    modules = {type(layer).__module__ for layer in fused.layers if "normalization" in layer.name}
    assert modules == {"kws.train.cpu_speed"}
    for ours, keras_own in zip(after_steps(fused, 5), after_steps(plain, 5), strict=True):
        assert ours == pytest.approx(keras_own, abs=5e-4)


def test_a_copy_leaves_the_network_as_it_is():
    plain = build(SPEC, seed=3)
    before = plain.get_weights()
    after_steps(with_fused_normalisation(plain), 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, plain.get_weights(), strict=True))


def test_answers_are_kerass():
    plain = build(SPEC, seed=3)
    windows = np.random.default_rng(0).normal(size=(8, *plain.input_shape[1:])).astype(np.float32)
    answers = with_fused_normalisation(plain).predict(windows, verbose=0)
    assert np.array_equal(answers, plain.predict(windows, verbose=0))
