"""What a base is taught: words cut out of sentences and words said alone, and windows of talk and noise."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, is_audio, read_samples
from kws.bench.own_word import TRAINING, talk
from kws.data.corpus import folders, speaker_of, split_of
from kws.data.transcripts import Stretch, read_transcripts, words_of
from kws.files import write_atomic
from kws.speech.alignment import align_all

OTHER, TALK, SILENCE = "_other_", "_talk_", "_silence_"
LEAST, MOST, RARE = 20, 130, 6  # tokens of a word that is taught, at most; of one that is not
SHORTEST_S, SHORTEST_MEAN_S = 0.1, 0.14  # of a token; of a word that is taught
CLIPS = 700  # of each word of Speech Commands
WINDOWS = {"read_en": 5_000, "accented_en": 7_000, "languages": 5_000}  # of talk
NOISES = 5  # windows of each recording of noise


@dataclass(frozen=True)
class Piece:
    """A window of a recording. centre, length : samples; of a word that was cut out, length is its own, otherwise 0."""

    label: str
    path: Path
    centre: int
    length: int = 0


def pieces(data: Path, left_out: Sequence[str], times: dict[Path, list[Stretch]],
           rng: np.random.Generator) -> list[Piece]:
    """Everything that is taught. left_out : words that nothing is learnt of; times : of training_sentences"""
    return [*said_alone(data, left_out, rng), *cut_out(times, left_out, rng), *of_talk(data, left_out, rng),
            *of_noise(data, rng)]


def training_sentences(data: Path) -> list[tuple[Path, str]]:
    """The recordings of the training split that somebody wrote down."""
    paths = [path for kind, split, _, some in talk(data) if split == TRAINING and kind != "languages" for path in some]
    said = read_transcripts(data / "sentences", paths)
    return [(path, text) for path in paths if (text := said.text_of(path))]


def word_times(data: Path, cache: Path) -> dict[Path, list[Stretch]]:
    """When each word of them is said; aligned once."""
    if not cache.is_file():
        found = align_all(training_sentences(data))
        write_atomic(cache, json.dumps([[path.relative_to(data).as_posix(), one.start_s, one.end_s, one.word]
                                        for path, words in found.items() for one in words]))
    times: dict[Path, list[Stretch]] = defaultdict(list)
    for name, start_s, end_s, word in json.loads(cache.read_text()):
        times[data / name].append(Stretch(start_s, end_s, word))
    return times


def said_alone(data: Path, left_out: Sequence[str], rng: np.random.Generator) -> list[Piece]:
    """Clips of Speech Commands by speakers of the training split."""
    found = []
    for folder in folders(data / "speech_commands"):
        if folder.name.startswith("_") or folder.name in left_out:
            continue
        paths = [path for path in sorted(folder.glob("*.wav")) if split_of(speaker_of(path.stem)) == TRAINING]
        found += [Piece(folder.name, paths[i], SAMPLE_RATE_HZ // 2) for i in rng.permutation(len(paths))[:CLIPS]]
    return found


def cut_out(times: dict[Path, list[Stretch]], left_out: Sequence[str], rng: np.random.Generator) -> list[Piece]:
    """Words of sentences: those with LEAST tokens each under its own name, of the others a few as OTHER."""
    tokens: dict[str, list[tuple[Path, Stretch]]] = defaultdict(list)
    for path, words in times.items():
        for one in words:
            if one.word not in left_out:
                tokens[one.word].append((path, one))
    found = []
    for word, some in tokens.items():
        mean_s = sum(one.end_s - one.start_s for _, one in some) / len(some)
        taught = len(some) >= LEAST and mean_s > SHORTEST_MEAN_S
        for i in rng.permutation(len(some))[: MOST if taught else RARE]:
            path, one = some[i]
            if one.end_s - one.start_s >= SHORTEST_S:
                middle, length = (one.start_s + one.end_s) / 2, one.end_s - one.start_s
                found.append(Piece(word if taught else OTHER, path, round(middle * SAMPLE_RATE_HZ),
                                   round(length * SAMPLE_RATE_HZ)))
    return found


def of_talk(data: Path, left_out: Sequence[str], rng: np.random.Generator) -> list[Piece]:
    """Windows anywhere in recordings, in proportion to their length; not of those that say a word that is left out."""
    texts = dict(training_sentences(data))
    found = []
    for kind, count in WINDOWS.items():
        paths = [path for one, split, _, some in talk(data) if (one, split) == (kind, TRAINING) for path in some
                 if not set(words_of(texts.get(path, ""))) & set(left_out)]
        lengths = np.array([len(read_samples(path)) for path in paths], float)
        for i in rng.choice(len(paths), count, p=lengths / lengths.sum()):
            found.append(Piece(TALK, paths[i], int(rng.integers(int(lengths[i])))))
    return found


def of_noise(data: Path, rng: np.random.Generator) -> list[Piece]:
    """Windows of the training half of the noise."""
    return [Piece(SILENCE, path, int(rng.integers(len(read_samples(path)))))
            for path in noise_files(data) for _ in range(NOISES)]


def noise_files(data: Path) -> list[Path]:
    """Recordings of noise whose name falls into the training split."""
    return [path for path in sorted((data / "noise").rglob("*")) if is_audio(path.name)
            and split_of(path.name) == TRAINING]
