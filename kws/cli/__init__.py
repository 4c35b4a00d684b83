"""The command line: one short file per stage. A command parses, calls one function, prints."""

from typing import Annotated

import typer

from kws import __version__
from kws.cli import (
    ablate,
    average,
    calibrate,
    compare,
    data,
    detect,
    explore,
    export,
    listen,
    monitor,
    new,
    profile,
    record,
    run,
    stream,
    train,
    tune,
    validate,
    verify,
)
from kws.cli.common import Commands, DirectoryOption

app = typer.Typer(cls=Commands, rich_markup_mode=None, no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})


def print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def kws(
    directory: DirectoryOption = None,
    version: Annotated[bool, typer.Option("--version", callback=print_version, is_eager=True,
                                          help="Print the version.")] = False,
) -> None:
    """A keyword spotter, from recordings to a microcontroller.

    Exit status: 0 done, 1 cannot (one line says why and what to do next), 2 wrong usage, 3 done, but a requirement is
    not met.
    """


app.command()(new.new)
data.app.command("stream")(stream.stream)
app.add_typer(data.app, name="data")
app.command()(record.record)
app.command()(explore.explore)
app.command()(train.train)
app.command()(average.average)
app.command()(tune.tune)
app.command()(validate.validate)
app.command()(calibrate.calibrate)
app.command()(compare.compare)
app.command()(ablate.ablate)
app.command()(detect.detect)
app.command(cls=listen.ListenCommand)(listen.listen)
app.add_typer(monitor.app, name="monitor")
app.command()(export.export)
app.command()(verify.verify)
app.command()(profile.profile)
app.command()(run.run)
