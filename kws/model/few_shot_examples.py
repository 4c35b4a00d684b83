"""Examples for a new keyword of which there are few recordings: how they are sorted, and what is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.data.corpus import SPLITS, Clip, Corpus
from kws.model.augment import augment, db_to_ratio, silence
from kws.model.dataset import Material
from kws.model.examples import (
    FIRST_KEYWORD,
    SILENCE_LABEL,
    UNKNOWN_LABEL,
    Examples,
    Part,
    find_faults,
    in_turns,
    label_of,
    refuse_missing,
)
from kws.model.variants import another_voice, half_said, run_together
from kws.spec import Spec
from kws.speech.noise import response

SYNTHESIZED = "synth"  # source of kws data synth
SOFTEST_DB = -60.0  # of the quiet rooms, below the loudest silence
COPIES, SYNTHESIZED_SHARE = 1_500, 0.2  # of all recordings of a keyword together; of synthesized ones beside takes
OTHERS = 4_000  # clips of other words, at most
TOGETHER, HALVES, SILENT = 1_500, 500, 400
LISTENED = 900  # other clips that the thresholds are chosen on, at most
MADE_ROOMS = 8
TRAINING_SET = 200  # purpose of random numbers, beside those of kws.model.dataset


def choose_few(corpus: Corpus, spec: Spec) -> Examples:
    """Sort the recordings: each keyword clip that is not for testing trains, as there are none to spare for validation.

    Where a keyword's takes all fall into the testing split, they train. Other words keep to the speaker split; those of
    the validation split are `others`, on which the thresholds are chosen. Synthesized clips of a keyword that people
    said, too, train and judge nothing. Raises DataError if a keyword has no recordings.
    """
    taken = {clip.word for clip in corpus.clips if clip.source != SYNTHESIZED}.intersection(spec.keywords)
    made = {clip for clip in corpus.clips if clip.source == SYNTHESIZED and clip.word in taken}
    clips = [clip for clip in corpus.clips if clip.split != "testing" or clip not in made]
    splits = {split: [clip for clip in clips if clip.split == split] for split in SPLITS}
    trained = {clip.word for clip in splits["training"] if clip not in made}
    few = [clip for clip in splits["validation"] if clip.word in spec.keywords]
    trained |= {clip.word for clip in few if clip not in made}
    few += [clip for clip in splits["testing"] if clip.word in set(spec.keywords) - trained]
    training = [clip for clip in splits["training"] if clip.word in spec.keywords] + few
    refuse_missing(spec, training)
    others = in_turns([clip for clip in splits["training"] if clip.word not in spec.keywords], OTHERS)
    parts = {"training": part(training + others, spec), "validation": part([], spec),
             "testing": part(tested([clip for clip in splits["testing"] if clip not in set(few)], spec), spec)}
    listened = in_turns([clip for clip in splits["validation"] if clip.word not in spec.keywords], LISTENED)
    notes = [line for line in find_faults(parts, corpus) if not line.startswith("the validation split")]
    if not listened:
        notes.append("no other words in the validation split: the thresholds cannot be chosen on what is not a keyword "
                     "and stay high; add other speakers: kws data download, or kws data synth")
    return Examples(**parts, others=tuple(listened), notes=tuple(notes))


def tested(clips: Sequence[Clip], spec: Spec) -> list[Clip]:
    """Keyword clips, and a tenth as many of other words."""
    keyword = [clip for clip in clips if clip.word in spec.keywords]
    unknown = [clip for clip in clips if clip.word not in spec.keywords]
    return keyword + in_turns(unknown, max(1, round(len(keyword) / 10)) if keyword else 0)


def part(clips: Sequence[Clip], spec: Spec) -> Part:
    labels = np.array([label_of(clip.word, spec) for clip in clips], np.int64)
    return Part(tuple(clips), labels, round((labels >= FIRST_KEYWORD).sum() / 10))


@dataclass(frozen=True, eq=False)
class Lesson:
    """Examples that do not change from epoch to epoch. features : int8 [n, frames, features]; labels : int [n]."""

    features: np.ndarray
    labels: np.ndarray

    def some(self, count: int) -> np.ndarray:
        """Features of `count` examples at most, evenly out of all kinds: for the quantization to look at."""
        return self.features[:: max(1, -(-len(self.labels) // count))]


def training_set(material: Material, rooms: Sequence[np.ndarray] = ()) -> Lesson:
    """Everything that a transfer learns from, augmented.

    COPIES versions of each keyword, by other voices, in rooms, through other microphones, in noise; other words as they
    are and run together; halves of the keyword as what is not it; silence. Where people and synthesizers say a keyword,
    SYNTHESIZED_SHARE of its versions are of synthesized clips, however many of these there are.
    rooms : impulse responses, float32 [n]; if there are none, they are made
    """
    rng = material.rng(TRAINING_SET)
    rooms = rooms or [response(rng) for _ in range(MADE_ROOMS)]
    clips, labels = material.clips["training"], material.examples.training.labels
    noise, samples = material.noise["training"], clips.shape[1]
    made = np.array([clip.source == SYNTHESIZED for clip in material.examples.training.clips], bool)
    others = np.flatnonzero(labels == UNKNOWN_LABEL)
    pieces = [(SILENCE_LABEL, silence(noise, SILENT, samples, rng)), (SILENCE_LABEL, quiet_rooms(noise, samples, rng))]
    if len(others):
        pieces += [(UNKNOWN_LABEL, clips[others]),
                   (UNKNOWN_LABEL, run_together(clips[rng.choice(others, TOGETHER)],
                                                clips[rng.choice(others, TOGETHER)], rng))]
    for label in range(FIRST_KEYWORD, len(material.spec.labels)):
        mine = np.flatnonzero(labels == label)
        said = another_voice(clips[versions(mine, made[mine], rng)], rng, rooms)
        pieces.append((label, said))
        if len(others):
            words = said[rng.choice(len(said), HALVES)]
            pieces.append((UNKNOWN_LABEL, half_said(words, clips[rng.choice(others, HALVES)], rng)))
    heard = [found if label == SILENCE_LABEL else augment(found, noise, material.spec.training, rng)
             for label, found in pieces]
    return Lesson(material.frontend.extract(np.concatenate(heard)),
                  np.concatenate([np.full(len(found), label) for label, found in pieces]))


def quiet_rooms(noise: Sequence[np.ndarray], samples: int, rng: np.random.Generator) -> np.ndarray:
    """SILENT more stretches of noise, softer by up to SOFTEST_DB: between the words of a stream it is mostly quiet."""
    loud = silence(noise, SILENT, samples, rng)
    return np.rint(loud * db_to_ratio(rng.uniform(SOFTEST_DB, 0, SILENT))[:, None]).astype(np.int16)


def versions(rows: np.ndarray, made: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which clips of a keyword the COPIES are of: int [COPIES]. made : bool [rows], the synthesized ones"""
    if made.all() or not made.any():
        return copied(rows, COPIES, rng)
    synthesized = round(SYNTHESIZED_SHARE * COPIES)
    return rng.permutation(np.concatenate([copied(rows[made], synthesized, rng),
                                           copied(rows[~made], COPIES - synthesized, rng)]))


def copied(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of `rows`, each as often as the others, in random order."""
    return rng.permutation(np.resize(rng.permutation(rows), count))
