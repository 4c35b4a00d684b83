"""Which speech engines there are, and which of them speak."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from kws.errors import DataError
from kws.registry import load

if TYPE_CHECKING:
    from kws.speech.engines.interface import Engine

# Name on the command line -> the class of the engine, as module:class. The ones that people understand best stand
# first; docs/own-word.md has the figures.
ENGINES = {
    "pico": "kws.speech.engines.pico:Pico",
    "flite": "kws.speech.engines.programs:Flite",
    "festival": "kws.speech.engines.programs:Festival",
    "espeak": "kws.speech.engines.espeak:Espeak",
    "kokoro": "kws.speech.engines.kokoro:Kokoro",
}


def make_engine(name: str) -> "Engine":
    """The engine of a name, one of ENGINES."""
    return cast("Engine", load(ENGINES[name])())


def choose_engines(names: Sequence[str], command: str | None = None) -> "tuple[Engine, ...]":
    """The engines that are asked for by name, and the user's command; if nothing is asked for, `installed`.

    Raises DataError for an engine that is not installed, with what installs it.
    """
    from kws.speech.engines.programs import Command

    asked = [make_engine(name) for name in dict.fromkeys(names)]
    for engine in asked:
        engine.require((engine.voices() or ("",))[0])
    own = [Command(command)] if command else []
    for engine in own:
        engine.voices()
    return (*asked, *own) or installed()


def installed() -> "tuple[Engine, ...]":
    """Every engine that speaks by default and has a voice here. Raises DataError if there is none."""
    found = tuple(engine for engine in defaults() if engine.voices())
    if not found:
        raise DataError("speech synthesis needs an engine, and none is installed; install one with: "
                        "pip install 'kws[train]'")
    return found


def missing() -> "tuple[Engine, ...]":
    """The engines that would speak by default and are not installed, to say how they would be."""
    return tuple(engine for engine in defaults() if not engine.voices())


def defaults() -> "tuple[Engine, ...]":
    """The engines that speak without being asked for by name, if they are installed."""
    return tuple(engine for engine in map(make_engine, ENGINES) if engine.by_default)
