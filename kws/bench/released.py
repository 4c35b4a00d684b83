"""Measure released runs on sound that took part in nothing, and keep the figures and the page in each run.

    scripts/bench released RUN... --clips DIR --negatives PATH... --stream WAV [--recordings DIR]

As `kws validate` with the same options does, one run after the other. A run that was taught other words than the clips
hold (`base`) is measured on the test split of --recordings, a folder in the layout of a workspace's, and on nothing
else: no talk is without its words. The table: accuracy on clips, words missed and false alarms per hour at the run's
own thresholds, with 95 % intervals.
"""

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from kws.bench.common import header, parser, print_table
from kws.detect.detector import Detector, load_detector
from kws.specfile import NAME, write_spec
from kws.validate.clips import STREAMING
from kws.validate.metrics import wilson_interval
from kws.validate.record import findings, keep
from kws.validate.run import Outcome, own_requirements, validate


def main(arguments: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    for name in ("--clips", "--stream", "--recordings"):
        options.add_argument(name, type=Path)
    options.add_argument("--negatives", type=Path, nargs="+", default=[])
    asked = options.parse_args(arguments)
    header()
    rows = []
    for run in asked.runs:
        detector = load_detector(run)
        labels = {path.name for path in asked.clips.iterdir()} if asked.clips else set()
        if set(detector.plan.spec.keywords) <= labels:
            outcome = validate(run, clips=asked.clips, negatives=asked.negatives, stream=asked.stream)
        elif asked.recordings:
            outcome = on_test_split(run, detector, asked.recordings.resolve())
        else:
            print(f"{run}: its words are not those of the clips; name --recordings with them")
            continue
        limits = own_requirements(run, detector.plan.spec, None)
        keep(run, findings(detector, outcome, (), sounds=False, today=date.today()), limits)
        rows.append(row(run, outcome))
    print_table(("run", "clips", "right", "keywords", "missed", "hours", "false alarms per hour"), rows)


def on_test_split(run: Path, detector: Detector, recordings: Path) -> Outcome:
    """validate, in a workspace of the run's settings around the recordings."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "recordings").symlink_to(recordings)
        (place / NAME).write_text(write_spec(detector.plan.spec))
        return validate(run.resolve(), directory=place)


def row(run: Path, outcome: Outcome) -> list[str]:
    """One line of the table."""
    cells = [run.name, "", "", "", "", "", ""]
    if outcome.clips:
        truth = outcome.clips.result.truth
        right = int((outcome.clips.result.scores[STREAMING].argmax(axis=1) == truth).sum())
        low, high = wilson_interval(right, len(truth))
        cells[1:3] = [f"{len(truth):,}", f"{100 * right / len(truth):.1f} % ({100 * low:.1f} to {100 * high:.1f})"]
    if outcome.stream and outcome.stream.miss_rate is not None:
        low, high = outcome.stream.miss_interval
        cells[3:5] = [f"{outcome.stream.total.events:,}",
                      f"{100 * outcome.stream.miss_rate:.1f} % ({100 * low:.1f} to {100 * high:.1f})"]
    if outcome.negatives:
        total = outcome.negatives.total
        low, high = outcome.negatives.interval
        cells[5:] = [f"{total.hours:.2f}", f"{total.false_alarms / total.hours:.2f} ({low:.2f} to {high:.2f})"]
    return cells
