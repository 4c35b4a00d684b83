"""A corpus spoken by synthesizers: keywords, other words and background noise out of nothing.

Each voice is a speaker, so that the speaker split of the corpus holds: a voice that a network was trained on is never
among those that test it. The engines take turns, and in each engine its voices. Every clip depends on the seed, the
engines, its word and its number alone: more clips later leave the earlier ones as they are.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, to_int16, write_audio
from kws.audio.word_place import loudest
from kws.data.corpus import NOISE, SPLITS, SYNTHESIZED, folders, speaker_of, split_of
from kws.data.pool import map_blocks
from kws.errors import DataError
from kws.progress import progress
from kws.speech.accents import same_with_an_accent
from kws.speech.conversion import vocal_tract
from kws.speech.engines.espeak import Espeak
from kws.speech.engines.interface import Engine, mixed
from kws.speech.noise import add_noise, babble, coloured, fan, hum, room
from kws.speech.pronunciations import sound_alikes
from kws.speech.texts import fillers_for, holds_keyword, sentences_for
from kws.speech.texts import near_misses as near_misses_of
from kws.speech.voices import import_loader
from kws.words import fault, is_latin
from kws.words import spoken as as_said

TURN = (SPLITS[0],) * 4 + (SPLITS[1],) + (SPLITS[0],) * 4 + (SPLITS[2],)  # of every ten clips: 8, 1 and 1
TAKES_PER_SEED = 10_000
NOISE_SECONDS = 60
TALK = "talk"  # the word of clips that are cut out of sentences
TRACTS = (0.87, 1.15)  # range of the vocal tracts that a voice is given; espeak has timbres instead
ALIKE = 30
ORDERS_PER_BLOCK = 32  # clips that a worker of a cluster makes at once
VARIED = 0.6  # share of the clips that are given one


@dataclass(frozen=True)
class Made:
    """What synthesis has done: files written, and files that were there before."""

    written: int
    kept: int


def make_corpus(folder: Path, words: tuple[str, ...], *, keywords: tuple[str, ...], count: int, unknown: int | None,
                noise: bool | None, samples: int, seed: int, split: str | None = None,
                near_misses: int = 0, engines: Sequence[Engine] = (),
                scheduler: str | None = None) -> dict[str, Made]:
    """Words, other words and background noise for the source `folder`: what was made of each.

    unknown : clips of each of the other words; None: a tenth of `count`, at least 2, if there are no other words yet
    near_misses : clips of each word that sounds nearly like one of `words` (made up, and out of the dictionary if that
                  is installed), or is a piece of it, by voices that train: in life they are too rare to choose a
                  threshold by; and as many pieces of running speech, as clips of the word TALK
    noise   : whether to make background noise; None: if there is none yet
    split, engines, scheduler : as for make_clips
    What "is there" is looked for in all sources beside `folder`.
    """
    there = {part.name for source in folders(folder.parent) for part in folders(source)}
    wanted = (*keywords, *words)
    if unknown is None:
        others = {name for name in there - set(wanted) if not name.startswith("_")}
        unknown = 0 if others else max(2, count // 10)
    if noise is None:
        noise = NOISE not in there
    if count:
        check_words(words, engines)
    spoken_source(folder)
    result: dict[str, Made] = {}
    speak = partial(make_clips, folder, samples=samples, seed=seed, engines=engines, scheduler=scheduler)
    if count:
        result[", ".join(words)] = speak(words, count=count, split=split)
    if near_misses:
        near = all_near(words, wanted)
        result[f"{len(near)} near misses"] = speak(near, count=near_misses, split=SPLITS[0])
        result["running speech"] = speak((TALK,), count=max(len(near), 1) * near_misses, split=split,
                                         texts=sentences_for(wanted))
    if unknown:
        fillers = unlike(fillers_for(wanted), wanted)
        result[f"{len(fillers)} other words"] = speak(fillers, count=unknown, split=split)
    if noise:
        result["background noise"] = make_noise(folder, wanted, seed=seed)
    return result


def spoken_source(folder: Path) -> Path:
    """The folder of a source, made if it is not there; marked as synthesized where nobody's recordings are in it."""
    if not any(folders(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SYNTHESIZED).touch()
    return folder


def all_near(words: Sequence[str], keywords: Sequence[str]) -> tuple[str, ...]:
    """What sounds nearly like one of `words` and like no keyword: made-up words, pieces, and ALIKE dictionary words."""
    found = [text for word in words for text in (*near_misses_of(word), *alike(word))]
    return unlike(dict.fromkeys(found), keywords)


def unlike(texts: Iterable[str], keywords: Sequence[str]) -> tuple[str, ...]:
    """Those that hold no keyword and sound like none, in English or with an accent."""
    return tuple(text for text in texts if not holds_keyword(text, keywords)
                 and not any(same_with_an_accent(text, keyword) for keyword in keywords))


def alike(word: str) -> tuple[str, ...]:
    """Dictionary words that sound like a keyword; none without a dictionary or for several words."""
    if not word.isalpha():
        return ()
    try:
        return sound_alikes(word, count=ALIKE)
    except DataError:
        return ()


def make_clips(folder: Path, words: tuple[str, ...], *, count: int, samples: int = SAMPLE_RATE_HZ,
               seed: int = 1, split: str | None = None, texts: tuple[str, ...] = (),
               engines: Sequence[Engine] = (), scheduler: str | None = None) -> Made:
    """Speak `count` clips of each word into folder/<word>/<speaker>_nohash_<n>.wav.

    folder  : a source, as recordings/synth
    count   : 1..500,000 clips of each word; of every ten, eight train, one validates and one tests
    samples : length of a clip
    split   : leave out the voices of the other splits, so that all that judges a network is real
    texts   : what to say instead, one of these for each clip, of which a random stretch is kept
    engines : who speaks, in turns; none: espeak-ng
    scheduler : address of a Dask scheduler whose workers speak; the folder must lie at the same path for them
    Files that exist are kept. Raises DataError for words that cannot be keywords or cannot be spoken.
    """
    speakers = tuple(engines) or (Espeak(),)
    for engine in speakers:
        engine.require((engine.voices() or ("",))[0])
    check_words(words, speakers)
    if count < 1:
        raise DataError(f"count = {count}: must be at least 1")
    jobs = {folder / word / one.file_name: Order(word, one, number, seed=seed, samples=samples, texts=texts)
            for word in words for number, one in enumerate(takes(word, count=count, seed=seed, engines=speakers))
            if split in (None, split_of(speaker_of(one.file_name)))}
    if scheduler is None:
        return write_missing(list(jobs), lambda path: said(jobs[path]), title="speaking")
    missing = [(path, order) for path, order in jobs.items() if not path.exists()]
    blocks = [missing[at : at + ORDERS_PER_BLOCK] for at in range(0, len(missing), ORDERS_PER_BLOCK)]
    map_blocks(write_orders, blocks, scheduler=scheduler, title="speaking", sizes=[len(block) for block in blocks])
    return Made(written=len(missing), kept=len(jobs) - len(missing))


def check_words(words: Sequence[str], engines: Sequence[Engine]) -> None:
    """Raises DataError for a word that cannot be a keyword, or that not all of the engines can say."""
    for word in words:
        if what := fault(word) or unspoken(word, engines or (Espeak(),)):
            raise DataError(what)


def unspoken(word: str, engines: Sequence[Engine]) -> str | None:
    """Why not all of the engines can say a word, in words; None if they can."""
    if is_latin(word) or all(engine.any_script for engine in engines):
        return None
    return (f"{word!r}: the synthesizers speak English, and cannot read its letters; record it (kws record {word}), or "
            "name a program that can say it with kws data synth --engine-command")


@dataclass(frozen=True)
class Take:
    """Who says a clip, and the name of its file."""

    engine: Engine
    voice: str
    file_name: str


@dataclass(frozen=True)
class Order:
    """One clip to be made. number : of the word's takes; texts : as for make_clips."""

    word: str
    take: Take
    number: int
    seed: int
    samples: int
    texts: tuple[str, ...]


def said(order: Order) -> np.ndarray:
    """The clip that was ordered: int16 [samples], the same wherever and whenever it is made."""
    rng = np.random.default_rng([order.seed, zlib.crc32(order.word.encode()), order.number])
    text = str(rng.choice(order.texts)) if order.texts else as_said(order.word)
    return clip(spoken(text, order.take, rng), rng, samples=order.samples, anywhere=bool(order.texts))


def write_orders(block: Sequence[tuple[Path, Order]]) -> int:
    """What a worker of a cluster does with a block: every file of it is written. Returns how many."""
    orders = dict(block)
    return write_missing(list(orders), lambda path: said(orders[path]), title="speaking").written


def takes(word: str, *, count: int, seed: int, engines: Sequence[Engine]) -> list[Take]:
    """Who says each clip of a word: engines in turn, and all voices that each has in a split, in the word's own order.

    espeak-ng, which people understand worst, is left out of a split in which another engine has a voice, unless it was
    asked for alone. A split in which nobody has a voice gets no clips.
    """
    rng = np.random.default_rng([seed, zlib.crc32(word.encode())])
    cast = {split: [(engine, rng.permutation(voices)) for engine, voices in preferred(mixed(engines, split))]
            for split in SPLITS}
    turn = [split for split in TURN if cast[split]]
    first = int(rng.integers(len(turn)))  # so that few clips each of many words reach every split
    used = dict.fromkeys(SPLITS, 0)
    result = []
    for i in range(count):
        split = turn[(first + i) % len(turn)]
        round_, place = divmod(used[split], len(cast[split]))
        used[split] += 1
        engine, voices = cast[split][place]
        again, which = divmod(round_, len(voices))
        voice = str(voices[which])
        result.append(Take(engine, voice, engine.file_name(voice, seed * TAKES_PER_SEED + again)))
    return result


def preferred(cast: list[tuple[Engine, list[str]]]) -> list[tuple[Engine, list[str]]]:
    """Without espeak-ng, if there is anybody else."""
    return [(engine, voices) for engine, voices in cast if not isinstance(engine, Espeak)] or cast


def spoken(text: str, take: Take, rng: np.random.Generator) -> np.ndarray:
    """The text by the take's voice, often with another vocal tract: float32 [n], |x| <= 1."""
    audio = take.engine.speak(text, take.voice, rng=rng)
    if isinstance(take.engine, Espeak) or rng.random() > VARIED:
        return audio
    audio = vocal_tract(audio, float(np.exp(rng.uniform(*np.log(TRACTS)))))
    return audio / max(1.0, float(np.abs(audio).max()))


def clip(spoken: np.ndarray, rng: np.random.Generator, *, samples: int, anywhere: bool = False) -> np.ndarray:
    """One recording of what was said: float32 [n] -> int16 [samples].

    What is too long is cut to its loudest stretch, or to a random one (`anywhere`).

    The word stands anywhere in the clip; every other clip is in a room; soft coloured noise 15 to 45 dB below the word;
    peak at -20 to -1 dB of full scale.
    """
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
