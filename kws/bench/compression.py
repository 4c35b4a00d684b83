"""Accuracy against flash when weights are clustered, beside that of narrower networks that are not.

    scripts/bench compression [--clips N] WORKSPACE RUN...      runs by name or path: a network and narrower ones

Each convolution's int8 weights are rounded to at most as many distinct values as the first column says, without
any training afterwards, and `kws export --compress` codes them. Flash is weights and tables with the decoder's code;
accuracy is that of the C engine on N validation clips of the workspace (1,500), the same ones for every run.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser
from kws.engine.schedule import Program
from kws.workspace import Workspace

STEPS = (127, 63, 31, 15, 7, 3)


def clustered(program: Program, steps: int) -> Program:
    """The program with each convolution's weights on 2 * steps + 1 values at most."""
    from kws.export.compress import candidates

    pool = program.pool.copy()
    numbers = pool.view(np.int8)
    for layer in candidates(program):
        coarse = np.rint(np.rint(layer.numbers * (steps / 127)) * (127 / steps)).astype(np.int8)
        in_pairs = program.ops[layer.ops[0]].paired * layer.row
        pairs = coarse[:in_pairs].astype(np.int16)
        stored = np.concatenate([(pairs[0::2] + 256 * pairs[1::2]).view(np.int8), coarse[in_pairs:]])
        numbers[4 * layer.first : 4 * layer.first + stored.size] = stored
    return replace(program, pool=pool)


def bench(workspace: Workspace, run: Path, count: int) -> None:
    """One run, as it is and clustered."""
    from kws.data.corpus import load_clips, scan
    from kws.engine.network import Network
    from kws.engine.plan import Plan
    from kws.export.compress import compress
    from kws.features.frontend import Frontend
    from kws.model.examples import choose_examples
    from kws.workspace import read_artefact

    plan = Plan.from_bytes(read_artefact(run, "model.kws"))
    part = choose_examples(scan(workspace.recordings), plan.spec).validation
    rows = np.random.default_rng(0).permutation(len(part.clips))[:count]
    clips = load_clips([part.clips[row] for row in rows], samples=plan.spec.frontend.clip_samples, cache=None)
    windows, labels = Frontend(plan.frontend).extract(clips), part.labels[rows]

    def accuracy(program: Program) -> float:
        network = Network(program)
        return float(np.mean([np.argmax(network.window(window)) == label
                        for window, label in zip(windows, labels, strict=True)]))

    print(f"{run.name}: {len(windows)} validation clips")
    print(f"   as it is: {4 * len(plan.program.pool):7,} bytes, accuracy {accuracy(plan.program):.2%}", flush=True)
    for steps in STEPS:
        program = clustered(plan.program, steps)
        found = compress(program)
        print(f"{2 * steps + 1:4} values: {4 * len(program.pool) - found.saved_bytes:7,} bytes compressed, accuracy "
              f"{accuracy(program):.2%}, {found.added_instructions:,} instructions more per hop", flush=True)


def main(arguments: Sequence[str]) -> None:
    from kws.workspace import locate_run, open_workspace

    options = parser(__doc__)
    options.add_argument("--clips", type=int, default=1500)
    options.add_argument("workspace", type=Path)
    options.add_argument("runs", nargs="+", metavar="RUN")
    given = options.parse_args(arguments)
    header()
    for run in given.runs:
        bench(open_workspace(given.workspace), locate_run(run), given.clips)

