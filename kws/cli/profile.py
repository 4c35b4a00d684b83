"""kws profile: what a run costs on the device, counted on an emulated one."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.choices import Cpu
from kws.cli.common import (
    REQUIREMENT_NOT_MET,
    DirectoryOption,
    InputsOption,
    JsonOption,
    RunOption,
    TfliteOption,
    note,
    only_with_tflite,
    print_json,
)


def profile(
    run: RunOption = None,
    cpu: Annotated[Cpu | None, typer.Option(
        "--cpu", show_default=False, help="The processor. Default: [requirements] cpu in kws.toml.")] = None,
    audio: Annotated[list[Path] | None, typer.Option(
        "--audio", metavar="FILE", show_default=False,
        help="Audio to run on; may be repeated. Default: ten seconds of the workspace's recordings.")] = None,
    compare: Annotated[list[str] | None, typer.Option(
        "--compare", metavar="RUN", show_default=False, help="Another run to compare with; may be repeated.")] = None,
    tflite: TfliteOption = None,
    inputs: InputsOption = None,
    functions: Annotated[bool, typer.Option("--functions", help="Also list the costliest functions.")] = False,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Count what a run costs on a Cortex-M: instructions by stage, flash, RAM.

    Cross-compiles the export and runs the whole chain over real audio on an emulated processor (extra: device); with
    --tflite, a network from elsewhere over windows of numbers. Instructions are counted exactly; the duty cycle is an
    estimate. Exit status 3: a requirement of kws.toml is not met.

    Example: kws profile --cpu cortex-m0plus
    """
    only_with_tflite(tflite, inputs=inputs, excluded={"--run": run, "--audio": audio, "--compare": compare})
    if tflite:
        holds = _network(tflite, inputs, cpu, directory, functions=functions, json=json)
    else:
        holds = _run(run, cpu, audio or [], compare or [], directory, functions=functions, json=json)
    if not holds:
        raise typer.Exit(REQUIREMENT_NOT_MET)


def _run(run: str | None, cpu: Cpu | None, audio: list[Path], compare: list[str], directory: Path | None, *,
         functions: bool, json: bool) -> bool:
    """Profile a run, others beside it, and print; whether all requirements hold."""
    from kws.device.profile import choose_audio
    from kws.device.profile import profile as measure
    from kws.device.text_tables import comparison_table, functions_table, profile_table
    from kws.export.source import from_run
    from kws.records import to_json
    from kws.validate.run import own_requirements
    from kws.workspace import locate_run, nearby_workspace

    folder = locate_run(run, directory)
    source = from_run(folder)
    limits = own_requirements(folder, source.whole_plan.spec, directory)
    cpu = str(cpu or limits.cpu)
    others = [from_run(locate_run(name, directory)) for name in compare]
    around = nearby_workspace(directory)
    samples, heard = choose_audio(audio, around.recordings if around else None)
    found = measure(source, samples, cpu=cpu, audio=heard)
    beside = {other.name: measure(other, samples, cpu=cpu, audio=heard) for other in others}
    if json:
        extra = {"compare": {name: to_json(one.budget(limits)) for name, one in beside.items()}} if beside else {}
        print_json({"run": source.name, **to_json(found.budget(limits)), **extra})
    else:
        alone = profile_table(found.budget(limits))
        print(comparison_table({source.name: found, **beside}, limits) if beside else alone)
        if functions:
            print("\n" + functions_table(found.functions))
    return all(requirement.holds for requirement in found.check(limits))


def _network(tflite: Path, inputs: Path | None, cpu: Cpu | None, directory: Path | None, *, functions: bool,
             json: bool) -> bool:
    """Profile a network from elsewhere and print; whether the workspace's requirements hold, if there is one."""
    from kws.device.network_inputs import choose_windows
    from kws.device.profile_network import profile_network
    from kws.device.text_tables import functions_table, network_profile_table
    from kws.engine.ends import describe_ends
    from kws.errors import KwsError
    from kws.export.source import from_tflite
    from kws.records import to_json
    from kws.spec import Requirements
    from kws.workspace import open_workspace

    source = from_tflite(tflite)
    for line in describe_ends(source.graph):
        note(line)
    try:
        limits = open_workspace(directory).spec.requirements
    except KwsError:
        limits = None
    windows, words = choose_windows(inputs, source.graph)
    found = profile_network(source, windows, cpu=str(cpu or (limits or Requirements()).cpu), inputs=words)
    if json:
        print_json({"network": source.name, **to_json(found.budget(limits))})
    else:
        print(network_profile_table(found.budget(limits)))
        if functions:
            print("\n" + functions_table(found.functions, per="window"))
    return all(requirement.holds for requirement in found.check(limits))
