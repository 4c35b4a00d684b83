"""Progress on stderr, for work that takes long."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress(title: str, *, total: float | None, in_bytes: bool = False) -> Iterator[Any]:
    """A bar on stderr: yields advance(n=1), which moves it by n of `total` steps (or bytes).

    In a pipe only one line with the finished count appears.
    """
    from rich.console import Console
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
        task = bar.add_task(title, total=total)
        yield lambda n=1: bar.advance(task, n)
