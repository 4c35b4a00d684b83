"""What int8 costs each network, after an ordinary training and after one that ended on the int8 grid.

`scripts/bench quantization WORKSPACE [CLIPS] [EPOCHS] [NETWORK…]`: every network of the zoo, or those named, twice
on the same CLIPS training clips (6,000) for EPOCHS epochs (12, in the second training the last 3 of them on the grid),
with the other settings of the workspace. Accuracy on validation clips, the int8 one in the C engine.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser
from kws.model.dataset import Material
from kws.model.examples import Examples

LAST = 3  # epochs on the int8 grid


def limited(examples: Examples, count: int) -> Examples:
    """The examples with `count` of the training clips and a fitting share of silence."""
    part = examples.training
    rows = np.sort(np.random.default_rng(0).permutation(len(part.clips))[:count])
    fewer = replace(part, clips=tuple(part.clips[row] for row in rows), labels=part.labels[rows],
                    silence=round(part.silence * len(rows) / len(part.clips)))
    return replace(examples, training=fewer)


def accuracies(material: Material) -> tuple[float, float, float]:
    """Train; validation accuracy of the network, of its int8 version in the engine, and share of equal labels."""
    from kws.engine.graph import read_graph
    from kws.engine.network import Network
    from kws.engine.streaming import lower
    from kws.quantize.convert import convert
    from kws.train.loop import predict, train

    with tempfile.TemporaryDirectory() as folder:
        model, _ = train(material, checkpoint=Path(folder) / "state.npz", note=lambda line: print("   ", line))
    clips, labels = material.audio("validation")
    features = material.frontend.extract(clips)
    network = Network(lower(read_graph(convert(model, material.representative()))))
    as_float = predict(model, features)
    as_int8 = np.array([np.argmax(network.window(window)) for window in features])
    return (as_float == labels).mean(), (as_int8 == labels).mean(), (as_float == as_int8).mean()


def main(arguments: Sequence[str]) -> None:
    from kws.data.corpus import scan
    from kws.model.dataset import prepare
    from kws.model.examples import choose_examples
    from kws.spec import NETWORKS
    from kws.workspace import open_workspace

    options = parser(__doc__)
    options.add_argument("workspace", type=Path, metavar="WORKSPACE")
    options.add_argument("clips", nargs="?", type=int, default=6_000, metavar="CLIPS")
    options.add_argument("epochs", nargs="?", type=int, default=12, metavar="EPOCHS")
    options.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    given = options.parse_args(arguments)
    header(f"{given.clips:,} clips, {given.epochs} epochs")
    workspace = open_workspace(given.workspace)
    corpus = scan(workspace.recordings)
    training = replace(workspace.spec.training, epochs=given.epochs, quantization_loss_points=-100.0)
    examples = limited(choose_examples(corpus, workspace.spec), given.clips)
    for name in given.networks:
        spec = replace(workspace.spec, model=replace(workspace.spec.model, name=name))
        material = prepare(replace(spec, training=training), examples, corpus.noise, cache=workspace.cache)
        for kind, last in (("ordinary", 0), ("ended on the int8 grid", LAST)):
            chosen = replace(spec, training=replace(training, quantization_aware_epochs=last))
            as_float, as_int8, same = accuracies(replace(material, spec=chosen))
            print(f"{name}, {kind}: float {as_float:.2%}, int8 {as_int8:.2%} "
                  f"({100 * (as_int8 - as_float):+.2f} points), equal labels {same:.2%}", flush=True)

