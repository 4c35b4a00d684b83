"""Registries: names that a person types, each with what it stands for as module:object.

A registry is a plain dict, so that a program of one's own adds to it before it starts the command line:

    from kws.export.targets import TARGETS
    TARGETS["my-board"] = "my_package.board:my_board_package"
    from kws.cli import app
    app()

Nothing is imported before it is used: help stays quick, and a room names what stands below it without importing it.
"""

from importlib import import_module
from typing import Any


def load(reference: str) -> Any:  # each registry says of what kind its objects are
    """What module:object names."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
