"""The networks of the zoo: what they take, what they cost, and that they can be streamed."""

import numpy as np
import pytest

from kws.spec import NETWORKS, FrontendSpec, ModelSpec, Spec

pytest.importorskip("keras")
TEN = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


def make(name, *, seed=1, keywords=TEN, width=1.0, **frontend):
    from kws.model.zoo import build

    spec = Spec(keywords=keywords, model=ModelSpec(name=name, width=width), frontend=FrontendSpec(**frontend))
    return build(spec, seed=seed)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_window_goes_in_and_probabilities_come_out(name):
    model = make(name)
    frontend = FrontendSpec()
    assert model.input_shape == (None, frontend.frames, frontend.features, 1)
    scores = np.asarray(model(np.random.default_rng(0).standard_normal((3, *model.input_shape[1:])).astype("f4")))
    assert scores.shape == (3, 12) and np.allclose(scores.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_decides_the_weights(name):
    weights = [make(name, seed=seed, keywords=("yes",)).get_weights() for seed in (5, 5, 6)]
    assert all((a == b).all() for a, b in zip(weights[0], weights[1], strict=True))
    assert any((a != b).any() for a, b in zip(weights[0], weights[2], strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_padded_and_nothing_skipped_along_time(name):
    for layer in make(name).layers:
        assert getattr(layer, "padding", "valid") in ("valid", ((0, 0), (1, 1)))  # along frequency it may
        assert getattr(layer, "strides", (1, 1))[0] == 1


@pytest.mark.parametrize("frontend", [
    {"coefficients": 0}, {"coefficients": 1}, {"coefficients": 10}, {"coefficients": 40}, {"bands": 80},
    {"clip_ms": 200, "hop_ms": 30}, {"clip_ms": 3_000}, {"hop_ms": 10},
], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_any_front_end_has_its_network(name, frontend):
    assert make(name, keywords=("yes",), **frontend).output_shape == (None, 3)


def test_width_multiplies_the_channels():
    assert make("cnn", width=2.0).count_params() > 3 * make("cnn").count_params()
    assert make("ds_cnn", width=0.1, keywords=("yes",)).count_params() < 600


def test_the_released_network_keeps_its_budget():
    """About 20,000 parameters, and at most 45,000 multiplications for one new row when streamed."""
    model = make("ds_cnn")
    weights = [weight for weight in model.trainable_weights if "batch_norm" not in weight.path]
    assert 18_000 <= sum(int(np.prod(weight.shape)) for weight in weights) <= 25_000
    per_row = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            places = layer.output.shape[2] if len(layer.output.shape) == 4 else 1
            per_row += int(np.prod(layer.kernel.shape)) * places
    assert per_row <= 45_000
