"""A corpus spoken by a synthesizer: keywords, other words and background noise out of nothing.

Each timbre of the synthesizer is a speaker (kws.speech.voices), so that the speaker split of the corpus holds: a voice
that a network was trained on is never among those that test it. Every clip depends on the seed, its word and its
number alone: more clips later leave the earlier ones as they are.
"""

import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, to_int16, write_audio
from kws.audio.word_place import loudest
from kws.data.corpus import NOISE, SPLITS, folders, speaker_of, split_of
from kws.errors import DataError
from kws.progress import progress
from kws.speech.noise import add_noise, babble, coloured, fan, hum, room
from kws.speech.texts import fillers_for, holds_keyword, sentences_for
from kws.speech.texts import near_misses as near_misses_of
from kws.speech.voices import draw_voice, import_loader, synthesize, timbres_of
from kws.words import fault, spoken

TURN = (SPLITS[0],) * 4 + (SPLITS[1],) + (SPLITS[0],) * 4 + (SPLITS[2],)  # of every ten clips: 8, 1 and 1
TAKES_PER_SEED = 10_000
NOISE_SECONDS = 60
TALK = "talk"  # the word of clips that are cut out of sentences


@dataclass(frozen=True)
class Made:
    """What synthesis has done: files written, and files that were there before."""

    written: int
    kept: int


def make_corpus(folder: Path, words: tuple[str, ...], *, keywords: tuple[str, ...], count: int, unknown: int | None,
                noise: bool | None, samples: int, seed: int, split: str | None = None,
                near_misses: int = 0) -> dict[str, Made]:
    """Words, other words and background noise for the source `folder`: what was made of each.

    unknown : clips of each of the other words; None: a tenth of `count`, at least 2, where no other words are there yet
    near_misses : clips of each word that sounds nearly like one of `words`, or is a piece of it, by voices that train:
                  in life they are too rare to choose a threshold by; and as many pieces of running speech, as clips of
                  the word TALK
    noise   : whether to make background noise; None: where there is none yet
    split   : as for make_clips
    What "is there" is looked for in all sources beside `folder`.
    """
    import_loader()
    there = {part.name for source in folders(folder.parent) for part in folders(source)}
    wanted = (*keywords, *words)
    if unknown is None:
        others = {name for name in there - set(wanted) if not name.startswith("_")}
        unknown = 0 if others else max(2, count // 10)
    if noise is None:
        noise = NOISE not in there
    result = {}
    if count:
        result[", ".join(words)] = make_clips(folder, words, count=count, samples=samples, seed=seed, split=split)
    if near_misses:
        near = tuple(dict.fromkeys(text for word in words for text in near_misses_of(word)
                                   if not holds_keyword(text, wanted)))
        result[f"{len(near)} near misses"] = make_clips(folder, near, count=near_misses, samples=samples, seed=seed,
                                                        split=SPLITS[0])
        result["running speech"] = make_clips(folder, (TALK,), count=max(len(near), 1) * near_misses, samples=samples,
                                              seed=seed, split=split, texts=sentences_for(wanted))
    if unknown:
        fillers = fillers_for(wanted)
        result[f"{len(fillers)} other words"] = make_clips(folder, fillers, count=unknown, samples=samples,
                                                              seed=seed, split=split)
    if noise:
        result["background noise"] = make_noise(folder, wanted, seed=seed)
    return result


def make_clips(folder: Path, words: tuple[str, ...], *, count: int, samples: int = SAMPLE_RATE_HZ,
               seed: int = 1, split: str | None = None, texts: tuple[str, ...] = ()) -> Made:
    """Speak `count` clips of each word into folder/<word>/<speaker>_nohash_<n>.wav.

    folder  : a source, as recordings/synth
    count   : 1..500,000 clips of each word; of every ten, eight train, one validates and one tests
    samples : length of a clip
    split   : leave out the voices of the other splits, so that all that judges a network is real
    texts   : what to say instead, one of these for each clip, of which a random stretch is kept
    Files that exist are kept. Raises DataError for words that cannot be keywords or cannot be spoken.
    """
    import_loader()
    for word in words:
        if what := fault(word):
            raise DataError(what)
    if count < 1:
        raise DataError(f"count = {count}: must be at least 1")
    jobs = {folder / word / name: (word, timbre, take)
            for word in words for take, (timbre, name) in enumerate(takes(word, count=count, seed=seed))
            if split in (None, split_of(speaker_of(name)))}

    def make(path: Path) -> np.ndarray:
        word, timbre, take = jobs[path]
        rng = np.random.default_rng([seed, zlib.crc32(word.encode()), take])
        text = str(rng.choice(texts)) if texts else spoken(word)
        return clip(text, timbre, rng, samples=samples, anywhere=bool(texts))

    return write_missing(list(jobs), make, title="speaking")


def takes(word: str, *, count: int, seed: int) -> list[tuple[str, str]]:
    """Timbre and file name of each clip of a word: all timbres of a split in turn, in an order of this word's own."""
    rng = np.random.default_rng([seed, zlib.crc32(word.encode())])
    order = {split: rng.permutation(timbres_of(split)) for split in SPLITS}
    first = int(rng.integers(len(TURN)))  # so that few clips each of many words reach every split
    used = dict.fromkeys(SPLITS, 0)
    result = []
    for i in range(count):
        split = TURN[(first + i) % len(TURN)]
        round_, turn = divmod(used[split], len(order[split]))
        used[split] += 1
        timbre = str(order[split][turn])
        result.append((timbre, f"espeak-{timbre.lower()}_nohash_{seed * TAKES_PER_SEED + round_}.wav"))
    return result


def clip(word: str, timbre: str, rng: np.random.Generator, *, samples: int, anywhere: bool = False) -> np.ndarray:
    """One recording of a word: int16 [samples].

    What is too long is cut to its loudest stretch, or to a random one (`anywhere`).

    The word stands anywhere in the clip; every other clip is in a room; soft coloured noise 15 to 45 dB below the word;
    peak at -20 to -1 dB of full scale.
    """
    spoken = synthesize(word, draw_voice(timbre, rng))
    if len(spoken) > samples:
        start = int(rng.integers(len(spoken) - samples)) if anywhere else loudest(to_int16(spoken), samples)
        spoken = spoken[start : start + samples]
    slack = samples - len(spoken)
    margin = min(SAMPLE_RATE_HZ // 10, slack // 2)  # room for the shift of training
    audio = np.zeros(samples, np.float32)
    start = int(rng.integers(margin, slack - margin + 1))
    audio[start : start + len(spoken)] = spoken
    if rng.random() < 0.5:
        audio = room(audio, rng)
    audio = add_noise(audio, coloured(samples, rng, slope=rng.uniform(0, 2)), snr_db=rng.uniform(15, 45))
    return to_int16(audio * (10 ** (rng.uniform(-20, -1) / 20) / np.abs(audio).max()))


def make_noise(folder: Path, keywords: tuple[str, ...], *, seed: int = 1) -> Made:
    """Write six kinds of noise, a minute each, into folder/_background_noise_/; the babble holds no keyword."""
    import_loader()
    samples = NOISE_SECONDS * SAMPLE_RATE_HZ
    kinds: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
        "white": lambda rng: coloured(samples, rng, slope=0),
        "pink": lambda rng: coloured(samples, rng, slope=1),
        "brown": lambda rng: coloured(samples, rng, slope=2),
        "hum": lambda rng: hum(samples, rng),
        "fan": lambda rng: fan(samples, rng),
        "babble": lambda rng: babble(samples, rng, keywords=keywords),
    }
    paths = {folder / NOISE / f"{kind}_{seed}.wav": kind for kind in kinds}

    def make(path: Path) -> np.ndarray:
        return to_int16(kinds[paths[path]](np.random.default_rng([seed, zlib.crc32(paths[path].encode())])))

    return write_missing(list(paths), make, title="noise")


def write_missing(paths: list[Path], make: Callable[[Path], np.ndarray], *, title: str) -> Made:
    """Write make(path), int16 [n], to each path that does not exist; several at a time, each whole or not at all."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        with ThreadPoolExecutor(os.cpu_count()) as pool, progress(title, total=len(missing)) as advance:
            for _ in pool.map(lambda path: write_audio(path, make(path)), missing):
                advance()
    return Made(written=len(missing), kept=len(paths) - len(missing))
