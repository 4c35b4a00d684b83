"""Is there any mixture of the validation sound that would count what a device counted?

How much of a device's week is talk and how much quiet, nobody knows beforehand, and no two homes agree. So the shares
of the blocks of validation sound are free, and those are found at which levels, scores and features together come
nearest to the device's. What still differs then is something that the validation never heard: a network that rises at
other sounds, a microphone of another kind, a room unlike any.
"""

from collections.abc import Mapping

import numpy as np

from kws.monitor.drift import VALIDATED_ALPHA, Drift, Sample, independent, samples_drift

ROUNDS = 150  # of expectation and maximization; more change the distances in the third digit only
FLOOR = 1e-6  # share that every bin has, so that no logarithm is infinite
# Smallest population stability index that is an alarm: no home differs from its nearest mixture by as much. Levels do,
# so they are judged by themselves (kws/monitor/validated.py).
MATTERS = {"scores": 3.0, "features": 0.2}


def shares_of(counts: np.ndarray) -> np.ndarray:
    """int [..., bins] -> float, of each row its shares, none of them 0."""
    shares = counts + FLOOR * np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    found: np.ndarray = shares / shares.sum(axis=-1, keepdims=True)
    return found


def nearest_mixture(here: Mapping[str, np.ndarray], blocks: Mapping[str, np.ndarray]) -> np.ndarray:
    """float [blocks], sum 1: how much of each block.

    here : histograms by name, int [bins]; blocks : the same of each block, int [blocks, bins]
    The sum of the Kullback-Leibler divergences of the histograms from their mixtures is least, each counting alike.
    """
    wanted = np.concatenate([shares_of(here[name]) for name in here]) / len(here)
    known = np.concatenate([shares_of(blocks[name]) for name in here], axis=1)
    weights = np.full(len(known), 1 / len(known))
    for _ in range(ROUNDS):
        weights *= known @ (wanted / (weights @ known))
    return weights / weights.sum()


def mixed(blocks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float [bins], sum 1: the histogram of the mixture. blocks : int [blocks, bins]"""
    mixture: np.ndarray = weights @ shares_of(blocks)
    return mixture


def mixture_drifts(here: Mapping[str, np.ndarray], blocks: Mapping[str, np.ndarray],
                   at_rest: Mapping[str, int]) -> list[Drift]:
    """Of each histogram that is judged the distance from the nearest mixture; the shares of the blocks are the same.

    here   : by name, int [clusters, bins]; blocks : int [blocks, bins]
    at_rest : how many of the first bins are left out of the comparison
    """
    weights = nearest_mixture({name: counts.sum(axis=0) for name, counts in here.items()}, blocks)
    found = []
    for name, matters in MATTERS.items():
        counts = here[name]
        seen = slice(at_rest[name], None)
        shares = mixed(blocks[name], weights)[seen]
        known = Sample(shares / shares.sum(), independent(blocks[name][:, seen]).size)
        found.append(samples_drift(name, here=independent(counts[:, seen]), there=known, alpha=VALIDATED_ALPHA,
                                   matters=matters))
    return found
