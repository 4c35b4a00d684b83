"""kws verify: do the oracle, the engine, TFLM and the exported C compute the same, number by number?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.common import (
    CANNOT,
    DirectoryOption,
    InputsOption,
    JsonOption,
    RunOption,
    TfliteOption,
    note,
    only_with_tflite,
    print_json,
)

if TYPE_CHECKING:
    from kws.device.verify import Verification


def verify(
    run: RunOption = None,
    audio: Annotated[list[Path] | None, typer.Option(
        "--audio", metavar="FILE", show_default=False,
        help="Audio to run on; may be repeated. Default: ten seconds of the workspace's recordings.")] = None,
    tflite: TfliteOption = None,
    inputs: InputsOption = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Prove that every implementation gives the same numbers: features, layers, scores, detections.

    The same audio goes through the oracle in NumPy, the C engine, TensorFlow Lite Micro, the exported C compiled here
    with sanitizers, and the exported C on an emulated Cortex-M0+, M4 and M7. With --tflite, windows of numbers go
    through a network from elsewhere. Exit status 1: something differs, and the first difference is named.

    Example: kws verify --audio speech.wav
    """
    from kws.device.text_tables import verification_table

    only_with_tflite(tflite, inputs=inputs, excluded={"--run": run, "--audio": audio})
    name, what, found = _network(tflite, inputs) if tflite else _run(run, audio or [], directory)
    for missing, reason in found.missing.items():
        note(f"not run: {missing}: {reason}")
    if json:
        print_json({"network" if tflite else "run": name, "inputs" if tflite else "audio": what, **found.to_json()})
    else:
        print(f"{name}: {what}\n\n{verification_table(found)}")
    if (first := found.first_difference) is not None:
        note(f"error: {first.name} differ from {first.against}: {first.first}")
        raise typer.Exit(CANNOT)


def _run(run: str | None, audio: list[Path], directory: Path | None) -> tuple[str, str, "Verification"]:
    """Name of a run, what it heard, what was compared."""
    from kws.device.profile import choose_audio
    from kws.device.verify import VERIFY_SECONDS
    from kws.device.verify import verify as check
    from kws.export.source import from_run
    from kws.workspace import locate_run, nearby_workspace

    source = from_run(locate_run(run, directory))
    around = nearby_workspace(directory)
    samples, heard = choose_audio(audio, around.recordings if around else None, seconds=VERIFY_SECONDS)
    return source.name, heard, check(source, samples, note=note)


def _network(tflite: Path, inputs: Path | None) -> tuple[str, str, "Verification"]:
    """Name of a network, what went into it, what was compared."""
    from kws.device.network_inputs import choose_windows
    from kws.device.verify_network import verify_network
    from kws.engine.ends import describe_ends
    from kws.export.source import from_tflite

    source = from_tflite(tflite)
    for line in describe_ends(source.graph):
        note(line)
    windows, words = choose_windows(inputs, source.graph)
    return source.name, words, verify_network(source, windows, note=note)
