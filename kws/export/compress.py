"""Lossless compression of weights: canonical Huffman codes, decoded row by row while the network runs.

One table of codes per layer, or one for all, whichever takes less. A layer is compressed where that saves bytes and a
row of its weights fits the decoder's buffer. csrc/network/huffman.h states the format of tables and streams.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from kws.engine.packing import PATCH, columns, row_numbers, unpack
from kws.engine.schedule import KINDS, Op, Program
from kws.export.c_tables import Section, sections
from kws.records import Fields

CODE_BITS = 15  # of the longest code
PADDING = 3  # bytes that the decoder may read behind a stream
DECODER_CODE_BYTES = 350  # compiled for a Cortex-M4
INSTRUCTIONS_PER_WEIGHT = 40  # measured on a Cortex-M4 with the released run; 49 on a Cortex-M0+


@dataclass(frozen=True)
class Compressed:
    """program : with another pool, whose weights only an export compiled for it can read. longest_row : bytes.

    weights_bytes, coded_bytes : of the compressed layers, with streams, tables and padding; decoded_per_hop : weights.
    """

    program: Program
    longest_row: int
    weights_bytes: int
    coded_bytes: int
    decoded_per_hop: int
    tables: int

    @property
    def saved_bytes(self) -> int:
        """Of flash, the decoder's code counted in; negative where compression does not pay."""
        return self.weights_bytes - self.coded_bytes - DECODER_CODE_BYTES

    @property
    def added_instructions(self) -> int:
        """Per hop, on a Cortex-M4."""
        return self.decoded_per_hop * INSTRUCTIONS_PER_WEIGHT


def compress(program: Program) -> Compressed:
    """The smaller of one table per layer and one for all."""
    found = candidates(program)
    each = [(layer, [layer]) for layer in found if coded_size([layer]) < layer.numbers.size]
    per_layer = sum(coded_size(layers) for _, layers in each) + sum(
        layer.numbers.size for layer in found if layer not in [kept for kept, _ in each])
    if found and coded_size(found) < per_layer:
        return build(program, [found])
    return build(program, [layers for _, layers in each])


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution's weights : int8 [outputs * row], the two of a pair next to each other.

    first : their offset in the pool; ops : who reads them.
    """

    first: int
    ops: tuple[int, ...]
    row: int
    numbers: np.ndarray


def patch_of(op: Op) -> int:
    return op.taps * op.kernel * op.in_channels


def row_of(op: Op) -> int:
    """Stored weights per output."""
    return row_numbers(op.taps, op.kernel * op.in_channels)


def candidates(program: Program) -> list[Layer]:
    """Convolutions whose rows fit and whose words in the pool nobody else reads as something else."""
    users: dict[int, list[tuple[int, Op]]] = {}
    others = set()
    for index, op in enumerate(program.ops):
        if op.kind == KINDS["CONV"] and patch_of(op) <= PATCH:  # longer ones read parts of their rows
            users.setdefault(op.weights, []).append((index, op))
        elif op.weights >= 0:
            others.add(op.weights)
        others.add(op.outputs)
    layers = []
    for first, readers in sorted(users.items()):
        shapes = {(row_of(op), op.out_channels, op.paired) for _, op in readers}
        if first not in others and len(shapes) == 1:
            row, outputs, paired = shapes.pop()
            stored = np.ascontiguousarray(program.pool[first:], "<i4").view(np.int8)[:row * outputs]
            numbers = in_order(unpack(stored, outputs=outputs, paired=paired), paired)
            layers.append(Layer(first, tuple(index for index, _ in readers), row, numbers))
    return layers


def in_order(rows: np.ndarray, paired: int) -> np.ndarray:
    """int8 [outputs, row] -> int8 [outputs * row] as they are decoded: the two of a pair next to each other."""
    pairs = rows[:paired].reshape(paired // 2, 2, rows.shape[1]).transpose(0, 2, 1)
    return np.concatenate([pairs.ravel(), rows[paired:].ravel()])


def counts(layers: Iterable[Layer]) -> np.ndarray:
    """int64 [256]: how often each weight -128..127 occurs."""
    found = np.zeros(256, np.int64)
    for layer in layers:
        found += np.bincount(layer.numbers.astype(int) + 128, minlength=256)
    return found


def code_lengths(frequencies: np.ndarray) -> np.ndarray:
    """Bits of each symbol's Huffman code, 0 where it does not occur; at most CODE_BITS."""
    while True:
        lengths = np.zeros(len(frequencies), int)
        heap = [(int(n), [symbol]) for symbol, n in enumerate(frequencies) if n]
        if len(heap) == 1:
            lengths[heap[0][1]] = 1
        heapq.heapify(heap)
        while len(heap) > 1:
            (a, left), (b, right) = heapq.heappop(heap), heapq.heappop(heap)
            lengths[left + right] += 1
            heapq.heappush(heap, (a + b, left + right))
        if lengths.max() <= CODE_BITS:
            return lengths
        frequencies = np.where(frequencies > 0, frequencies // 2 + 1, 0)  # flatter: shorter longest code


def canonical(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(codes : int [256], order : symbols by code) of code lengths."""
    order = np.array([s for s in np.lexsort((np.arange(len(lengths)), lengths)) if lengths[s]], int)
    codes, code, previous = np.zeros(len(lengths), int), 0, 0
    for symbol in order:
        code <<= int(lengths[symbol]) - previous
        previous = int(lengths[symbol])
        codes[symbol] = code
        code += 1
    return codes, order


def table_words(lengths: np.ndarray) -> np.ndarray:
    """int32: the shortest length, limits and first places by length, then the symbols; see csrc/network/huffman.h."""
    codes, order = canonical(lengths)
    limits, firsts, limit = [], [], 0
    for length in range(1, CODE_BITS + 1):
        members = [place for place, symbol in enumerate(order) if lengths[symbol] == length]
        if members:
            limit = (int(codes[order[members[-1]]]) + 1) << (CODE_BITS - length)
        limits.append(limit)
        firsts.append(members[0] - int(codes[order[members[0]]]) if members else 0)
    symbols = (order - 128).astype(np.int8).tobytes()
    head = np.array([lengths[lengths > 0].min(), *limits, *firsts], "<i4")
    return np.concatenate([head, np.frombuffer(padded(symbols), "<i4")])


def padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)


def stream_words(numbers: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """int32: the codes of int8 numbers one after the other, the first bit leftmost in the first byte."""
    codes, _ = canonical(lengths)
    text = "".join(f"{codes[s]:0{lengths[s]}b}" for s in numbers.astype(int) + 128)
    raw = int(text + "0" * (-len(text) % 8), 2).to_bytes(-(-len(text) // 8), "big") + bytes(PADDING)
    return np.frombuffer(padded(raw), "<i4")


def coded_size(layers: list[Layer]) -> int:
    """Bytes of streams and the one table of some layers."""
    lengths = code_lengths(counts(layers))
    streams = sum(-(-int(counts([layer]) @ lengths) // 8) + PADDING for layer in layers)
    return streams + 4 * len(table_words(lengths))


def build(program: Program, groups: list[list[Layer]]) -> Compressed:
    """The program with the weights of each group coded by the group's table."""
    streams: dict[int, np.ndarray] = {}
    within: set[int] = set()  # words behind the first of a layer's weights
    tables: list[np.ndarray] = []
    table_of: dict[int, int] = {}  # op -> table
    for group in groups:
        lengths = code_lengths(counts(group))
        for layer in group:
            streams[layer.first] = stream_words(layer.numbers, lengths)
            within.update(range(layer.first + 1, layer.first + layer.numbers.size // 4))
            table_of.update(dict.fromkeys(layer.ops, len(tables)))
        tables.append(table_words(lengths))
    pool: list[np.ndarray] = []
    places: dict[int, int] = {}
    for section in sections(program):
        if section.first in within:
            continue
        places[section.first] = sum(map(len, pool))
        pool.append(streams.get(section.first, words_of(program, section)))
    firsts = []
    for table in tables:
        firsts.append(sum(map(len, pool)))
        pool.append(table)
    ops = tuple(moved(op, places, firsts[table_of[index]] if index in table_of else 0)
                for index, op in enumerate(program.ops))
    layers = [layer for group in groups for layer in group]
    coded = 4 * sum(map(len, [*streams.values(), *tables]))
    return Compressed(replace(program, pool=np.concatenate(pool).astype(np.int32), ops=ops),
                      max((layer.row for layer in layers), default=0), sum(layer.numbers.size for layer in layers),
                      coded, round(sum(decodings(program, index) for index in table_of)), len(tables))


def words_of(program: Program, section: Section) -> np.ndarray:
    return program.pool[section.first:section.end]


def moved(op: Op, places: dict[int, int], table: int) -> Op:
    """The op with its tables at their new places; table : of its codes, 0 for none."""
    new: Fields = {name: places[getattr(op, name)] for name in ("weights", "outputs") if getattr(op, name) >= 0}
    if table:
        new["table_count"] = table
    return replace(op, **new)


def decodings(program: Program, index: int) -> float:
    """Weights that op `index` decodes per hop: all of them for the columns that a Cortex-M4 computes side by side."""
    op = program.ops[index]
    beside = columns(patch_of(op), op.out_width) if op.quick and op.paired == op.out_channels else 1
    return row_of(op) * op.out_channels * -(-op.out_width // beside) * op.steps / op.every
