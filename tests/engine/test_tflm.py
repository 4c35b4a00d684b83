"""TensorFlow Lite Micro as a judge in a process of its own: what it says, that it refuses, that it crashes."""

import numpy as np
import pytest

from kws.engine.graph import read_graph
from kws.engine.oracle.layers import run_graph
from kws.engine.tflm import NotRun, judge
from kws.errors import ModelError
from tests.helpers.operators import Draw, Grid, Writer

pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")


@pytest.fixture(scope="module")
def network() -> bytes:
    return Draw("CONV_2D", 3).file


def windows_of(file: bytes, count: int = 5) -> np.ndarray:
    graph = read_graph(file)
    return np.random.default_rng(1).integers(-128, 128, (count, graph.frames, graph.features)).astype(np.int8)


def test_scores_and_layers_are_those_of_the_oracle(network):
    graph, windows = read_graph(network), windows_of(network)
    found = judge(network, graph, windows, deep=[0, 3])
    values = [run_graph(graph, window) for window in windows]
    assert (found.scores == [value[graph.output].ravel() for value in values]).all()
    for layer, numbers in zip(graph.layers, found.layers, strict=True):
        assert (numbers == [values[i][layer.output].ravel() for i in (0, 3)]).all()


def test_what_tflm_refuses_is_said(network, monkeypatch):
    with pytest.raises(NotRun, match="it refuses the network: "):
        judge(network[:-64], read_graph(network), windows_of(network))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotRun, match="tflite-micro is not installed"):
        judge(network, read_graph(network), windows_of(network))


def test_a_network_that_crashes_tflm_is_one_line_with_what_to_do():
    writer = Writer()
    source = writer.tensor([1, 1, 1, 4], Grid(0.1))
    output = writer.add("RELU", [source], writer.tensor([1, 1, 1, 4], Grid(0.1)))
    file = writer.file(source, output, memory_plan=1 << 30)
    with pytest.raises(ModelError, match=r"TFLM crashes \(SIG\w+\) on this network, .*; convert the network again"):
        judge(file, read_graph(file), windows_of(file))
