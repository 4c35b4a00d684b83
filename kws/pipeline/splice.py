"""The keywords, and what sounds like them, said with pieces of the talk of a workspace: kws.speech.splicing."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from kws.audio.files import write_audio
from kws.data.clip_table import state_key
from kws.data.corpus import NOHASH, SPLITS
from kws.data.pool import done_blocks
from kws.data.talk import Talk, find_talk, keywords_said
from kws.errors import DataError
from kws.kept_arrays import keep_arrays, kept_arrays
from kws.progress import progress
from kws.speech.pronunciations import pronounce
from kws.speech.splicing import Sounds, Splicer, find_sounds, joined
from kws.speech.synthesis import Made, all_near, check_words, clip, spoken_source, unlike
from kws.speech.texts import fillers_for

SPEAKER = "pieces"  # of every clip, since many people are heard in one; by its name it trains
COUNT, NEAR_MISSES, OTHERS = 300, 6, 2  # clips of a keyword, of each that sounds like it, and of each that does not
RECORDINGS = 6_000  # of talk, at most: five to ten hours of sentences
BLOCK = 64
VERSION = 1  # of what is stored
COLUMNS = tuple(field.name for field in fields(Sounds))


def splice(recordings: Path, folder: Path, words: Sequence[str], *, keywords: Sequence[str], samples: int, seed: int,
           cache: Path, count: int = COUNT) -> dict[str, Made]:
    """Words, what sounds like them, and other words, in folder/<word>/: what was made of each.

    recordings : the talk of its training split that has transcripts is cut up; what holds a keyword is left out
    keywords : what is never said as another word
    samples : length of a clip
    cache   : folder that keeps what was found in the talk, so that an interrupted call goes on
    Files that are there are kept. Raises DataError if there is no such talk, it lacks a sound of the words, a word
    cannot be read in English, or pocketsphinx is not installed.
    """
    check_words(words, ())
    near, others = all_near(words, keywords), unlike(fillers_for(keywords), keywords)
    groups = {", ".join(words): (words, count), f"{len(near)} near misses": (near, NEAR_MISSES),
              f"{len(others)} other words": (others, OTHERS)}
    files = {what: {text: [folder / text / f"{SPEAKER}{NOHASH}{number}.wav" for number in range(many)]
                    for text in texts} for what, (texts, many) in groups.items()}
    clips = {text: paths for of in files.values() for text, paths in of.items()}
    before = {what: there(of) for what, of in files.items()}
    if not all(path.exists() for paths in clips.values() for path in paths):
        splicer = splicer_of(material(recordings), keywords, cache)
        if not len(splicer.sounds):
            raise DataError("no talk is left to cut words out of: its transcripts are not English, do not fit the "
                            "recordings, or all hold a keyword; add other talk")
        for word in words:
            if lacking := splicer.lacks(pronounce(word)):
                raise DataError(f"{word!r}: nobody says the sound {' or '.join(lacking)} in the talk; add more of it")
        spoken_source(folder)
        write_spliced(splicer, clips, samples=samples, seed=seed)
    return {what: Made(there(of) - before[what], before[what]) for what, of in files.items()}


def there(files: Mapping[str, Sequence[Path]]) -> int:
    """How many of the files exist."""
    return sum(path.exists() for paths in files.values() for path in paths)


def material(recordings: Path) -> list[tuple[Path, str]]:
    """Talk that trains, with its texts: RECORDINGS at most, of every speaker as many as of the others.

    Raises DataError if there are none.
    """
    of: dict[tuple[str, str], list[Talk]] = {}
    for one in find_talk(recordings):
        if one.text and one.split == SPLITS[0]:
            of.setdefault((one.source, one.speaker), []).append(one)
    if not of:
        raise DataError("no talk with transcripts in the training split, in recordings/*/_talk_/, to cut words out of; "
                        "docs/training.md says what transcripts look like")
    turns = sorted((number, one) for talks in of.values() for number, one in enumerate(talks))
    return [(one.path, one.text or "") for _, one in turns[:RECORDINGS]]


def splicer_of(talk: Sequence[tuple[Path, str]], keywords: Sequence[str], cache: Path) -> Splicer:
    """The sounds of the talk that holds no keyword.

    They are found in all of it, on all cores, so that the cache serves every keyword: what it has is taken from there.
    """
    blocks = [talk[at : at + BLOCK] for at in range(0, len(talk), BLOCK)]
    stores = [store_of(block, cache) for block in blocks]
    found = {place: sounds for place, store in enumerate(stores) if (sounds := stored(store)) is not None}
    left = [place for place in range(len(blocks)) if place not in found]
    for number, sounds in done_blocks(find_sounds, [blocks[place] for place in left], scheduler=None,
                                      title="finding sounds in the talk", sizes=[len(blocks[place]) for place in left]):
        found[left[number]] = sounds
        keep_arrays(stores[left[number]], **{name: getattr(sounds, name) for name in COLUMNS})
    sounds = joined([found[place] for place in range(len(blocks))], [len(block) for block in blocks])
    without = np.array([not keywords_said(text, keywords) for _, text in talk], bool)
    return Splicer([path for path, _ in talk], sounds.of(without))


def store_of(block: Sequence[tuple[Path, str]], cache: Path) -> Path:
    """Where the sounds of a block are kept: another file for other recordings or texts."""
    key = hashlib.blake2b(digest_size=16)
    for path, text in block:
        key.update(state_key(path.resolve()) + text.encode() + b"\0")
    return cache / "sounds" / f"{VERSION}-{key.hexdigest()}.npz"


def stored(path: Path) -> Sounds | None:
    """What was found before; None if there is nothing, or nothing whole."""
    columns = kept_arrays(path, *COLUMNS)
    return None if columns is None else Sounds(*columns)


def write_spliced(splicer: Splicer, files: Mapping[str, Sequence[Path]], *, samples: int, seed: int) -> None:
    """Every clip that is missing; the others are chosen again, as what was used before decides what comes next."""
    with progress("splicing words", total=sum(map(len, files.values()))) as advance:
        for text, paths in files.items():
            wanted = pronounce(text)
            splicer.begin()
            for number, path in enumerate(paths if len(wanted) and not splicer.lacks(wanted) else ()):
                rng = np.random.default_rng([seed, zlib.crc32(text.encode()), number])
                chosen = splicer.choose(wanted, rng)
                if not path.exists():
                    write_audio(path, clip(splicer.say(wanted, chosen, rng), rng, samples=samples))
                advance()
