"""The command line's reference as Markdown, from the commands themselves: docs/commands.md. scripts/docs writes it."""

import typer
from typer.core import TyperGroup

from kws.cli.common import ClickCommand, ClickContext

WIDTH = 100
HEADER = """\
# Commands

What `kws COMMAND --help` prints. Written by `scripts/docs`; edit the help in `kws/cli/`, not this page.
"""


def reference() -> str:
    """The whole page."""
    from kws.cli import app

    return HEADER + "".join(f"\n## {path}\n\n```text\n{text}\n```\n" for path, text in helps(app))


def helps(app: typer.Typer) -> list[tuple[str, str]]:
    """(what a person types, its help) of the program and of each command, in the order of help."""
    found: list[tuple[str, str]] = []

    def visit(command: ClickCommand, path: str, parent: ClickContext) -> None:
        context = command.make_context(path.rpartition(" ")[2], [], parent=parent, resilient_parsing=True,
                                       terminal_width=WIDTH, max_content_width=WIDTH)
        with context:
            found.append((path, command.get_help(context).rstrip()))
            for name in command.list_commands(context) if isinstance(command, TyperGroup) else ():
                visit(command.get_command(context, name), f"{path} {name}", context)

    visit(typer.main.get_command(app), "kws", None)
    return found


if __name__ == "__main__":
    print(reference(), end="")
