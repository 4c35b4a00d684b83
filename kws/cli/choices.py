"""What commands let choose out of a registry: each an enum of the one list that holds the names.

What is not in a registry has its enum beside the code that tells the cases apart, in the choices.py of its room.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import typer

from kws.export.targets import TARGETS
from kws.processors import CPUS
from kws.spec import NETWORKS
from kws.speech.engines.registry import ENGINES


def enum_of(name: str, values: Iterable[str]) -> type[StrEnum]:
    """An enum with a member for each value."""
    return StrEnum(name, [(value, value) for value in values])  # type: ignore[return-value]  # not literals


if TYPE_CHECKING:
    Network: TypeAlias = str
    Target: TypeAlias = str
    Cpu: TypeAlias = str
    EngineName: TypeAlias = str
else:
    Network = enum_of("Network", NETWORKS)
    Target = enum_of("Target", TARGETS)
    Cpu = enum_of("Cpu", CPUS)
    EngineName = enum_of("EngineName", ENGINES)


class EngineNames(tuple[str, ...]):
    """Several speech engines in one option, with commas between them."""


def engine_names(given: str) -> EngineNames:
    """The engines of pico,flite. Raises BadParameter for a name that is unknown."""
    names = EngineNames(name.strip() for name in given.split(","))
    for name in names:
        if name not in ENGINES:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, ENGINES))}; any other program: "
                                     "--engine-command", param_hint="--engine")
    return names
