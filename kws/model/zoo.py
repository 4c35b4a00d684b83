"""The networks: from the baseline that everything must beat to the one that is released.

    linear   one weight per number of the window and label
    cnn      two convolutions over time and frequency, two over time: small and quick to train
    ds_cnn   about 20,000 parameters: convolutions over time and frequency, then separable ones over time

Each takes one window float32 [frames, features, 1] and gives probabilities [labels]. Along time nothing is padded
and nothing is skipped, so that a device can compute one new row per hop; along frequency they may do as they like.
"""

from typing import Any

from kws.spec import Spec

STATISTICS_MOMENTUM = 0.97  # batch normalisation's averages follow the weights of about the last 30 steps


def build(spec: Spec, *, seed: int) -> Any:
    """A fresh network of the zoo as `spec.model` says: [batch, frames, features, 1] to probabilities [batch, labels].

    seed : of the first weights and of dropout; the same seed gives the same weights.
    A window with fewer frames or features than a kernel gets a smaller kernel.
    """
    import keras

    keras.utils.clear_session(free_memory=False)  # layers are named anew: the same network gives the same file
    keras.utils.set_random_seed(seed)
    window = keras.Input((spec.frontend.frames, spec.frontend.features, 1), name="window")
    x = {"linear": linear, "cnn": cnn, "ds_cnn": ds_cnn}[spec.model.name](window, spec)
    scores = keras.layers.Dense(len(spec.labels), activation="softmax", name="scores")(x)
    return keras.Model(window, scores, name=spec.model.name)


def linear(x: Any, spec: Spec) -> Any:
    """[frames, features, 1] -> [frames * features]."""
    import keras

    return keras.layers.Flatten()(x)


def cnn(x: Any, spec: Spec) -> Any:
    """[frames, features, 1] -> [channels]."""
    x = convolution(x, channels(8, spec), frames=3, features=5, step=2)
    x = convolution(x, channels(16, spec), frames=3, features=3, step=2)
    x = convolution(x, channels(32, spec), frames=1, features=x.shape[2])
    x = convolution(x, channels(32, spec), frames=7, features=1)
    return pooled(x, spec)


def ds_cnn(x: Any, spec: Spec) -> Any:
    """[frames, features, 1] -> [channels]."""
    x = convolution(x, channels(12, spec), frames=3, features=5, step=2)
    x = convolution(x, channels(20, spec), frames=3, features=3, step=2)
    x = convolution(x, channels(48, spec), frames=1, features=x.shape[2])
    for frames in (7, 9):
        x = separable(x, frames=frames)
    x = convolution(x, channels(96, spec), frames=1, features=1)
    return pooled(x, spec)


def channels(count: int, spec: Spec) -> int:
    """`count` at the width that the settings ask for."""
    return max(1, round(count * spec.model.width))


def convolution(x: Any, filters: int, *, frames: int, features: int, step: int = 1) -> Any:
    """Valid convolution, normalised, rectified: [T, F, C] -> [T - frames + 1, (F - features) // step + 1, filters]."""
    import keras

    kernel = (min(frames, x.shape[1]), min(features, x.shape[2]))
    x = keras.layers.Conv2D(filters, kernel, strides=(1, step), use_bias=False)(x)
    return keras.layers.ReLU()(normalised(x))


def separable(x: Any, *, frames: int) -> Any:
    """A convolution over time per channel, one over channels per frame, and a shortcut: [T, 1, C] -> [T', 1, C].

    The shortcut takes the middle of each span of `frames`: it is cropped, not padded. It stands first in the sum: the
    converter measures ranges while it adds in place, which widens the first summand's range to that of the sum, but not
    where it was cropped from something else.
    """
    import keras

    frames = min(frames, x.shape[1])
    y = normalised(keras.layers.DepthwiseConv2D((frames, 1), use_bias=False)(x))
    y = normalised(keras.layers.Conv2D(x.shape[3], 1, use_bias=False)(y))
    before = (frames - 1) // 2
    shortcut = keras.layers.Cropping2D(((before, frames - 1 - before), (0, 0)))(x)
    return keras.layers.ReLU()(keras.layers.Add()([shortcut, y]))


def normalised(x: Any) -> Any:
    """Batch normalisation; conversion folds it into the convolution before it."""
    import keras

    return keras.layers.BatchNormalization(momentum=STATISTICS_MOMENTUM)(x)


def pooled(x: Any, spec: Spec) -> Any:
    """Mean over time and frequency, with dropout while training: [T, F, C] -> [C]."""
    import keras

    return keras.layers.Dropout(spec.model.dropout)(keras.layers.GlobalAveragePooling2D()(x))
