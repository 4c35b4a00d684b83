"""Convolutions on their way to a processor: packing by hand, every path of the kernels against its definition."""

from dataclasses import replace

import numpy as np
import pytest

from kws.engine.network import Network
from kws.engine.oracle.arithmetic import requantize
from kws.engine.packing import (
    PATCH,
    QUICK_BIAS,
    QUICK_PRODUCTS,
    columns,
    conv_scratch_words,
    pack,
    parts,
    quick,
    row_numbers,
    unpack,
)
from kws.engine.schedule import KINDS, Buffer, Op, Pool, Program
from kws.errors import PlanError
from kws.export.source import Source
from kws.native.build import sources

ROW = 288  # int8 numbers per row of input
TAPS = 7  # rows of input kept


def test_two_outputs_share_a_halfword():
    """Three outputs of five weights: 256 * second + first, the third on its own, zeros up to a multiple of 4."""
    weights = np.array([[1, -1, 127, -127, 0], [2, 2, -127, -127, 1], [3, -4, 5, -6, 7]], np.int8)
    packed = pack(weights, taps=1)
    assert packed.paired == 2 and packed.weights.size == 3 * 8
    assert packed.weights[:16].view("<i2").tolist() == [513, 511, -32385, -32639, 256, 0, 0, 0]
    assert packed.weights[16:].tolist() == [3, -4, 5, -6, 7, 0, 0, 0]
    np.testing.assert_array_equal(unpack(packed.weights, outputs=3, paired=2)[:, :5], weights)


def test_what_no_halfword_holds_stays_apart():
    assert pack(np.array([[-1], [-128]], np.int8), taps=1).paired == 0  # -32769
    assert pack(np.array([[-128], [-127]], np.int8), taps=1).paired == 2  # -32640
    assert pack(np.array([[0], [-128]], np.int8), taps=1).paired == 2  # -32768


def test_long_rows_are_filled_part_by_part():
    """Five taps of 90: two at once are 180 numbers, three would be too many."""
    assert parts(5, 90) == [2, 2, 1] and row_numbers(5, 90) == 180 + 180 + 92
    packed = pack(np.ones((2, 450), np.int8), taps=5).weights.view("<i2")
    assert packed.tolist() == [257] * 450 + [0, 0]
    assert parts(3, 300) == [1, 1, 1] and parts(4, 64) == [4] and row_numbers(1, 5) == 8


def test_columns_and_their_memory():
    assert [columns(n, 9) for n in (1, 128, 129, 256, 257)] == [3, 3, 2, 2, 1] and columns(8, 2) == 2
    assert conv_scratch_words(3, 5, 9, 4) == 3 * 16 // 2 and conv_scratch_words(5, 90, 9, 4) == 4 + 180 // 2


def test_numbers_are_the_engines():
    assert f"#define KWS_PATCH {PATCH}\n" in sources()["layers.h"].read_text()
    header = sources()["network.h"].read_text()
    assert f"#define KWS_QUICK_PRODUCTS {QUICK_PRODUCTS}\n" in header
    assert f"#define KWS_QUICK_BIAS {QUICK_BIAS}\n" in header


@pytest.mark.parametrize("products, bias, shift, bounds, answer", [
    (QUICK_PRODUCTS, 1 - QUICK_BIAS, -1, (-128, 127), True), (QUICK_PRODUCTS + 1, 0, -1, (-128, 127), False),
    (1, QUICK_BIAS, -1, (-128, 127), False), (1, 0, 0, (-128, 127), False), (1, 0, -1, (-128, 126), False),
])
def test_quick_where_nothing_overflows(products, bias, shift, bounds, answer):
    assert quick(products, np.array([0, bias]), np.array([-9, shift]), bounds) is answer


class Layers:
    """A program of convolutions that all read the input, and their results by definition."""

    def __init__(self, rng: np.random.Generator):
        self.rng, self.pool, self.ops, self.buffers, self.weights = rng, Pool(), [], [Buffer(TAPS, ROW, 0)], []

    def add(self, kind: str, channels: int, outputs: int, *, taps: int = 1, kernel: int = 1, stride: int = 1,
            dilation: int = 1, pad: int = 0, out_width: int, extreme: bool = False, bias: int = 1 << 12,
            shift: int = -9, high: int = 127, padded_rows: int = 0) -> None:
        rng, products = self.rng, taps * kernel * (channels if kind == "CONV" else 1)
        weights = rng.integers(-127, 128, (outputs, taps, kernel, channels if kind == "CONV" else 1)).astype(np.int8)
        if extreme:
            weights[rng.random(weights.shape) < 0.5] = -128
        table = np.stack([rng.integers(-bias, bias + 1, outputs), rng.integers(1 << 30, 1 << 31, outputs),
                          rng.integers(shift - 2, shift + 1, outputs)], axis=1).astype(np.int32)
        if kind == "CONV":
            packed = pack(weights.reshape(outputs, -1), taps)
            stored = {"weights": self.pool.add(packed.weights), "paired": packed.paired}
        else:
            stored = {"weights": self.pool.add(np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0)))}
        end = self.buffers[-1].offset + self.buffers[-1].rows * self.buffers[-1].row_bytes
        self.buffers.append(Buffer(1, out_width * outputs, end))
        self.weights.append(weights)
        self.ops.append(Op(
            kind=KINDS[kind], input=0, output=len(self.buffers) - 1, taps=taps, span=TAPS - padded_rows,
            in_width=ROW // channels, in_channels=channels, out_width=out_width, out_channels=outputs, kernel=kernel,
            kernel_stride=stride, kernel_dilation=dilation, pad=pad, in_zero=int(rng.integers(-128, 128)),
            newest=TAPS - taps if padded_rows else 0, out_zero=int(rng.integers(-20, 20)), high=high,
            outputs=self.pool.add(table), quick=int(quick(products, table[:, 0], table[:, 2], (-128, high))), **stored))

    def program(self) -> Program:
        """Its output is a row over the results of all layers."""
        first, last = self.buffers[1], self.buffers[-1]
        whole = Buffer(1, last.offset + last.row_bytes - first.offset, first.offset)
        scratch = [conv_scratch_words(op.taps, op.kernel * op.in_channels, op.out_width, op.out_channels)
                   if op.kind == KINDS["CONV"] else -(-op.in_channels // 4) for op in self.ops]
        return Program(
            frames=TAPS, features=ROW, labels=whole.row_bytes, decide_every=1, windowed=0, input=0,
            output=len(self.buffers), arena_bytes=last.offset + last.row_bytes, scratch_words=max(scratch),
            row_pointers=max(op.taps * (op.kernel + 1) for op in self.ops), sum_words=0,
            buffers=(*self.buffers, whole), ops=tuple(self.ops), pool=self.pool.array())

    def expected(self, window: np.ndarray) -> np.ndarray:
        """window : int8 [TAPS, ROW] -> int8: the results of all layers one after the other."""
        return np.concatenate([self.result(index, window) for index in range(len(self.ops))])

    def result(self, index: int, window: np.ndarray) -> np.ndarray:
        op, weights = self.ops[index], self.weights[index].astype(np.int64)
        table = self.pool.array()[op.outputs:op.outputs + 3 * op.out_channels].reshape(-1, 3)
        seen = window.reshape(TAPS, op.in_width, op.in_channels).astype(np.int64)
        seen = np.concatenate([np.full_like(seen[:TAPS - op.span], op.in_zero), seen[TAPS - op.span:]])
        seen = seen[TAPS - op.newest - op.taps:TAPS - op.newest]
        around = op.pad + op.kernel * op.kernel_dilation
        seen = np.pad(seen, ((0, 0), (op.pad, around), (0, 0)), constant_values=op.in_zero)
        out = np.empty((op.out_width, op.out_channels), np.int8)
        for x in range(op.out_width):
            at = x * op.kernel_stride + op.kernel_dilation * np.arange(op.kernel)
            if op.kind == KINDS["CONV"]:
                sums = np.einsum("otjc,tjc->o", weights, seen[:, at])
            else:
                own = np.repeat(seen[:, at], op.out_channels // op.in_channels, axis=2)
                sums = np.einsum("otj,tjo->o", weights[..., 0], own)
            scaled = requantize(sums + table[:, 0], table[:, 1], table[:, 2]) + op.out_zero
            out[x] = scaled.clip(op.low, op.high)
        return out.ravel()


@pytest.fixture(scope="module")
def layers() -> Layers:
    """Every way through the kernels: tiles of one, two and three columns, rows with and without a half of eight, odd
    outputs, rows in parts and in chunks, padding, what is not quick, depthwise with and without fours."""
    made = Layers(np.random.default_rng(4))
    made.add("CONV", 3, 10, taps=3, kernel=3, pad=1, out_width=14)
    made.add("CONV", 12, 6, taps=2, kernel=2, out_width=5)
    made.add("CONV", 12, 7, taps=2, kernel=1, out_width=4)
    made.add("CONV", 12, 2, out_width=3)
    made.add("CONV", 24, 6, taps=5, kernel=2, out_width=2)
    made.add("CONV", 24, 18, taps=3, kernel=3, pad=1, out_width=12, padded_rows=2)
    made.add("CONV", 1, 4, taps=4, kernel=5, stride=2, dilation=2, pad=3, out_width=11)
    made.add("CONV", 96, 5, taps=7, kernel=1, out_width=2)
    made.add("CONV", 288, 3, taps=2, out_width=1)
    made.add("CONV", 72, 20, taps=3, out_width=1)
    made.add("CONV", 12, 4, taps=2, kernel=2, out_width=5, extreme=True)
    made.add("CONV", 12, 4, out_width=5, bias=1 << 30)
    made.add("CONV", 12, 4, out_width=5, shift=1)
    made.add("CONV", 12, 4, out_width=5, high=90)
    made.add("DEPTHWISE", 12, 12, taps=3, kernel=3, pad=1, out_width=24, padded_rows=1)
    made.add("DEPTHWISE", 3, 3, taps=5, out_width=6)
    made.add("DEPTHWISE", 24, 48, taps=2, kernel=2, stride=2, out_width=6)
    made.add("DEPTHWISE", 18, 18, taps=7, kernel=2, dilation=3, extreme=True, out_width=5)
    made.add("DEPTHWISE", 24, 24, taps=3, out_width=3, high=60)
    return made


def windows() -> np.ndarray:
    """int8 [n, TAPS, ROW], the corners among them."""
    rng = np.random.default_rng(8)
    return np.stack([*rng.integers(-128, 128, (3, TAPS, ROW)), np.full((TAPS, ROW), -128), np.full((TAPS, ROW), 127),
                     np.where(rng.random((TAPS, ROW)) < 0.5, -128, 127)]).astype(np.int8)


def test_every_path_on_this_computer(layers):
    network = Network(layers.program())
    for window in windows():
        np.testing.assert_array_equal(network.window(window), layers.expected(window))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m33"])
def test_every_path_on_the_device(layers, cpu, compressed):
    pytest.importorskip("unicorn", reason="the emulated device is not installed (extra: device)")
    pytest.importorskip("ziglang", reason="the emulated device is not installed (extra: device)")
    from kws.device.emulator import EmulatedNetwork
    from kws.device.toolchain import build_image
    from kws.export.c import library
    from kws.export.compress import build, candidates

    program = layers.program()
    source = Source("layers", program, graph=None, tflite=b"")
    if compressed:
        source = replace(source, compressed=build(program, [candidates(program)]))
    network = EmulatedNetwork(build_image(library(source), cpu=cpu), labels=program.labels)
    for window in windows():
        np.testing.assert_array_equal(network.run(window)[0], layers.expected(window))


@pytest.mark.parametrize("change", [
    {"paired": 3}, {"paired": 12}, {"paired": -2}, {"quick": 2}, {"outputs": -1}, {"high": 126}, {"outputs": 10**6},
])
def test_a_promise_that_is_not_kept_is_refused(layers, change):
    program = layers.program()
    assert program.ops[0].quick == 1
    with pytest.raises(PlanError, match="the engine cannot run the network"):
        Network(replace(program, ops=(replace(program.ops[0], **change), *program.ops[1:])))


@pytest.mark.parametrize("word, value", [(0, QUICK_BIAS), (0, -QUICK_BIAS), (1, -1), (2, 0), (2, -32)])
def test_constants_that_break_the_promise_are_refused(layers, word, value):
    program = layers.program()
    program.pool[program.ops[0].outputs + word] = value
    with pytest.raises(PlanError, match="the engine cannot run the network"):
        Network(program)
