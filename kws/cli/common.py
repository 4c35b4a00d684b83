"""What every command shares: its options, the way errors end, notes on stderr."""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from typer.core import TyperGroup

from kws.errors import KwsError
from kws.files import meant_path, printable
from kws.records import Json
from kws.workspace import Workspace, find_run, list_runs, open_workspace

# Of click, a copy of which typer carries within itself: its types have no public name.
ClickContext: TypeAlias = Any
ClickCommand: TypeAlias = Any
ClickFormatter: TypeAlias = Any

# The order of the commands in help.
LIFE_CYCLE = ("new", "data", "record", "explore", "train", "average", "tune", "validate", "calibrate", "compare",
              "ablate", "detect", "listen", "monitor", "export", "verify", "profile", "run")
CONTINUE = ("train", "tune", "run", "record", "download", "import", "synth")  # what the same command takes up again
# Exit status of every command.
DONE, CANNOT, USAGE, REQUIREMENT_NOT_MET, INTERRUPTED = 0, 1, 2, 3, 130


def inherit(context: typer.Context, directory: Path | None) -> Path | None:
    """-C given to the command itself, or else to kws."""
    return directory or context.find_root().params.get("directory")


DirectoryOption = Annotated[Path | None, typer.Option(
    "-C", "--directory", metavar="DIR", callback=inherit, show_default=False,
    help="The workspace: a folder with kws.toml. Default: the current folder or the nearest above it.")]
RunOption = Annotated[str | None, typer.Option(
    "--run", metavar="RUN", show_default=False, help="Name in models/ or path of a trained run. Default: the newest.")]
TfliteOption = Annotated[Path | None, typer.Option(
    "--tflite", metavar="FILE", show_default=False,
    help="An int8 network from elsewhere instead of a run: the network alone.")]
InputsOption = Annotated[Path | None, typer.Option(
    "--inputs", metavar="NPY", show_default=False,
    help="With --tflite: an int8 array of windows to run on. Default: windows drawn over the whole range.")]
SchedulerOption = Annotated[str | None, typer.Option(
    "--scheduler", metavar="ADDRESS", show_default=False,
    help="Work on the workers of this Dask scheduler, such as tcp://host:8786. Default: this machine's cores.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


ClipsOption = Annotated[Path | None, typer.Option(
    "--clips", metavar="DIR", show_default=False,
    help="Folder with a folder of clips for each label, as in the official test archive. "
         "Default: the run's own test split, if nothing else is given either.")]
StreamOption = Annotated[Path | None, typer.Option(
    "--stream", metavar="WAV", show_default=False, help="A long recording with keywords in it.")]
TruthOption = Annotated[Path | None, typer.Option(
    "--truth", metavar="CSV", show_default=False,
    help="What is said in it and when: columns keyword, start_s, end_s, and speaker if known. "
         "Default: the .csv beside the recording.")]
NegativesOption = Annotated[list[Path] | None, typer.Option(
    "--negatives", metavar="PATH", show_default=False,
    help="Audio without keywords, any hours of it: a file, or a folder with everything below it; may be repeated. "
         "Recordings whose transcript holds a keyword are left out.")]
MoreNegatives = Annotated[list[Path] | None, typer.Argument(
    metavar="PATH", show_default=False, help="More audio without keywords, after --negatives PATH.")]


NoRunOption = Annotated[bool, typer.Option("--no-run", help="Do without a run, even if there is one.")]
FORMER_NO_RUN = "none"  # `--run none`, before there was --no-run


def helping_run(run: str | None, *, without: bool, models: Path | None) -> Path | None:
    """The run of a command that can do without one: the named or the newest; None with --no-run, or if there is none.

    Raises ModelError if the named run does not exist.
    """
    if run is not None and without:
        raise typer.BadParameter("cannot be combined with --run", param_hint="--no-run")
    runs = list_runs(models)
    if without or (run is None and not runs) or (run == FORMER_NO_RUN and run not in {one.name for one in runs}):
        return None
    return find_run(run, models)


def only_with_tflite(tflite: Path | None, *, inputs: Path | None, excluded: Mapping[str, object]) -> None:
    """Refuse --inputs without --tflite, and with it the options that only a run has. excluded : option -> its value."""
    if inputs is not None and tflite is None:
        raise typer.BadParameter("--inputs belongs to --tflite: a run hears audio, see --audio", param_hint="--inputs")
    for option, value in excluded.items():
        if tflite is not None and value:
            raise typer.BadParameter(f"{option} and --tflite exclude each other: a run, or a network from elsewhere",
                                     param_hint=option)


def workspace(directory: Path | None) -> Workspace:
    """The workspace that the options name. Raises KwsError if there is none."""
    return open_workspace(directory)


def note(message: str) -> None:
    """One line for the person, on stderr, so that results can be piped; what steers a terminal is escaped."""
    print(printable(message), file=sys.stderr, flush=True)


def say(message: str) -> None:
    """One line of the result, on stdout; what steers a terminal is escaped."""
    print(printable(message), flush=True)


def counted(number: int, one: str, many: str | None = None) -> str:
    """1 overflow; 2 overflows; 1,200 near misses. many : the plural, if it is not the singular with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def print_json(result: Json) -> None:
    """One JSON value on a line of its own on stdout."""
    print(json.dumps(result, ensure_ascii=False), flush=True)


def refusal(error: OSError) -> str:
    """What the system would not do, with the file that a person knows, and what to look at."""
    if not error.errno:
        return str(error)
    if not error.filename:
        return (f"{error.strerror or error}; look at the free space and the permissions of this folder and of "
                f"{tempfile.gettempdir()}, for files in between")
    return (f"{meant_path(error.filename)}: {error.strerror}; choose another place, or check the folder's permissions "
            "and the free space on its disk")


def ended_early(error: EOFError) -> str:
    """What ended before it should. Python itself cuts its compiled files on a full disk, and cannot read them then."""
    if "marshal" in str(error):
        return (f"a compiled file of Python is cut off ({error}), as a full disk leaves it; remove the folders "
                f"__pycache__ below {Path(__file__).parents[1]} and {sys.prefix}")
    return str(error) or "the input ended before the answer"


def only_choices(type_of: Callable[[ClickContext], str], ctx: ClickContext) -> str | None:
    """The type of an argument as help shows it, if that lists choices."""
    shown = type_of(ctx)
    return shown if "|" in shown else None


class Commands(TyperGroup):
    """The commands in the order of the life cycle; what goes wrong on purpose ends in one line, not in a traceback."""

    def list_commands(self, ctx: ClickContext) -> list[str]:
        return sorted(self.commands, key=lambda name: LIFE_CYCLE.index(name) if name in LIFE_CYCLE else len(LIFE_CYCLE))

    def get_command(self, ctx: ClickContext, cmd_name: str) -> ClickCommand:
        """Help names an argument as a person types it: typer would add its type in Python, which only choices need."""
        command: ClickCommand = super().get_command(ctx, cmd_name)
        for param in command.params if command else ():
            if param.param_type_name == "argument" and hasattr(param, "display_type_rich"):
                param.display_type_rich = partial(only_choices, param.display_type)
        return command

    def format_commands(self, ctx: ClickContext, formatter: ClickFormatter) -> None:
        """The first sentence of each command's help, in full: click itself cuts it off at the end of the line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        helps = [(name, (command.help if command else None) or "") for name, command in commands]
        rows = [(name, " ".join(text.partition("\n\n")[0].split())) for name, text in helps]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: ClickContext) -> object:
        for stream in (sys.stdout, sys.stderr):  # a name that a terminal's character set lacks is escaped, not fatal
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # how pydantic, in typer, begins
            raise
        except KwsError as error:
            note(f"error: {error}")
        except BrokenPipeError:
            raise  # typer ends quietly: the reader of our output has seen enough
        except OSError as error:
            note(f"error: {refusal(error)}")
        except EOFError as error:  # typer would say "Aborted!"
            note(f"error: {ended_early(error)}")
        except KeyboardInterrupt:
            more = "; run the same command again to continue" if ctx.invoked_subcommand in CONTINUE else ""
            note(f"interrupted{more}")
            raise typer.Exit(INTERRUPTED) from None
        raise typer.Exit(CANNOT)
