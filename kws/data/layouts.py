"""Which folder is the word and which the speaker, in recordings from elsewhere.

    word/file                 Speech Commands, Teachable Machine
    word/speaker/file         one folder per person below the word
    speaker/word/file         one folder per person with the words below
    training/word.id.wav      Edge Impulse: training/ and testing/, the label in the name

Names of people and words look alike; which level holds the words is told by the keywords, or else by which names come
again and again.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kws.data.choices import Layout
from kws.words import normal

_NOISE_NAME = re.compile(r"_*(\w+[_ -])?noises?_*|_*background_*", re.IGNORECASE)
PARTS = frozenset({"train", "training", "test", "testing", "valid", "validation", "val", "dev", "eval", "split"})
_NO_PERSON = frozenset({"audio", "data", "dataset", "clips", "recordings", "samples", "sounds", "wav", "wavs", "words"})


@dataclass(frozen=True)
class Reading:
    """The layout of a collection, and on which level the words are: 1 is the folder that a file lies in."""

    layout: Layout
    level: int


@dataclass(frozen=True)
class Labels:
    """What a path says: the folder that names the word (None for none), and who speaks, if a folder says so."""

    word: str | None
    speaker: str | None


def is_noise(folder: str, keywords: Sequence[str]) -> bool:
    """Whether a folder holds noise: _background_noise_, background_noise, _problem_noise_, noise."""
    return _NOISE_NAME.fullmatch(folder.strip()) is not None and normal(folder) not in keywords


def read_layout(paths: Iterable[PurePosixPath], *, keywords: Sequence[str], wanted: Layout | None = None) -> Reading:
    """The layout of a collection of files. wanted : what a person says that it is."""
    if wanted is not None:
        return Reading(wanted, 2 if wanted is Layout.WORD_SPEAKER else 1)
    paths = list(paths)
    folders = [parts for path in paths if (parts := path.parts[:-1])
               and not any(is_noise(part, keywords) for part in parts)]
    named = [path for path in paths if is_edge_impulse(path)]
    if named and len(named) == sum(1 for path in paths if path.parts[:-1] and path.parts[-2].lower() in PARTS):
        return Reading(Layout.EDGE_IMPULSE, 1)
    known = {normal(word) for word in keywords}
    votes = Counter(len(parts) - i for parts in folders for i, part in enumerate(parts) if normal(part) in known)
    level = max(votes, key=lambda at: (votes[at], -at)) if votes else 1
    if level > 1:
        return Reading(Layout.WORD_SPEAKER, level)
    return Reading(Layout.SPEAKER_WORD if people_above(folders) else Layout.WORD, 1)


def is_edge_impulse(path: PurePosixPath) -> bool:
    """Whether a path is training/word.id.wav, or testing/…"""
    return len(path.parts) > 1 and path.parts[-2].lower() in ("training", "testing") and "." in path.stem


def people_above(folders: Sequence[Sequence[str]]) -> bool:
    """Whether the folders above the words are people: the same word lies below several of them."""
    above = defaultdict(set)
    for parts in folders:
        if len(parts) > 1 and is_person(parts[-2]):
            above[normal(parts[-1])].add(parts[-2])
    return any(len(people) > 1 for people in above.values())


def is_person(folder: str) -> bool:
    """Whether a folder's name may be a person's: not a part of a data set, nor a general word for its content."""
    return normal(folder) not in PARTS | _NO_PERSON


def labels_of(path: PurePosixPath, reading: Reading) -> Labels:
    """What the path of a file says in a collection of this layout."""
    folders = path.parts[:-1]
    if not folders:
        return Labels(None, None)
    if reading.layout is Layout.EDGE_IMPULSE and is_edge_impulse(path):
        return Labels(path.stem.partition(".")[0], None)
    level = min(reading.level, len(folders))
    word = folders[-level]
    speaker = None
    if reading.layout is Layout.WORD_SPEAKER and level > 1 and is_person(folders[-level + 1]):
        speaker = folders[-level + 1]
    elif reading.layout is Layout.SPEAKER_WORD and len(folders) > 1 and is_person(folders[-2]):
        speaker = folders[-2]
    return Labels(word, speaker)
