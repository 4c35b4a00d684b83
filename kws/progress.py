"""Progress on stderr, for work that takes long."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from kws.files import printable


class Advance(Protocol):
    """Moves a bar by n steps; or sets its end, `total`, and its place, `completed`."""

    def __call__(self, n: float = 1, *, total: float | None = None, completed: float | None = None) -> None: ...


@contextmanager
def progress(title: str, *, total: float | None, in_bytes: bool = False) -> Iterator[Advance]:
    """A bar on stderr: yields advance(n=1), which moves it by n of `total` steps (or bytes).

    advance(total=..., completed=...) sets the end and the place instead. In a pipe one line appears, at the end.
    Nothing is shown if there is nothing to do.
    """
    if total == 0:
        yield lambda n=1, *, total=None, completed=None: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amount = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *amount, TimeRemainingColumn())
    # On a terminal, results printed meanwhile go above the bar; in a pipe they must stay on stdout.
    with Progress(*columns, console=Console(file=sys.stderr), redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(escape(printable(title)), total=total)

        def advance(n: float = 1, *, total: float | None = None, completed: float | None = None) -> None:
            if total is not None or completed is not None:
                bar.update(task, total=total, completed=completed)
            else:
                bar.advance(task, n)

        yield advance
        if (end := bar.tasks[0].total) is not None:
            bar.update(task, completed=end)  # a last part of a second, of a batch: what is done is done
