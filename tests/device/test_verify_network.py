"""kws verify and kws profile of a network alone: everything equal, and each difference found where it is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.cli import app
from kws.device.network_inputs import drawn_windows, read_windows
from kws.device.profile_network import profile_network
from kws.device.verify_network import verify_network
from kws.engine.oracle import layers
from kws.errors import DataError
from kws.export.source import Source, from_tflite
from tests.helpers.operators import Grid, Writer

pytestmark = [pytest.mark.slow, pytest.mark.device]

AGAINST = ["oracle", "TFLM", "exported C, this computer", "exported C, cortex-m0plus", "exported C, cortex-m4",
           "exported C, cortex-m7"]


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Source:
    """Five rows of three numbers: a convolution over two rows, a mean of equal scales, two scores."""
    rng, writer = np.random.default_rng(3), Writer()
    source = writer.tensor([1, 5, 3, 1], Grid(0.05, -3))
    kernel = writer.tensor([4, 2, 3, 1], Grid(0.02), rng.integers(-127, 128, (4, 2, 3, 1)).astype(np.int8))
    grid = Grid(0.1, -20)
    rows = writer.add("CONV_2D", [source, kernel], writer.tensor([1, 4, 1, 4], grid), "Conv2D", padding=1, strideH=1,
                      strideW=1, fusedActivationFunction=3)
    mean = writer.add("MEAN", [rows, writer.numbers([1, 2])], writer.tensor([1, 4], grid), "Reducer")
    weights = writer.tensor([2, 4], Grid(0.01), rng.integers(-127, 128, (2, 4)).astype(np.int8))
    scores = writer.add("FULLY_CONNECTED", [mean, weights], writer.tensor([1, 2], Grid(0.03)), "FullyConnected")
    output = writer.add("SOFTMAX", [scores], writer.tensor([1, 2], Grid(1 / 256, -128)), "Softmax", beta=1.0)
    path = tmp_path_factory.mktemp("network") / "tiny.tflite"
    path.write_bytes(writer.file(source, output))
    return from_tflite(path)


@pytest.fixture
def file(network, tmp_path):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(network.tflite)
    return path


def test_everything_is_equal_and_everything_is_compared(network):
    found = verify_network(network, drawn_windows(network.graph))
    assert found.first_difference is None and found.missing == {}
    assert [one.against for one in found.comparisons if one.name == "scores"] == AGAINST
    assert [one.against for one in found.comparisons if one.name == "stream"] == AGAINST
    assert [one.name for one in found.comparisons][:3] == ["layer 0 CONV_2D", "layer 1 MEAN", "layer 2 FULLY_CONNECTED"]
    assert {one.compared for one in found.comparisons if one.name == "scores"} == {48}  # 24 windows, 2 scores
    assert {one.compared for one in found.comparisons if one.name == "stream"} == {16}  # 8 decisions


def test_a_wrong_layer_of_the_oracle_is_named_with_its_window(network, monkeypatch):
    right = layers.mean
    monkeypatch.setattr(layers, "mean", lambda *given: np.minimum(right(*given) + 1, 127))
    first = verify_network(network, drawn_windows(network.graph)).first_difference
    assert (first.name, first.against) == ("layer 1 MEAN", "oracle and TFLM")
    assert str(first.first).startswith("window 0, index 0: ")


def test_another_weight_in_the_engine_is_a_score(network):
    pool = network.program.pool.copy()
    pool[network.program.ops[0].weights] ^= 0x40004000
    broken = replace(network, program=replace(network.program, pool=pool))
    different = {(one.name, one.against) for one in verify_network(broken, drawn_windows(network.graph)).comparisons
                 if one.different}
    assert {("scores", "oracle"), ("scores", "TFLM")} <= different
    assert not any("exported" in against for _, against in different)  # it is exported as it is


def test_instructions_are_counted_per_row_and_per_window(network):
    found = profile_network(network, drawn_windows(network.graph), cpu="cortex-m4")
    budget = found.budget(None)
    row, window = budget.instructions_per_hop.median, budget.instructions_per_window.median
    assert 0 < row < window < 6 * row  # five rows, and the start
    assert budget.instructions_per_second is None and budget.requirements == ()
    assert budget.flash_bytes.code > 500 and budget.ram_bytes.stack > 0


def test_windows_come_from_a_file(network, tmp_path):
    path = tmp_path / "windows.npy"
    np.save(path, np.arange(30, dtype=np.int8).reshape(2, 5, 3, 1))
    assert read_windows(path, network.graph)[1].tolist() == np.arange(15, 30).reshape(5, 3).tolist()
    for wrong in (np.zeros((5, 3)), np.zeros((2, 4), np.int8), np.zeros(0, np.int8)):
        np.save(path, wrong)
        with pytest.raises(DataError, match=r"windows.npy: .* must be int8 numbers, \[n, 5, 3, 1\] or \[1, 5, 3, 1\]"):
            read_windows(path, network.graph)


class TestCommands:
    def call(self, *arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    def test_verify_prints_the_stages(self, file, tmp_path):
        np.save(tmp_path / "windows.npy", np.arange(30, dtype=np.int8).reshape(2, 5, 3, 1))
        done = self.call("verify", "--tflite", file, "--inputs", tmp_path / "windows.npy", "--json")
        assert done.exit_code == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["network"], found["inputs"]) == ("tiny.tflite", "2 windows of 5 x 3, windows.npy")
        assert {stage["different"] for stage in found["stages"]} == {0}

    def test_profile_prints_the_contract(self, file, tmp_path):
        done = self.call("profile", "--tflite", file, "--cpu", "cortex-m0plus", "--json", "-C", tmp_path)
        assert done.exit_code == 0, done.stderr
        found = json.loads(done.stdout)
        assert {"cpu", "instructions_per_hop", "instructions_per_second", "flash_bytes", "ram_bytes",
                "requirements"} <= set(found)
        table = self.call("profile", "--tflite", file, "-C", tmp_path)
        assert table.exit_code == 0 and "one more row" in table.stdout and "a window alone" in table.stdout

    @pytest.mark.parametrize("arguments", [["--inputs", "x.npy"], ["--tflite", "x", "--run", "y"],
                                           ["--tflite", "x", "--audio", "y"]])
    def test_what_does_not_belong_together_is_wrong_usage(self, arguments):
        for command in ("verify", "profile"):
            assert self.call(command, *arguments).exit_code == 2

    def test_a_file_that_is_no_network_is_one_line(self, tmp_path):
        (tmp_path / "x.tflite").write_text("nothing")
        for command in ("verify", "profile"):
            done = self.call(command, "--tflite", tmp_path / "x.tflite")
            assert done.exit_code == 1 and done.stderr.count("\n") == 1 and "not a TensorFlow Lite file" in done.stderr
