"""A network alone, from this project or from elsewhere: the exported C gives the scores of TensorFlow Lite for
Microcontrollers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kws.bench.random_networks import convert, random_network
from kws.cli import app
from kws.errors import KwsError
from kws.export.export import export_to
from kws.export.source import from_tflite
from tests.helpers.exported import compile_device, random_source
from tests.helpers.exported_network import exported_scores, rows_for, tflm_scores

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
    (folder / "model.tflite").write_bytes(random_network(lambda low, high: data.draw(st.integers(low, high))))
    source = from_tflite(folder / "model.tflite")
    export_to("c", source, folder / "out")
    rows = rows_for(source, 12)
    assert exported_scores(folder / "out", rows) == tflm_scores(source, rows)


def test_nothing_drifts(tmp_path):
    """After 30,000 rows the scores are those of the last window alone."""
    source = replace(random_source("cnn"), plan=None)
    assert not source.program.windowed
    export_to("c", source, tmp_path / "out")
    rows = rows_for(source, 30_000)
    scores = exported_scores(tmp_path / "out", rows)
    frames, ends = source.program.frames, (100, 15_000, 30_000)
    fresh = [exported_scores(tmp_path / "out", rows[end - frames:end])[0] for end in ends]
    assert [scores[end - frames] for end in ends] == fresh


class TestCommand:
    """What the command line says of networks that cannot be exported."""

    def refused(self, arguments, tmp_path) -> str:
        result = CliRunner().invoke(app, ["export", *map(str, arguments), "--out", str(tmp_path / "out")])
        assert result.exit_code == 1
        assert [path.name for path in tmp_path.iterdir() if path.suffix != ".tflite"] == []
        assert len(result.stderr.splitlines()) == 1
        return result.stderr

    @pytest.mark.parametrize(("kind", "reason"), [
        ("float", "is FLOAT32; the engine runs networks that are int8 throughout"),
        ("unknown operator", "does not know the operator TANH; it runs ADD,"), ("dynamic", "has a dynamic shape"),
        ("per channel", "is an activation quantized per channel"), ("text", "is not a TensorFlow Lite file"),
    ])
    def test_other_networks_are_refused(self, kind, reason, tmp_path):
        (tmp_path / "model.tflite").write_bytes(other_network(kind))
        assert reason in self.refused(["c", "--tflite", tmp_path / "model.tflite"], tmp_path)

    def test_an_unknown_target_is_refused(self, tmp_path):
        result = CliRunner().invoke(app, ["export", "avr", "--run", "x", "--out", str(tmp_path / "out")])
        assert result.exit_code == 2 and "'avr' is not one of 'c', 'arduino'" in result.stderr

    def test_a_run_and_a_network_exclude_each_other(self, tmp_path):
        result = CliRunner().invoke(app, ["export", "c", "--run", "x", "--tflite", "y", "--out", str(tmp_path / "out")])
        assert result.exit_code == 2 and "cannot be combined" in result.stderr

    def test_what_is_no_file_is_refused(self, tmp_path):
        assert "No such file" in self.refused(["c", "--tflite", tmp_path / "none.tflite"], tmp_path)

    def test_exports_a_network(self, mlperf_network, tmp_path):
        result = CliRunner().invoke(app, ["export", "zephyr", "--tflite", str(mlperf_network), "--out",
                                          str(tmp_path / "out")])
        assert result.exit_code == 0, result.stderr
        assert "bytes of flash" in result.stderr and (tmp_path / "out" / "zephyr" / "module.yml").is_file()


def other_network(kind: str) -> bytes:
    """A .tflite that the engine does not run."""
    if kind == "text":
        return b"the quick brown fox jumps over the lazy dog"
    import keras
    import tensorflow as tf

    inputs = keras.Input(batch_shape=(1, 24, 8, 1))
    x = keras.layers.Conv2D(2, 3, activation="tanh" if kind == "unknown operator" else None)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    if kind == "unknown operator":
        return convert(model)
    if kind == "per channel":
        return with_two_scales(convert(model))
    if kind == "float":
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()
    window = tf.TensorSpec((1, None, 8, 1), tf.float32)
    conv = model.layers[1]
    function = tf.function(lambda x: tf.nn.conv2d(x, conv.kernel, 1, "VALID"), input_signature=[window])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([np.ones((1, 24, 8, 1), np.float32) * i] for i in range(3))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def with_two_scales(flatbuffer: bytes) -> bytes:
    """The network with another scale for the second channel of its first layer's output."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    network = schema.ModelT.InitFromPackedBuf(flatbuffer)
    graph = network.subgraphs[0]
    quantization = graph.tensors[graph.operators[0].outputs[0]].quantization
    quantization.scale, quantization.zeroPoint = [0.5, 0.25], [0, 0]
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(network.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "not a TensorFlow Lite file"), (b"PK\3\4 a zip archive", "not a TensorFlow Lite file"),
    (b"\x20\0\0\0TFL3" + bytes(40), "damaged|no layers|subgraphs|holds no network"),
])
def test_what_is_no_network_is_refused(content, reason, tmp_path):
    (tmp_path / "model.tflite").write_bytes(content)
    with pytest.raises(KwsError, match=reason):
        from_tflite(tmp_path / "model.tflite")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KwsError, match=r"nothing\.tflite: No such file"):
        from_tflite(tmp_path / "nothing.tflite")
