"""The name of a run that is being made: held from the start, so that two trainings never end in one folder."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kws.errors import KwsError, ModelError
from kws.files import reserved
from kws.workspace import Workspace


@contextmanager
def new_run(workspace: Workspace, name: str | None, *, shared: bool = False) -> Iterator[Path]:
    """The folder of a run that is to be made; nobody else takes its name until the block ends or this process does.

    shared : several processes make the run together
    Raises KwsError if the name is taken.
    """
    folder = workspace.models / (name or free_name(workspace))
    if folder.exists():
        raise ModelError(f"{folder} already exists; choose another name with --run, or remove it first")
    with ExitStack() as stack:
        while not shared:
            try:
                stack.enter_context(reserved(folder))
                break
            except KwsError:
                if name is not None:
                    raise
                folder = workspace.models / free_name(workspace, after=folder.name)
        yield folder


def free_name(workspace: Workspace, after: str | None = None) -> str:
    """<network>-<n> with the first n that no run has; the first one beyond the name `after`, if that is given."""
    number = int(after.rpartition("-")[2]) + 1 if after else 1
    while (workspace.models / f"{workspace.spec.model.name}-{number}").exists():
        number += 1
    return f"{workspace.spec.model.name}-{number}"
