"""kws ablate: what each group of features and frames is worth to a run."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import DirectoryOption, JsonOption, RunOption, print_json


def ablate(
    clips: Annotated[Path | None, typer.Option(
        "--clips", metavar="DIR", show_default=False,
        help="Folder with a folder of clips for each label. Default: the run's own test split.")] = None,
    groups: Annotated[int, typer.Option("--groups", min=1, max=80, help="Groups of features, and of frames.")] = 8,
    run: RunOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Mask each group of bands (or coefficients) and of frames in turn, and say what is lost.

    Nothing is trained again: it says what this network takes from a group, not what another could do without it. Each
    loss is tested against chance on the same clips (McNemar).

    Example: kws ablate --clips speech_commands_test_set
    """
    from kws.detect.detector import load_detector
    from kws.validate.ablation import ablate as mask_each
    from kws.validate.clips import read_clip_folder
    from kws.validate.report import align
    from kws.validate.run import test_split
    from kws.workspace import locate_run, open_workspace, read_manifest

    folder = locate_run(run, directory)
    detector = load_detector(folder)
    spec = detector.plan.spec
    if clips is not None:
        chosen = read_clip_folder(clips, labels=spec.labels, samples=spec.frontend.clip_samples)
    else:
        chosen = test_split(spec, open_workspace(directory), read_manifest(folder).get("data_fingerprint"))
    found = mask_each(detector, chosen, groups=groups)
    if json:
        print_json({"run": str(folder), "masked": [one.to_json() for one in found]})
        return
    rows = [["masked", "accuracy", "95 % interval", "lost", ""]]
    for one in found:
        low, high = one.interval
        rows.append([one.what, f"{100 * one.accuracy:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}",
                     f"{one.lost:+.1f} points", "" if one.p < 0.05 else "may be chance"])
    rows[1][3:] = ["", ""]
    print(f"run {folder}: {len(chosen.truth):,} clips, masked, not trained again\n\n" + align(rows, left=(0, 4)))
