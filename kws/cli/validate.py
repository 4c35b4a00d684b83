"""kws validate: how good is a trained run, and does the streaming engine agree with the network it came from?"""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import REQUIREMENT_NOT_MET, DirectoryOption, JsonOption, RunOption, note, print_json


def validate(
    clips: Annotated[Path | None, typer.Option(
        "--clips", metavar="DIR", show_default=False,
        help="Folder with a folder of clips for each label, as in the official test archive. "
             "Default: the run's own test split.")] = None,
    run: RunOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Measure a run's accuracy on clips that it has never met.

    The streaming engine, the C that runs on the device, decides; TensorFlow Lite Micro and the float network are
    compared with it where they are installed. Exit status 3: a requirement of kws.toml is not met.

    Example: kws validate --clips speech_commands_test_set
    """
    from kws.validate.report import clip_report
    from kws.validate.run import validate_clips
    from kws.workspace import locate_run

    folder = locate_run(run, directory)
    outcome = validate_clips(folder, clips=clips, directory=directory)
    for line in outcome.notes:
        note(line)
    if json:
        print_json(outcome.to_json())
    else:
        print(f"run {folder}: {len(outcome.result.truth):,} clips of {outcome.source}\n")
        print(clip_report(outcome.result))
        print("\n" + "\n".join(str(requirement) for requirement in outcome.requirements))
    if not all(requirement.holds for requirement in outcome.requirements):
        raise typer.Exit(REQUIREMENT_NOT_MET)
