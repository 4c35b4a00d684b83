"""The decoder in plain Python: the specification that csrc/decoder/decoder.c is held to.

Per hop, with scores 0..255 (the network's int8 output plus 128):
0. a keyword's score s, where the unknown word (label 1) has u, becomes s * 256 // (256 + (unknown_weight - 1) * u);
1. the sum of each label's last `smoothing_hops` scores, hops before the first counting as 0;
2. a label whose sum lies below release * smoothing_hops is free to be detected again;
3. of the labels with sum >= threshold * smoothing_hops, the one with the greatest sum is the candidate (the first of
   equals);
4. the candidate is detected unless it is still held from an earlier detection, or fewer than `refractory_hops` hops lie
   between the last detection and this hop, or talk came before: with `talk_hops` > 0, the sum of the unknown word's
   (label 1) scores over `talk_hops` hops, the last of them `talk_lag_hops` before this one, is at talk_limit *
   talk_hops or above. Hops before the first count as 0.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from kws.engine.decoder import DecoderTables

UNKNOWN_LABEL = 1


def talked(tables: DecoderTables, unknown: list[int]) -> bool:
    """Whether there was talk before the last of the scores."""
    if not tables.talk_hops:
        return False
    last = len(unknown) - tables.talk_lag_hops
    heard = unknown[max(last - tables.talk_hops, 0) : max(last, 0)]
    return sum(heard) >= tables.talk_limit * tables.talk_hops


def weighed(tables: DecoderTables, scores: list[int]) -> list[int]:
    """The scores of one hop, 0..255, as if unknown words were `unknown_weight` times as likely."""
    if tables.unknown_weight == 1:
        return scores
    by = 256 + (tables.unknown_weight - 1) * scores[UNKNOWN_LABEL]
    return [score if label <= UNKNOWN_LABEL else score * 256 // by for label, score in enumerate(scores)]


def decode(tables: DecoderTables, scores: Iterable[np.ndarray]) -> Iterator[tuple[int, int, int]]:
    """Yields (hop, label, score 1..255) for each detection in int8 rows [labels], one row per hop."""
    hops = tables.smoothing_hops
    history = [[0] * tables.labels for _ in range(hops)]
    held = [False] * tables.labels
    unknown: list[int] = []
    quiet_until = 0
    for hop, row in enumerate(scores):
        history = [*history[1:], weighed(tables, [int(q) + 128 for q in row])]
        unknown.append(history[-1][UNKNOWN_LABEL] if tables.talk_hops else 0)
        sums = [sum(column) for column in zip(*history, strict=True)]
        held = [held[i] and sums[i] >= tables.releases[i] * hops for i in range(tables.labels)]
        candidates = [i for i in range(tables.labels) if sums[i] >= tables.thresholds[i] * hops]
        if hop < quiet_until or not candidates:
            continue
        best = max(candidates, key=lambda i: sums[i])
        if held[best] or talked(tables, unknown):
            continue
        held[best] = True
        quiet_until = hop + 1 + tables.refractory_hops
        yield hop, best, (sums[best] + hops // 2) // hops
