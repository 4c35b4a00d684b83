"""A network that was made for one window, on a long stretch: one answer per hop, each layer computed once per row.

Nothing is padded or skipped along time, so every answer is the one that the window there would get. A second of
answers costs little more than one window does, which is why training on every hop of hours of talk is affordable.
"""


from kws.errors import ModelError
from kws.model.keras_types import KerasNetwork, Layer


def unrolled(model: KerasNetwork, frames: int) -> KerasNetwork:
    """The same layers, with the same variables: [n, frames, features, 1] -> [n, decisions, labels].

    model : of the zoo, for windows [n, window, features, 1]; decisions = frames - window + 1
    Raises ModelError for a network that has weights of its own for every frame of its window.
    """
    import keras

    def adapted(layer: Layer) -> Layer:
        if isinstance(layer, keras.layers.Flatten):
            raise ModelError(f"network {model.name!r} looks at every frame of its window with weights of its own and "
                             "cannot learn from talk; choose another network, or set [training] talk_percent = 0 in "
                             "kws.toml")
        if isinstance(layer, keras.layers.Reshape):
            return keras.layers.Reshape((-1, *layer.target_shape[1:]))
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return keras.layers.AveragePooling2D(tuple(layer.input.shape[1:3]), strides=1)
        return layer

    stretch = keras.Input((frames, *model.input_shape[2:]))
    bare = keras.Model(model.input, model.output)  # a compiled one would be cloned with its loss
    long = keras.models.clone_model(bare, input_tensors=stretch, clone_function=adapted)
    return keras.Model(long.input, keras.layers.Reshape((-1, model.output_shape[-1]))(long.output))
