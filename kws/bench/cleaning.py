"""What cleaning the recordings brings: the same recipe trained on all clips and on those that `kws data check` leaves.

    scripts/bench cleaning [-C DIR] [--run RUN] [--epochs N] [--seeds N]

RUN judges the labels (by default the newest run of the workspace). Three trainings for each seed, by kws.toml but for
the epochs and without teachers: all training clips; without what --fix sets aside; without the suspected labels as
well. Judged is float accuracy on all validation clips, which nothing is taken from. The difference to the first row is
paired: clip by clip, averaged over seeds, with its 95 % interval. The seeds share the augmented versions of the clips
and the features' range of the first: they differ in first weights, order, timbre and SpecAugment. Results are kept in
the workspace's cache: the same command goes on where it was stopped.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser, print_table
from kws.data.check import Action, CheckReport, check_table
from kws.data.choices import Fault
from kws.data.clip_table import measure_clips
from kws.data.corpus import Clip, scan
from kws.explore.embedding import embedding_of
from kws.model.dataset import Material, prepare
from kws.model.examples import Examples, Part, choose_examples
from kws.pipeline.manifest import training_fingerprint
from kws.spec import Spec
from kws.train.loop import predict, train
from kws.validate.metrics import wilson_interval
from kws.workspace import Workspace, find_run, list_runs, open_workspace

HEAD = ("training clips", "left out", "each seed", "mean", "95 %", "difference, points")


@dataclass(frozen=True, eq=False)
class Trained:
    """One way to choose the clips. right : bool [seeds, validation clips]."""

    name: str
    left_out: int
    right: np.ndarray

    def row(self, first: "Trained") -> Sequence[str]:
        each = 100 * self.right.mean(axis=1)
        low, high = wilson_interval(round(float(self.right.mean(axis=0).sum())), self.right.shape[1])
        gain = (self.right.astype(float) - first.right).mean(axis=0) * 100
        half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
        low_gain, high_gain = gain.mean() - half, gain.mean() + half
        against = "" if self is first else f"{gain.mean():+.2f} ({low_gain:+.2f} to {high_gain:+.2f})"
        return (self.name, f"{self.left_out:,}", ", ".join(f"{one:.1f} %" for one in each), f"{each.mean():.2f} %",
                f"{100 * low:.1f} to {100 * high:.1f} %", against)


def without(examples: Examples, out: set[Clip]) -> Examples:
    """The training clips that are not in `out`."""
    part = examples.training
    kept = np.array([clip not in out for clip in part.clips])
    clips = tuple(clip for clip, keep in zip(part.clips, kept, strict=True) if keep)
    return replace(examples, training=Part(clips, part.labels[kept], part.silence))


def right_of(place: Workspace, spec: Spec, examples: Examples, seeds: Iterable[int]) -> np.ndarray:
    """bool [seeds, validation clips]."""
    first = prepare(spec, examples, scan(place.recordings).noise, cache=place.cache)
    return np.stack([judged(place, replace(first, spec=replace(spec, training=replace(spec.training, seed=seed))))
                     for seed in seeds])


def judged(place: Workspace, material: Material) -> np.ndarray:
    """bool [validation clips]: trained and judged, or what is known of it."""
    folder, key = place.cache / "cleaning", training_fingerprint(material)
    kept = folder / f"{key}.npy"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint = folder / f"{key}.npz"
        model, _ = train(material, checkpoint=checkpoint, note=lambda text: print(text, file=sys.stderr))
        clips, labels = material.audio("validation")
        np.save(kept, predict(model, material.frontend.extract(clips)) == labels)
        checkpoint.unlink(missing_ok=True)
    return np.asarray(np.load(kept), bool)


def checked(place: Workspace, run: str | None) -> CheckReport:
    """What `kws data check` says of the workspace."""
    folder = find_run(run, place.models) if run else next(iter(list_runs(place.models)), None)
    table = measure_clips(scan(place.recordings).clips, cache=place.cache)
    return check_table(table, samples=place.spec.frontend.clip_samples, embed=embedding_of(folder) if folder else None)


def main(arguments: Sequence[str]) -> None:
    parse = parser(__doc__)
    parse.add_argument("-C", dest="directory", type=Path)
    parse.add_argument("--run")
    parse.add_argument("--epochs", type=int, default=12)
    parse.add_argument("--seeds", type=int, default=2)
    options = parse.parse_args(arguments)
    place = open_workspace(options.directory)
    findings = checked(place, options.run).findings
    aside = {finding.clip for finding in findings if finding.action is Action.ASIDE}
    suspects = {finding.clip for finding in findings if finding.kind is Fault.LABEL}
    examples = choose_examples(scan(place.recordings), place.spec)
    spec = replace(place.spec, training=replace(place.spec.training, epochs=options.epochs, seed=1))
    header(f"{options.epochs} epochs, {len(examples.training.clips):,} training clips")

    def rows() -> Iterator[Sequence[str]]:
        first: Trained | None = None
        for name, out in (("all", set()), ("without what --fix sets aside", aside),
                          ("without suspected labels, too", aside | suspects)):
            some = without(examples, out)
            right = right_of(place, spec, some, range(1, options.seeds + 1))
            found = Trained(name, len(examples.training.clips) - len(some.training.clips), right)
            first = first or found
            yield found.row(first)

    print_table(HEAD, rows())
