"""SVOX Pico: small unit-selection voices, fast, from the package py-nanotts."""

import threading

import numpy as np

from kws.speech.engines.interface import Engine, trimmed
from kws.speech.voices import words_of

VOICES = ("en-US", "en-GB")
SPEEDS, PITCHES = (0.8, 1.3), (0.8, 1.25)  # of the voice's own, all well understood
LOCK = threading.Lock()  # the library speaks one text at a time


class Pico(Engine):
    """Two English voices; rate and pitch are drawn for each utterance."""

    name = "pico"
    licence = "Apache-2.0 (SVOX Pico)"
    install = "pip install py-nanotts"

    def voices(self) -> tuple[str, ...]:
        try:
            import py_nanotts  # noqa: F401
        except ImportError:
            return ()
        return VOICES

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        self.require(voice)
        from py_nanotts import NanoTTS

        speed, pitch = float(rng.uniform(*SPEEDS)), float(np.exp(rng.uniform(*np.log(PITCHES))))
        with LOCK:
            data = NanoTTS().speak(words_of(text), voice=voice, speed=speed, pitch=pitch)
        return trimmed(np.frombuffer(data, np.int16) / np.float32(32768), text)
