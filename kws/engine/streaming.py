"""From a graph to a program: what runs at which hop, how many rows each ring keeps, where everything lies.

A network without padding along time becomes a streaming program: every layer computes one new row per hop and keeps
the few rows that later layers still read, so that the result at each hop equals the whole window computed anew. A
stride in time turns into distance between rows, which keeps that equality at every hop; with `decide_every` hops
between decisions, rows that no decision needs are not computed. Any other network becomes a windowed program.
"""

import math
from dataclasses import replace

from kws.engine.demands import check_demands
from kws.engine.graph import Graph
from kws.engine.lowering import translate
from kws.engine.packing import conv_scratch_words
from kws.engine.schedule import KINDS, Buffer, Op, Program
from kws.engine.signals import Lowering, NotStreamable, Signal, Step
from kws.errors import ModelError
from kws.records import Fields


def lower(graph: Graph, *, decide_every: int = 1, windowed: bool | None = None) -> Program:
    """The program of a network.

    decide_every : hops between decisions, at least 1.
    windowed     : True computes every window anew, False insists on streaming, None streams if the network can.
    Raises ModelError for what the engine cannot run.
    """
    if decide_every < 1:
        raise ModelError(f"decide_every = {decide_every}: must be at least 1 hop")
    check_demands(graph)
    try:
        if not windowed:
            try:
                return _assemble(*translate(graph, windowed=False), decide_every)
            except NotStreamable as reason:
                if windowed is False:
                    raise ModelError(f"the network cannot stream: {reason}") from reason
        return _assemble(*translate(graph, windowed=True), decide_every)
    except NotStreamable as reason:
        raise ModelError(f"the engine cannot run the network: {reason}") from reason
    except (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError) as error:
        raise ModelError(f"the layers of the network do not fit each other ({error})") from error


def _periods(lowering: Lowering, scores: Signal, decide_every: int) -> dict[int, int]:
    """Hops between two rows of each ring: as rare as its readers allow."""
    periods: dict[int, int] = {scores.ring: decide_every}
    for step in reversed(lowering.steps):
        period = periods.get(step.ring, decide_every)
        periods[step.ring] = period
        ages = [step.newest, step.spacing if step.taps > 1 else 0]
        if lowering.windowed:
            ages = []
        for signal, used in ((step.source, ages), (step.other, [step.other_newest])):
            if signal is not None:
                periods[signal.ring] = math.gcd(periods.get(signal.ring, 0), period, *used)
    periods[lowering.signals[lowering.graph.input].ring] = 1
    return periods


def _in_rows(step: Step, periods: dict[int, int]) -> Step:
    """A streaming step with its hops counted in rows of the rings that it reads."""
    period = periods[step.source.ring]
    spacing = step.spacing // period if step.taps > 1 else 1
    step = replace(step, newest=step.newest // period, spacing=spacing)
    if step.other is not None:
        step = replace(step, other_newest=step.other_newest // periods[step.other.ring])
    return step


def _running(step: Step, every: int, period: int) -> int:
    """Interleaved running sums of a mean over time; 0 where it is summed anew."""
    if step.kind != KINDS["MEAN"] or step.taps == 1 or step.spacing * period % every:
        return 0
    return step.spacing * period // every


def _assemble(lowering: Lowering, scores: Signal, decide_every: int) -> Program:
    graph, source = lowering.graph, lowering.signals[lowering.graph.input]
    periods = _periods(lowering, scores, decide_every)
    steps, every = lowering.steps, [periods[step.ring] for step in lowering.steps]
    if lowering.windowed:
        every, slots = [decide_every] * len(steps), [0] * len(steps)
    else:
        steps = [_in_rows(step, periods) for step in steps]
        slots = [_running(step, run, periods[step.source.ring]) for step, run in zip(steps, every, strict=True)]
    rows = _ring_rows(lowering, steps, slots)
    widths = {source.ring: source.row_bytes} | {step.ring: step.row_bytes for step in steps}
    lives = _lives(lowering, scores, steps, rows)
    rings = sorted(widths)
    offsets, arena_bytes = place({ring: rows[ring] * widths[ring] for ring in rings}, lives)
    index = {ring: i for i, ring in enumerate(rings)}
    ops, sum_words = _ops(lowering.windowed, steps, every, slots, rows, index)
    return Program(
        frames=graph.frames, features=graph.features, labels=graph.labels, decide_every=decide_every,
        windowed=int(lowering.windowed), input=index[source.ring], output=index[scores.ring],
        arena_bytes=arena_bytes, scratch_words=max(_scratch_words(op) for op in ops),
        row_pointers=max(_row_pointers(op) for op in ops),
        sum_words=sum_words, buffers=tuple(Buffer(rows[ring], widths[ring], offsets[ring]) for ring in rings),
        ops=tuple(ops), pool=lowering.pool.array())


def _ring_rows(lowering: Lowering, steps: list[Step], slots: list[int]) -> dict[int, int]:
    source = lowering.signals[lowering.graph.input]
    rows = {source.ring: source.time if lowering.windowed else 1}
    for step in steps:
        rows.setdefault(step.ring, 1)
    for step, slot in zip(steps, slots, strict=True):
        if lowering.windowed:
            rows[step.ring] = max(rows[step.ring], step.steps)
            continue
        reach = step.taps if slot else step.taps - 1  # a running sum also reads the row that leaves
        rows[step.source.ring] = max(rows[step.source.ring], step.newest + reach * step.spacing + 1)
        if step.other is not None:
            rows[step.other.ring] = max(rows[step.other.ring], step.other_newest + 1)
    if lowering.windowed:  # several steps may append to one ring
        for ring in rows:
            rows[ring] = sum(step.steps for step in steps if step.ring == ring) or rows[ring]
    for step, slot in zip(steps, slots, strict=True):
        if slot:
            rows[step.source.ring] = -(-rows[step.source.ring] // step.spacing) * step.spacing
    return rows


def _lives(lowering: Lowering, scores: Signal, steps: list[Step],
           rows: dict[int, int]) -> dict[int, tuple[int, int]]:
    """First and last step that needs each ring's memory; a ring that remembers lives all the time."""
    forever = (-1, len(steps))
    source = lowering.signals[lowering.graph.input].ring
    lives = {source: (-1, -1)}
    for i, step in enumerate(steps):
        for ring in (step.source.ring, step.ring, step.other.ring if step.other is not None else None):
            if ring is not None:
                lives[ring] = (lives.get(ring, (i, i))[0], i)
    lives[scores.ring] = (lives[scores.ring][0], len(steps))
    remembers = {source} if lowering.windowed else {ring for ring, n in rows.items() if n > 1}
    return {ring: forever if ring in remembers else life for ring, life in lives.items()}


def place(sizes: dict[int, int], lives: dict[int, tuple[int, int]]) -> tuple[dict[int, int], int]:
    """Offsets such that rings that live at the same time do not overlap, largest first; and the bytes in all."""
    offsets: dict[int, int] = {}
    for ring in sorted(sizes, key=lambda r: (-sizes[r], r)):
        first, last = lives[ring]
        beside = [r for r in offsets if lives[r][0] <= last and first <= lives[r][1]]
        taken = sorted((offsets[r], offsets[r] + sizes[r]) for r in beside)
        offset = 0
        for begin, end in taken:
            if offset + sizes[ring] <= begin:
                break
            offset = max(offset, end)
        offsets[ring] = offset
    return offsets, max(offsets[r] + sizes[r] for r in sizes)


def _ops(windowed: bool, steps: list[Step], every: list[int], slots: list[int], rows: dict[int, int],
         index: dict[int, int]) -> tuple[list[Op], int]:
    ops, sum_words = [], 0
    for step, run, slot in zip(steps, every, slots, strict=True):
        sums: Fields = {}
        if slot:
            sums = {"sums": sum_words, "slots": slot}
            sum_words += slot * step.row_bytes
        span = rows[step.source.ring]
        if windowed:
            span = min(span, step.source.time)
        elif step.source.time == 1:  # one row per window: what lies beside it is padding
            span = max(step.newest, 0) + 1
        ops.append(Op(
            kind=step.kind, input=index[step.source.ring], other=-1 if step.other is None else index[step.other.ring],
            output=index[step.ring], every=run, steps=step.steps, taps=step.taps, spacing=step.spacing,
            stride=step.stride, newest=step.newest, span=span, other_stride=step.other_stride,
            other_newest=step.other_newest, **sums, **step.fields))
    return ops, sum_words


def _scratch_words(op: Op) -> int:
    """32-bit words that an op needs for patches, padding or sums, as csrc/host/network_check.c demands them."""
    if op.kind == KINDS["DEPTHWISE"]:
        return -(-op.in_channels // 4)
    if op.kind == KINDS["MEAN"]:
        return op.out_width * op.out_channels if op.sums < 0 else 0
    if op.kind != KINDS["CONV"]:
        return 0
    return conv_scratch_words(op.taps, op.kernel * op.in_channels, op.out_width, op.out_channels)


def _row_pointers(op: Op) -> int:
    """Rows that an op reads at once, and for a depthwise convolution its columns."""
    if op.kind in (KINDS["MEAN"], KINDS["RESHAPE"]):
        return 1
    return op.taps * (op.kernel + 1) if op.kind == KINDS["DEPTHWISE"] else op.taps
