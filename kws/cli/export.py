"""kws export: the package for a device."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.choices import Target
from kws.cli.common import DirectoryOption, RunOption, note

if TYPE_CHECKING:
    from kws.export.source import Source
    from kws.requirements import Requirement


def export(
    target: Annotated[Target, typer.Argument(metavar="TARGET", show_default=False, help="What to make.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False, help="The folder to make.")],
    run: RunOption = None,
    tflite: Annotated[Path | None, typer.Option("--tflite", metavar="FILE", show_default=False,
                                                help="Export an int8 network from elsewhere instead of a run: the "
                                                     "network alone, without front end and decoder.")] = None,
    compress: Annotated[bool, typer.Option("--compress", help="Huffman-code the weights: less flash, many more "
                                                              "instructions, the same results.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an older export in DIR; compress even if that "
                                                        "saves nothing.")] = False,
    directory: DirectoryOption = None,
) -> None:
    """Export a trained run to a device: source code without dependencies.

    Prints every requirement of kws.toml as it was measured when the run was trained, calibrated or validated, or what
    would measure it. A run that misses one is exported all the same.

    Example: kws export c --out keyword-c
    """
    from kws.engine.ends import describe_ends
    from kws.export.export import check, export_to
    from kws.export.source import compressed, from_run, from_tflite
    from kws.requirements import broken
    from kws.validate.gate import gate_of_run
    from kws.validate.run import own_requirements
    from kws.validate.summary import requirements_table
    from kws.workspace import locate_run

    if run and tflite:
        raise typer.BadParameter("--run and --tflite cannot be combined: export a run, or a network from elsewhere")
    check(target, out, force=force, compress=compress)
    table: tuple[Requirement, ...] = ()
    if tflite:
        source, models = from_tflite(tflite), None
        for line in describe_ends(source.graph):
            note(line)
    else:
        folder = locate_run(run, directory)
        source, models = from_run(folder), folder.parent
        table = gate_of_run(folder, own_requirements(folder, source.whole_plan.spec, directory))
    if compress:
        source = compressed(source, force=force)
    package = export_to(target, source, out, force=force)
    number = numbered(models, source)
    if table:
        print(requirements_table(table))
    if missed := [one.name for one in table if broken([one])]:
        note(f"note: {source.name} does not meet {', '.join(missed)} of kws.toml; it is exported all the same")
    note(f"{out}: {len(package.files)} files from {source.name}{number}; constants "
         f"{package.facts.constants_bytes:,} bytes of flash, state {package.facts.state_bytes:,} bytes of RAM; "
         f"next: see {out}/README.md")


def numbered(models: Path | None, source: "Source") -> str:
    """The number of a run's model in words; nothing for a network alone, or if the numbers cannot be written."""
    from kws.export.numbers import number_of

    if models is None or source.plan is None:
        return ""
    try:
        return f" (model {number_of(models, source.plan.fingerprint, run=source.name)})"
    except OSError as error:
        note(f"note: {models} cannot be written ({error.strerror or error}): the export has no number for kws monitor")
        return ""
