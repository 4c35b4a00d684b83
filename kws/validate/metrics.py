"""Counting: accuracy, precision, recall and the confusion matrix, each share with its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from kws.arguments import check_lengths, check_number, check_places
from kws.errors import ArgumentError
from kws.run_metrics import Accuracy, LabelAccuracy

CONFIDENCE = 0.95
LARGE_COUNT = 2_000


def wilson_interval(successes: int, n: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a share: (low, high), both 0..1. With n = 0 nothing is known: (0, 1).

    Unlike the normal approximation it stays inside 0..1 and is not empty at 0 or n successes.
    """
    check_number("confidence", confidence, low=0, high=1, whole=False)
    if not 0 <= successes <= n:
        raise ArgumentError(f"successes = {successes} of n = {n}: must be 0 to n")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, square = successes / n, z * z / n
    centre = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / n + square / n / 4) / (1 + square)
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == n else centre + half)


@dataclass(frozen=True, kw_only=True)
class Share:
    """right : of so many clips."""

    right: int
    clips: int

    @property
    def accuracy(self) -> float:
        return self.right / self.clips if self.clips else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson_interval(self.right, self.clips)


def poisson_interval(count: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of the mean of a Poisson count: (low, high). Divide by the hours for a rate per hour.

    `low` is the mean at which `count` or more, `high` that at which `count` or fewer are as unlikely as
    (1 - confidence) / 2. With a count of 0: (0, 3.69).
    """
    check_number("count", count, low=0)
    check_number("confidence", confidence, low=0, high=1, whole=False)
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else poisson_mean(count - 1, 1 - tail)
    return low, poisson_mean(count, tail)


def poisson_mean(count: int, probability: float) -> float:
    """The mean at which a Poisson count is `count` or fewer with this probability.

    Of large counts by Wilson and Hilferty's approximation, which is good to 1e-5 of it there.
    """
    if count > LARGE_COUNT:
        ninth = 1 / (9 * (count + 1))
        root: float = 1 - ninth + NormalDist().inv_cdf(1 - probability) * math.sqrt(ninth)
        return (count + 1) * root**3
    low, high = 0.0, count + 20.0 + 10.0 * math.sqrt(count)
    for _ in range(100):
        mean = (low + high) / 2
        logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1)]
        if sum(map(math.exp, logs)) > probability:
            low = mean
        else:
            high = mean
    return (low + high) / 2


def share(part: int, whole: int) -> float | None:
    """part / whole; None if there is nothing to divide by."""
    return part / whole if whole else None


@dataclass(frozen=True)
class Confusion:
    """What was said against what was decided.

    labels : names; counts : int [labels, labels], row = truth, column = decision.
    """

    labels: tuple[str, ...]
    counts: np.ndarray

    @classmethod
    def count(cls, labels: Sequence[str], *, truth: NDArray[np.integer],
              decided: NDArray[np.integer]) -> "Confusion":
        """truth, decided : int [n], indices into labels."""
        check_places("truth", truth, len(labels))
        check_places("decided", decided, len(labels))
        check_lengths(truth=truth, decided=decided)
        counts = np.zeros((len(labels), len(labels)), np.int64)
        np.add.at(counts, (np.asarray(truth, np.intp), np.asarray(decided, np.intp)), 1)
        return cls(tuple(labels), counts)

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def correct(self) -> int:
        return int(np.trace(self.counts))

    @property
    def accuracy(self) -> float | None:
        """Share of the decisions that are right, 0..1; None without clips."""
        return share(self.correct, self.n)

    def recall(self, label: str) -> float | None:
        """Of the clips that hold `label`, the share decided so; None if no clip holds it."""
        i = self.labels.index(label)
        return share(int(self.counts[i, i]), int(self.counts[i].sum()))

    def precision(self, label: str) -> float | None:
        """Of the clips decided as `label`, the share that holds it; None if none was decided so."""
        i = self.labels.index(label)
        return share(int(self.counts[i, i]), int(self.counts[:, i].sum()))

    def figures(self) -> Accuracy:
        """Shares 0..1 or None, Wilson's intervals at 95 %."""
        per_label = {}
        for i, label in enumerate(self.labels):
            n, right = int(self.counts[i].sum()), int(self.counts[i, i])
            per_label[label] = LabelAccuracy(n, self.recall(label), wilson_interval(right, n), self.precision(label))
        table = {truth: dict(zip(self.labels, row, strict=True))
                 for truth, row in zip(self.labels, self.counts.tolist(), strict=True)}
        return Accuracy(self.n, self.accuracy, wilson_interval(self.correct, self.n), per_label, table)
