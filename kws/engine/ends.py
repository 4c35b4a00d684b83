"""The ends of a network: int8 numbers, or the float32 or uint8 ones that its first and last operator turn into them.

The engine leaves such operators out: it takes and gives int8, and a caller who wants the file's own numbers computes
them from scale and zero point. Both ways are exact.
"""

import numpy as np

from kws.engine.graph import FLOAT_END, UINT8_END, Graph, Tensor


def to_file(kind: str, tensor: Tensor, numbers: np.ndarray) -> np.ndarray:
    """int8 numbers of the engine as the file itself takes them. kind : of that end, one of Graph.ends."""
    if kind == UINT8_END:
        return (numbers.astype(np.int16) + 128).astype(np.uint8)
    if kind == FLOAT_END:
        return ((numbers.astype(np.int32) - tensor.zero_point) * tensor.scale[0]).astype(np.float32)
    return numbers


def from_file(kind: str, tensor: Tensor, numbers: np.ndarray) -> np.ndarray:
    """What the file itself gives as int8 numbers of the engine."""
    if kind == UINT8_END:
        return (numbers.astype(np.int16) - 128).astype(np.int8)
    if kind == FLOAT_END:
        steps = np.rint(numbers.astype(np.float64) / float(tensor.scale[0])) + tensor.zero_point
        return np.clip(steps, -128, 127).astype(np.int8)
    return numbers


def worth(tensor: Tensor) -> str:
    """What an int8 number q of a tensor is worth."""
    sign = "+" if tensor.zero_point < 0 else "-"
    return f"(q {sign} {abs(tensor.zero_point)}) * {float(tensor.scale[0])!r}"


def describe_ends(graph: Graph) -> tuple[str, ...]:
    """A line for each end of the file that is not int8."""
    lines = []
    for name, kind, index in zip(("input", "output"), graph.ends, (graph.input, graph.output), strict=True):
        if kind == UINT8_END:
            lines.append(f"{name}: uint8 in the file, int8 here: q is its number less 128")
        elif kind == FLOAT_END:
            lines.append(f"{name}: float32 in the file, int8 here: q is worth {worth(graph.tensors[index])}")
    return tuple(lines)
