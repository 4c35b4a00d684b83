"""kws run: every stage of a workspace in order."""

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.choices import Target
from kws.cli.common import REQUIREMENT_NOT_MET, DirectoryOption, JsonOption, note, print_json, workspace

DEFAULT = Target("c")


def run(
    target: Annotated[Target, typer.Option("--target", help="What to export.")] = DEFAULT,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", show_default=False,
                                             help="Where the export goes. Default: export/TARGET.")] = None,
    base: Annotated[str | None, typer.Option(
        "--from", metavar="RUN", show_default=False,
        help="Train on a base, as kws train --from does; the next kws run remembers it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Do every stage, changed or not.")] = False,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Check, train, calibrate, validate, export and verify, each only if something that it depends on has changed.

    New recordings, such as kws monitor promote files, bring a new run and a new export; the same command twice does
    nothing the second time. Exit status 3: a requirement of kws.toml is not met.

    Example: kws run --target arduino
    """
    from dataclasses import asdict

    from kws.export.export import check
    from kws.pipeline.run import Way
    from kws.pipeline.stages import run_stages

    place = workspace(directory)
    folder = out or place.root / "export" / target
    check(target, folder, force=True, compress=False)
    way = Way(place, target=target, out=folder, note=note, base=base)
    holds = True
    for done in run_stages(way.stages(), way.state, force=force):
        holds &= done.result.holds
        if json:
            print_json(asdict(done))
        else:
            print(done, flush=True)
    if not holds:
        raise typer.Exit(REQUIREMENT_NOT_MET)
