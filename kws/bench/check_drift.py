"""A million hops through the streaming engine, and whether it still computes what a fresh start computes.

    scripts/check drift [HOPS] [RUN]    a million hops of the newest run's detector by default

Ten times on the way the last decisions are compared, number by number, with those of the same network without memory
(windowed: every layer anew at every decision), on features of a front end that has heard nothing else.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np

from kws.bench.common import header, parser

CHECKS, DECISIONS = 10, 20


def sound(rng: np.random.Generator, count: int) -> np.ndarray:
    """int16 [count]: noise from faint to clipped, square waves at full scale, silence, -32768, in stretches."""
    parts, done = [], 0
    while done < count:
        n = int(rng.integers(1_000, 20_000))
        noise = rng.standard_normal(n) * 10 ** rng.uniform(0, 5)
        parts.append([noise, np.where(np.arange(n) // 9 % 2, 32_767, -32_768), np.zeros(n), np.full(n, -32_768)][
            rng.choice(4, p=[0.85, 0.05, 0.05, 0.05])])
        done += n
    return np.concatenate(parts)[:count].clip(-32_768, 32_767).astype(np.int16)


def main(arguments: Sequence[str]) -> int:
    from dataclasses import replace

    from kws.detect.detector import Detector, load_detector
    from kws.engine.graph import read_graph
    from kws.engine.streaming import lower
    from kws.workspace import locate_run, read_artefact

    options = parser(__doc__)
    options.add_argument("hops", nargs="?", type=int, default=1_000_000, metavar="HOPS")
    options.add_argument("run", nargs="?", metavar="RUN")
    given = options.parse_args(arguments)
    run, hops = locate_run(given.run), given.hops
    header(run.name)
    detector, began = load_detector(run), time.monotonic()
    plan, hop = detector.plan, detector.plan.frontend.hop_samples
    graph = read_graph(read_artefact(run, "model.tflite"))
    windowed = lower(graph, decide_every=plan.program.decide_every, windowed=True)
    rng, different, compared, done = np.random.default_rng(1), 0, 0, 0
    step = hop * plan.program.decide_every
    tail = detector.window_samples + DECISIONS * step
    for check in range(CHECKS):
        samples = sound(rng, (hops * (check + 1) // CHECKS - done) * hop)
        done += len(samples) // hop
        streamed, _ = detector.scores(samples)
        begin = (done * hop - tail) // step * step - done * hop  # on the stream's grid of decisions, from the end
        fresh, _ = Detector(replace(plan, program=windowed)).scores(samples[begin:])
        different += int((streamed[-DECISIONS:] != fresh[-DECISIONS:]).sum())
        compared += fresh[-DECISIONS:].size
        print(f"{done:,} hops", end="\r", file=sys.stderr)
    print(f"{run.name}: {done:,} hops ({done * hop / 16_000 / 3_600:.1f} hours of sound), {compared:,} numbers "
          f"compared with fresh windows, {different} different, {time.monotonic() - began:.0f} s")
    return 1 if different else 0

