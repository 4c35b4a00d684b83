"""kws train: from recordings to a run that detects."""

from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.calibrate import unknown_lines
from kws.cli.choices import Network
from kws.cli.common import (
    REQUIREMENT_NOT_MET,
    DirectoryOption,
    JsonOption,
    SchedulerOption,
    note,
    print_json,
    workspace,
)
from kws.train.choices import Backend, Strategy

if TYPE_CHECKING:
    from kws.pipeline.train import Run
    from kws.run_metrics import PointCheck, SplitAccuracy
    from kws.workspace import Workspace


def train(
    model: Annotated[Network | None, typer.Option(
        "--model", show_default=False, help="Network of the zoo. Default: [model] name in kws.toml.")] = None,
    run: Annotated[str | None, typer.Option(
        "--run", metavar="RUN", show_default=False,
        help="Name of the new folder in models/. Default: the network's name and a number.")] = None,
    teacher: Annotated[list[str] | None, typer.Option(
        "--teacher", metavar="RUN", show_default=False,
        help="Run of a larger network (name in models/ or path) to learn from, in addition to the labels; may be "
             "repeated to average several. It must know the same keywords.")] = None,
    talk_teacher: Annotated[list[str] | None, typer.Option(
        "--talk-teacher", metavar="RUN", show_default=False,
        help="Run of a larger network that was trained with talk: the network also learns from what it says at every "
             "hop of the talk. May be repeated.")] = None,
    base: Annotated[str | None, typer.Option(
        "--from", metavar="RUN", show_default=False,
        help="Base run (name in models/ or path) that was trained on many words: a new keyword then needs only a few "
             "recordings. kws.toml must have its [frontend] and [model].")] = None,
    start: Annotated[str | None, typer.Option(
        "--start", metavar="RUN", show_default=False,
        help="Run (name in models/ or path) with the same keywords, [frontend] and [model] to start from: training "
             "begins with its weights and needs fewer epochs.")] = None,
    like: Annotated[str | None, typer.Option(
        "--like", metavar="RUN", show_default=False,
        help="Use the keywords and settings of a run instead of those in kws.toml.")] = None,
    strategy: Annotated[Strategy | None, typer.Option(
        "--strategy", show_default=False,
        help="mirrored (every GPU of this machine) or multi-worker (the processes that TF_CONFIG names), by "
             "TensorFlow's tf.distribute. Default: this process alone.")] = None,
    backend: Annotated[Backend, typer.Option(
        help="jax runs the epochs on a graphics card (extra: card); the rest is TensorFlow's.")] = Backend.TENSORFLOW,
    scheduler: SchedulerOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Train a network, quantize it, lower it to the streaming engine, choose thresholds, measure.

    If it is interrupted, run the same command again to continue after the last whole epoch. Writes models/RUN/:
    manifest.json, model.keras, model.tflite, model.kws (what the engine runs), metrics.json, report.html.

    Example: kws train --model ds_cnn

    Taught by a larger network: kws train --model cnn --teacher ds_cnn-1

    A new word from few recordings: kws train --from ../models/base

    With the talk in recordings/*/_talk_/, starting from a trained run: kws train --start commands

    A run's recipe again: kws train --like commands --run commands-again

    Clips read, and features made, by a Dask cluster; the run is the same: kws train --scheduler tcp://host:8786
    """
    from kws.pipeline.train import train_run
    from kws.pipeline.transfer import transfer_run
    from kws.records import to_json
    from kws.requirements import broken

    if base and (teacher or talk_teacher or strategy or start):
        raise typer.BadParameter("cannot be combined with --teacher, --talk-teacher, --start or --strategy",
                                 param_hint="--from")
    if talk_teacher and backend is Backend.JAX:
        raise typer.BadParameter("jax trains on clips alone", param_hint="--talk-teacher")
    if backend is Backend.JAX and (base or strategy or start):
        raise typer.BadParameter("jax cannot be combined with --from, --start or --strategy", param_hint="--backend")
    if scheduler and (strategy or backend is Backend.JAX):
        raise typer.BadParameter("cannot be combined with --strategy or --backend jax", param_hint="--scheduler")
    place = with_model(with_settings_of(workspace(directory), like), model)
    finished: Run | None
    if base:
        finished = transfer_run(place, base=base, name=run, note=note, scheduler=scheduler)
    else:
        finished = train_run(place, name=run, teachers=teacher or (), talk_teachers=talk_teacher or (), note=note,
                             strategy=strategy, start=start, backend=backend, scheduler=scheduler)
    if finished is None:
        return
    if json:
        print_json({"run": str(finished.folder), **to_json(finished.metrics)})
    else:
        print("\n".join(lines(finished)))
    if broken(finished.requirements):
        raise typer.Exit(REQUIREMENT_NOT_MET)


def with_settings_of(place: "Workspace", run: str | None) -> "Workspace":
    """The workspace, with the keywords and settings of a run where one was named."""
    from dataclasses import replace

    from kws.workspace import find_run, spec_of_run

    return place if run is None else replace(place, spec=spec_of_run(find_run(run, place.models)))


def with_model(place: "Workspace", model: Network | None) -> "Workspace":
    """The workspace, with another network in its settings where one was named."""
    from dataclasses import replace

    if model is None:
        return place
    return replace(place, spec=replace(place.spec, model=replace(place.spec.model, name=str(model))))


def accuracy_line(split: str, both: "SplitAccuracy") -> str:
    """The int8 network in the engine beside the one that was trained."""
    if both.int8 is None or both.as_trained is None:
        return f"{split:10}  no clips"
    low, high = both.int8.interval
    return (f"{split:10}  {both.int8.accuracy:.1%} int8 in the C engine ({low:.1%} to {high:.1%}), "
            f"{both.as_trained.accuracy:.1%} float, {both.int8.n:,} clips")


def lines(finished: "Run") -> list[str]:
    """The result for a person: accuracy by split, float and int8, what was chosen, where it lies."""
    from kws.device.text_tables import cost_table
    from kws.validate.summary import requirements_table

    metrics, point = finished.metrics, finished.metrics.operating_point
    found = [f"{metrics.model}: {metrics.parameters:,} parameters, {len(metrics.epochs)} epochs, "
             f"{metrics.training_seconds / 60:.1f} minutes"]
    found += [accuracy_line(split, both) for split, both in metrics.splits.items()]
    where = "talk" if point.talk else "validation clips"
    heard = f"{point.hits} of {point.clips} keywords, " if point.clips else ""
    found.append(f"detector    {heard}{point.false_alarms} false alarms in "
                 f"{60 * point.hours:.0f} minutes of {where}; smoothing {point.smoothing_ms:.0f} ms")
    found += [f"detector    {line}" for line in unknown_lines(point.talk_rule, point.unknown_weight or 1)]
    found += expected(point.check)
    found += ["", cost_table(metrics.device), "", requirements_table(finished.requirements), ""]
    found += [str(finished.folder), "next: kws validate, kws detect FILE.wav; see report.html in that folder"]
    return found


def expected(check: "PointCheck | None") -> list[str]:
    """What other people may expect: misses and false alarms on sound that nothing was chosen on."""
    from kws.validate.intervals import miss_interval

    found = []
    if check and check.events:
        low, high = miss_interval([True] * check.misses + [False] * (check.events - check.misses), [""] * check.events)
        found.append(f"expect      {check.miss_rate:.1%} missed ({low:.1%} to {high:.1%}): {check.misses} of "
                     f"{check.events} words by people who did not train")
    else:
        found.append("expect      how many people will be missed is not known: nobody who tests says a keyword")
    if check and check.talk and check.interval:
        low, high = check.interval
        found.append(f"expect      {check.false_alarms_per_hour:.2f} false alarms per hour of talk ({low:.2f} to "
                     f"{high:.2f}), counted in {check.hours:.2f} hours of other people's")
    return found
