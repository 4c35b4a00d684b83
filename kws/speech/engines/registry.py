"""Which speech engines there are, and which of them speak."""

from collections.abc import Sequence

from kws.errors import DataError
from kws.speech.engines.espeak import Espeak
from kws.speech.engines.interface import Engine
from kws.speech.engines.pico import Pico
from kws.speech.engines.programs import Command, Festival, Flite

# The ones that people understand best stand first; docs/own-word.md has the figures.
ENGINES: tuple[type[Engine], ...] = (Pico, Flite, Festival, Espeak)
NAMES = tuple(engine.name for engine in ENGINES)


def choose_engines(names: Sequence[str], command: str | None = None) -> tuple[Engine, ...]:
    """The engines that are asked for by name, and the user's command; all that are installed if nothing is asked for.

    Raises DataError for a name that is unknown, and for an engine that is not installed, with what installs it.
    """
    by_name = {engine.name: engine for engine in ENGINES}
    if unknown := [name for name in names if name not in by_name]:
        raise DataError(f"--engine = {unknown[0]}: must be one of {', '.join(by_name)}; any other program: "
                        "--engine-command")
    asked = [by_name[name]() for name in dict.fromkeys(names)]
    for engine in asked:
        engine.require((engine.voices() or ("",))[0])
    own = [Command(command)] if command else []
    for engine in own:
        engine.voices()
    return (*asked, *own) or installed()


def installed() -> tuple[Engine, ...]:
    """Every engine that has a voice here. Raises DataError if there is none."""
    found = tuple(engine for engine in (make() for make in ENGINES) if engine.voices())
    if not found:
        raise DataError("speech synthesis needs an engine, and none is installed; install one with: "
                        "pip install 'kws[train]'")
    return found


def missing() -> tuple[Engine, ...]:
    """The engines that are not installed, to say how they would be."""
    return tuple(engine for engine in (make() for make in ENGINES) if not engine.voices())
