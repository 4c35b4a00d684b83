"""Reads an int8 .tflite network into a short list of layers, or says by name what the engine cannot run.

Nothing is computed here and nothing is skipped: an operator, a type or an option that the engine does not know is
refused. Needs the `tflite` schema package, not TensorFlow.
"""

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from kws.engine.operators import OPERATORS
from kws.errors import ModelError

MOST_NUMBERS = 1 << 24
INT8_END, UINT8_END, FLOAT_END = "int8", "uint8", "float32"  # what a file takes and gives
ACTIVATIONS = {0: "NONE", 1: "RELU", 3: "RELU6"}
Flatbuffer: TypeAlias = Any  # one of the classes that the package tflite has generated, without types
Options: TypeAlias = dict[str, Any]  # of an operator, by TFLite's names: whole numbers, one float, a name
VARIABLES_HINT = "convert the network that takes the whole window: the engine keeps the rows that it needs by itself"


@dataclass(frozen=True)
class Tensor:
    """One tensor of the network.

    shape : without surprises: every dimension known, batch 1.
    scale : float32 [1] or, for weights, [channels]; 0 for whole numbers such as axes; zero_point : int, 0 for weights.
    data  : int8 or int32 array for constants, None for activations.
    """

    name: str
    shape: tuple[int, ...]
    scale: np.ndarray
    zero_point: int
    data: np.ndarray | None = None


@dataclass(frozen=True)
class Layer:
    """One operator: indices of tensors, and its options by their TFLite names."""

    op: str
    inputs: tuple[int, ...]
    output: int
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A network: layers in execution order; input and output are tensor indices.

    ends : what the file itself takes and gives, before an operator that makes int8 of it and behind one that makes it
    of int8. The engine leaves these two out (kws/engine/ends.py).
    """

    tensors: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    input: int
    output: int
    ends: tuple[str, str] = (INT8_END, INT8_END)

    @property
    def frames(self) -> int:
        """Rows of the input window: the first dimension that is not 1, short of the last. A flat input is one row."""
        return next((n for n in self.tensors[self.input].shape[:-1] if n != 1), 1)

    @property
    def features(self) -> int:
        """int8 numbers per row of the input window."""
        return int(np.prod(self.tensors[self.input].shape)) // self.frames

    @property
    def labels(self) -> int:
        return int(np.prod(self.tensors[self.output].shape))


def read_graph(source: bytes | Path) -> Graph:
    """The network of a .tflite file. Raises ModelError, with the reason, for what the engine cannot run."""
    flatbuffer = source.read_bytes() if isinstance(source, Path) else bytes(source)
    if len(flatbuffer) < 8 or flatbuffer[4:8] != b"TFL3":
        raise ModelError("the network is not a TensorFlow Lite file; export it with TensorFlow's TFLiteConverter")
    try:
        return _Reader(flatbuffer).graph()
    except (struct.error, IndexError, TypeError, ValueError, UnicodeDecodeError, AttributeError) as error:
        raise ModelError(f"the TensorFlow Lite file is damaged ({error}); export it again") from error


def _check_order(graph: Graph) -> None:
    """Every layer reads a constant, the input or what an earlier layer wrote, and writes something new."""
    written = {graph.input}
    for layer in graph.layers:
        for index in (*layer.inputs, layer.output):
            if not -1 <= index < len(graph.tensors):
                raise ModelError(f"{layer.op} names tensor {index} of {len(graph.tensors)}; the file is damaged")
        for index in layer.inputs:
            if index >= 0 and graph.tensors[index].data is None and index not in written:
                raise ModelError(f"{layer.op} reads tensor {index} before it is written; the file is damaged")
        if layer.output in written or layer.output < 0 or graph.tensors[layer.output].data is not None:
            raise ModelError(f"{layer.op} overwrites tensor {layer.output}; the file is damaged")
        written.add(layer.output)
    if graph.output not in written:
        raise ModelError("no layer writes the network's output; the file is damaged")


class _Reader:
    """One pass over the flatbuffer."""

    def __init__(self, flatbuffer: bytes):
        import tflite

        self.schema = tflite
        self.model = tflite.Model.GetRootAsModel(flatbuffer, 0)
        if not self.model.SubgraphsLength():
            raise ModelError("the TensorFlow Lite file holds no network; export it again")
        self.subgraph = self.model.Subgraphs(0)
        self.op_names = {value: name for name, value in vars(tflite.BuiltinOperator).items() if isinstance(value, int)}

    def graph(self) -> Graph:
        subgraph = self.subgraph
        operators = [subgraph.Operators(i) for i in range(subgraph.OperatorsLength())]
        inner, ends, source, target = self.inside(operators)
        self.check_operators(inner)
        if self.model.SubgraphsLength() != 1:
            raise ModelError(f"the network has {self.model.SubgraphsLength()} subgraphs; the engine runs exactly 1")
        layers = tuple(map(self.layer, inner))
        used = {index for layer in layers for index in (*layer.inputs, layer.output)}
        tensors = tuple(self.tensor(i, i in used) for i in range(subgraph.TensorsLength()))
        if subgraph.InputsLength() != 1 or subgraph.OutputsLength() != 1:
            raise ModelError(f"the network has {subgraph.InputsLength()} inputs and {subgraph.OutputsLength()} "
                             "outputs; the engine runs networks with one of each")
        graph = Graph(tensors, layers, source, target, ends)
        if not layers:
            raise ModelError("the network has no layers")
        _check_order(graph)
        return graph

    def inside(self, operators: list[Flatbuffer]) -> tuple[list[Flatbuffer], tuple[str, str], int, int]:
        """The operators between the ends, what the file has at both, and the tensors of input and output inside."""
        source, target = int(self.subgraph.Inputs(0)), int(self.subgraph.Outputs(0))
        before = after = None
        if operators and (before := self.end(operators[0], source, int(operators[0].Outputs(0)), ("QUANTIZE",))):
            first, *operators = operators
            source = int(first.Outputs(0))
        if operators and (after := self.end(operators[-1], target, int(operators[-1].Inputs(0)),
                                            ("QUANTIZE", "DEQUANTIZE"))):
            *operators, last = operators
            target = int(last.Inputs(0))
        return operators, (before or INT8_END, after or INT8_END), source, target

    def end(self, operator: Flatbuffer, outer: int, inner: int, names: tuple[str, ...]) -> str | None:
        """What the file has at an end that `operator` turns into int8, or back, and nothing else; else None."""
        if self.name_of(operator) not in names or {outer, inner} != {int(operator.Inputs(0)), int(operator.Outputs(0))}:
            return None
        kinds, (file, engine) = self.schema.TensorType, (self.subgraph.Tensors(i) for i in (outer, inner))
        if engine.Type() != kinds.INT8:
            return None
        if file.Type() == kinds.FLOAT32:
            return FLOAT_END
        scales = [(grid.Scale(0), grid.ZeroPoint(0)) for grid in (file.Quantization(), engine.Quantization())
                  if grid is not None and grid.ScaleLength() == grid.ZeroPointLength() == 1]
        same = len(scales) == 2 and scales[0] == (scales[1][0], scales[1][1] + 128)
        return UINT8_END if file.Type() == kinds.UINT8 and same else None

    def check_operators(self, operators: list[Flatbuffer]) -> None:
        """Raise ModelError that names every operator that the engine does not run, with those that it runs."""
        unknown = [op for op in dict.fromkeys(map(self.name_of, operators)) if op not in OPERATORS]
        if unknown:
            names = f"operator {unknown[0]}" if len(unknown) == 1 else f"operators {', '.join(unknown)}"
            hint = f"; {VARIABLES_HINT}" if "READ_VARIABLE" in unknown else ""
            raise ModelError(f"the engine does not know the {names}; it runs {', '.join(OPERATORS)}{hint}")

    def name_of(self, operator: Flatbuffer) -> str:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if self.op_names.get(number) == "CUSTOM":
            return (code.CustomCode() or b"CUSTOM").decode(errors="replace")
        return self.op_names.get(number, f"number {number}")

    def layer(self, operator: Flatbuffer) -> Layer:
        op = self.name_of(operator)
        inputs = tuple(int(i) for i in operator.InputsAsNumpy())
        if operator.OutputsLength() != 1:
            raise ModelError(f"{op} with {operator.OutputsLength()} outputs; the engine runs operators with one")
        return Layer(op, inputs, int(operator.Outputs(0)), self.options(op, operator))

    def options(self, op: str, operator: Flatbuffer) -> Options:
        known = OPERATORS[op]
        if known.options is None:
            return {}
        table, options = operator.BuiltinOptions(), getattr(self.schema, f"{known.options}Options")()
        if table is None:
            raise ModelError(f"{op} has no options; the file is damaged")
        options.Init(table.Bytes, table.Pos)
        values = {name: getattr(options, name)() for name in known.fields}
        for name, value in values.items():
            if name.startswith(("Stride", "Dilation", "Filter")) and not 1 <= value <= 1024:
                raise ModelError(f"{op} with {name} = {value}; must be 1 to 1024")
        if known.fused:
            number = options.FusedActivationFunction()
            if number not in ACTIVATIONS:
                raise ModelError(f"{op} with fused activation {number}; the engine fuses RELU and RELU6")
            values["activation"] = ACTIVATIONS[number]
        return values

    def tensor(self, index: int, used: bool) -> Tensor:
        raw = self.subgraph.Tensors(index)
        name = (raw.Name() or b"").decode(errors="replace")
        shape = tuple(int(n) for n in raw.ShapeAsNumpy()) if raw.ShapeLength() else ()
        if used:
            self.check_shape(raw, name, shape)
        kinds = {self.schema.TensorType.INT8: np.int8, self.schema.TensorType.INT32: np.int32}
        if raw.Type() not in kinds:
            if not used:
                return Tensor(name, shape, np.zeros(1, np.float32), 0)
            types = {value: key for key, value in vars(self.schema.TensorType).items() if isinstance(value, int)}
            raise ModelError(f"tensor {name!r} is {types.get(raw.Type(), raw.Type())}; the engine runs networks that "
                             "are int8 throughout: convert with full integer quantization, int8 in and out")
        data = self.constant(raw, kinds[raw.Type()], shape)
        return Tensor(name, shape, *self.grid(raw, name, data), data)

    def check_shape(self, raw: Flatbuffer, name: str, shape: tuple[int, ...]) -> None:
        signature = tuple(int(n) for n in raw.ShapeSignatureAsNumpy()) if raw.ShapeSignatureLength() else ()
        if len(shape) > 5 or math.prod(shape) > MOST_NUMBERS:
            raise ModelError(f"tensor {name!r} has shape {list(shape)}; the engine takes 5 dimensions and "
                             f"{MOST_NUMBERS:,} numbers at most")
        if any(n < 1 for n in shape) or any(n < 0 for n in signature[1:]):
            raise ModelError(f"tensor {name!r} has a dynamic shape {list(signature or shape)}; convert the network "
                             "with a fixed batch size of 1")

    def grid(self, raw: Flatbuffer, name: str, data: np.ndarray | None) -> tuple[np.ndarray, int]:
        """(scale : float32 [1 or channels], zero point) of a tensor."""
        scale, zero_point = np.zeros(1, np.float32), 0
        quantization = raw.Quantization()
        if quantization is not None and quantization.ScaleLength():
            scale = np.array(quantization.ScaleAsNumpy(), np.float32)
            zero_points = [int(quantization.ZeroPoint(i)) for i in range(quantization.ZeroPointLength())]
            zero_point = zero_points[0] if zero_points else 0
            if data is not None and len(scale) > 1 and any(zero_points):
                raise ModelError(f"tensor {name!r} has weights with zero points; the engine runs symmetric weights")
        if data is None and len(scale) > 1:
            raise ModelError(f"tensor {name!r} is an activation quantized per channel; the engine runs activations "
                             "with one scale")
        elif raw.Type() == self.schema.TensorType.INT32:  # axes, shapes, a bias as TFLM takes it: of scale 0
            return scale, zero_point
        if not np.all(np.isfinite(scale)) or np.any(scale <= 0) or not -128 <= zero_point <= 127:
            raise ModelError(f"tensor {name!r} has scale {scale[0]} and zero point {zero_point}; a scale must be "
                             "above 0, a zero point -128 to 127")
        return scale, zero_point

    def constant(self, raw: Flatbuffer, kind: type, shape: tuple[int, ...]) -> np.ndarray | None:
        count = self.model.BuffersLength()
        if raw.Buffer() >= max(count, 1):
            raise ModelError(f"a tensor names buffer {raw.Buffer()} of {count}; the file is damaged")
        if not raw.Buffer() or not self.model.Buffers(raw.Buffer()).DataLength():
            return None
        content = self.model.Buffers(raw.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(content, np.dtype(kind).newbyteorder("<")).reshape(shape)
