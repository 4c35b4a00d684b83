"""One arithmetic, and TFLM is its judge: each operator alone, with every kind of scale, and networks from elsewhere."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.cli import app
from kws.engine.graph import read_graph
from kws.engine.network import Network
from kws.engine.operators import OPERATORS as SUPPORTED
from kws.engine.oracle.layers import run_graph
from kws.engine.streaming import lower
from kws.errors import ModelError
from tests.helpers.operators import OPERATORS, Draw, Grid, Writer

NETWORKS_PER_OPERATOR, WINDOWS = 60, 4


def judge(file: bytes):
    runtime = pytest.importorskip("tflite_micro", reason="tflite-micro is not installed").runtime
    return runtime.Interpreter.from_bytes(file)


def check(file: bytes, windows: list[np.ndarray]) -> list[int]:
    """Oracle and engine against TFLM on each window; all of TFLM's numbers."""
    graph, interpreter, numbers = read_graph(file), judge(file), []
    engine = Network(lower(graph))
    for window in windows:
        interpreter.set_input(window.reshape(graph.tensors[graph.input].shape), 0)
        interpreter.invoke()
        expected = interpreter.get_output(0).ravel()
        np.testing.assert_array_equal(run_graph(graph, window)[graph.output].ravel(), expected, "oracle")
        np.testing.assert_array_equal(engine.window(window), expected, "engine")
        numbers += expected.tolist()
    return numbers


def windows_of(shape: list[int], seed: int = 0) -> list[np.ndarray]:
    """int8: noise over the whole range, and both ends of it."""
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(WINDOWS - 2)]
    return [*drawn, np.full(shape, 127, np.int8), np.full(shape, -128, np.int8)]


@pytest.mark.parametrize("op", OPERATORS)
def test_every_operator_equals_tflm_on_any_grid(op: str):
    numbers = set()
    for seed in range(NETWORKS_PER_OPERATOR):
        drawn = Draw(op, seed)
        numbers |= set(check(drawn.file, windows_of(drawn.shape, seed)))
    assert len(numbers) > 50  # the networks say something


def test_every_supported_operator_is_drawn():
    assert set(SUPPORTED) == {*OPERATORS, "RESHAPE"}


@pytest.mark.parametrize("count", [2, 3, 7, 48, 100])
def test_a_mean_of_equal_scales_is_rounded(count: int):
    """It once was divided towards zero: the mean of 0 and 1 was 0 and not 1."""
    writer, grid = Writer(), Grid(0.05, -3)
    source = writer.tensor([1, count, 1, 4], grid)
    output = writer.add("MEAN", [source, writer.numbers([1, 2])], writer.tensor([1, 4], grid), "Reducer")
    rng = np.random.default_rng(count)
    windows = [rng.integers(low, low + 3, (1, count, 1, 4)).astype(np.int8) for low in range(-128, 126, 10)]
    assert len(set(check(writer.file(source, output), windows))) > 20


@pytest.mark.parametrize("seed", range(8))
def test_one_scale_of_all_weights_is_multiplied_in_double(seed: int):
    """Sums on both sides of each boundary between two results; in float32 a sixth of them falls on the wrong side."""
    rng = np.random.default_rng(seed)
    source_scale, weight_scale = (np.float32(10 ** rng.uniform(-3, -1)) for _ in range(2))
    target_scale = np.float32(float(source_scale) * float(weight_scale) * 2.0 ** rng.uniform(21, 23))
    boundaries = (np.arange(-120, 120, 5) + 0.5) * float(target_scale) / (float(source_scale) * float(weight_scale))
    bias = (np.round(boundaries)[:, None] + 2 * np.arange(-8, 9)).ravel().astype(np.int32)
    writer = Writer()
    source = writer.tensor([1, 1, 1, 4], Grid(source_scale))
    inputs = [source, writer.tensor([len(bias), 4], Grid(weight_scale), np.zeros((len(bias), 4), np.int8)),
              writer.tensor([len(bias)], Grid(source_scale * weight_scale), bias, kind="INT32")]
    output = writer.add("FULLY_CONNECTED", inputs, writer.tensor([1, len(bias)], Grid(target_scale)), "FullyConnected")
    assert len(set(check(writer.file(source, output), [np.zeros((1, 4), np.int8)]))) > 48


@pytest.mark.parametrize("scale", [0.05, 7.9, 8.0, 15.9, 16.0, 31.9, 32.0, 100.0])
def test_a_sigmoid_of_large_steps_equals_tflm_on_all_numbers(scale: float):
    """From steps of 8 on, TFLM takes 0 itself for minus infinity."""
    writer = Writer()
    source = writer.tensor([1, 1, 1, 256], Grid(scale, 5))
    output = writer.add("LOGISTIC", [source], writer.tensor([1, 1, 1, 256], Grid(1 / 256, -128)))
    numbers = check(writer.file(source, output), [np.arange(-128, 128).astype(np.int8).reshape(1, 256)])
    assert numbers[5 + 128] == (0 if scale < 8 else -128)


def one(op: str, inputs: list[Grid], target: Grid, options: str = "", **values) -> bytes:
    """`op` on the input and on the input in other grids."""
    writer, shape = Writer(), [1, 4, 1, 2]
    source = writer.tensor(shape, inputs[0])
    others = [writer.add("QUANTIZE", [source], writer.tensor(shape, grid), "Quantize") for grid in inputs[1:]]
    tensors = [source, *others]
    output = writer.add(op, tensors, writer.tensor([1, 4, 1, 2 * len(inputs) if op == "CONCATENATION" else 2], target),
                        options, **values)
    return writer.file(source, output)


def fully_connected(bias: Grid | None, *, weights: float | list[float] = 0.2, target: float = 0.5) -> bytes:
    """8 numbers of scale 0.1 to 4 of scale 0.5: the bias should have scale 0.02."""
    writer = Writer()
    inputs = [writer.tensor([1, 1, 1, 8], Grid(0.1)), writer.tensor([4, 8], Grid(weights), np.ones((4, 8), np.int8)),
              writer.tensor([4], bias, np.arange(4, dtype=np.int32), kind="INT32")]
    output = writer.add("FULLY_CONNECTED", inputs, writer.tensor([1, 4], Grid(target)), "FullyConnected")
    return writer.file(inputs[0], output)


@pytest.mark.parametrize("file", [
    lambda: fully_connected(Grid(0.02 + 0.0099)), lambda: fully_connected(Grid(0.02 - 0.0099)),
    lambda: fully_connected(None, target=1.5), lambda: fully_connected(Grid(0.9), weights=[0.2, 0.3, 0.4, 0.5])])
def test_a_bias_whose_scale_tflm_takes_is_taken(file):
    check(file(), windows_of([1, 8]))


POOL = {"padding": 1, "strideH": 1, "strideW": 1, "filterHeight": 1, "filterWidth": 1}


@pytest.mark.parametrize(("file", "reason"), [
    (lambda: one("AVERAGE_POOL_2D", [Grid(0.1)], Grid(0.2), "Pool2D", **POOL),
     r"AVERAGE_POOL_2D from scale 0\.1, zero point 0 to scale 0\.2, zero point 0: it does not rescale"),
    (lambda: one("MAX_POOL_2D", [Grid(0.1)], Grid(0.1, 3), "Pool2D", **POOL), "zero point 3: it does not rescale"),
    (lambda: one("CONCATENATION", [Grid(0.1), Grid(0.3)], Grid(0.1), "Concatenation", axis=3),
     r"CONCATENATION from scale 0\.3, .*: it does not rescale"),
    (lambda: one("SOFTMAX", [Grid(0.1)], Grid(1 / 128, -128), "Softmax", beta=1.0), "must be scale 1/256"),
    (lambda: one("LOGISTIC", [Grid(0.1)], Grid(1 / 256, 0)), "zero point must be -128"),
    (lambda: fully_connected(Grid(0.02 + 0.0101)), r"FULLY_CONNECTED with a bias of scale 0\.0301; must be .* 0\.02;"),
    (lambda: fully_connected(Grid(0.02 - 0.0101)), r"FULLY_CONNECTED with a bias of scale 0\.0099; must be"),
    (lambda: fully_connected(None), r"FULLY_CONNECTED with a bias of scale 0; must be"),
    (lambda: one("MUL", [Grid(0.1), Grid(0.1)], Grid(1e-9), "Mul", fusedActivationFunction=3), "6 is beyond 32 bits"),
])
def test_what_tflm_refuses_the_engine_refuses_by_name(file, reason: str):
    with pytest.raises(ModelError, match=reason):
        lower(read_graph(file()))
    with pytest.raises(RuntimeError):
        judge(file())


@pytest.mark.parametrize(("file", "reason"), [
    (lambda: one("ADD", [Grid(1.0), Grid(1.0)], Grid(1e-6), "Add"), "ADD from scale 1 to 1e-06"),
    (lambda: one("SOFTMAX", [Grid(1e-9)], Grid(1 / 256, -128), "Softmax", beta=1.0), "the same for every sound"),
    (lambda: one("LOGISTIC", [Grid(1e-9)], Grid(1 / 256, -128)), "the same for every sound"),
    (lambda: one("QUANTIZE", [Grid(10.0)], Grid(1e-9), "Quantize"), r"factor of 1e\+10; it must be below 2\^30"),
])
def test_where_tflm_aborts_or_shifts_too_far_the_engine_refuses_by_name(file, reason: str):
    with pytest.raises(ModelError, match=reason):
        lower(read_graph(file()))


# At the command line

def relu_to(target: str, grid: Grid, **more: int) -> bytes:
    """A layer of four numbers, and another operator behind it."""
    writer = Writer()
    source = writer.tensor([1, 1, 1, 4], Grid(0.1))
    inside = writer.add("RELU", [source], writer.tensor([1, 1, 1, 4], Grid(0.1)))
    return writer.file(source, writer.add(target, [inside], writer.tensor([1, 1, 1, 4], grid)), **more)


@pytest.mark.slow
@pytest.mark.device
def test_verify_proves_a_network_from_elsewhere(tmp_path):
    """A mean of equal scales behind a dense layer of one weight scale: TFLM, oracle, engine, exported C on four."""
    writer, grid, rng = Writer(), Grid(0.05, -3), np.random.default_rng(1)
    source = writer.tensor([1, 12, 1, 8], grid)
    bias = Grid(np.float32(0.05) * np.float32(0.011))
    inputs = [writer.add("MEAN", [source, writer.numbers([1, 2])], writer.tensor([1, 8], grid), "Reducer"),
              writer.tensor([4, 8], Grid(0.011), rng.integers(-127, 128, (4, 8)).astype(np.int8)),
              writer.tensor([4], bias, np.arange(4, dtype=np.int32), kind="INT32")]
    output = writer.add("FULLY_CONNECTED", inputs, writer.tensor([1, 4], Grid(0.07)), "FullyConnected")
    (tmp_path / "far.tflite").write_bytes(writer.file(source, output))
    done = CliRunner().invoke(app, ["verify", "--tflite", str(tmp_path / "far.tflite"), "--json"])
    stages = json.loads(done.stdout)["stages"]
    assert done.exit_code == 0 and not any(stage["different"] for stage in stages)
    assert {"TFLM", "oracle", "exported C, cortex-m4"} <= {stage["against"] for stage in stages}


@pytest.mark.parametrize(("file", "said"), [
    (lambda: relu_to("TANH", Grid(1 / 128)), "the engine does not know the operator TANH; it runs ADD, "),
    (lambda: relu_to("RELU", Grid(0.1), memory_plan=1 << 30), r"TFLM crashes \(SIG"),
    (lambda: relu_to("RELU", Grid(0.1))[:-100], "damaged")])
def test_what_cannot_be_proven_is_one_line(tmp_path, file, said):
    """A healthy file that does not export is never called damaged, and one that crashes the judge ends nothing else."""
    (tmp_path / "far.tflite").write_bytes(file())
    done = CliRunner().invoke(app, ["verify", "--tflite", str(tmp_path / "far.tflite")])
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.exit_code == 1 and re.search(said, line) and ("damaged" in line) == (said == "damaged")
