"""Networks of one operator, drawn at random: any scale and zero point that TFLM takes, not only what converters write.

Each ends in a RESHAPE to one row, so that the engine takes it too. Written with TensorFlow's flatbuffer classes.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU6": 3}
SAME, VALID = 0, 1
OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "MEAN", "AVERAGE_POOL_2D", "MAX_POOL_2D",
             "SOFTMAX", "LOGISTIC", "RELU", "RELU6", "QUANTIZE", "PAD", "CONCATENATION", "STRIDED_SLICE")


@dataclass(frozen=True)
class Grid:
    """scale : float32 [1] or [channels]."""

    scale: Any
    zero_point: int = 0


@dataclass
class Writer:
    """Collects tensors and operators; `file` makes a .tflite of them."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=lambda: [b""])
    operators: list[tuple[str, list[int], int, Any]] = field(default_factory=list)

    def tensor(self, shape: Any, grid: Grid | None = None, data: np.ndarray | None = None, *, kind: str = "INT8",
               channel_axis: int = 0) -> int:
        from tensorflow.lite.python import schema_py_generated as schema

        made = schema.TensorT()
        made.name, made.shape, made.type = f"t{len(self.tensors)}", list(shape), getattr(schema.TensorType, kind)
        if data is not None:
            self.buffers.append(np.ascontiguousarray(data).tobytes())
            made.buffer = len(self.buffers) - 1
        if grid is not None:
            quantization = schema.QuantizationParametersT()
            quantization.scale = np.atleast_1d(np.asarray(grid.scale, np.float32)).tolist()
            quantization.zeroPoint = [grid.zero_point] * len(quantization.scale)
            quantization.quantizedDimension = channel_axis
            made.quantization = quantization
        self.tensors.append(made)
        return len(self.tensors) - 1

    def numbers(self, values: Any) -> int:
        """A constant of int32, such as axes."""
        values = np.asarray(values, np.int32)
        return self.tensor(values.shape, data=values, kind="INT32")

    def add(self, op: str, inputs: list[int], output: int, options: str = "", **values: Any) -> int:
        """options : the class of its options, without "Options"; values : its fields."""
        from tensorflow.lite.python import schema_py_generated as schema

        made = getattr(schema, f"{options}OptionsT")() if options else None
        for name, value in values.items():
            setattr(made, name, value)
        self.operators.append((op, inputs, output, made))
        return output

    def file(self, source: int, output: int, *, memory_plan: int | None = None) -> bytes:
        """memory_plan : number of a buffer with a plan of TFLM's memory; nothing that the engine reads."""
        import flatbuffers
        from tensorflow.lite.python import schema_py_generated as schema

        graph, model = schema.SubGraphT(), schema.ModelT()
        names = sorted({op for op, *_ in self.operators})
        graph.tensors, graph.inputs, graph.outputs = self.tensors, [source], [output]
        graph.operators = [operator(names.index(op), *rest) for op, *rest in self.operators]
        model.version, model.subgraphs = 3, [graph]
        if memory_plan is not None:
            model.metadata = [schema.MetadataT()]
            model.metadata[0].name, model.metadata[0].buffer = "OfflineMemoryAllocation", memory_plan
        model.operatorCodes = [operator_code(name) for name in names]
        model.buffers = [buffer(content) for content in self.buffers]
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def operator(code: int, inputs: list[int], output: int, options: Any) -> Any:
    from tensorflow.lite.python import schema_py_generated as schema

    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, [output]
    if options is not None:
        made.builtinOptions = options
        made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return made


def operator_code(name: str) -> Any:
    from tensorflow.lite.python import schema_py_generated as schema

    made = schema.OperatorCodeT()
    made.builtinCode = getattr(schema.BuiltinOperator, name)
    made.deprecatedBuiltinCode = min(made.builtinCode, 127)
    return made


def buffer(content: bytes) -> Any:
    from tensorflow.lite.python import schema_py_generated as schema

    made = schema.BufferT()
    made.data = np.frombuffer(content, np.uint8) if content else None
    return made


class Draw:
    """One network of `op`: `file` is a .tflite."""

    def __init__(self, op: str, seed: int):
        self.rng, self.op, self.writer = np.random.default_rng(seed), op, Writer()
        self.shape = [1, self.whole(2, 8), self.whole(1, 5), self.whole(1, 6)]
        self.grid = Grid(self.scale(-6, 1), self.zero_point())
        self.source = self.writer.tensor(self.shape, self.grid)
        self.activation = int(self.rng.choice(list(ACTIVATIONS.values())))
        output = DRAWN[op](self)
        last = self.writer.tensors[output]
        row = self.writer.tensor([1, int(np.prod(last.shape))],
                                 Grid(last.quantization.scale, last.quantization.zeroPoint[0]))
        self.writer.add("RESHAPE", [output, self.writer.numbers(self.writer.tensors[row].shape)], row, "Reshape",
                        newShape=self.writer.tensors[row].shape)
        self.file = self.writer.file(self.source, row)

    def whole(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def scale(self, low: float, high: float, *, of: float = 1.0) -> float:
        """A float32 between `of` * 10^low and `of` * 10^high."""
        return float(np.float32(of * 10 ** self.rng.uniform(low, high)))

    def zero_point(self) -> int:
        return int(self.rng.choice([-128, 0, 127, self.whole(-128, 127), self.whole(-128, 127)]))

    def near(self, scale: float) -> Grid:
        """A grid for an output: the same as the input's, its scale, or another one near `scale`."""
        kind = self.whole(0, 3)
        if kind == 0:
            return self.grid
        return Grid(self.grid.scale if kind == 1 else self.scale(-1.5, 1.5, of=scale), self.zero_point())

    def bytes_of(self, shape: list[int]) -> np.ndarray:
        return self.rng.integers(-127, 128, shape).astype(np.int8)

    def requantized(self, grid: Grid) -> int:
        """The input again, on another grid."""
        return self.writer.add("QUANTIZE", [self.source], self.writer.tensor(self.shape, grid), "Quantize")

    # Operators

    def weighted(self, source: int, shape: list[int], output: list[int], axis: int, options: str, **values: Any) -> int:
        """A layer with weights : [shape], with one scale of all or one per channel, with or without a bias."""
        channels = output[-1]
        scales = np.float32([self.scale(-4, 0) for _ in range(self.rng.choice([1, 1, channels]))])
        inputs = [source, self.writer.tensor(shape, Grid(scales), self.bytes_of(shape), channel_axis=axis)]
        if self.whole(0, 3):
            bias = self.rng.integers(-20_000, 20_000, channels).astype(np.int32)
            grid = Grid(np.float32(self.grid.scale) * scales)
            inputs.append(self.writer.tensor([channels], grid, bias, kind="INT32"))
        typical = self.grid.scale * float(scales.mean()) * 40 * float(np.sqrt(np.prod(shape) / channels))
        grid = Grid(self.scale(-1.5, 1.5, of=typical), self.zero_point())
        return self.writer.add(self.op, inputs, self.writer.tensor(output, grid), options,
                               fusedActivationFunction=self.activation, **values)

    def conv_2d(self) -> int:
        _, time, width, channels = self.shape
        kernel, out = [self.whole(1, time), self.whole(1, width)], self.whole(1, 5)
        output = [1, time - kernel[0] + 1, width - kernel[1] + 1, out]
        return self.weighted(self.source, [out, *kernel, channels], output, 0, "Conv2D", padding=VALID, strideH=1,
                             strideW=1)

    def depthwise_conv_2d(self) -> int:
        _, time, width, channels = self.shape
        kernel, multiplier = [self.whole(1, time), self.whole(1, width)], self.whole(1, 2)
        out = channels * multiplier
        return self.weighted(self.source, [1, *kernel, out], [1, time - kernel[0] + 1, width - kernel[1] + 1, out], 3,
                             "DepthwiseConv2D", padding=VALID, strideH=1, strideW=1, depthMultiplier=multiplier)

    def fully_connected(self) -> int:
        row, out = [1, int(np.prod(self.shape))], self.whole(1, 8)
        flat = self.writer.add("RESHAPE", [self.source, self.writer.numbers(row)], self.writer.tensor(row, self.grid),
                               "Reshape", newShape=row)
        return self.weighted(flat, [out, row[1]], [1, out], 0, "FullyConnected")

    def arithmetic(self) -> int:
        """ADD or MUL: with a constant of one row, or with the input on another grid, on either side."""
        grid = self.near(self.grid.scale)
        if self.whole(0, 2):
            inputs = [self.source, self.requantized(grid)]
        else:
            shape = [1, 1, 1, self.shape[3]]
            inputs = [self.source, self.writer.tensor(shape, grid, self.bytes_of(shape))]
        typical = self.grid.scale + grid.scale if self.op == "ADD" else self.grid.scale * grid.scale * 64
        output = self.writer.tensor(self.shape, Grid(self.scale(-1.5, 1.5, of=max(typical, 1e-6)), self.zero_point()))
        return self.writer.add(self.op, inputs[::self.rng.choice([1, -1])], output, self.op.capitalize(),
                               fusedActivationFunction=self.activation)

    def mean(self) -> int:
        axes = ([1], [2], [1, 2], [2, 1], [-3], [1, -2])[self.whole(0, 5)]
        keep, gone = bool(self.whole(0, 1)), {axis % 4 for axis in axes}
        shape = [1 if axis in gone else n for axis, n in enumerate(self.shape) if keep or axis not in gone]
        return self.writer.add("MEAN", [self.source, self.writer.numbers(axes)],
                               self.writer.tensor(shape, self.near(self.grid.scale)), "Reducer", keepDims=keep)

    def pool(self) -> int:
        _, time, width, channels = self.shape
        kernel, strides = (self.whole(1, time), self.whole(1, width)), (self.whole(1, 2), self.whole(1, 2))
        padding = self.whole(SAME, VALID)
        sides = [(n - k) // s + 1 if padding == VALID else -(-n // s)
                 for n, k, s in zip((time, width), kernel, strides, strict=True)]
        return self.writer.add(self.op, [self.source], self.writer.tensor([1, *sides, channels], self.grid), "Pool2D",
                               padding=padding, strideH=strides[0], strideW=strides[1], filterHeight=kernel[0],
                               filterWidth=kernel[1], fusedActivationFunction=self.activation)

    def scores(self) -> int:
        """SOFTMAX or LOGISTIC, of inputs whose steps are tiny to huge."""
        self.writer.tensors[self.source].quantization.scale = [self.scale(-7, 3)]
        output = self.writer.tensor(self.shape, Grid(1 / 256, -128))
        if self.op == "LOGISTIC":
            return self.writer.add("LOGISTIC", [self.source], output)
        beta = float(self.rng.choice([1, 1, 0.5, 2.7]))
        return self.writer.add("SOFTMAX", [self.source], output, "Softmax", beta=beta)

    def lookup(self) -> int:
        return self.writer.add(self.op, [self.source], self.writer.tensor(self.shape, self.near(self.grid.scale)),
                               "Quantize" if self.op == "QUANTIZE" else "")

    def pad(self) -> int:
        pads = np.array([[0, 0], [self.whole(0, 2), 1], [1, self.whole(0, 1)], [0, 0]])
        output = self.writer.tensor((self.shape + pads.sum(axis=1)).tolist(), self.near(self.grid.scale))
        return self.writer.add("PAD", [self.source, self.writer.numbers(pads)], output, "Pad")

    def concatenation(self) -> int:
        grid, axis = self.near(self.grid.scale), self.whole(1, 3)
        parts = [self.requantized(grid) for _ in range(self.whole(2, 3))]
        shape = [n * (len(parts) if i == axis else 1) for i, n in enumerate(self.shape)]
        return self.writer.add("CONCATENATION", parts, self.writer.tensor(shape, grid), "Concatenation", axis=axis)

    def strided_slice(self) -> int:
        first, step = self.whole(0, self.shape[1] - 1), self.whole(1, 2)
        begin, end = [0, first, 0, 0], list(self.shape)
        shape = [1, len(range(self.shape[1])[first::step]), *self.shape[2:]]
        inputs = [self.source, *(self.writer.numbers(values) for values in (begin, end, [1, step, 1, 1]))]
        return self.writer.add("STRIDED_SLICE", inputs, self.writer.tensor(shape, self.grid), "StridedSlice")


DRAWN = {"CONV_2D": Draw.conv_2d, "DEPTHWISE_CONV_2D": Draw.depthwise_conv_2d, "FULLY_CONNECTED": Draw.fully_connected,
         "ADD": Draw.arithmetic, "MUL": Draw.arithmetic, "MEAN": Draw.mean, "AVERAGE_POOL_2D": Draw.pool,
         "MAX_POOL_2D": Draw.pool, "SOFTMAX": Draw.scores, "LOGISTIC": Draw.scores, "RELU": Draw.lookup,
         "RELU6": Draw.lookup, "QUANTIZE": Draw.lookup, "PAD": Draw.pad, "CONCATENATION": Draw.concatenation,
         "STRIDED_SLICE": Draw.strided_slice}
