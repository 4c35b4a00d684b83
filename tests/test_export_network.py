"""A network alone, from this project or from elsewhere: the exported C gives the scores of TensorFlow Lite for
Microcontrollers."""

import numpy as np
import pytest
from exported import compile_device, compile_host, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import convert, random_model

from kws.engine.native import Network
from kws.engine.streaming import lower
from kws.errors import KwsError
from kws.export.export import export_to
from kws.export.source import Source, from_tflite

BOOT = """#include "kws.h"
kws_state state;
int boot(void);
int boot(void)
{
    int8_t scores[KWS_LABELS];
    static int8_t window[KWS_FRAMES * KWS_FEATURES];
    kws_run(&state, window, scores);
    return kws_self_test(&state) + scores[0];
}
"""


def rows_for(source: Source, hops: int) -> np.ndarray:
    """int8 [frames + hops, features]: quiet, loud and saturated rows."""
    rng = np.random.default_rng(0)
    spread = rng.choice([3.0, 30.0, 300.0], size=(source.program.frames + hops, 1))
    return rng.normal(0, spread, (len(spread), source.program.features)).clip(-128, 127).astype(np.int8)


def exported_scores(folder, rows: np.ndarray) -> list[list[int]]:
    lines = run([compile_host(folder)], cwd=folder, stdin=rows.tobytes()).splitlines()
    assert lines[0] == "ready 0"
    return [[int(word) for word in line.split()[2:]] for line in lines if line.startswith("scores")]


def tflm_scores(source: Source, rows: np.ndarray) -> list[list[int]]:
    """Of every window of the rows."""
    runtime = pytest.importorskip("tflite_micro", reason="tflite-micro is not installed").runtime
    judge, scores = runtime.Interpreter.from_bytes(source.tflite), []
    for hop in range(0, len(rows) - source.program.frames + 1, source.program.decide_every):
        window = rows[hop:hop + source.program.frames]
        judge.set_input(window.reshape(source.graph.tensors[source.graph.input].shape), 0)
        judge.invoke()
        scores.append(judge.get_output(0).ravel().tolist())
    return scores


def test_a_network_from_elsewhere_equals_tflm(mlperf_network, tmp_path):
    source = from_tflite(mlperf_network)
    export_to("c", source, tmp_path / "out")
    rows = rows_for(source, 30)
    scores = exported_scores(tmp_path / "out", rows)
    assert scores == tflm_scores(source, rows) and len(np.unique(scores)) > 20
    compile_device(tmp_path / "out", tmp_path / "boot.elf", main=BOOT)
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "49 rows of 10 int8 numbers q, worth (q - 83) * 0.58" in readme


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_random_networks_equal_tflm(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    model = random_model(lambda low, high: data.draw(st.integers(low, high)))
    (folder / "model.tflite").write_bytes(convert(model))
    source = from_tflite(folder / "model.tflite")
    export_to("c", source, folder / "out")
    rows = rows_for(source, 12)
    assert exported_scores(folder / "out", rows) == tflm_scores(source, rows)


def test_a_stream_forgets_what_is_old(mlperf_network, tmp_path):
    """After thousands of rows the scores are those of the last window alone."""
    source = from_tflite(mlperf_network)
    rows = rows_for(source, 3000)
    network = Network(lower(source.graph))
    assert network.stream(rows)[-1].tolist() == network.window(rows[-source.program.frames:]).tolist()


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "not a TensorFlow Lite file"), (b"PK\3\4 a zip archive", "not a TensorFlow Lite file"),
    (b"\x20\0\0\0TFL3" + bytes(40), "damaged|no layers|subgraphs"),
])
def test_what_is_no_network_is_refused(content, reason, tmp_path):
    (tmp_path / "model.tflite").write_bytes(content)
    with pytest.raises(KwsError, match=reason):
        from_tflite(tmp_path / "model.tflite")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KwsError, match=r"nothing\.tflite: No such file"):
        from_tflite(tmp_path / "nothing.tflite")
