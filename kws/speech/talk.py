"""Talk by synthesizers: English sentences and dictionary words for whoever has no talk by people, and, beside people's,
common words of sixty other languages.

Few voices in a clean room are not people: docs/own-word.md says what that costs.
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, to_int16
from kws.data.corpus import SPLITS
from kws.errors import DataError
from kws.speech.engines.interface import Engine, mixed
from kws.speech.languages import LANGUAGES, common_row
from kws.speech.noise import add_noise, coloured, room
from kws.speech.pronunciations import dictionary
from kws.speech.synthesis import Made, preferred, write_missing
from kws.speech.texts import holds_keyword, sentences_for
from kws.speech.voices import TIMBRES, draw_voice, synthesize

UTTERANCE_S = 4.0  # about
WORDS = 9  # in a random row
SHARES = {"training": 0.7, "validation": 0.2, "testing": 0.1}
PAUSE_S = 0.3


def speak_talk(folder: Path, keywords: Sequence[str], *, minutes: float, engines: Sequence[Engine],
               seed: int = 1, shares: Mapping[str, float] = SHARES) -> Made:
    """Speak about so many minutes of English without the keywords into folder/<split>/<speaker>/<n>.wav.

    shares : of each split; the voices of a split speak it
    Files that exist are kept.
    """
    jobs: dict[Path, tuple[Engine, str, int]] = {}
    for split in shares:
        cast = [(engine, voice) for engine, voices in preferred(mixed(engines, split)) for voice in voices]
        for number in range(round(minutes * 60 / UTTERANCE_S * shares[split]) if cast else 0):
            engine, voice = cast[number % len(cast)]
            jobs[folder / split / engine.speaker(voice) / f"{number}.wav"] = engine, voice, number

    def make(path: Path) -> np.ndarray:
        engine, voice, number = jobs[path]
        rng = np.random.default_rng([seed, zlib.crc32(path.parts[-3].encode()), number])
        return in_place(engine.speak(text_of(rng, keywords), voice, rng=rng), rng)

    return write_missing(list(jobs), make, title="speaking")


def speak_to_train(folder: Path, keywords: Sequence[str], *, minutes: float, engines: Sequence[Engine],
                   seed: int = 1) -> dict[str, Made]:
    """Talk that only trains: half of it English by all engines, half other languages. What was made of each."""
    return {"English": speak_talk(folder, keywords, minutes=minutes / 2, engines=engines, seed=seed,
                                  shares={SPLITS[0]: 1.0}),
            f"{len(LANGUAGES)} other languages": speak_languages(folder, keywords, minutes=minutes / 2, seed=seed)}


def speak_languages(folder: Path, keywords: Sequence[str], *, minutes: float, seed: int = 1) -> Made:
    """Speak about so many minutes of words in other languages into folder/training/<language>/<n>.wav, by espeak-ng.

    It is all for training: a threshold that is chosen on a synthesizer's talk is too low for people's. Files that exist
    are kept. Raises DataError if espeak-ng or wordfreq is not installed.
    """
    languages = tuple(LANGUAGES)
    jobs = {folder / SPLITS[0] / language / f"{number}.wav": (language, number)
            for number in range(round(minutes * 60 / UTTERANCE_S)) for language in [languages[number % len(languages)]]}

    def make(path: Path) -> np.ndarray:
        language, number = jobs[path]
        rng = np.random.default_rng([seed, number])
        timbre = TIMBRES[rng.integers(len(TIMBRES))]
        row = common_row(language, rng, without=tuple(keywords))
        return in_place(synthesize(row, draw_voice(timbre, rng, accents=[language])), rng)

    return write_missing(list(jobs), make, title=f"speaking {len(languages)} languages")


def in_place(said: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32 [n], |x| <= 1 -> int16 [m]: with pauses around it, in a room or not, in soft noise, at some level."""
    audio = np.pad(said, round(PAUSE_S * SAMPLE_RATE_HZ))
    if rng.random() < 0.5:
        audio = room(audio, rng)
    audio = add_noise(audio, coloured(len(audio), rng, slope=rng.uniform(0, 2)), snr_db=rng.uniform(15, 45))
    return to_int16(audio * (10 ** (rng.uniform(-20, -1) / 20) / np.abs(audio).max()))


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
