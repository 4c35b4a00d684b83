"""A trained network to int8 with TensorFlow's converter, on exactly the front end's grid."""


import numpy as np

from kws.arguments import Features, check_array
from kws.engine.graph import read_graph
from kws.errors import ModelError
from kws.features.frontend import INPUT_SCALE, network_input
from kws.model.keras_loading import native_messages_hidden
from kws.model.keras_types import KerasNetwork
from kws.model.quantized import with_extremes

OUTPUT_SCALE, OUTPUT_ZERO_POINT = 1 / 256, -128  # a softmax: probability 0..255/256


def convert(model: KerasNetwork, representative: Features) -> bytes:
    """The network as a .tflite file, int8 in, inside and out.

    model          : takes [batch, frames, features, 1], ends in a softmax
    representative : int8 [n, frames, features], features like those it will meet; the ranges inside come from them
    An int8 feature goes in as it is (scale INPUT_SCALE, zero point 0).
    Raises ModelError if the converted network is not on that grid.
    """
    check_array("representative", representative, np.int8, "n", *model.input_shape[1:3])
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with native_messages_hidden():
        import tensorflow as tf

        windows = network_input(with_extremes(representative))
        converter = tf.lite.TFLiteConverter.from_keras_model(with_batch_of_one(model))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([window[None]] for window in windows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        flatbuffer = converter.convert()
    refuse_other_grid(flatbuffer)
    return flatbuffer


def with_batch_of_one(model: KerasNetwork) -> KerasNetwork:
    """The same network for one window at a time: an open batch size adds operators that no device needs."""
    import keras

    window = keras.Input(model.input_shape[1:], batch_size=1, name="window")
    copy = keras.models.clone_model(model, input_tensors=window)
    copy.set_weights(model.get_weights())
    return copy


def refuse_other_grid(flatbuffer: bytes) -> None:
    """Raise ModelError unless features go in and probabilities come out as the engine's neighbours expect them."""
    graph = read_graph(flatbuffer)
    for name, index, scale, zero_point in (("input", graph.input, INPUT_SCALE, 0),
                                           ("output", graph.output, OUTPUT_SCALE, OUTPUT_ZERO_POINT)):
        tensor = graph.tensors[index]
        if tensor.scale[0] != scale or tensor.zero_point != zero_point:
            raise ModelError(f"the {name} was quantized to scale {tensor.scale[0]}, zero point {tensor.zero_point}; "
                             f"a network must take features as they are (scale {INPUT_SCALE}, zero point 0) and end in "
                             f"a softmax (scale {OUTPUT_SCALE}, zero point {OUTPUT_ZERO_POINT})")
