"""A network as the C engine runs it: buffers, ops and one pool of constants. Fields as in csrc/network/network.h."""

from dataclasses import dataclass, field

import numpy as np

from kws.native.reasons import names

# Name of a kind of op -> its number: enum kws_op_kind.
KINDS = {name.removeprefix("KWS_OP_"): number for number, name in sorted(names("kws_op_kind").items())}


@dataclass(frozen=True)
class Buffer:
    """A ring of the newest `rows` rows of one tensor, at `offset` in the arena."""

    rows: int
    row_bytes: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Op:
    """One step of the program; csrc/network/network.h says what each field means. Same fields, same order."""

    kind: int
    input: int
    other: int = -1
    output: int
    every: int = 1
    steps: int = 1
    taps: int = 1
    spacing: int = 1
    stride: int = 0
    newest: int = 0
    span: int
    other_stride: int = 0
    other_newest: int = 0
    in_width: int
    in_channels: int
    out_width: int
    out_channels: int
    kernel: int = 1
    kernel_stride: int = 1
    kernel_dilation: int = 1
    pad: int = 0
    pad_channels: int = 0
    other_width_step: int = 0
    other_channel_step: int = 0
    in_zero: int = 0
    other_zero: int = 0
    out_zero: int = 0
    low: int = -128
    high: int = 127
    weights: int = -1
    outputs: int = -1
    paired: int = 0
    quick: int = 0
    table_count: int = 0
    scale: tuple[int, ...] = (0, 0, 0, 0, 0, 0)
    count: int = 0
    sums: int = -1
    slots: int = 1


@dataclass(frozen=True, kw_only=True)
class Program:
    """Everything that kws_network_tables holds.

    frames : hops until the window has filled. decide_every : hops between decisions. pool : int32 [words].
    """

    frames: int
    features: int
    labels: int
    decide_every: int
    windowed: int
    input: int
    output: int
    arena_bytes: int
    scratch_words: int
    row_pointers: int
    sum_words: int
    buffers: tuple[Buffer, ...]
    ops: tuple[Op, ...]
    pool: np.ndarray

    @property
    def ram_bytes(self) -> int:
        """State of the network on a 32-bit device: rings, running sums, heads and scratch."""
        words = self.sum_words + self.scratch_words + self.row_pointers + len(self.buffers)
        return self.arena_bytes + 4 * words

    @property
    def flash_bytes(self) -> int:
        """Weights, tables and the ops that describe them."""
        return self.pool.nbytes + 12 * len(self.buffers) + 4 * OP_WORDS * len(self.ops)


OP_WORDS = 43  # 32-bit words of a kws_op


@dataclass
class Pool:
    """Collects constants, each once, at offsets that count 32-bit words."""

    words: list[bytes] = field(default_factory=list)
    offsets: dict[bytes, int] = field(default_factory=dict)
    size: int = 0

    def add(self, values: np.ndarray) -> int:
        """Offset of int8 or int32 values, padded to whole words."""
        raw = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
        raw += bytes(-len(raw) % 4)
        if raw not in self.offsets:
            self.offsets[raw] = self.size
            self.words.append(raw)
            self.size += len(raw) // 4
        return self.offsets[raw]

    def array(self) -> np.ndarray:
        return np.frombuffer(b"".join(self.words), "<i4").astype(np.int32)
