"""What a speech synthesizer must do to be one of ours: name its voices, and speak a text in one of them.

A new engine touches four places: a file here, a line in kws.speech.engines.registry, its package in pyproject.toml,
and its row in docs/data.md.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, to_int16
from kws.data.corpus import NOHASH, split_of
from kws.errors import DataError
from kws.speech.voices import nothing_to_say, trim


class Engine(ABC):
    """A synthesizer.

    name    : what `kws data synth --engine` calls it
    licence : of the engine and its voices, for whoever passes the speech on
    install : the command that installs it
    any_script : whether it says words that are not in Latin letters; an English voice would click or spell them
    by_default : whether it speaks without being asked for by name; False for what takes seconds for a word
    """

    name: str
    licence: str
    install: str
    any_script: bool = False
    by_default: bool = True

    @abstractmethod
    def voices(self) -> tuple[str, ...]:
        """The names of its voices, always in the same order; empty if the engine is not installed."""

    @abstractmethod
    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        """Say `text`: float32 [n] at 16 kHz, |x| <= 1, without silence before and after.

        Rate and pitch are drawn by `rng`: the same text, voice and generator give the same samples.
        Raises DataError if the engine is missing, fails, or has nothing to say.
        """

    def speaker(self, voice: str) -> str:
        """Who is heard, for file names and the speaker split: two engines may have voices of the same person."""
        return f"{self.name}-{voice.lower()}"

    def file_name(self, voice: str, number: int) -> str:
        """The name of a clip. number : counts the clips of a word by this voice."""
        return f"{self.speaker(voice)}{NOHASH}{number}.wav"

    def voices_of(self, split: str) -> tuple[str, ...]:
        """The voices whose speakers belong to a split: "training", "validation" or "testing"."""
        return tuple(voice for voice in self.voices() if split_of(self.speaker(voice)) == split)

    def require(self, voice: str) -> None:
        """Raises DataError unless the engine is installed and has this voice."""
        known = self.voices()
        if not known:
            raise DataError(f"the speech engine {self.name} is not installed; install it with: {self.install}")
        if voice not in known:
            raise DataError(f"voice = {voice!r}: must be one of {', '.join(known)} for the speech engine {self.name}")


def mixed(engines: Sequence[Engine], split: str) -> list[tuple[Engine, list[str]]]:
    """The engines that have voices in a split, with those voices."""
    found = [(engine, list(engine.voices_of(split))) for engine in engines]
    return [(engine, voices) for engine, voices in found if voices]


def trimmed(audio: np.ndarray, text: str) -> np.ndarray:
    """float [n] at 16 kHz -> float32 [m], |x| <= 1, without silence at both ends.

    Raises DataError if nothing is left of it.
    """
    whole = trim(to_int16(audio))
    if len(whole) < SAMPLE_RATE_HZ // 100:
        raise nothing_to_say(text)
    return whole.astype(np.float32) / np.float32(32768)
