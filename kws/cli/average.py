"""kws average: a run between two runs."""

from typing import Annotated

import typer

from kws.cli.common import DirectoryOption, JsonOption, note, print_json, workspace
from kws.cli.train import lines, with_settings_of


def average(
    run: Annotated[str, typer.Argument(metavar="RUN", show_default=False,
                                       help="Run (name in models/ or path) that was trained further.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", show_default=False,
                                         help="The run that it was started from: kws train --start OTHER.")],
    share: Annotated[float, typer.Option("--share", min=0.0, max=1.0, metavar="S",
                                         help="Share of RUN in the weights; the rest is OTHER.")] = 0.7,
    name: Annotated[str | None, typer.Option(
        "--run", metavar="NAME", show_default=False,
        help="Name of the new folder in models/. Default: the network's name and a number.")] = None,
    json: JsonOption = False,
    directory: DirectoryOption = None,
) -> None:
    """Make a run whose weights lie between those of two runs, one of which was started from the other.

    After training with talk, this trades false alarms against accuracy on clips, without another training. Takes the
    settings of RUN, quantizes, chooses the operating point and measures.

    Example: kws average ds_cnn-2 ds_cnn-1 --share 0.8
    """
    from kws.pipeline.average import average_runs
    from kws.records import to_json

    place = with_settings_of(workspace(directory), run)
    finished = average_runs(place, run, other, share=share, name=name, note=note)
    if json:
        print_json({"run": str(finished.folder), **to_json(finished.metrics)})
    else:
        print("\n".join(lines(finished)))
