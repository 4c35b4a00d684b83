"""Networks whose file takes and gives float32 or uint8: the operators at the ends are left out, TFLM is the judge."""

import numpy as np
import pytest

from kws.device.network_inputs import drawn_windows
from kws.engine.ends import describe_ends
from kws.engine.graph import read_graph
from kws.engine.network import Network
from kws.engine.streaming import lower
from kws.engine.tflm import judge
from kws.errors import KwsError, ModelError
from kws.export.source import Source
from kws.export.tflm import tflm_package
from tests.helpers.operators import Grid, Writer

INSIDE, SCORES = Grid(0.05, -3), Grid(1 / 256, -128)
NUMBERS = {"int8": ("INT8", INSIDE, SCORES), "float32": ("FLOAT32", None, None),
           "uint8": ("UINT8", Grid(0.05, 125), Grid(1 / 256, 0))}


def network(before: str, after: str, *, zero: int = 125, twice: bool = False) -> bytes:
    """LOGISTIC of 4 x 6 numbers, summed over rows by a MEAN before it; with the ends asked for."""
    writer = Writer()
    kind, grid, _ = NUMBERS[before]
    grid = Grid(0.05, zero) if before == "uint8" else grid
    source = inside = writer.tensor([1, 4, 1, 6], grid, kind=kind)
    if before != "int8":
        inside = writer.add("QUANTIZE", [source], writer.tensor([1, 4, 1, 6], INSIDE), "Quantize")
    if twice:
        writer.add("QUANTIZE", [source], writer.tensor([1, 4, 1, 6], INSIDE), "Quantize")
    mean = writer.add("MEAN", [inside, writer.numbers([1, 2])], writer.tensor([1, 6], INSIDE), "Reducer")
    output = writer.add("LOGISTIC", [mean], writer.tensor([1, 6], SCORES))
    if after != "int8":
        kind, _, grid = NUMBERS[after]
        name = "DEQUANTIZE" if after == "float32" else "QUANTIZE"
        output = writer.add(name, [output], writer.tensor([1, 6], grid, kind=kind), name.capitalize())
    return writer.file(source, output)


@pytest.mark.parametrize("before", NUMBERS)
@pytest.mark.parametrize("after", NUMBERS)
def test_any_ends_give_the_numbers_of_tflm(before, after):
    file = network(before, after)
    graph = read_graph(file)
    assert graph.ends == (before, after) and [layer.op for layer in graph.layers] == ["MEAN", "LOGISTIC"]
    windows, engine = drawn_windows(graph, count=40), Network(lower(graph))
    found = judge(file, graph, windows, deep=[5])
    assert (found.scores == [engine.window(window) for window in windows]).all() and len(np.unique(found.scores)) > 20
    assert (found.layers[1] == found.scores[5:6]).all()


def test_what_an_int8_number_is_worth_is_said():
    assert describe_ends(read_graph(network("int8", "int8"))) == ()
    assert describe_ends(read_graph(network("float32", "uint8"))) == (
        f"input: float32 in the file, int8 here: q is worth (q + 3) * {float(np.float32(0.05))!r}",
        "output: uint8 in the file, int8 here: q is its number less 128")


@pytest.mark.parametrize(("file", "reason"), [
    (lambda: network("uint8", "int8", zero=120), "is UINT8; the engine runs networks that are int8 throughout"),
    (lambda: network("float32", "int8", twice=True), "is FLOAT32; the engine runs networks that are int8 throughout")])
def test_an_end_that_does_more_is_refused_by_name(file, reason):
    with pytest.raises(ModelError, match=reason):
        read_graph(file())


def test_the_target_that_runs_the_file_itself_wants_int8():
    file = network("float32", "float32")
    graph = read_graph(file)
    with pytest.raises(KwsError, match=r"takes float32 and gives float32; the target tflm runs .*next: kws export c"):
        tflm_package(Source("far.tflite", lower(graph), graph, file))
