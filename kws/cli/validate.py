"""kws validate: how good is a trained run, on clips, on hours of talk, on a recording with its truth?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import (
    REQUIREMENT_NOT_MET,
    ClipsOption,
    DirectoryOption,
    JsonOption,
    MoreNegatives,
    NegativesOption,
    RunOption,
    SchedulerOption,
    StreamOption,
    TruthOption,
    note,
    print_json,
    refusal,
)

if TYPE_CHECKING:
    from kws.validate.figures import OutcomeFigures
    from kws.validate.robustness import Condition
    from kws.validate.run import Outcome


def validate(
    more: MoreNegatives = None,
    clips: ClipsOption = None,
    negatives: NegativesOption = None,
    stream: StreamOption = None,
    truth: TruthOption = None,
    save: Annotated[Path | None, typer.Option(
        "--save", metavar="DIR", show_default=False,
        help="Write the ten worst false alarms there, each with the sound around it.")] = None,
    robustness: Annotated[bool, typer.Option(
        "--robustness", help="The same clips in noise, at other levels, places, speeds, in the rooms of the workspace, "
                             "through codecs; and the speakers who are recognized least often.")] = False,
    report: Annotated[Path | None, typer.Option(
        "--report", metavar="HTML", show_default=False,
        help="Write the run's page there too.")] = None,
    keep: Annotated[bool, typer.Option(
        help="Keep the figures in the run and renew its report.html, a page that needs nothing else.")] = True,
    sounds: Annotated[bool, typer.Option(
        help="Put the worst clips and false alarms into the page, to play and to see; leave them out of one to pass "
             "on.")] = True,
    scheduler: SchedulerOption = None,
    run: RunOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Measure a run on sound that it has never heard: clips, hours without keywords, a recording with its truth.

    The streaming engine, the C that runs on the device, decides; on clips, TensorFlow Lite Micro and the float network
    are compared with it if they are installed. The figures stay in the run, and its report.html shows them. Exit
    status 3: a requirement of kws.toml was measured and is not met.

    Example: kws validate --clips speech_commands_test_set

    Example: kws validate --negatives talk/ --negatives radio.mp3 --save worst/

    Example: kws validate --stream kitchen.wav --truth kitchen.csv
    """
    from kws.records import to_json
    from kws.requirements import broken
    from kws.validate.run import measure_robustness
    from kws.validate.run import validate as measure
    from kws.workspace import locate_run

    if more and not negatives:
        raise typer.BadParameter("paths follow --negatives PATH", param_hint="PATH")
    if truth and not stream:
        raise typer.BadParameter("is the truth of a --stream WAV", param_hint="--truth")
    if robustness and (negatives or stream) and clips is None:
        raise typer.BadParameter("needs clips: give --clips DIR beside --negatives and --stream",
                                 param_hint="--robustness")
    folder = locate_run(run, directory)
    outcome = measure(folder, clips=clips, negatives=(*(negatives or ()), *(more or ())), stream=stream, truth=truth,
                      directory=directory, scheduler=scheduler)
    if outcome.clips:
        for line in outcome.clips.notes:
            note(line)
    conditions = measure_robustness(folder, outcome.clips, directory) if robustness and outcome.clips else []
    if json:
        print_json(to_json(figures_of(outcome, conditions)))
    else:
        print_text(outcome, folder, conditions)
    if keep or report:
        put_down(folder, outcome, conditions, directory=directory, keep=keep, sounds=sounds, report=report)
    if save and outcome.negatives:
        save_worst(outcome, save)
    if broken(outcome.requirements):
        raise typer.Exit(REQUIREMENT_NOT_MET)


def put_down(folder: Path, outcome: "Outcome", conditions: "list[Condition]", *, directory: Path | None, keep: bool,
             sounds: bool, report: Path | None) -> None:
    """What was found into the run and its page, and the page where it is wanted."""
    from datetime import date

    from kws.detect.detector import load_detector
    from kws.files import write_atomic
    from kws.validate.page import known_of, page
    from kws.validate.record import findings, joined
    from kws.validate.record import keep as keep_in
    from kws.validate.run import own_requirements

    detector = load_detector(folder)
    limits = own_requirements(folder, detector.plan.spec, directory)
    found = findings(detector, outcome, conditions, sounds=sounds, today=date.today())
    if report:
        write_atomic(report, page(joined(known_of(folder, limits), found)))
        note(f"see {report}")
    if keep:
        try:
            keep_in(folder, found, limits)
            note(f"see {folder / 'report.html'}")
        except PermissionError as error:
            note(f"not kept in the run: {refusal(error)}")


def print_text(outcome: "Outcome", folder: Path, conditions: "list[Condition]") -> None:
    """The parts that were asked for, and the requirements."""
    from kws.validate.report import clip_report
    from kws.validate.summary import (
        curve_report,
        negatives_report,
        requirements_table,
        robustness_report,
        stream_report,
    )

    if outcome.clips:
        print(f"run {folder}: {len(outcome.clips.result.truth):,} clips of {outcome.clips.source}\n")
        print(clip_report(outcome.clips.result) + "\n")
    if conditions:
        print(robustness_report(conditions) + "\n")
    if outcome.negatives:
        print(f"run {folder}: {outcome.negatives.total.hours:.2f} hours without keywords\n")
        print(negatives_report(outcome.negatives) + "\n")
    if outcome.stream:
        print(f"run {folder}: {outcome.stream.total.events:,} keywords in {outcome.stream.hours:.2f} hours\n")
        print(stream_report(outcome.stream) + "\n")
    if outcome.curve:
        print(curve_report(outcome.curve) + "\n")
    print(requirements_table(outcome.requirements))


def figures_of(outcome: "Outcome", conditions: "list[Condition]") -> "OutcomeFigures":
    """The parts that were asked for, as --json prints them."""
    from kws.validate.figures import OutcomeFigures

    return OutcomeFigures(
        outcome.clips.result.figures() if outcome.clips else None,
        outcome.negatives.figures() if outcome.negatives else None,
        outcome.stream.figures() if outcome.stream else None,
        tuple(point.figures() for point in outcome.curve) or None,
        outcome.requirements,
        tuple(one.figures() for one in conditions) or None)


def save_worst(outcome: "Outcome", folder: Path) -> None:
    """The worst false alarms as sound, named by rank, keyword and score."""
    from kws.audio.files import write_audio
    from kws.validate.negatives import moment

    assert outcome.negatives is not None
    for rank, alarm in enumerate(outcome.negatives.worst, 1):
        write_audio(folder / f"{rank:02d}-{alarm.keyword}-{alarm.score:.2f}-{alarm.path.stem}.wav", moment(alarm)[0])
    note(f"{len(outcome.negatives.worst)} worst moments in {folder}")
