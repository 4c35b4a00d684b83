"""Clips that may lie in the wrong word's folder, in the manner of confident learning (Northcutt et al., 2021).

A small classifier is made of folds of the clips and judges those that it has not seen, several times over. A clip is
a suspect when it gives another word nearly the probability that this word's own clips have on average, and its own word
hardly any of what is usual there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from kws.data.spectra import BANDS, FRAMES, to_db

FOLDS = 5
LEAST_CLIPS = 8  # of a word; rarer words are not judged
REPEATS = 8  # other folds each time: one draw of folds alone makes suspects of its own
OWN_SHARE, OTHER_SHARE = 0.05, 0.6  # of a word's average for its own clips: at most its own, at least another word
LEAST_CHANCE = 0.3  # of the other word: what a rare word usually gets may be next to nothing
SHRINKAGE = 0.1  # of the covariance towards that of a ball
SCALES = np.geomspace(0.02, 1.5, 25)  # of logits: how far the classifier may be trusted


@dataclass(frozen=True)
class Suspect:
    """Clip `clip` is filed under one word, sounds like `word`; probabilities of both, by a classifier without it."""

    clip: int
    word: str
    own: float
    other: float


def find_suspects(vectors: np.ndarray, words: np.ndarray, speakers: np.ndarray, *, seed: int = 1,
                  advance: Callable[[int], object] = lambda done: None) -> tuple[list[Suspect], float]:
    """Suspects, the surest first, and the share of clips whose word was recognised.

    vectors : float [clips, n], see `picture_vectors`, or a network's embedding; words, speakers : str [clips]
    advance : is told after each fold how many clips were judged, REPEATS times as many as there are in all
    All clips of a speaker are in one fold, so that nobody's voice vouches for a label.
    """
    names, labels, counts = np.unique(words, return_inverse=True, return_counts=True)
    usable = np.flatnonzero(counts[labels] >= LEAST_CLIPS)
    names_used, labels = np.unique(labels[usable], return_inverse=True)
    if len(names_used) < 2:
        return [], 1.0
    heard = centred(vectors[usable])
    chances = calibrated(np.mean([cross_validated(heard, labels, speakers[usable], seed=seed + repeat, advance=advance)
                                  for repeat in range(REPEATS)], axis=0), labels)
    right = float((chances.argmax(axis=1) == labels).mean())
    return [Suspect(int(usable[place]), str(names[names_used[other]]), float(chances[place, labels[place]]),
                    float(chances[place, other])) for place, other in confident(chances, labels)], right


def confident(chances: np.ndarray, labels: np.ndarray) -> list[tuple[int, int]]:
    """(clip, the other label) of each suspect, the surest first.

    chances : float [clips, labels], of classifiers that have not seen the clip
    """
    own = chances[np.arange(len(labels)), labels]
    usual = np.array([own[labels == label].mean() for label in range(chances.shape[1])])
    above = np.where(chances >= np.maximum(OTHER_SHARE * usual, LEAST_CHANCE), chances, 0)
    above[np.arange(len(labels)), labels] = 0
    other = above.argmax(axis=1)
    found = np.flatnonzero((above.max(axis=1) > 0) & (own < OWN_SHARE * usual[labels]))
    found = found[np.argsort(own[found] - chances[found, other[found]], kind="stable")]
    return [(int(place), int(other[place])) for place in found]


def confusions(vectors: np.ndarray, words: np.ndarray, speakers: np.ndarray, *,
               seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Names of the words that are judged, and int [word, taken for] by a classifier that has not seen the clip."""
    names, labels, counts = np.unique(words, return_inverse=True, return_counts=True)
    usable = np.flatnonzero(counts[labels] >= LEAST_CLIPS)
    places, labels = np.unique(labels[usable], return_inverse=True)
    if len(places) < 2:
        return names[:0], np.zeros((0, 0), np.int64)
    chances = cross_validated(centred(vectors[usable]), labels, speakers[usable], seed=seed,
                              advance=lambda done: None)
    matrix = np.zeros((len(places), len(places)), np.int64)
    np.add.at(matrix, (labels, chances.argmax(axis=1)), 1)
    return names[places], matrix


def centred(vectors: np.ndarray) -> np.ndarray:
    """float32 [clips, n], their mean in the middle."""
    return np.asarray(vectors - vectors.mean(axis=0), np.float32)


def cross_validated(vectors: np.ndarray, labels: np.ndarray, speakers: np.ndarray, *, seed: int,
                    advance: Callable[[int], object]) -> np.ndarray:
    """Logits, float32 [clips, labels], each by a classifier that was made without the clip's fold."""
    rng = np.random.default_rng(seed)
    _, voices = np.unique(speakers, return_inverse=True)
    folds = rng.permutation(voices.max() + 1)[voices] % FOLDS
    if len(np.unique(folds)) < FOLDS:  # too few voices: their clips are dealt out
        folds = rng.permutation(len(labels)) % FOLDS
    count = int(labels.max()) + 1
    parts = [moments(vectors[folds == fold], labels[folds == fold], count) for fold in range(FOLDS)]
    logits = np.zeros((len(labels), count), np.float32)
    for fold in range(FOLDS):
        held = folds == fold
        logits[held] = discriminant(reduce(Moments.__add__, parts[:fold] + parts[fold + 1 :]))(vectors[held])
        advance(int(held.sum()))
    return logits


@dataclass(frozen=True, eq=False)
class Moments:
    """sizes : clips of each label [labels]; sums : of their vectors [labels, n]; products : of all vectors [n, n]."""

    sizes: np.ndarray
    sums: np.ndarray
    products: np.ndarray

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.sizes + other.sizes, self.sums + other.sums, self.products + other.products)


def moments(vectors: np.ndarray, labels: np.ndarray, count: int) -> Moments:
    sums = np.zeros((count, vectors.shape[1]))
    np.add.at(sums, labels, vectors)
    return Moments(np.bincount(labels, minlength=count), sums, (vectors.T @ vectors).astype(np.float64))


def discriminant(known: Moments) -> Callable[[np.ndarray], np.ndarray]:
    """Linear discriminant analysis: a Gaussian for each label, all of one covariance; gives the logits of new vectors.

    A label without vectors is as likely as the likeliest, so that nothing speaks against it.
    """
    means = known.sums / np.maximum(known.sizes, 1)[:, None]
    spread = (known.products - means.T @ (means * known.sizes[:, None])) / max(int(known.sizes.sum()), 1)
    ball = max(float(np.trace(spread)) / len(spread), 1e-9) * np.eye(len(spread))
    weights = np.linalg.solve((1 - SHRINKAGE) * spread + SHRINKAGE * ball, means.T)
    bias = -(means * weights.T).sum(axis=1) / 2
    absent = known.sizes == 0

    def logits(new: np.ndarray) -> np.ndarray:
        found = np.asarray(new @ weights.astype(np.float32) + bias)
        found[:, absent] = found[:, ~absent].max(axis=1, keepdims=True)
        return found

    return logits


def calibrated(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities: each label's share of clips, and the logits by the factor of SCALES that fits the labels best."""
    places, share = np.arange(len(labels)), np.log(np.bincount(labels, minlength=logits.shape[1]) / len(labels) + 1e-12)
    return max((softmax(scale * logits + share) for scale in SCALES),
               key=lambda chances: float(np.log(chances[places, labels] + 1e-12).mean()))


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def picture_vectors(picture: np.ndarray) -> np.ndarray:
    """What a classifier without a network hears: uint8 [clips, FRAMES, BANDS] -> float32 [clips, n].

    Level above the room per band, 40 dB at most, moved so that its centre lies in the middle, every other frame.
    """
    vectors = np.empty((len(picture), FRAMES // 2 * BANDS), np.float32)
    for at in range(0, len(picture), 1_024):
        level = to_db(picture[at : at + 1_024])
        top = np.quantile(level, 0.99, axis=(1, 2))[:, None, None]
        level = np.clip(level - top + 40, 0, 40)
        mass = level.mean(axis=2)
        centre = (mass * np.arange(FRAMES)).sum(axis=1) / np.maximum(mass.sum(axis=1), 1e-6)
        places = np.arange(FRAMES)[None] + np.rint(centre - FRAMES / 2).astype(np.int64)[:, None]
        moved = np.take_along_axis(level, np.clip(places, 0, FRAMES - 1)[:, :, None], axis=1)
        moved = (moved[:, ::2] + moved[:, 1::2]) / 80
        vectors[at : at + 1_024] = moved.reshape(len(moved), -1)
    return vectors
