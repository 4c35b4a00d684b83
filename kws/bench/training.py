"""Seconds per training epoch of 10,000 one-second clips, everything included, for each network of the zoo.

    scripts/bench training [--clips N] [--rounds N] [NETWORK...]      default: 2,560 clips, 3 rounds, the whole zoo

Settings are those of this repository's kws.toml. The clips are made, since what they hold does not change the work.
One epoch of N clips warms up, the next ones are timed and scaled to 10,000. Wall time is what a person waits; processor
time adds up all threads and says what it costs on a machine that does other things too. The split: augmentation and
features as they are computed beside the network (timed alone, one thread), the network on batches that lie ready.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from kws.bench.common import ROOT, header, parser
from kws.bench.sounds import audio_like
from kws.data.corpus import scan
from kws.model.dataset import Material, epoch_batches, prepare
from kws.model.examples import choose_examples
from kws.spec import NETWORKS, Spec
from kws.workspace import open_workspace

EPOCH = 10_000
UNKNOWN_SHARE = 0.2  # of the clips made; each epoch draws from them what the settings say


def make_material(spec: Spec, count: int) -> Material:
    """Training clips of sound that is not silence, about `count` an epoch, with made noise."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        words = [*spec.keywords, "others"]
        for word in words:
            (Path(folder) / "made" / word).mkdir(parents=True)
        for n in range(count):
            word = "others" if rng.random() < UNKNOWN_SHARE else spec.keywords[n % len(spec.keywords)]
            path = Path(folder) / "made" / word / f"s{n}_nohash_0.wav"
            soundfile.write(path, audio_like(rng, spec.frontend.clip_samples), spec.frontend.sample_rate_hz)
        corpus = scan(Path(folder))
        return prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=None)


def seconds(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Wall and processor time of `work`: the round with the shortest wall time."""
    spans = []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        spans.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(spans)


def bench(material: Material, rounds: int) -> tuple[int, tuple[float, float], tuple[float, float]]:
    """Parameters; wall and processor seconds of an epoch with everything, and of one with batches that lie ready."""
    from kws.model.zoo import build
    from kws.train.cpu_speed import with_fused_normalisation
    from kws.train.loop import prepare_steps

    batches = epoch_batches(material, 0)
    scale = EPOCH / (len(batches) * material.spec.training.batch)
    model = with_fused_normalisation(build(material.spec, seed=1))
    prepare_steps(model, material.spec.training, 10_000, taught=False)
    ready = [batches[index] for index in range(len(batches))]

    def whole() -> None:
        model.fit(epoch_batches(material, 0), verbose=0, shuffle=False)

    def network() -> None:
        for windows, labels in ready:
            model.train_on_batch(windows, labels)

    found = []
    for work in (whole, network):
        work()  # the first time compiles
        wall, processor = seconds(work, rounds)
        found.append((scale * wall, scale * processor))
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights), found[0], found[1]


def preparation(material: Material, rounds: int) -> str:
    """What the loaders do, timed alone in one thread."""
    rows, batch = material.epoch_rows(material.rng(0)), material.spec.training.batch
    rows = rows[:len(rows) // batch * batch]
    parts = [rows[start:start + batch] for start in range(0, len(rows), batch)]
    scale, heard = EPOCH / len(rows), [material.heard(part, material.rng(1)) for part in parts]
    sound, _ = seconds(lambda: [material.heard(part, material.rng(1)) for part in parts], rounds)
    features, _ = seconds(lambda: [material.frontend.extract(clips, threads=1) for clips in heard], rounds)
    both, _ = seconds(lambda: [material.batch(part, material.rng(1)) for part in parts], rounds)
    return (f"batches alone, one thread: {scale * both:.1f} s per {EPOCH:,} clips, of it augmentation of the sound "
            f"{scale * sound:.1f} s, front end {scale * features:.1f} s, what is done to features "
            f"{scale * max(0.0, both - sound - features):.1f} s")


def main(arguments: Sequence[str]) -> None:
    parse = parser(__doc__)
    parse.add_argument("--clips", type=int, default=2_560)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("networks", nargs="*", metavar="NETWORK", default=NETWORKS)
    given = parse.parse_args(arguments)
    if set(given.networks) - set(NETWORKS):
        parse.error(f"networks are {', '.join(NETWORKS)}")
    from kws.model.keras_loading import load_keras, native_messages_hidden
    from kws.train.cpu_speed import keep_freed_memory

    load_keras()
    keep_freed_memory()
    spec = open_workspace(ROOT).spec
    material = make_material(spec, given.clips)
    header(f"batches of {spec.training.batch}, the best of {given.rounds} rounds, per {EPOCH:,} clips")
    print(preparation(material, given.rounds), flush=True)
    print(f"{'network':12}{'parameters':>12}{'epoch, wall':>14}{'processor':>12}{'network, wall':>16}{'processor':>12}")
    for name in given.networks:
        one = replace(material, spec=replace(spec, model=replace(spec.model, name=name, width=1.0)))
        with native_messages_hidden():
            parameters, whole, network = bench(one, given.rounds)
        print(f"{name:12}{parameters:12,}{whole[0]:12.1f} s{whole[1]:10.1f} s{network[0]:14.1f} s{network[1]:10.1f} s",
              flush=True)

