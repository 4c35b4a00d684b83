"""What groups of bands, coefficients and frames are worth: masked in the features, nothing trained again.

A group is replaced by what the network hears on average there, so that it tells nothing. What is lost is what this
network takes from the group and cannot take from the others; a network that was trained without it would lose less.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kws.arguments import check_number
from kws.detect.detector import Detector
from kws.engine.network import Network
from kws.features.frontend import Frontend
from kws.progress import progress
from kws.records import JsonObject
from kws.validate.clips import ClipSet
from kws.validate.compare import mcnemar
from kws.validate.intervals import group_bootstrap
from kws.validate.metrics import Share

GROUPS = 8  # of features, and of frames
# Student's t, 97.5 %, with 1, 2, … degrees of freedom; the last one for all beyond.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


@dataclass(frozen=True, kw_only=True)
class Ablation(Share):
    """what : the group that was masked, "nothing" first; lost : points of accuracy.

    lost_interval : 95 % of them, on the same clips over speakers; p : that it is chance
    """

    what: str
    lost: float
    lost_interval: tuple[float, float]
    p: float

    def to_json(self) -> JsonObject:
        return {"what": self.what, "accuracy": self.accuracy, "interval": list(self.interval), "lost": self.lost,
                "lost_interval": list(self.lost_interval), "p": self.p}


def ablate(detector: Detector, clips: ClipSet, *, groups: int = GROUPS) -> list[Ablation]:
    """Accuracy with each group of features and of frames masked; the first row masks nothing."""
    check_number("groups", groups, low=1)
    features = Frontend(detector.plan.frontend).extract(clips.samples)
    truth = np.asarray(clips.truth)
    mean = np.rint(features.mean(axis=(0, 1))).astype(np.int8)  # [features]
    bands = "coefficients" if detector.plan.spec.frontend.coefficients else "bands"
    plans: list[tuple[str, Callable[[np.ndarray], None]]] = [("nothing", lambda heard: None)]
    for first, last in cuts(features.shape[2], groups):
        plans.append((f"{bands} {first} to {last - 1}", mask_features(first, last, mean)))
    for first, last in cuts(features.shape[1], groups):
        plans.append((f"frames {first} to {last - 1}", mask_frames(first, last, mean)))
    network, found, whole = Network(detector.plan.program), [], np.zeros(len(truth), bool)
    with progress("masking", total=len(plans)) as advance:
        for what, mask in plans:
            heard = features.copy()
            mask(heard)
            right = np.array([int(network.window(one).argmax()) for one in heard], np.int64) == truth
            whole = right if what == "nothing" else whole
            low, high = lost_interval(whole, right, clips.speakers or [""] * len(right))
            found.append(Ablation(what=what, right=int(right.sum()), clips=len(right),
                                  lost=100 * float(whole.mean() - right.mean()),
                                  lost_interval=(100 * low, 100 * high), p=mcnemar(whole, right)))
            advance()
    return found


def lost_interval(whole: np.ndarray, right: np.ndarray, speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the accuracy that is lost on the same clips, if speakers are drawn with replacement.

    whole, right : bool or 0..1 [clips], before and after; speakers : "" if nobody knows, who then stands alone
    """
    groups: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for i, (before, after, speaker) in enumerate(zip(whole, right, speakers, strict=True)):
        group = groups[speaker or f"\0{i}"]
        group[0] += float(before) - float(after)
        group[1] += 1
    return group_bootstrap(np.array([group[0] for group in groups.values()]),
                           np.array([group[1] for group in groups.values()]))


def lost_over_seeds(whole: np.ndarray, right: np.ndarray, speakers: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the accuracy that is lost, over the speakers of the clips and over trainings with other seeds.

    whole, right : bool [seeds, clips], trained with the same seeds. How far speakers and seeds move the mean is
    independent, so their half widths add as squares; that of seeds is Student's. One seed says nothing of others.
    """
    lost = np.mean(whole, axis=1) - np.mean(right, axis=1)
    mean, (low, high) = float(lost.mean()), lost_interval(np.mean(whole, axis=0), np.mean(right, axis=0), speakers)
    if len(lost) == 1:
        return low, high
    seeds = STUDENT[min(len(lost) - 1, len(STUDENT)) - 1] * float(lost.std(ddof=1)) / math.sqrt(len(lost))
    return mean - math.hypot(mean - low, seeds), mean + math.hypot(high - mean, seeds)


def cuts(size: int, groups: int) -> list[tuple[int, int]]:
    """[first, end) of about equal groups of 0 .. size - 1."""
    edges = np.linspace(0, size, min(groups, size) + 1).round().astype(int).tolist()
    return list(pairwise(edges))


def mask_features(first: int, last: int, mean: np.ndarray) -> Callable[[np.ndarray], None]:
    def mask(heard: np.ndarray) -> None:
        heard[:, :, first:last] = mean[first:last]
    return mask


def mask_frames(first: int, last: int, mean: np.ndarray) -> Callable[[np.ndarray], None]:
    def mask(heard: np.ndarray) -> None:
        heard[:, first:last, :] = mean
    return mask
