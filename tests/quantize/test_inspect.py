"""What quantization did, on a network that a person can count."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kws.quantize.convert import convert
from kws.quantize.inspect import above_rounding, decibels, inspect_layers, nearest


def small_network():
    import keras

    keras.utils.set_random_seed(1)
    window = keras.Input((6, 4, 1))
    x = keras.layers.Conv2D(3, (3, 4), activation="relu", name="hears")(window)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(window, keras.layers.Dense(2, activation="softmax", name="decides")(x))


@pytest.mark.train
def test_each_layer_is_found_with_its_grid_and_its_noise():
    windows = np.random.default_rng(3).integers(-100, 100, (40, 6, 4)).astype(np.int8)
    model = small_network()
    found = inspect_layers(convert(model, windows), model, windows)
    assert [one.op for one in found] == ["CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"]
    assert [one.layer for one in found if one.op != "FULLY_CONNECTED"] == ["hears", "mean", "decides"]
    assert [one.weights for one in found] == [3 * 3 * 4, 0, 2 * 3, 0]
    first, last = found[0], found[-1]
    assert (first.low, first.zero_point) == (0.0, -128) and first.high == pytest.approx(255 * first.scale)
    assert first.used_low == 0 and 0.5 * first.high < first.used_high <= first.high
    assert (last.scale, last.low) == (1 / 256, 0.0)
    assert 30 < first.sqnr_db < 60 and last.sqnr_db > 20


def test_noise_in_decibels():
    signal = np.array([1.0, -1.0])
    assert decibels(signal, 0.1 * signal) == pytest.approx(20) and decibels(signal, 0 * signal) is None
    assert above_rounding(np.array([1.0, -1.0]), np.sqrt(0.12)) == pytest.approx(20)
    assert above_rounding(np.empty(0), 1.0) is None


def test_the_layer_with_the_least_difference_is_the_one():
    signal = np.array([[1.0, 2.0, 3.0]])
    outputs = {"other": signal * 3, "same": signal + 0.01, "smaller": np.ones((1, 2)), "nothing": -signal}
    assert nearest(signal, outputs) == "same" and nearest(signal, {"nothing": -signal}) == ""
