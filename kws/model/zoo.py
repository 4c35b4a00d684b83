"""The networks: from the baseline that everything must beat to the one that is released.

    linear      one weight per number of the window and label
    cnn         two convolutions over time and frequency, two over time: small and quick to train
    ds_cnn      convolutions over time and frequency, then separable ones over time: the best for its size
    tc_resnet   all bands become channels at once, then dilated separable residual layers over time: the least work
    bc_resnet   residual layers over frequency and, on a mean over it, over time: the fewest parameters

tc_resnet is in the spirit of TC-ResNet (Choi et al., 2019) and SparkNet (Svirsky et al., 2024), bc_resnet in that of
BC-ResNet (Kim et al., 2021): with valid convolutions, rectifiers and nothing that an int8 engine lacks.

Each takes one window float32 [frames, features, 1] and gives probabilities [labels]. Along time nothing is padded
and nothing is skipped, so that a device can compute one new row per hop; along frequency they may do as they like.
"""

from kws.model.keras_types import KerasNetwork, Tensor
from kws.registry import load
from kws.spec import NETWORKS, Spec

STATISTICS_MOMENTUM = 0.97  # batch normalisation's averages follow the weights of about the last 30 steps


def build(spec: Spec, *, seed: int) -> KerasNetwork:
    """A fresh network of the zoo as `spec.model` says: [batch, frames, features, 1] to probabilities [batch, labels].

    seed : of the first weights and of dropout; the same seed gives the same weights.
    A window with fewer frames or features than a kernel gets a smaller kernel.
    """
    import keras

    keras.utils.clear_session(free_memory=False)  # layers are named anew: the same network gives the same file
    keras.utils.set_random_seed(seed)
    window = keras.Input((spec.frontend.frames, spec.frontend.features, 1), name="window")
    x = load(NETWORKS[spec.model.name])(window, spec)
    scores = keras.layers.Dense(len(spec.labels), activation="softmax", name="scores")(x)
    return keras.Model(window, scores, name=spec.model.name)


def linear(x: Tensor, spec: Spec) -> Tensor:
    """[frames, features, 1] -> [frames * features]."""
    import keras

    return keras.layers.Flatten()(x)


def cnn(x: Tensor, spec: Spec) -> Tensor:
    """[frames, features, 1] -> [channels]."""
    x = convolution(x, channels(8, spec), frames=3, features=5, step=2)
    x = convolution(x, channels(16, spec), frames=3, features=3, step=2)
    x = convolution(x, channels(32, spec), frames=1, features=x.shape[2])
    x = convolution(x, channels(32, spec), frames=7, features=1)
    return pooled(x, spec)


def ds_cnn(x: Tensor, spec: Spec) -> Tensor:
    """[frames, features, 1] -> [channels]."""
    x = convolution(x, channels(12, spec), frames=3, features=5, step=2)
    x = convolution(x, channels(20, spec), frames=3, features=3, step=2)
    x = convolution(bands_joined(x), channels(48, spec), frames=1, features=1)
    for frames, dilation in ((7, 1), (7, 1), (9, 2)):
        x = separable(x, frames=frames, dilation=dilation)
    x = convolution(x, channels(80, spec), frames=1, features=1)
    return pooled(x, spec)


def tc_resnet(x: Tensor, spec: Spec) -> Tensor:
    """[frames, features, 1] -> [channels]."""
    x = convolution(bands_joined(x), channels(40, spec), frames=3, features=1)
    for dilation in (1, 1, 2, 2):
        x = separable(x, frames=7, dilation=dilation)
    x = convolution(x, channels(80, spec), frames=1, features=1)
    return pooled(x, spec)


def bc_resnet(x: Tensor, spec: Spec) -> Tensor:
    """[frames, features, 1] -> [channels]."""
    x = convolution(x, channels(16, spec), frames=5, features=5, step=2)
    for filters, step, dilation in ((8, 1, 1), (12, 2, 2), (16, 2, 2), (20, 1, 3)):
        x = broadcasted(x, channels(filters, spec), step=step, dilation=dilation)
        x = broadcasted(x, channels(filters, spec), step=1, dilation=dilation)
    x = convolution(bands_joined(x), channels(32, spec), frames=1, features=1)
    return pooled(x, spec)


def channels(count: int, spec: Spec) -> int:
    """`count` at the width that the settings ask for."""
    return max(1, round(count * spec.model.width))


def convolution(x: Tensor, filters: int, *, frames: int, features: int, step: int = 1) -> Tensor:
    """Valid convolution, normalised, rectified: [T, F, C] -> [T - frames + 1, (F - features) // step + 1, filters]."""
    import keras

    kernel = (min(frames, x.shape[1]), min(features, x.shape[2]))
    x = keras.layers.Conv2D(filters, kernel, strides=(1, step), use_bias=False)(x)
    return keras.layers.ReLU()(normalised(x))


def bands_joined(x: Tensor) -> Tensor:
    """Every number of a frame becomes a channel: [T, F, C] -> [T, 1, F * C].

    A convolution over one frame after it sees all bands, and trains three times as fast as one with a kernel of F.
    """
    import keras

    return keras.layers.Reshape((x.shape[1], 1, x.shape[2] * x.shape[3]))(x)


def separable(x: Tensor, *, frames: int, dilation: int = 1) -> Tensor:
    """A convolution over time per channel, one over channels per frame, and a shortcut: [T, 1, C] -> [T', 1, C].

    The shortcut stands first in the sum: the converter measures ranges while it adds in place, which widens the first
    summand's range to that of the sum, but not where it was cropped from something else.
    """
    import keras

    y = over_time(x, frames=frames, dilation=dilation)
    y = normalised(keras.layers.Conv2D(x.shape[3], 1, use_bias=False)(y))
    return keras.layers.ReLU()(keras.layers.Add()([middle(x, y), y]))


def broadcasted(x: Tensor, filters: int, *, step: int, dilation: int) -> Tensor:
    """A convolution over frequency per channel, then one over time on a mean over frequency, added to every band.

    [T, F, C] -> [T', F // step, filters]. Where the shape over frequency and channels stays, there is a shortcut too.
    The mean is weighted, with weights that are learnt: a convolution, whose result has an int8 grid of its own. A plain
    mean has the grid of what it averages, far too coarse for it.
    """
    import keras

    step = min(step, x.shape[2])
    y = x if filters == x.shape[3] else convolution(x, filters, frames=1, features=1)
    y = keras.layers.ZeroPadding2D(((0, 0), (1, 1)))(y)
    y = normalised(keras.layers.DepthwiseConv2D((1, 3), use_bias=False)(y))
    if step > 1:
        y = keras.layers.AveragePooling2D((1, step))(y)
    z = keras.layers.DepthwiseConv2D((1, y.shape[2]), use_bias=False,
                                     depthwise_initializer=keras.initializers.Constant(1 / y.shape[2]))(y)
    z = keras.layers.ReLU()(over_time(z, frames=3, dilation=dilation))
    z = keras.layers.Conv2D(filters, 1)(z)
    result = keras.layers.Add()([middle(y, z), z])
    if y.shape[2:] == x.shape[2:]:
        result = keras.layers.Add()([middle(x, z), result])
    return keras.layers.ReLU()(result)


def over_time(x: Tensor, *, frames: int, dilation: int) -> Tensor:
    """A convolution over time per channel, normalised: [T, F, C] -> [T - (frames - 1) * dilation, F, C].

    Where the window is shorter than the kernel, the kernel is made shorter.
    """
    import keras

    frames = min(frames, 1 + (x.shape[1] - 1) // dilation)
    stretched = {"dilation_rate": (dilation, 1)} if dilation > 1 else {}
    return normalised(keras.layers.DepthwiseConv2D((frames, 1), use_bias=False, **stretched)(x))


def middle(x: Tensor, y: Tensor) -> Tensor:
    """The frames of x in the middle of those that y was made from: a shortcut is cropped, not padded."""
    import keras

    lost = x.shape[1] - y.shape[1]
    return keras.layers.Cropping2D(((lost // 2, lost - lost // 2), (0, 0)))(x)


def normalised(x: Tensor) -> Tensor:
    """Batch normalisation; conversion folds it into the convolution before it."""
    import keras

    return keras.layers.BatchNormalization(momentum=STATISTICS_MOMENTUM)(x)


def pooled(x: Tensor, spec: Spec) -> Tensor:
    """Mean over time and frequency, with dropout while training: [T, F, C] -> [C]."""
    import keras

    return keras.layers.Dropout(spec.model.dropout)(keras.layers.GlobalAveragePooling2D()(x))
