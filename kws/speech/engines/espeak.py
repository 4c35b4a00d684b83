"""espeak-ng: 73 timbres out of one formant synthesizer, from the package espeakng-loader."""

import numpy as np

from kws.errors import DataError
from kws.speech.engines.interface import Engine
from kws.speech.voices import TIMBRES, draw_voice, import_loader, synthesize


class Espeak(Engine):
    """Its voices are timbres; accent, pitch and rate are drawn for each utterance."""

    name = "espeak"
    licence = "GPL-3.0 (the engine; its speech is free)"
    install = "pip install 'kws[train]'"

    def voices(self) -> tuple[str, ...]:
        try:
            import_loader()
        except DataError:
            return ()
        return TIMBRES

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        self.require(voice)
        return synthesize(text, draw_voice(voice, rng))
