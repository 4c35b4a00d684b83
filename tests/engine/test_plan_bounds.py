"""How much work a plan may ask for, and how large a sum may become: networks by hand, just below and just above."""

import re
from dataclasses import replace

import numpy as np
import pytest

from kws.engine.network import Network
from kws.engine.schedule import KINDS, Buffer, Op, Program
from kws.errors import PlanError
from kws.native._native import ffi

HALF = 1 << 30  # a multiplier: 0.5


def program(rows: int, row: int, outputs: int, *ops: Op) -> Program:
    """`ops` read one ring of `rows` rows and write one of a single row."""
    buffers = (Buffer(rows, row, 0), Buffer(1, outputs, rows * row))
    return Program(frames=1, features=row, labels=outputs, decide_every=1, windowed=0, input=0, output=1,
                   arena_bytes=rows * row + outputs, scratch_words=outputs, row_pointers=max(op.taps for op in ops),
                   sum_words=0, buffers=buffers, ops=ops, pool=np.zeros(1, np.int32))


def mean_of(rows: int, width: int) -> Op:
    return Op(kind=KINDS["MEAN"], input=0, output=1, taps=rows, span=rows, in_width=width, in_channels=1, out_width=1,
              out_channels=1, in_zero=-128, out_zero=-128, scale=(HALF, -22, 0, 0, 0, 0), count=rows * width)


def average_of(rows: int, channels: int) -> Op:
    """Over the newest `rows` rows of one column, as if it had 255 of them."""
    return Op(kind=KINDS["AVERAGE"], input=0, output=1, taps=rows, span=rows, in_width=1, in_channels=channels,
              out_width=1, out_channels=channels, kernel=255)


def test_the_sum_of_a_mean_fits_32_bits():
    """65,535 * 128 numbers of 127 above a zero point of -128: 2,139,062,400, just below 2^31."""
    network = Network(program(65_535, 128, 1, mean_of(65_535, 128)))
    loud = bytes([127]) * (65_535 * 128)
    ffi.memmove(network.state.arena, loud, len(loud))
    assert network.push(np.full(128, 127, np.int8)) == [127]  # 2,139,062,400 / 2^23 - 128
    with pytest.raises(PlanError, match=r"weights or tables of an op lie outside the file \(number 0\)"):
        Network(program(65_535, 129, 1, mean_of(65_535, 129)))


def test_a_mean_that_divides_is_of_an_older_engine():
    """A multiplier of 0 once meant a division without rounding."""
    old = replace(mean_of(4, 2), scale=(0, 0, 0, 0, 0, 0))
    with pytest.raises(PlanError, match=r"weights or tables of an op lie outside the file \(number 0\)"):
        Network(program(4, 2, 1, old))


def test_the_work_of_all_ops_together_is_bounded():
    """256 rows * 255 columns * 4,096 channels are 267,386,880 numbers; four of them fit 2^30, five do not."""
    op = average_of(256, 4_096)
    Network(program(256, 4_096, 4_096, op, op, op, op))
    with pytest.raises(PlanError, match=re.escape("it needs more than 1,073,741,824 products per decision (number 4)")):
        Network(program(256, 4_096, 4_096, op, op, op, op, op))
