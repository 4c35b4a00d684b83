"""The blocks of a network, and the same network without one of them: what a layer is worth is asked by training anew.

A block is what lies between two places through which everything passes: a convolution with its normalisation and its
rectifier, or a residual layer with its shortcut. It is found in the graph, so this holds for any network.
"""

from dataclasses import dataclass

from kws.errors import ModelError
from kws.model.keras_types import KerasNetwork, Layer, Tensor


@dataclass(frozen=True)
class Block:
    """name : what it does, for people; layers : the names of its Keras layers, in order."""

    name: str
    layers: tuple[str, ...]


def blocks_of(network: KerasNetwork) -> list[Block]:
    """Every block with weights that has windows behind it and before it, in order; not the last layer."""
    found: list[list[Layer]] = []
    for segment in segments(network):
        if any(layer.trainable_weights and len(layer.output.shape) == WINDOW_RANK and "Norm" not in kind(layer)
               for layer in segment):
            found.append(segment)
        elif found and found[-1] and all(kind(layer) in CONTINUES for layer in segment):
            found[-1] = [*found[-1], *segment]
        else:
            found.append([])  # what only changes the shape belongs to no block
    whole = [segment for segment in found if segment]
    return [Block(f"block {k} ({describe(segment)})", tuple(layer.name for layer in segment))
            for k, segment in enumerate(whole, 1)]


WINDOW_RANK = 4  # [batch, time, frequency, channels]
CONTINUES = ("BatchNormalization", "ReLU", "Dropout")


def kind(layer: Layer) -> str:
    return type(layer).__name__


def segments(network: KerasNetwork) -> list[list[Layer]]:
    """The layers after the input, in order, cut wherever everything so far comes out of one layer."""
    layers = network.layers[1:]
    place = {layer.name: k for k, layer in enumerate(network.layers)}
    read_until = {0: 0}  # place of a layer -> of the last one that reads it
    for k, layer in enumerate(layers, 1):
        for origin in origins(layer):
            read_until[place[origin]] = max(read_until.get(place[origin], 0), k)
    found, current, open_until = [], [], 0
    for k, layer in enumerate(layers, 1):
        current.append(layer)
        open_until = max([open_until, *(read_until.get(j, 0) for j in range(k))])
        if open_until <= k:
            found.append(current)
            current = []
    return found


def origins(layer: Layer) -> list[str]:
    """Names of the layers whose outputs it reads."""
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in inputs]


def describe(segment: list[Layer]) -> str:
    """The kernels of its convolutions: 3 x 5 to 12 channels."""
    told = [f"{' x '.join(map(str, layer.kernel_size))} to {layer.output.shape[-1]} channels" for layer in segment
            if hasattr(layer, "kernel_size")]
    return ", ".join(told) or kind(segment[0])


def without(network: KerasNetwork, block: Block) -> KerasNetwork:
    """The same network, untrained, in which the block passes on what it is given.

    Raises ModelError if what comes after it cannot do with that.
    """
    import keras

    def call(layer: Layer, *arguments: Tensor, **options: object) -> Tensor:
        if layer.name in block.layers:
            first = arguments[0]
            return first[0] if isinstance(first, list) else first
        return layer(*arguments, **options)

    try:
        return keras.models.clone_model(network, call_function=call,
                                        clone_function=lambda layer: type(layer).from_config(layer.get_config()))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{network.name} cannot do without {block.name}: what follows needs its shape") from error
