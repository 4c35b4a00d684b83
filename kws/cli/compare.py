"""kws compare: runs, networks from elsewhere and other detectors side by side."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import DirectoryOption, JsonOption, NegativesOption, StreamOption, TruthOption, print_json


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", show_default=False,
                                              help="Names in models/ or paths of trained runs; the first is the one "
                                                   "that the others are compared with.")],
    clips: Annotated[Path | None, typer.Option(
        "--clips", metavar="DIR", show_default=False, help="Folder with a folder of clips for each label.")] = None,
    stream: StreamOption = None,
    truth: TruthOption = None,
    negatives: NegativesOption = None,
    tflite: Annotated[list[Path] | None, typer.Option(
        "--tflite", metavar="FILE", show_default=False,
        help="A network from elsewhere with the same inputs and labels, behind the first run's front end and "
             "thresholds; may be repeated.")] = None,
    detections: Annotated[list[Path] | None, typer.Option(
        "--detections", metavar="JSONL", show_default=False,
        help='What another detector heard: lines like {"keyword": "yes", "time_s": 1.5} for the stream, with "file" '
             "for negatives; may be repeated.")] = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Compare runs, networks and other detectors on the same sound, with what each costs, and say which to take.

    Differences from the first are tested in pairs: the same clips by McNemar's test, the same words by the bootstrap.

    Example: kws compare commands small --clips speech_commands_test_set --stream kitchen.wav --negatives talk/
    """
    from kws.validate.compare import differences, recommended
    from kws.validate.compare_text import broken_lines, difference_line, table
    from kws.validate.contenders import common_sound, of_detections, of_run, of_tflite
    from kws.validate.run import own_requirements
    from kws.workspace import locate_run, spec_of_run

    folders = [locate_run(run, directory) for run in runs]
    sound = common_sound(clips=clips, stream=stream, truth=truth, negatives=negatives or ())
    found = [of_run(folder, sound) for folder in folders]
    found += [of_tflite(path, folders[0], sound) for path in tflite or ()]
    found += [of_detections(path, folders[0], sound) for path in detections or ()]
    limits = own_requirements(folders[0], spec_of_run(folders[0]), directory)
    advice = recommended(found, limits)
    pairs = differences(found)
    if json:
        print_json({"contenders": [one.to_json() for one in found], "differences": [one.to_json() for one in pairs],
                    "recommended": advice})
    else:
        print(table(found) + "\n\n" + "\n".join([*map(difference_line, pairs), *broken_lines(found, limits), advice]))
