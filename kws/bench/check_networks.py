"""Random networks through oracle, C engine and TFLM: prints what differs.

    scripts/check networks [COUNT] [SEED]
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from kws.bench.common import header, parser
from kws.bench.random_networks import Choose
from kws.engine.graph import Graph


def kinds_of(graph: Graph) -> set[str]:
    """What converters write seldom, and where TFLM has its own constants."""
    tensors = graph.tensors
    means = [layer for layer in graph.layers if layer.op == "MEAN"]
    equal = any(tensors[m.inputs[0]].scale[0] == tensors[m.output].scale[0] for m in means)
    single = any(len(tensors[layer.inputs[1]].scale) == 1 and tensors[layer.inputs[1]].shape[0] > 1
                 for layer in graph.layers if layer.op == "FULLY_CONNECTED")
    return {name for name, there in (("a MEAN of equal scales", equal), ("one scale of all weights", single)) if there}


def chooser(seed: int) -> Choose:
    """Choices of a seeded generator."""
    rng = np.random.default_rng(seed)
    return lambda low, high: int(rng.integers(low, high + 1))


def main(arguments: Sequence[str]) -> int:
    from kws.bench.random_networks import check_network, random_network
    from kws.engine.graph import read_graph
    from kws.engine.streaming import lower
    from kws.errors import ModelError

    options = parser(__doc__)
    options.add_argument("count", nargs="?", type=int, default=100, metavar="COUNT")
    options.add_argument("seed", nargs="?", type=int, default=0, metavar="SEED")
    given = options.parse_args(arguments)
    count, seed = given.count, given.seed
    header()
    ways, operators, kinds = Counter[str](), Counter[str](), Counter[str]()
    different, began = 0, time.monotonic()
    for number in range(seed, seed + count):
        flatbuffer = random_network(chooser(number))
        graph = read_graph(flatbuffer)
        try:
            ways["windowed" if lower(graph).windowed else "streaming"] += 1
        except ModelError as refusal:  # died in its random initialization; TFLM aborts at it
            ways["refused"] += 1
            print(f"network {number} is refused: {refusal}")
            continue
        operators.update({layer.op for layer in graph.layers})
        kinds.update(kinds_of(graph))
        try:
            check_network(flatbuffer)
        except AssertionError as error:
            different += 1
            print(f"network {number} differs: {str(error).strip().splitlines()[0]}")
        print(f"{number + 1 - seed}/{count}", end="\r", file=sys.stderr)
    print(f"{count} networks from seed {seed} ({dict(ways)}), {different} different, "
          f"{time.monotonic() - began:.0f} s; networks with each operator: {dict(operators.most_common())}; "
          f"with {dict(kinds)}")
    return 1 if different else 0

