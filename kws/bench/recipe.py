"""What each setting is worth: short trainings that differ from kws.toml in one thing, judged on validation clips.

    scripts/bench recipe [-C DIR] [--epochs N] [--seeds N] VARIANT...

A VARIANT is one or more settings, such as training.label_smoothing=0 or frontend.coefficients=10,frontend.high_hz=4000;
"as it is" is the workspace's kws.toml. speakers=25 trains on the clips of every fourth speaker, for as many steps.

Float accuracy of the last epoch, with its 95 % interval; also the mean over labels, which does not let the many "yes"
outweigh the few "go". Results are kept in the workspace's cache: the same command goes on where it was stopped and
prints what is known already.
"""

import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser, print_table
from kws.data.corpus import scan
from kws.errors import KwsError
from kws.model.dataset import prepare
from kws.model.examples import UNKNOWN_LABEL, Examples, Part, choose_examples
from kws.pipeline.manifest import training_fingerprint
from kws.records import Fields, from_json, to_json
from kws.spec import Spec
from kws.train.loop import predict, train
from kws.validate.metrics import wilson_interval
from kws.workspace import Workspace, open_workspace

AS_IT_IS = "as it is"
HEAD = ("variant", "seed", "parameters", "s/epoch", "training", "validation", "95 %", "mean of labels", "unknown")


def changed(spec: Spec, variant: str) -> tuple[Spec, int]:
    """`spec` with the settings of `variant`, and the percentage of speakers. Raises KwsError for an unknown setting."""
    speakers = 100
    for change in [] if variant == AS_IT_IS else variant.split(","):
        name, _, text = change.partition("=")
        if name == "speakers":
            speakers = int(text)
            continue
        section, _, field = name.partition(".")
        part = getattr(spec, section, None)
        if part is None or not hasattr(part, field):
            raise KwsError(f"{change!r}: must be SECTION.SETTING=VALUE with names of kws.toml, or {AS_IT_IS!r}")
        kind = type(getattr(part, field))
        sections: Fields = {section: replace(part, **{field: kind(text)})}
        spec = replace(spec, **sections)
    return spec, speakers


def fewer(examples: Examples, percent: int) -> Examples:
    """The training clips of so many speakers; the same ones every time, and those of 25 % are among those of 50 %."""
    part = examples.training
    kept = np.array([zlib.crc32(clip.speaker.encode()) % 100 < percent for clip in part.clips])
    clips = tuple(clip for clip, keep in zip(part.clips, kept, strict=True) if keep)
    return replace(examples, training=Part(clips, part.labels[kept], round(part.silence * kept.mean())))


@dataclass(frozen=True)
class Judged:
    """A variant after its training. seconds : per epoch; training : accuracy on augmented training clips

    right : of n validation clips; labels : mean accuracy of the labels; unknown : accuracy of other words
    """

    parameters: int
    seconds: float
    training: float
    n: int
    right: int
    labels: float
    unknown: float


def measured(place: Workspace, spec: Spec, speakers: int) -> Judged:
    """Train and judge one variant, or what is known of it."""
    corpus = scan(place.recordings)
    examples = choose_examples(corpus, spec)
    if speakers < 100:
        examples = fewer(examples, speakers)
        epochs = round(spec.training.epochs * 100 / speakers)
        spec = replace(spec, training=replace(spec.training, epochs=epochs))
    material = prepare(spec, examples, corpus.noise, cache=place.cache)
    folder, key = place.cache / "recipe", training_fingerprint(material)
    kept = folder / f"{key}.json"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint = folder / f"{key}.npz"
        model, history = train(material, checkpoint=checkpoint, note=lambda text: print(text, file=sys.stderr))
        clips, labels = material.audio("validation")
        right = predict(model, material.frontend.extract(clips)) == labels
        per_label = [float(right[labels == label].mean()) for label in np.unique(labels)]
        kept.write_text(json.dumps(to_json(Judged(
            parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
            seconds=float(np.median([epoch.seconds for epoch in history])), training=history[-1].accuracy,
            n=len(labels), right=int(right.sum()), labels=float(np.mean(per_label)),
            unknown=float(right[labels == UNKNOWN_LABEL].mean())))))
        checkpoint.unlink()
    return from_json(Judged, json.loads(kept.read_text()))


def row(variant: str, seed: int, found: Judged) -> Sequence[str]:
    low, high = wilson_interval(found.right, found.n)
    return (variant, str(seed), f"{found.parameters:,}", f"{found.seconds:.0f}", f"{found.training:.1%}",
            f"{found.right / found.n:.1%}", f"{low:.1%} to {high:.1%}", f"{found.labels:.1%}", f"{found.unknown:.1%}")


def main(arguments: Sequence[str]) -> None:
    parse = parser(__doc__)
    parse.add_argument("variants", nargs="+", metavar="VARIANT")
    parse.add_argument("-C", dest="directory", type=Path)
    parse.add_argument("--epochs", type=int, default=12)
    parse.add_argument("--seeds", type=int, default=1)
    options = parse.parse_args(arguments)
    place = open_workspace(options.directory)
    base = replace(place.spec, training=replace(place.spec.training, epochs=options.epochs))
    wanted = {variant: changed(base, variant) for variant in options.variants}
    header(f"{options.epochs} epochs")

    def rows() -> Iterator[Sequence[str]]:
        for variant, (spec, speakers) in wanted.items():
            for seed in range(spec.training.seed, spec.training.seed + options.seeds):
                found = measured(place, replace(spec, training=replace(spec.training, seed=seed)), speakers)
                yield row(variant, seed, found)

    print_table(HEAD, rows())

