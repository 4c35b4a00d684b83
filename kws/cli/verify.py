"""kws verify: do the oracle, the engine, TFLM and the exported C compute the same, number by number?"""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import CANNOT, DirectoryOption, JsonOption, RunOption, note, print_json


def verify(
    run: RunOption = None,
    audio: Annotated[list[Path] | None, typer.Option(
        "--audio", metavar="FILE", show_default=False,
        help="Audio to run on; may be repeated. Default: ten seconds of the workspace's recordings.")] = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Prove that every implementation gives the same numbers: features, layers, scores, detections.

    The same audio goes through the oracle in NumPy, the C engine, TensorFlow Lite Micro, the exported C compiled here
    with sanitizers, and the exported C on an emulated Cortex-M0+, M4 and M7. Exit status 1: something differs, and the
    first difference is named.

    Example: kws verify --audio speech.wav
    """
    from kws.device.profile import choose_audio
    from kws.device.tables import verification_table
    from kws.device.verify import VERIFY_SECONDS
    from kws.device.verify import verify as check
    from kws.export.source import from_run
    from kws.workspace import locate_run, nearby_workspace

    source = from_run(locate_run(run, directory))
    around = nearby_workspace(directory)
    recordings = around.recordings if around else None
    samples, heard = choose_audio(audio or [], recordings, seconds=VERIFY_SECONDS)
    found = check(source, samples, note=note)
    for name, reason in found.missing.items():
        note(f"not run: {name}: {reason}")
    if json:
        print_json({"run": source.name, "audio": heard, **found.to_json()})
    else:
        print(f"{source.name}: {heard}\n\n{verification_table(found)}")
    if (first := found.first_difference) is not None:
        note(f"error: {first.name} differ against {first.against}: {first.first}")
        raise typer.Exit(CANNOT)
