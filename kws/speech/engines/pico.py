"""SVOX Pico: small unit-selection voices, from the package py-nanotts.

The library crashes now and then when one process speaks many texts, so each text gets a process of its own: 40 ms.
"""

import subprocess
import sys

import numpy as np

from kws.errors import DataError
from kws.speech.accents import DIFFERENT, are_known, with_accent
from kws.speech.engines.interface import Engine, trimmed
from kws.speech.voices import nothing_to_say, words_of

ENGLISH = ("en-US", "en-GB")
SPEEDS, PITCHES = (0.8, 1.3), (0.8, 1.25)  # of the voice's own, all well understood
TRIES = 3
PROGRAM = """import sys
from py_nanotts import NanoTTS
text, voice, speed, pitch = sys.argv[1:]
sys.stdout.buffer.write(NanoTTS().speak(text, voice=voice, speed=float(speed), pitch=float(pitch)))
"""


class Pico(Engine):
    """Two English voices, and four of other languages that speak English with an accent where espeak-ng is installed.

    Rate and pitch are drawn.
    """

    name = "pico"
    licence = "Apache-2.0 (SVOX Pico)"
    install = "pip install py-nanotts"

    def voices(self) -> tuple[str, ...]:
        try:
            import py_nanotts  # noqa: F401
        except ImportError:
            return ()
        return (*ENGLISH, *(DIFFERENT if are_known() else ()))

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        self.require(voice)
        if not any(map(str.isalnum, text)):
            raise nothing_to_say(text)  # Pico would click
        speed, pitch = float(rng.uniform(*SPEEDS)), float(np.exp(rng.uniform(*np.log(PITCHES))))
        told = with_accent(words_of(text), voice, rng) if voice in DIFFERENT else words_of(text)
        data = said(told, voice, repr(speed), repr(pitch))
        return trimmed(np.frombuffer(data, np.int16) / np.float32(32768), text)


def said(*arguments: str) -> bytes:
    """int16 at 16 kHz of a text, a voice, a speed and a pitch. Raises DataError if the library cannot say it."""
    for _ in range(TRIES):
        done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return done.stdout
        if done.returncode > 0:  # it says why; below 0 it crashed
            break
    reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["it crashed"])[-1]
    raise DataError(f"pico cannot say {arguments[0]!r} ({reason}); leave it out with --engine espeak")
