"""What an exported program must compute on a signal that it makes itself: the self-test's expected checksums.

The signal, the order of the bytes and the decoder's turn are those of templates/common/kws_self_test.c (and, for a
network alone, of templates/network/kws_self_test.c).
"""

import zlib
from dataclasses import dataclass

import numpy as np

from kws.engine.decoder import Decoder, DecoderTables
from kws.engine.network import Network
from kws.engine.plan import Plan
from kws.engine.schedule import Program
from kws.features.frontend import FrontendStream

DECISIONS = 20  # of the signal, where the network streams
WINDOWED_DECISIONS = 2  # where every decision computes the whole window


@dataclass(frozen=True)
class Golden:
    """Length of the signal and CRC-32 of the rows of features, the scores and the detections."""

    samples: int
    features: int
    scores: int
    detections: int


def random_words(count: int) -> np.ndarray:
    """uint32 [count]: the linear congruence of kws_golden.h, from state 1."""
    words, state = np.empty(count, np.uint32), 1
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        words[i] = state
    return words


def signal(count: int) -> np.ndarray:
    """int16 [count]: noise from faint to full scale, a full-scale square wave, silence, -32768."""
    n = np.arange(count)
    noise = (random_words(count) >> 16).astype(np.int32) - 32768
    kinds = [noise >> (n >> 12 & 7), np.where(n >> 5 & 1, 32767, -32768), np.where(n >> 9 & 1, 0, -32768), noise]
    return np.choose(n >> 10 & 3, kinds).astype(np.int16)


def hops_of(program: Program) -> int:
    """Hops until the window has filled and some decisions more have been made."""
    decisions = WINDOWED_DECISIONS if program.windowed else DECISIONS
    return program.frames + (decisions - 1) * program.decide_every


def golden(plan: Plan) -> Golden:
    """Computed with the engine on this computer."""
    tables = plan.frontend
    samples = tables.window_samples + (hops_of(plan.program) - 1) * tables.hop_samples
    rows = FrontendStream(tables).push(signal(samples))
    scores = Network(plan.program).stream(rows)
    return Golden(samples, zlib.crc32(rows.tobytes()), zlib.crc32(scores.tobytes()), decoder_crc(plan.decoder))


def decoder_crc(tables: DecoderTables) -> int:
    """Each label in turn has all of the probability for as long as a detection and its refractory time take."""
    turn = tables.smoothing_hops + tables.refractory_hops + 1
    scores = np.repeat(np.where(np.eye(tables.labels, dtype=bool), 127, -128), turn, axis=0).astype(np.int8)
    found = Decoder(tables).push(scores)
    return zlib.crc32(bytes(byte for hop, label, score in found for byte in (hop & 255, label, score)))


def network_rows(program: Program) -> np.ndarray:
    """int8 [hops, features]: rows for a network without a front end."""
    count = hops_of(program) * program.features
    return (random_words(count) >> 24).astype(np.uint8).view(np.int8).reshape(-1, program.features)


def network_crc(program: Program) -> int:
    """CRC-32 of the scores that a network alone gives for `network_rows`."""
    return zlib.crc32(Network(program).stream(network_rows(program)).tobytes())
