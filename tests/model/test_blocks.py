"""The blocks of a network: found in its graph, and left out of it."""

import pytest

pytest.importorskip("keras")

from kws.errors import ModelError
from kws.model.blocks import blocks_of, without
from kws.model.zoo import build
from kws.spec import FrontendSpec, ModelSpec, Spec

pytestmark = pytest.mark.train


def network(name):
    return build(Spec(keywords=("a", "b"), frontend=FrontendSpec(clip_ms=1_000), model=ModelSpec(name=name)), seed=1)


@pytest.mark.parametrize(("name", "blocks"), [("linear", 0), ("cnn", 4), ("ds_cnn", 7), ("tc_resnet", 6),
                                              ("bc_resnet", 18)])
def test_every_convolution_and_every_residual_layer_is_a_block(name, blocks):
    assert len(blocks_of(network(name))) == blocks


def test_a_residual_block_holds_its_shortcut_and_its_rectifier():
    kinds = {layer.name: type(layer).__name__ for layer in network("ds_cnn").layers}
    block = blocks_of(network("ds_cnn"))[3]
    assert [kinds[name] for name in block.layers].count("Conv2D") == 1
    assert {"DepthwiseConv2D", "Cropping2D", "Add", "ReLU"} <= {kinds[name] for name in block.layers}
    assert block.name == "block 4 (7 x 1 to 48 channels, 1 x 1 to 48 channels)"


def test_without_a_block_the_rest_stays_and_has_new_weights():
    whole = network("ds_cnn")
    less = without(whole, blocks_of(whole)[3])
    assert whole.count_params() - less.count_params() == 48 * 7 + 4 * 48 + 48 * 48 + 4 * 48
    assert less.output_shape == whole.output_shape and less.input_shape == whole.input_shape
    assert not (less.layers[1].get_weights()[0] == whole.layers[1].get_weights()[0]).all()


def test_a_block_whose_shape_the_next_one_needs_cannot_be_left_out():
    whole = network("ds_cnn")
    with pytest.raises(ModelError, match=r"ds_cnn cannot do without block 3 \(1 x 1 to 48 channels\)"):
        without(whole, blocks_of(whole)[2])
