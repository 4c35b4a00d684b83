"""Talk by synthesizers, for whoever has none by people: sentences, and words of a dictionary in random order.

Few voices in a clean room are not people: docs/own-word.md says what that costs.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, to_int16
from kws.data.corpus import SPLITS
from kws.errors import DataError
from kws.speech.engines.interface import Engine, mixed
from kws.speech.noise import add_noise, coloured, room
from kws.speech.pronunciations import dictionary
from kws.speech.synthesis import Made, preferred, write_missing
from kws.speech.texts import holds_keyword, sentences_for

UTTERANCE_S = 4.0  # about
WORDS = 9  # in a random row
SHARES = {"training": 0.7, "validation": 0.2, "testing": 0.1}
PAUSE_S = 0.3


def speak_talk(folder: Path, keywords: Sequence[str], *, minutes: float, engines: Sequence[Engine],
               seed: int = 1) -> Made:
    """Speak about so many minutes without the keywords into folder/<split>/<speaker>/<n>.wav.

    Files that exist are kept.
    """
    jobs: dict[Path, tuple[Engine, str, int]] = {}
    for split in SPLITS:
        cast = [(engine, voice) for engine, voices in preferred(mixed(engines, split)) for voice in voices]
        for number in range(round(minutes * 60 / UTTERANCE_S * SHARES[split]) if cast else 0):
            engine, voice = cast[number % len(cast)]
            jobs[folder / split / engine.speaker(voice) / f"{number}.wav"] = engine, voice, number

    def make(path: Path) -> np.ndarray:
        engine, voice, number = jobs[path]
        rng = np.random.default_rng([seed, zlib.crc32(path.parts[-3].encode()), number])
        said = engine.speak(text_of(rng, keywords), voice, rng=rng)
        audio = np.pad(said, round(PAUSE_S * SAMPLE_RATE_HZ))
        if rng.random() < 0.5:
            audio = room(audio, rng)
        audio = add_noise(audio, coloured(len(audio), rng, slope=rng.uniform(0, 2)), snr_db=rng.uniform(15, 45))
        return to_int16(audio * (10 ** (rng.uniform(-20, -1) / 20) / np.abs(audio).max()))

    return write_missing(list(jobs), make, title="speaking")


def text_of(rng: np.random.Generator, keywords: Sequence[str]) -> str:
    """A sentence, or three times in four a row of dictionary words if there is a dictionary; no keyword in it."""
    try:
        words = dictionary()[0] if rng.random() < 0.75 else []
    except DataError:
        words = []
    if not words:
        return str(rng.choice(sentences_for(keywords)))
    row = [words[i] for i in rng.integers(len(words), size=WORDS)]
    return " ".join(word for word in row if not holds_keyword(word, keywords)) or words[0]
