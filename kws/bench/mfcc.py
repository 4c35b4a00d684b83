"""MFCC against log mel bands, for the networks over time alone: short trainings, paired by seed, validation clips.

    scripts/bench mfcc [-C DIR] [--speakers PERCENT] [--epochs N] [--seeds N] [--networks a,b] [--coefficients 0,20,40]

Float accuracy of the last epoch. Within a network, each row is paired with log mel (0 coefficients) by its seed: the
same clips, the same draws, the same first weights where the shapes agree. Results are kept in the workspace's cache:
the same command continues where it was stopped.
"""

import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser
from kws.data.corpus import scan
from kws.model.dataset import Material, prepare
from kws.model.examples import Examples, Part, choose_examples
from kws.pipeline.manifest import training_fingerprint
from kws.spec import Spec
from kws.train.loop import predict, train
from kws.workspace import Workspace, open_workspace

LOG_MEL = 0
NETWORKS, COEFFICIENTS = "tc_resnet,linear", "0,20,30,40"
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36}  # Student's t, 95 %, by number of pairs


@dataclass(frozen=True)
class Outcome:
    """One training: parameters of the network, right of n validation clips, seconds per epoch."""

    parameters: int
    n: int
    right: int
    seconds: float

    @property
    def percent(self) -> float:
        return 100 * self.right / self.n


def fewer(examples: Examples, percent: int) -> Examples:
    """The training clips of so many percent of the speakers, the same ones every time."""
    part = examples.training
    kept = np.array([zlib.crc32(clip.speaker.encode()) % 100 < percent for clip in part.clips])
    clips = tuple(clip for clip, keep in zip(part.clips, kept, strict=True) if keep)
    return replace(examples, training=Part(clips, part.labels[kept], round(part.silence * kept.mean())))


def outcome(place: Workspace, spec: Spec, *, speakers: int) -> Outcome:
    """Train and judge one setting, or what is known of it."""
    corpus = scan(place.recordings)
    material = prepare(spec, fewer(choose_examples(corpus, spec), speakers), corpus.noise, cache=place.cache)
    folder, key = place.cache / "bench-mfcc", training_fingerprint(material)
    known = folder / f"{key}.json"
    if not known.exists():
        folder.mkdir(parents=True, exist_ok=True)
        known.write_text(json.dumps(asdict(measured(material, folder / f"{key}.npz"))))
    return Outcome(**json.loads(known.read_text()))


def measured(material: Material, checkpoint: Path) -> Outcome:
    """One training, judged on the validation clips."""
    model, history = train(material, checkpoint=checkpoint, note=lambda text: print(text, file=sys.stderr))
    clips, labels = material.audio("validation")
    right = predict(model, material.frontend.extract(clips)) == labels
    checkpoint.unlink(missing_ok=True)
    parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return Outcome(parameters, len(labels), int(right.sum()), float(np.median([epoch.seconds for epoch in history])))


def difference(outcomes: Sequence[Outcome], log_mel: Sequence[Outcome]) -> str:
    """The mean of the paired differences in points, with its 95 % interval."""
    pairs = np.array([one.percent - other.percent for one, other in zip(outcomes, log_mel, strict=True)])
    if len(pairs) not in T_95:
        return f"{pairs.mean():+.1f}"
    half = T_95[len(pairs)] * pairs.std(ddof=1) / np.sqrt(len(pairs))
    return f"{pairs.mean():+.1f} ({pairs.mean() - half:+.1f} to {pairs.mean() + half:+.1f})"


def row(network: str, coefficients: int, outcomes: Sequence[Outcome], log_mel: Sequence[Outcome]) -> str:
    """One line of the table."""
    name = "log mel" if coefficients == LOG_MEL else f"{coefficients} MFCC"
    each = ", ".join(f"{one.percent:.1f}" for one in outcomes)
    mean = np.mean([one.percent for one in outcomes])
    against = "" if coefficients == LOG_MEL else difference(outcomes, log_mel)
    return (f"| `{network}` | {name} | {outcomes[0].parameters:,} | {each} | {mean:.1f} | {against} |")


def main(argv: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("-C", dest="directory", type=Path)
    options.add_argument("--speakers", type=int, default=25, help="percent of the training speakers")
    options.add_argument("--epochs", type=int, default=12)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--networks", default=NETWORKS)
    options.add_argument("--coefficients", default=COEFFICIENTS)
    given = options.parse_args(argv)
    place = open_workspace(given.directory)
    base = replace(place.spec, training=replace(place.spec.training, epochs=given.epochs, augmented_versions=0))
    header(f"{given.epochs} epochs, {given.speakers} % of the training speakers, {given.seeds} seeds")
    print("| network | features | parameters | each seed, % | mean | against log mel, points (95 %) |\n"
          "|---|---|---|---|---|---|", flush=True)
    for network in given.networks.split(","):
        log_mel: list[Outcome] = []
        for coefficients in sorted({LOG_MEL, *map(int, given.coefficients.split(","))}):
            spec = replace(base, model=replace(base.model, name=network, width=1.0),
                           frontend=replace(base.frontend, coefficients=coefficients))
            outcomes = [outcome(place, replace(spec, training=replace(spec.training, seed=seed)),
                                speakers=given.speakers) for seed in range(1, given.seeds + 1)]
            log_mel = log_mel or outcomes
            print(row(network, coefficients, outcomes, log_mel), flush=True)
