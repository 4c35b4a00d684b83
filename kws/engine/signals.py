"""Tensors as rows of time, and the steps over them, without deciding yet when a step runs.

A tensor becomes a Signal: `time` rows of `width` columns of `channels` numbers. In a streaming program a signal grows
by a row every `rate` hops and its newest row is `delay` hops old; in a windowed program all its rows are made anew at
every decision. A layer that cannot keep pace with time (padding along time, a gate computed from the whole window)
raises NotStreamable.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from kws.engine import packing
from kws.engine import quantization as constants
from kws.engine.graph import Graph, Layer
from kws.engine.oracle.layers import padding_before
from kws.engine.schedule import KINDS, Pool
from kws.errors import ModelError
from kws.records import Fields


class NotStreamable(Exception):
    """The reason why a network must be computed window by window."""


@dataclass(frozen=True)
class Signal:
    """Rows of one tensor. ring : which ring holds them; several signals may look at one ring."""

    ring: int
    time: int
    width: int
    channels: int
    axis: int
    rate: int = 1
    delay: int = 0

    @property
    def row_bytes(self) -> int:
        return self.width * self.channels


@dataclass(frozen=True)
class Step:
    """An op whose times are still in hops (streaming) or rows (windowed)."""

    kind: int
    source: Signal
    ring: int
    row_bytes: int
    other: Signal | None = None
    steps: int = 1
    taps: int = 1
    spacing: int = 1
    stride: int = 0
    newest: int = 0
    other_stride: int = 0
    other_newest: int = 0
    fields: Fields = field(default_factory=dict)


def time_axis(shape: tuple[int, ...]) -> int:
    """The first dimension that is not 1, short of the last: time, as long as there is any."""
    first = next((i for i, n in enumerate(shape) if n != 1), len(shape))
    return max(0, min(first, len(shape) - 2))


class Lowering:
    """The state of one pass over the layers of `graph` (kws.engine.lowering makes it): steps, signals and constants."""

    def __init__(self, graph: Graph, *, windowed: bool):
        self.graph, self.windowed = graph, windowed
        self.pool, self.rings = Pool(), 0
        self.steps: list[Step] = []
        self.signals: dict[int, Signal] = {}
        self.flattened: dict[int, Signal] = {}
        shape = graph.tensors[graph.input].shape
        self.signals[graph.input] = self.view(shape, graph.frames)

    # Signals

    def new_ring(self) -> int:
        self.rings += 1
        return self.rings - 1

    def view(self, shape: tuple[int, ...], time: int, rate: int = 1, delay: int = 0, ring: int | None = None) -> Signal:
        """A tensor of this shape cut into rows: into `time` of them when streaming, by its shape when windowed."""
        ring = self.new_ring() if ring is None else ring
        axis = time_axis(shape)
        if self.windowed:
            time = shape[axis] if len(shape) > 1 else 1
        elif time == 1:  # time has gone: one row holds everything
            axis = next((i for i in (1, 2) if len(shape) == 4 and shape[i] == 1), -1)
        elif shape[axis] != time:
            raise NotStreamable(f"a tensor of shape {list(shape)} mixes time with other dimensions")
        width = math.prod(shape[:-1]) // time
        return Signal(ring, time, width, shape[-1] if shape else 1, axis, rate, delay)

    def signal(self, tensor: int) -> Signal:
        """Rows of an activation, a flattened window written out where it has to be."""
        if tensor in self.flattened:
            source = self.flattened.pop(tensor)
            self.signals[tensor] = self.view(self.graph.tensors[tensor].shape, 1)
            self.emit("RESHAPE", source, self.signals[tensor], taps=source.time)
        if tensor not in self.signals:
            name = self.graph.tensors[tensor].name
            raise ModelError(f"tensor {name!r} is a constant where the engine needs an activation")
        return self.signals[tensor]

    def like(self, layer: Layer, source: Signal, **changes: int) -> Signal:
        """The new signal that a layer writes, laid out as its source but for `changes`."""
        self.signals[layer.output] = replace(source, ring=self.new_ring(), delay=0, **changes)
        return self.signals[layer.output]

    def aligned(self, signal: Signal) -> Signal:
        """The final scores: one row, not delayed, written by a step."""
        if signal.time != 1:
            raise ModelError(f"the network ends with {signal.time} rows of scores; the engine needs one per window")
        if signal.delay or not self.steps:
            copy = replace(signal, ring=self.new_ring(), delay=0)
            self.emit("COPY", signal, copy)
            return copy
        return signal

    # Steps

    def emit(self, kind: str, source: Signal, target: Signal, *, taps: int = 1, stride: int = 1, dilation: int = 1,
             before: int = 0, steps: int | None = None, other: Signal | None = None, other_stride: int = 0,
             **fields: int | tuple[int, ...]) -> None:
        """Append a step that reads `taps` rows, `dilation` apart, `before` of them in front of the first row."""
        steps = target.time if steps is None else steps
        last = (steps - 1) * stride + (taps - 1) * dilation - before
        newest = source.time - 1 - last
        time = {"steps": steps, "taps": taps, "spacing": dilation, "stride": stride, "newest": newest,
                "other_stride": other_stride}
        if kind == "RESHAPE":
            time |= {"newest": 0, "stride": 0}
        if not self.windowed and source.time == 1:
            if source.delay and taps > 1:
                raise NotStreamable("padding around one delayed row")
            time |= {"steps": 1, "newest": newest + source.delay}
        elif not self.windowed:
            if before or newest < 0:
                raise NotStreamable(f"{kind} pads along time")
            time = {"steps": 1, "taps": taps, "spacing": dilation * source.rate if taps > 1 else 1, "stride": 0,
                    "newest": source.delay + time["newest"] * source.rate}
        if other is not None:
            time |= self.other_time(source, other, time["steps"])
        sizes = {"in_width": source.width, "in_channels": source.channels, "out_width": target.width,
                 "out_channels": target.channels}
        self.steps.append(Step(KINDS[kind], source, target.ring, target.row_bytes, other, fields={**sizes, **fields},
                               **time))

    def other_time(self, source: Signal, other: Signal, steps: int) -> Fields:
        if self.windowed:
            return {"other_stride": 0 if other.time == 1 else 1, "other_newest": 0}
        if other.time != source.time:
            raise NotStreamable("a value of the whole window is combined with each of its rows")
        if other.time > 1 and other.rate != source.rate:
            raise NotStreamable("rows of different rates are combined")
        return {"other_stride": 0, "other_newest": other.delay}

    def zeros(self, layer: Layer) -> Fields:
        """Zero points and activation range of a layer with one input."""
        output = self.graph.tensors[layer.output]
        low, high = constants.activation_range(output, layer.options.get("activation", "NONE"))
        return {"in_zero": self.graph.tensors[layer.inputs[0]].zero_point, "out_zero": output.zero_point,
                "low": low, "high": high}

    def outputs(self, layer: Layer, sums: np.ndarray, products: int) -> Fields:
        """Bias, multiplier and shift of each output channel, the input's zero point folded into the bias.

        sums : int64 [channels] of the weights; products : how many of them a channel has.
        """
        zeros = self.zeros(layer)
        bias = constants.bias_of(layer, self.graph, len(sums)).astype(np.int64)
        folded = (bias - zeros["in_zero"] * sums).astype(np.int32)
        multipliers, shifts = constants.weighted_multipliers(layer, self.graph, len(sums))
        table = np.stack([folded, multipliers, shifts], axis=1).astype(np.int32)
        quick = packing.quick(products, folded, shifts, (zeros["low"], zeros["high"]))
        return {"outputs": self.pool.add(table), "quick": int(quick), **zeros}

    def conv_tables(self, layer: Layer, weights: np.ndarray, taps: int) -> Fields:
        """What a convolution takes from the pool. weights : int8 [outputs, ...] in the order of time."""
        flat = np.ascontiguousarray(weights).reshape(len(weights), -1)
        packed = packing.pack(flat, taps)
        return {"weights": self.pool.add(packed.weights), "paired": packed.paired,
                **self.outputs(layer, flat.sum(axis=1, dtype=np.int64), flat.shape[1])}

    def depthwise_tables(self, layer: Layer, weights: np.ndarray) -> Fields:
        """What a depthwise convolution takes from the pool. weights : int8 [time, width, outputs]."""
        sums = weights.sum(axis=(0, 1), dtype=np.int64)
        return {"weights": self.pool.add(weights), **self.outputs(layer, sums, weights.size // len(sums))}

    def image_geometry(self, layer: Layer, source: Signal, kernel_h: int,
                       kernel_w: int) -> tuple[Fields, Fields, bool]:
        """Time and width geometry of a convolution or pool, and whether its kernel is turned (time on W)."""
        shape, out = (self.graph.tensors[i].shape for i in (layer.inputs[0], layer.output))
        if len(shape) != 4 or source.axis not in (1, 2):
            raise NotStreamable(f"{layer.op} over an image without time")
        turned = source.axis == 2
        sides = {}
        for axis, side, kernel in ((1, "H", kernel_h), (2, "W", kernel_w)):
            stride, dilation = layer.options[f"Stride{side}"], layer.options.get(f"Dilation{side}Factor", 1)
            before = padding_before(shape[axis], out[axis], kernel, stride, dilation, layer.options["Padding"])
            sides[axis] = {"taps": kernel, "stride": stride, "dilation": dilation, "before": before, "steps": out[axis]}
        time, width = sides[source.axis], sides[2 if source.axis == 1 else 1]
        return time, {"kernel": width["taps"], "kernel_stride": width["stride"], "kernel_dilation": width["dilation"],
                      "pad": width["before"]}, turned

    def image_result(self, layer: Layer, source: Signal, time: Fields) -> Signal:
        shape = self.graph.tensors[layer.output].shape
        rows = time["steps"]
        return self.like(layer, source, time=rows, width=shape[1] * shape[2] // rows, channels=shape[3],
                         rate=source.rate * time["stride"] if rows > 1 else 1)
