"""Clips that may lie in the wrong word's folder, in the manner of confident learning (Northcutt et al., 2021).

A small classifier is trained on folds of the clips and judges those that it has not seen, several times over. A clip is
a suspect when it gives another word nearly the probability that this word's own clips have on average, and its own word
hardly any of what is usual there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kws.data.spectra import BANDS, FRAMES, to_db

FOLDS = 5
LEAST_CLIPS = 8  # of a word; rarer words are not judged
REPEATS = 8  # other folds each time: one draw of folds alone makes suspects of its own
OWN_SHARE, OTHER_SHARE = 0.05, 0.7  # of a word's average for its own clips: at most its own, at least another word
COMPONENTS = 160
STEPS, RATE, DECAY, BATCH = 400, 0.05, 1e-2, 512


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
    heard = np.asarray(vectors[usable], np.float32)
    chances = np.mean([cross_validated(heard, labels, speakers[usable], seed=seed + repeat, advance=advance)
                       for repeat in range(REPEATS)], axis=0)
    right = float((chances.argmax(axis=1) == labels).mean())
    return [Suspect(int(usable[place]), str(names[names_used[other]]), float(chances[place, labels[place]]),
                    float(chances[place, other])) for place, other in confident(chances, labels)], right


def confident(chances: np.ndarray, labels: np.ndarray) -> list[tuple[int, int]]:
    """(clip, the other label) of each suspect, the surest first.

    chances : float [clips, labels], of classifiers that have not seen the clip
    """
    own = chances[np.arange(len(labels)), labels]
    usual = np.array([own[labels == label].mean() for label in range(chances.shape[1])])
    above = np.where(chances >= OTHER_SHARE * usual, chances, 0)
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
    chances = cross_validated(np.asarray(vectors[usable], np.float32), labels, speakers[usable], seed=seed,
                              advance=lambda done: None)
    matrix = np.zeros((len(places), len(places)), np.int64)
    np.add.at(matrix, (labels, chances.argmax(axis=1)), 1)
    return names[places], matrix


def cross_validated(vectors: np.ndarray, labels: np.ndarray, speakers: np.ndarray, *, seed: int,
                    advance: Callable[[int], object]) -> np.ndarray:
    """Probabilities, float32 [clips, labels], each by a classifier that was trained without the clip's fold."""
    rng = np.random.default_rng(seed)
    _, voices = np.unique(speakers, return_inverse=True)
    folds = rng.permutation(voices.max() + 1)[voices] % FOLDS
    chances = np.zeros((len(labels), int(labels.max()) + 1), np.float32)
    for fold in range(FOLDS):
        held = folds == fold
        if held.all() or not held.any():
            held = rng.random(len(labels)) < 1 / FOLDS
        weights = fitted(vectors[~held], labels[~held], chances.shape[1], rng)
        chances[held] = softmax(weights(vectors[held]))
        advance(int(held.sum()))
    return chances


def fitted(vectors: np.ndarray, labels: np.ndarray, count: int,
           rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Multinomial logistic regression on whitened vectors, by Adam; returns what gives the logits of new vectors."""
    mean, basis = whitening(vectors)
    x = (vectors - mean) @ basis
    weights = np.zeros((x.shape[1] + 1, count), np.float32)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        some = rng.integers(0, len(x), min(BATCH, len(x)))
        error = softmax(x[some] @ weights[:-1] + weights[-1])
        error[np.arange(len(some)), labels[some]] -= 1
        slope = np.concatenate((x[some].T @ error, error.sum(axis=0, keepdims=True))) / len(some) + DECAY * weights
        first += 0.1 * (slope - first)
        second += 0.01 * (slope**2 - second)
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        weights -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-6)
    return lambda new: (new - mean) @ basis @ weights[:-1] + weights[-1]


def whitening(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [n] and basis [n, components] that make the vectors' first principal components have variance 1."""
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    values, directions = np.linalg.eigh(centred.T @ centred / max(len(vectors) - 1, 1))
    kept = np.argsort(values)[::-1][: min(COMPONENTS, len(vectors) // 2, len(values))]
    return mean, np.asarray(directions[:, kept] / np.sqrt(values[kept] + 1e-3 * values.max()), np.float32)


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
