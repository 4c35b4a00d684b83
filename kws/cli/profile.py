"""kws profile: what a run costs on the device, counted on an emulated one."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.common import REQUIREMENT_NOT_MET, DirectoryOption, JsonOption, RunOption, print_json


def profile(
    run: RunOption = None,
    cpu: Annotated[str | None, typer.Option("--cpu", metavar="CPU", show_default=False,
                                            help="cortex-m0plus, cortex-m3, cortex-m4, cortex-m7 or cortex-m33. "
                                                 "Default: [requirements] cpu in kws.toml.")] = None,
    audio: Annotated[list[Path] | None, typer.Option(
        "--audio", metavar="FILE", show_default=False,
        help="Audio to run on; may be repeated. Default: ten seconds of the workspace's recordings.")] = None,
    compare: Annotated[list[str] | None, typer.Option(
        "--compare", metavar="RUN", show_default=False, help="Another run to compare with; may be repeated.")] = None,
    functions: Annotated[bool, typer.Option("--functions", help="Also list the costliest functions.")] = False,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Count what a run costs on a Cortex-M: instructions by stage, flash, RAM.

    Cross-compiles the export and runs the whole chain over real audio on an emulated processor (extra: device).
    Instructions are counted exactly; the duty cycle is an estimate. Exit status 3: a requirement of kws.toml is not
    met.

    Example: kws profile --cpu cortex-m0plus
    """
    from kws.device.profile import choose_audio
    from kws.device.profile import profile as measure
    from kws.device.tables import comparison_table, functions_table, profile_table
    from kws.device.toolchain import CPUS
    from kws.export.source import from_run
    from kws.validate.run import own_requirements
    from kws.workspace import locate_run, nearby_workspace

    folder = locate_run(run, directory)
    source = from_run(folder)
    limits = own_requirements(folder, source.whole_plan.spec, directory)
    if (cpu := cpu or limits.cpu) not in CPUS:
        raise typer.BadParameter(f"{cpu!r}: must be one of {', '.join(CPUS)}", param_hint="--cpu")
    others = [from_run(locate_run(name, directory)) for name in compare or []]
    around = nearby_workspace(directory)
    recordings = around.recordings if around else None
    samples, heard = choose_audio(audio or [], recordings)
    found = measure(source, samples, cpu=cpu, audio=heard)
    beside = {other.name: measure(other, samples, cpu=cpu, audio=heard) for other in others}
    if json:
        extra = {"compare": {name: one.to_json(limits) for name, one in beside.items()}} if beside else {}
        print_json({"run": source.name, **found.to_json(limits), **extra})
    else:
        alone = profile_table(found.to_json(limits))
        print(comparison_table({source.name: found, **beside}, limits) if beside else alone)
        if functions:
            print("\n" + functions_table(found.functions))
    if not all(requirement.holds for requirement in found.check(limits)):
        raise typer.Exit(REQUIREMENT_NOT_MET)
