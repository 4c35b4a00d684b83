"""How the weights of a convolution lie in flash, so that a processor can multiply two pairs of 16 bits at once.

The weights of output channels a and b for the same input are one int16, 256 * b + a. A channel without a partner is
stored as int8: the last of an odd number, or all of them where a pair would need more than 16 bits (-128 beside a
negative weight; TensorFlow's converter writes no -128). Rows are filled with zeros up to a multiple of 4, and so is
each part of a row that is too long to be widened at once. csrc/network/layers.h knows the same lengths.
"""

from dataclasses import dataclass

import numpy as np

PATCH = 256  # KWS_PATCH of csrc/network/layers.h
QUICK_PRODUCTS, QUICK_BIAS = 1 << 15, 1 << 29  # of csrc/network/network.h


def fours(numbers: int) -> int:
    return -(-numbers // 4) * 4


def parts(taps: int, run: int) -> list[int]:
    """How many taps of `run` numbers each are convolved at once."""
    most = taps if taps * run <= PATCH else max(PATCH // run, 1)
    return [min(most, taps - first) for first in range(0, taps, most)]


def row_numbers(taps: int, run: int) -> int:
    """Weights of one output channel as they are stored."""
    return sum(fours(n * run) for n in parts(taps, run))


def columns(numbers: int, width: int) -> int:
    """The most columns that a processor with such instructions computes side by side; numbers : of a patch."""
    return min(width, 1 if numbers > PATCH else 2 if numbers > PATCH // 2 else 3)


def conv_scratch_words(taps: int, run: int, width: int, outputs: int) -> int:
    """32-bit words for the patches of a convolution, as csrc/host/network_check.c demands them."""
    if taps * run <= PATCH:
        return columns(taps * run, width) * fours(taps * run) // 2
    return outputs + fours(max(run, PATCH // run * run)) // 2


@dataclass(frozen=True, eq=False)
class Packed:
    """weights : int16 or int8, one after the other; paired : how many channels, the first ones, lie in pairs."""

    weights: np.ndarray
    paired: int


def pack(weights: np.ndarray, taps: int) -> Packed:
    """weights : int8 [outputs, taps * run]."""
    outputs, run = len(weights), weights.size // len(weights) // taps
    split = np.cumsum(parts(taps, run))[:-1] * run
    filled = [np.pad(part, ((0, 0), (0, -part.shape[1] % 4))) for part in np.split(weights, split, axis=1)]
    rows = np.concatenate(filled, axis=1).astype(np.int32)
    paired = outputs // 2 * 2
    pairs = rows[0:paired:2] + 256 * rows[1:paired:2]
    if pairs.min(initial=0) < -32768:
        paired, pairs = 0, pairs[:0]
    raw = pairs.astype("<i2").tobytes() + rows[paired:].astype(np.int8).tobytes()
    return Packed(np.frombuffer(raw, np.int8), paired)


def unpack(stored: np.ndarray, *, outputs: int, paired: int) -> np.ndarray:
    """int8 [outputs, row numbers] of stored weights : int8, as `pack` gave them."""
    row = stored.size // outputs
    halves = np.ascontiguousarray(stored[:paired * row]).view("<i2").reshape(-1, row)
    low = halves.astype(np.int8)
    pairs = np.stack([low, ((halves - low.astype(np.int32)) >> 8).astype(np.int8)], axis=1)
    return np.concatenate([pairs.reshape(paired, row), stored[paired * row:].reshape(-1, row)])


def quick(products: int, bias: np.ndarray, shifts: np.ndarray, bounds: tuple[int, int]) -> bool:
    """Whether dsp.h may finish the sums of all channels: see `quick` in network.h. bounds : of the result."""
    return (bounds == (-128, 127) and products <= QUICK_PRODUCTS
            and bool((np.abs(bias.astype(np.int64)) < QUICK_BIAS).all() and (shifts < 0).all()))
