"""kws calibrate: thresholds, smoothing, hysteresis and refractory time from a target."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import (
    REQUIREMENT_NOT_MET,
    DirectoryOption,
    JsonOption,
    MoreNegatives,
    RunOption,
    TruthOption,
    note,
    print_json,
)

if TYPE_CHECKING:
    from kws.calibrate.run import Calibration
    from kws.run_metrics import TalkBefore


def calibrate(
    more: MoreNegatives = None,
    false_alarms_per_hour: Annotated[float | None, typer.Option(
        "--false-alarms-per-hour", metavar="F", min=0.001, show_default=False,
        help="Miss as little as possible with at most this many false alarms per hour. "
             "Default: [requirements] false_alarms_per_hour.")] = None,
    miss_rate: Annotated[float | None, typer.Option(
        "--miss-rate", metavar="M", min=0.0, max=1.0, show_default=False,
        help="As few false alarms as possible with at most this share of the keywords missed, as 0.1.")] = None,
    negatives: Annotated[list[Path] | None, typer.Option(
        "--negatives", metavar="PATH", show_default=False,
        help="Audio without keywords to choose on: files or folders; may be repeated. "
             "Default: the talk of the workspace's validation split.")] = None,
    stream: Annotated[Path | None, typer.Option(
        "--stream", metavar="WAV", show_default=False,
        help="A recording with keywords to choose on. Default: one made of the workspace's validation clips.")] = None,
    truth: TruthOption = None,
    test_negatives: Annotated[list[Path] | None, typer.Option(
        "--test-negatives", metavar="PATH", show_default=False,
        help="Audio without keywords to check on; may be repeated. Default: the talk of the testing split, "
             "or else half of what is chosen on.")] = None,
    test_stream: Annotated[Path | None, typer.Option(
        "--test-stream", metavar="WAV", show_default=False,
        help="A recording with keywords to check on, its truth beside it. Default: one made of the testing clips, "
             "or else half of what is chosen on.")] = None,
    after_pause: Annotated[bool | None, typer.Option(
        "--after-pause/--no-after-pause", show_default=False,
        help="Hear keywords only after 1.5 seconds without talk: far fewer false alarms in talk, but a "
             "keyword soon after a sentence is not heard. Default: as the run has it, or as after_pause "
             "in kws.toml said when it was trained.")] = None,
    baseline_only: Annotated[bool, typer.Option(
        "--baseline-only",
        help="Leave the operating point as it is, and only measure again what kws monitor holds devices against: "
             "the validation split of the workspace, --negatives and --stream.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Choose and check, but leave the run as it is.")] = False,
    run: RunOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Choose a run's operating point for a target, write it into the run, and check it on other sound.

    Smoothing, a threshold for each keyword, the weight of other words, hysteresis and refractory time are chosen
    together, in the integers of the decoder that the device runs. Exit status 3: on the sound used for the check, even
    the lower end of the interval breaks the target.

    Example: kws calibrate --false-alarms-per-hour 0.5 --negatives talk/ --stream kitchen.wav --truth kitchen.csv
    """
    from kws.calibrate.run import calibrate as choose
    from kws.calibrate.run import write_calibration
    from kws.calibrate.thresholds import Target
    from kws.pipeline.field_baseline import calibrated_baseline
    from kws.records import to_json
    from kws.workspace import locate_run, nearby_workspace, spec_of_run

    if false_alarms_per_hour is not None and miss_rate is not None:
        raise typer.BadParameter("cannot be combined with --miss-rate", param_hint="--false-alarms-per-hour")
    if more and not negatives:
        raise typer.BadParameter("paths follow --negatives PATH", param_hint="PATH")
    if baseline_only:
        if false_alarms_per_hour or miss_rate is not None or truth or test_negatives or test_stream \
                or after_pause is not None:
            raise typer.BadParameter("chooses nothing: of the options for sound it accepts only --negatives and "
                                     "--stream", param_hint="--baseline-only")
        measure_only(locate_run(run, directory), negatives=(*(negatives or ()), *(more or ())), stream=stream,
                     directory=directory, dry_run=dry_run, json=json)
        return
    folder = locate_run(run, directory)
    if false_alarms_per_hour is None and miss_rate is None:
        place = nearby_workspace(directory)
        limits = place.spec.requirements if place else spec_of_run(folder).requirements
        false_alarms_per_hour = limits.false_alarms_per_hour
    found = choose(folder, Target(false_alarms_per_hour, miss_rate), negatives=(*(negatives or ()), *(more or ())),
                   stream=stream, truth=truth, test_negatives=test_negatives or (), test_stream=test_stream,
                   directory=directory, after_pause=after_pause, note=note)
    if not dry_run:
        place = nearby_workspace(directory)
        baseline = calibrated_baseline(folder, found, place.recordings if place else None,
                                       negatives=(*(negatives or ()), *(more or ())), stream=stream)
        write_calibration(folder, found, baseline=baseline.to_json())
    if json:
        print_json({"run": str(folder), **to_json(found.point)})
    else:
        print("\n".join(lines(found, folder, written=not dry_run)))
    if found.verdict.refuted:
        raise typer.Exit(REQUIREMENT_NOT_MET)


def measure_only(folder: Path, *, negatives: Sequence[Path], stream: Path | None, directory: Path | None, dry_run: bool,
                 json: bool) -> None:
    """The baseline alone, as the run's detector is."""
    from kws.detect.detector import load_detector
    from kws.pipeline.field_baseline import field_baseline, write_baseline
    from kws.workspace import nearby_workspace

    place = nearby_workspace(directory)
    plan = load_detector(folder).plan
    baseline = field_baseline(plan, place.recordings if place else None, negatives=negatives, stream=stream)
    if not dry_run:
        write_baseline(folder, baseline)
    if json:
        print_json({"run": str(folder), "model": plan.fingerprint, "hours": baseline.hours,
                    "kinds": list(baseline.what()), "judged_by": baseline.mixture})
        return
    print(f"{folder}, model {plan.fingerprint}: {baseline.hours:.2f} hours of {', '.join(baseline.what())}"
          + (", not written: --dry-run" if dry_run else ""))
    if not baseline.mixture:
        note("there is no talk in it, so kws monitor shows it but judges no device by it; add talk with --negatives or "
             "--stream")


def lines(found: "Calibration", folder: Path, *, written: bool) -> list[str]:
    """The choice and its figures for a person."""
    from kws.validate.report import align

    outcome, settings = found.choice.outcome, found.choice.settings
    rows = [["keyword", "threshold", "said", "missed", "false alarms"]]
    rows += [[word, f"{found.thresholds[word]:.3f}", str(outcome.said[k]), str(outcome.said[k] - outcome.hits[k]),
              str(outcome.false_alarms[k])] for k, word in enumerate(found.sound.keywords)]
    said = int(outcome.said.sum())
    rows.append(["all", "", f"{said:,}", f"{outcome.misses:,}", f"{outcome.total_false_alarms:,}"])
    missed = f"{100 * outcome.miss_rate:.1f} % missed, " if said else ""
    return [f"run {folder}", *(f"chosen on {line}" for line in found.told), "", align(rows, left=(0,)), "",
            f"smoothing {found.smoothing_ms:.0f} ms, hysteresis {settings.hysteresis / 256:.2f}, "
            f"refractory time {found.refractory_ms:.0f} ms",
            *unknown_lines(found.talk, settings.unknown_weight),
            f"there: {missed}{outcome.total_false_alarms / found.sound.hours:.2f} false alarms per hour, "
            f"{found.choice.expected_per_hour:.2f} to expect", *check_lines(found),
            "written: model.kws, metrics.json, manifest.json" if written else "not written: --dry-run"]


def unknown_lines(rule: "TalkBefore | None", weight: int) -> list[str]:
    """What the decoder makes of unknown words: their weight, the rule about talk before a word; nothing without."""
    found = [f"other words weigh {weight} times what the network says"] if weight != 1 else []
    if rule is None:
        return found
    first_s, last_s = (rule.ms + rule.before_ms) / 1000, rule.before_ms / 1000
    return [*found,
            f"after a pause only: nothing triggers if unknown words scored {rule.limit:.2f} or more on average, "
            f"from {first_s:.1f} to {last_s:.1f} s before"]


def check_lines(found: "Calibration") -> list[str]:
    """What the check on other sound says: what is not aimed at, then whether the target holds."""
    told = [f"checked on {line}" for line in found.check_told] if found.check else []
    point = found.point_check
    if found.target.miss_rate is not None and point is not None and point.interval is not None:
        low, high = point.interval
        told.append(f"check: {point.false_alarms} false alarms in {point.hours:.2f} hours: "
                    f"{point.false_alarms_per_hour:.2f} per hour ({low:.2f} to {high:.2f})")
    elif found.checked is not None and int(found.checked.said.sum()):
        told.append(f"check: {100 * found.checked.miss_rate:.1f} % of {int(found.checked.said.sum()):,} words missed")
    return [*told, f"check: {found.verdict.text}"]
