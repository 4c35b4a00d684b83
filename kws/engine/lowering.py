"""One function per operator: what a layer of the graph becomes in rows of time."""

import math
from dataclasses import replace

import numpy as np

from kws.engine import quantization as constants
from kws.engine.graph import Graph, Layer
from kws.engine.operators import OPERATORS
from kws.engine.oracle.layers import slices
from kws.engine.signals import Lowering, NotStreamable, Signal, time_axis
from kws.errors import ModelError
from kws.records import Fields
from kws.registry import load


def translate(graph: Graph, *, windowed: bool) -> tuple[Lowering, Signal]:
    """The steps of all layers, and the signal of the final scores. Raises NotStreamable and ModelError."""
    low = Lowering(graph, windowed=windowed)
    for index, layer in enumerate(graph.layers):
        try:
            load(OPERATORS[layer.op].lower)(low, layer)
        except (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError) as error:
            shapes = ", ".join(str(list(graph.tensors[i].shape)) for i in layer.inputs if i >= 0)
            raise ModelError(f"layer {index}, {layer.op} of {shapes} to {list(graph.tensors[layer.output].shape)}: the "
                             f"engine cannot run it in this form ({error})") from error
    return low, low.aligned(low.signal(graph.output))


def conv_2d(low: Lowering, layer: Layer) -> None:
    source, weights = low.signal(layer.inputs[0]), constants.constant_weights(layer, low.graph)
    if weights.shape[3] != source.channels:
        raise ModelError(f"CONV_2D in groups is not supported: {source.channels} channels, {weights.shape[3]} a kernel")
    time, width, turned = low.image_geometry(layer, source, *weights.shape[1:3])
    if turned:
        weights = weights.transpose(0, 2, 1, 3)
    tables = low.conv_tables(layer, weights, time["taps"])
    low.emit("CONV", source, low.image_result(layer, source, time), **time, **width, **tables)


def depthwise_conv_2d(low: Lowering, layer: Layer) -> None:
    source, weights = low.signal(layer.inputs[0]), constants.constant_weights(layer, low.graph)[0]
    time, width, turned = low.image_geometry(layer, source, *weights.shape[:2])
    if turned:
        weights = weights.transpose(1, 0, 2)
    tables = low.depthwise_tables(layer, weights)
    low.emit("DEPTHWISE", source, low.image_result(layer, source, time), **time, **width, **tables)


def pool_2d(low: Lowering, layer: Layer) -> None:
    source = low.signal(layer.inputs[0])
    kernel = (layer.options["FilterHeight"], layer.options["FilterWidth"])
    time, width, _ = low.image_geometry(layer, source, *kernel)
    kind = "AVERAGE" if layer.op == "AVERAGE_POOL_2D" else "MAX"
    low.emit(kind, source, low.image_result(layer, source, time), **time, **width, **low.zeros(layer))


def fully_connected(low: Lowering, layer: Layer) -> None:
    weights = constants.constant_weights(layer, low.graph)
    tensor, size = layer.inputs[0], weights.shape[1]
    source = low.flattened.get(tensor) or low.signal(tensor)
    if source.time > 1 and size == source.time * source.row_bytes:  # over the whole window: a kernel as long as time
        target = low.like(layer, source, time=1, width=1, channels=len(weights), axis=-1, rate=1)
        tables = low.conv_tables(layer, weights, source.time)
        low.emit("CONV", source, target, taps=source.time, kernel=source.width, **tables)
        return
    source = low.signal(tensor)
    if source.row_bytes % size:
        raise ModelError(f"FULLY_CONNECTED takes {size} numbers of rows of {source.row_bytes}; it must take whole rows")
    rows = replace(source, width=source.row_bytes // size, channels=size)
    low.emit("CONV", rows, low.like(layer, rows, channels=len(weights)), **low.conv_tables(layer, weights, 1))


def add_or_mul(low: Lowering, layer: Layer) -> None:
    graph, output = low.graph, low.graph.tensors[layer.output]
    first, second = layer.inputs
    if graph.tensors[first].data is not None or graph.tensors[first].shape != output.shape:
        first, second = second, first
    if graph.tensors[first].shape != output.shape or graph.tensors[first].data is not None:
        raise ModelError(f"{layer.op} broadcasts both of its inputs; the engine broadcasts one")
    source, tensors = low.signal(first), (graph.tensors[first], graph.tensors[second])
    if layer.op == "ADD":
        add = constants.add_constants(*tensors, output)
        scale = (*add.first, *add.second, *add.output)
    else:
        scale = (*constants.mul_multiplier(*tensors, output), 0, 0, 0, 0)
    ends = low.zeros(layer) | {"in_zero": tensors[0].zero_point, "other_zero": tensors[1].zero_point, "scale": scale}
    other = None
    if tensors[1].data is not None:
        ends |= _constant_other(low, source, tensors[1].data, output.shape)
    else:
        other = low.signal(second)
        ends |= _other_layout(layer, source, tensors[1].shape, output.shape)
    low.emit(layer.op, source, low.like(layer, source), other=other, **ends)


def _constant_other(low: Lowering, source: Signal, data: np.ndarray, shape: tuple[int, ...]) -> Fields:
    """A constant operand, stored as small as its repetition allows."""
    rows = np.ascontiguousarray(np.broadcast_to(data, shape)).reshape(source.time, source.width, source.channels)
    if not (rows == rows[:1]).all():
        if not low.windowed:
            raise NotStreamable("a constant differs from row to row")
        return {"weights": low.pool.add(rows), "other_width_step": source.channels, "other_channel_step": 1,
                "other_stride": source.row_bytes}
    row = rows[0]
    if (row == row[0, 0]).all():
        return {"weights": low.pool.add(row[:1, :1])}
    if (row == row[:1]).all():
        return {"weights": low.pool.add(row[:1]), "other_channel_step": 1}
    return {"weights": low.pool.add(row), "other_width_step": source.channels, "other_channel_step": 1}


def _other_layout(layer: Layer, source: Signal, shape: tuple[int, ...], full: tuple[int, ...]) -> Fields:
    padded = (1,) * (len(full) - len(shape)) + shape
    middle = padded[source.axis + 1:-1] if source.axis >= 0 else padded[:-1]
    wide, channels = math.prod(middle), padded[-1]
    if wide not in (1, source.width) or channels not in (1, source.channels):
        raise ModelError(f"{layer.op} of shapes {list(full)} and {list(shape)} is not supported")
    return {"other_width_step": channels if wide > 1 else 0, "other_channel_step": 1 if channels > 1 else 0}


def mean(low: Lowering, layer: Layer) -> None:
    graph, source = low.graph, low.signal(layer.inputs[0])
    shape, axes = graph.tensors[layer.inputs[0]].shape, graph.tensors[layer.inputs[1]].data
    if axes is None:
        raise ModelError("MEAN over axes that are not constant is not supported")
    reduced = {int(a) % len(shape) for a in np.atleast_1d(axes)}
    reduced = {a for a in reduced if shape[a] > 1}
    if len(shape) - 1 in reduced:
        raise ModelError("MEAN over channels is not supported; the engine takes means over time and frequency")
    over_time = source.axis in reduced and source.time > 1
    middle = {a for a in range(len(shape) - 1) if shape[a] > 1 and (a != source.axis or source.time == 1)}
    if reduced & middle not in (set(), middle):
        raise ModelError(f"MEAN over axes {sorted(reduced)} of {list(shape)} is not supported")
    width = 1 if reduced & middle else source.width
    taps = source.time if over_time else 1
    count = taps * (source.width // width)
    scale = constants.mean_multiplier(graph.tensors[layer.inputs[0]], graph.tensors[layer.output], count)
    target = low.like(layer, source, time=1 if over_time else source.time, width=width,
                      axis=source.axis if len(graph.tensors[layer.output].shape) == len(shape) else -1)
    low.emit("MEAN", source, target, taps=taps, count=count, scale=(*scale, 0, 0, 0, 0), **low.zeros(layer))


def softmax(low: Lowering, layer: Layer) -> None:
    source = low.signal(layer.inputs[0])
    table = constants.softmax_table(low.graph.tensors[layer.inputs[0]], layer.options["Beta"])
    low.emit("SOFTMAX", source, low.like(layer, source), weights=low.pool.add(table), table_count=len(table))


def lookup(low: Lowering, layer: Layer) -> None:
    source, tensors = low.signal(layer.inputs[0]), low.graph.tensors
    table = constants.table_of(layer, tensors[layer.inputs[0]], tensors[layer.output])
    low.emit("LOOKUP", source, low.like(layer, source), weights=low.pool.add(table), table_count=256)


def reshape(low: Lowering, layer: Layer) -> None:
    source, shape = low.signal(layer.inputs[0]), low.graph.tensors[layer.output].shape
    if not low.windowed and source.time > 1 and shape[time_axis(shape)] != source.time:
        if max(shape) != source.time * source.row_bytes:
            raise NotStreamable(f"RESHAPE to {list(shape)} mixes time with other dimensions")
        low.flattened[layer.output] = source
        return
    target = low.view(shape, source.time, source.rate, source.delay, source.ring)
    if target.time != source.time:
        target = replace(target, ring=low.new_ring())
        low.emit("RESHAPE", source, target, taps=source.time)
    low.signals[layer.output] = target


def strided_slice(low: Lowering, layer: Layer) -> None:
    if any(layer.options[mask] for mask in ("EllipsisMask", "NewAxisMask", "ShrinkAxisMask")):
        raise ModelError("STRIDED_SLICE that adds or drops dimensions is not supported")
    source, shape = low.signal(layer.inputs[0]), low.graph.tensors[layer.inputs[0]].shape
    kept = [range(n)[cut] for n, cut in zip(shape, slices(layer, low.graph), strict=False)]
    for axis, indices in enumerate(kept):
        if len(indices) != shape[axis] and (axis != source.axis or source.time == 1 or indices.step < 1):
            raise ModelError(f"STRIDED_SLICE of dimension {axis} of {list(shape)}: the engine cuts along time only")
    rows = kept[source.axis] if source.axis >= 0 else range(1)
    if low.windowed:
        target = low.like(layer, source, time=len(rows))
        low.emit("COPY", source, target, stride=rows.step, before=-rows[0])
    else:
        late = source.delay + (source.time - 1 - rows[-1]) * source.rate
        low.signals[layer.output] = replace(source, time=len(rows), rate=source.rate * rows.step, delay=late)


def pad(low: Lowering, layer: Layer) -> None:
    source, shape = low.signal(layer.inputs[0]), low.graph.tensors[layer.inputs[0]].shape
    pads = [(int(a), int(b)) for a, b in np.asarray(low.graph.tensors[layer.inputs[1]].data)]
    axis = source.axis if source.axis >= 0 else 0
    middle = [i for i in range(len(shape) - 1) if i != axis and pads[i] != (0, 0)]
    if any(i < axis for i in middle) or len(middle) > 1 or (len(shape) - 1 - axis > 2 and middle):
        raise ModelError(f"PAD by {pads} of {list(shape)}: the engine pads time, frequency and channels")
    before, after = pads[axis]
    if before + after and not low.windowed:
        raise NotStreamable("PAD along time")
    wide = pads[middle[0]] if middle else (0, 0)
    target = low.like(layer, source, time=source.time + before + after, width=source.width + sum(wide),
                      channels=source.channels + sum(pads[-1]))
    low.emit("COPY", source, target, before=before, pad=wide[0], pad_channels=pads[-1][0],
             in_zero=low.graph.tensors[layer.output].zero_point)


def concatenation(low: Lowering, layer: Layer) -> None:
    shape = low.graph.tensors[layer.output].shape
    axis = layer.options["Axis"] % len(shape)
    parts = [low.signal(i) for i in layer.inputs]
    if axis == parts[0].axis and (parts[0].time > 1 or low.windowed):
        if not low.windowed:
            raise NotStreamable("CONCATENATION along time")
        target = low.like(layer, parts[0], time=sum(part.time for part in parts))
        for part in parts:
            low.emit("COPY", part, target, steps=part.time)
        return
    whole_rows = axis != len(shape) - 1
    source = parts[0]
    for part in parts[1:]:
        first = replace(source, width=1, channels=source.row_bytes) if whole_rows else source
        wider = {"width": source.width + part.width} if whole_rows else {"channels": source.channels + part.channels}
        target = low.like(layer, source, **wider)
        written = replace(target, width=1, channels=target.row_bytes) if whole_rows else target
        low.emit("CONCAT", first, written, other=part)
        source = target
