"""Networks from elsewhere, as their makers wrote them: what runs, equal to TFLM, and why the others do not."""

from pathlib import Path

import numpy as np
import pytest

from kws.device.network_inputs import drawn_windows
from kws.engine.network import Network
from kws.engine.operators import OPERATORS
from kws.engine.oracle.layers import run_graph
from kws.engine.tflm import judge
from kws.errors import ModelError
from kws.export.source import from_tflite
from tests.helpers.paths import recordings_folder

STREAMS, WINDOWED = "streaming", "windowed"
VARIABLES = "does not know the operators CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE"
PUBLIC = {
    "mlperf_tiny_kws": WINDOWED,
    "networks/arduino_magic_wand": WINDOWED,
    "networks/diy_alexa": WINDOWED,
    "networks/micro_wake_word_v1_okay_nabu": VARIABLES,
    "networks/micro_wake_word_v2_hey_jarvis": VARIABLES,
    "networks/micro_wake_word_v2_vad": VARIABLES,
    "networks/mlperf_tiny_anomaly_detection": STREAMS,
    "networks/mlperf_tiny_streaming_wake_word": STREAMS,
    "networks/tc_resnet_mean_of_equal_scales": WINDOWED,
    "networks/tflite_micro_hello_world": STREAMS,
    "networks/tflite_micro_micro_speech": WINDOWED,
    "networks/tflite_micro_mnist_lstm": "does not know the operator UNIDIRECTIONAL_SEQUENCE_LSTM",
    "networks/tinymaix_mnist_arduino": STREAMS,
}
RUN = [name for name, outcome in PUBLIC.items() if outcome in (STREAMS, WINDOWED)]


def path_of(name: str) -> Path:
    path = recordings_folder() / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"a network from elsewhere is missing: no {path}; name its folder in KWS_TEST_DATA")
    return path


@pytest.mark.parametrize("name", RUN)
def test_what_runs_equals_tflm(name: str):
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")
    source = from_tflite(path_of(name))
    assert source.program.windowed == (PUBLIC[name] == WINDOWED)
    windows, engine, scores = drawn_windows(source.graph, count=60), Network(source.program), set()
    judged = judge(source.tflite, source.graph, windows).scores
    for index, (window, expected) in enumerate(zip(windows, judged, strict=True)):
        np.testing.assert_array_equal(engine.window(window), expected, f"engine, window {index}")
        if index < 12:
            oracle = run_graph(source.graph, window)[source.graph.output]
            np.testing.assert_array_equal(oracle.ravel(), expected, f"oracle, window {index}")
        scores |= set(expected.tolist())
    assert len(scores) > 5


@pytest.mark.parametrize("name", sorted(set(PUBLIC) - set(RUN)))
def test_a_healthy_file_that_does_not_run_is_told_why(name: str):
    with pytest.raises(ModelError) as refused:
        from_tflite(path_of(name))
    assert f"the engine {PUBLIC[name]}; it runs {', '.join(OPERATORS)}" in str(refused.value)
    assert "damaged" not in str(refused.value)


def test_no_network_at_hand_is_left_out():
    folder = recordings_folder()
    there = {path.relative_to(folder).with_suffix("").as_posix() for path in (folder / "networks").glob("*.tflite")}
    assert there <= set(PUBLIC)
