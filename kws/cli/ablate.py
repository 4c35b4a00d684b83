"""kws ablate: what features, frames, augmentation and layers are worth to a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import ClipsOption, DirectoryOption, JsonOption, RunOption, counted, note, print_json
from kws.pipeline.choices import Retrain

if TYPE_CHECKING:
    from kws.pipeline.ablate import Worth
    from kws.validate.ablation import Ablation


def ablate(
    clips: ClipsOption = None,
    groups: Annotated[int, typer.Option("--groups", min=1, max=80, metavar="N",
                                        help="Groups of features, and of frames.")] = 8,
    retrain: Annotated[list[Retrain] | None, typer.Option(
        "--retrain", metavar=f"<{'|'.join(Retrain)}>", show_default=False,
        help="Instead: train the run's network anew, without each kind of augmentation, or each block of layers. May "
             "be repeated.")] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, metavar="N", help="With --retrain: of each training.")] = 6,
    seeds: Annotated[int, typer.Option("--seeds", min=1, metavar="N",
                                       help="With --retrain: trainings of each, with other seeds; from 2 on the "
                                            "intervals are over speakers and seeds.")] = 1,
    run: RunOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Leave out each group of bands (or coefficients) and of frames in turn, and say what is lost.

    They are masked and nothing is trained again: it says what this network takes from a group, not what another could
    do without it. With --retrain, augmentation and layers are left out of short trainings with the same clips, epochs
    and seeds, judged on the validation split; if that is interrupted, run the same command again to continue.

    Example: kws ablate --clips speech_commands_test_set

    Example: kws ablate --retrain augmentation --retrain layers --epochs 6
    """
    from kws.workspace import locate_run

    folder = locate_run(run, directory)
    if retrain:
        if clips is not None:
            raise typer.BadParameter("is for masks; --retrain is judged on the validation split", param_hint="--clips")
        train_without(folder, retrain, epochs=epochs, seeds=seeds, directory=directory, json=json)
        return
    found, n = masked(folder, clips, groups=groups, directory=directory)
    if json:
        print_json({"run": str(folder), "masked": [one.to_json() for one in found]})
    else:
        print(f"run {folder}: {n:,} clips, masked, not trained again\n\n" + mask_table(found))


def masked(folder: Path, clips: Path | None, *, groups: int, directory: Path | None) -> "tuple[list[Ablation], int]":
    """Every group masked, and the number of clips."""
    from kws.detect.detector import load_detector
    from kws.validate.ablation import ablate as mask_each
    from kws.validate.clips import read_clip_folder
    from kws.validate.run import test_split
    from kws.workspace import open_workspace, read_manifest

    detector = load_detector(folder)
    spec = detector.plan.spec
    if clips is not None:
        chosen = read_clip_folder(clips, labels=spec.labels, samples=spec.frontend.clip_samples)
    else:
        chosen = test_split(spec, open_workspace(directory), read_manifest(folder).data_fingerprint)
    return mask_each(detector, chosen, groups=groups), len(chosen.truth)


def mask_table(found: "Sequence[Ablation]") -> str:
    from kws.validate.report import align, interval

    rows = [["masked", "accuracy", "95 % interval", "lost, points", "95 % interval", ""]]
    for one in found:
        low, high = one.lost_interval
        rows.append([one.what, f"{100 * one.accuracy:.1f} %", interval(*one.interval), f"{one.lost:+.1f}",
                     f"{low:+.1f} to {high:+.1f}", "" if one.p < 0.05 else "may be chance"])
    rows[1][3:] = ["", "", ""]
    return align(rows, left=(0, 5))


def train_without(folder: Path, retrain: Sequence[Retrain], *, epochs: int, seeds: int, directory: Path | None,
                  json: bool) -> None:
    """Short trainings without each thing, and their table."""
    from kws.cli.common import workspace
    from kws.pipeline.ablate import retrained
    from kws.records import to_json
    from kws.workspace import spec_of_run

    found = retrained(workspace(directory), spec_of_run(folder), retrain, epochs=epochs, seeds=seeds, note=note)
    if json:
        print_json({"run": str(folder), "epochs": epochs, "seeds": seeds,
                    "retrained": [to_json(one) for one in found]})
        return
    many = "once" if seeds == 1 else f"{seeds} times"
    print(f"run {folder}: its settings, trained anew {many} for {counted(epochs, 'epoch')} each; {found[0].clips:,} "
          f"validation clips\n\n{worth_table(found)}\n\n" + (
              "The intervals are over speakers and over seeds." if seeds > 1 else
              "The intervals are over speakers alone; how much other seeds differ, --seeds 3 would tell."))


def worth_table(found: "Sequence[Worth]") -> str:
    from kws.pipeline.ablate import NOISY_DB
    from kws.validate.report import align

    lost_head = "lost, points (95 %)"
    rows = [["left out", "", "as recorded", lost_head, f"in noise, {NOISY_DB:.0f} dB", lost_head]]
    for k, one in enumerate(found):
        row = [one.group, one.what]
        for part in (one.clean, one.noisy):
            lost = f"{part.lost:+.1f} ({part.interval[0]:+.1f} to {part.interval[1]:+.1f})" if part and k else ""
            row += [f"{100 * part.accuracy:.1f} %" if part else "-", lost]
        rows.append(row if not one.refusal else [*row[:-1], "what follows needs its shape"])
    return align(rows, left=(0, 1))
