"""What can be added from outside: by one line in its registry, nothing in kws changed."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from kws.engine.operators import OPERATORS, lookup
from kws.export.targets import TARGETS, maker
from kws.registry import load
from kws.spec import NETWORKS
from kws.speech.engines.registry import ENGINES, make_engine
from tests.helpers.operators import Grid, Writer
from tests.helpers.paths import ROOT

PROGRAM = "from kws.cli import app\napp()\n"


@pytest.fixture
def outside(tmp_path):
    """A program of one's own: its additions, then the command line. Returns what runs it with arguments."""
    def make(code: str):
        (tmp_path / "mine.py").write_text(textwrap.dedent(code))

        def run(line: str, *arguments: object) -> subprocess.CompletedProcess[str]:
            return subprocess.run([sys.executable, "-c", f"{line}\n{PROGRAM}", *map(str, arguments)], cwd=tmp_path,
                                  capture_output=True, text=True, check=False)
        return run
    return make


def test_every_name_has_what_it_stands_for():
    assert [maker(target).__name__ for target in TARGETS] == \
        ["c_package", "arduino_package", "esp_idf_package", "zephyr_package", "tflm_package"]
    assert {name: make_engine(name).name for name in ENGINES} == {name: name for name in ENGINES}
    assert {name: load(reference).__name__ for name, reference in NETWORKS.items()} == {name: name for name in NETWORKS}


def test_a_board(outside, tmp_path):
    run = outside("""
        from kws.export.c import facts
        from kws.export.package import Package

        def labels(source):
            return Package({"labels.txt": "\\n".join(source.plan.labels)}, facts("labels", source))
        """)
    line = "from kws.export.targets import TARGETS; TARGETS['labels'] = 'mine:labels'"
    result = run(line, "export", "labels", "--run", ROOT / "models" / "commands", "--out", "out")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "labels.txt").read_text().startswith("_silence_")
    assert (tmp_path / "out" / "LICENSE").is_file()
    refused = run("", "export", "labels", "--run", ROOT / "models" / "commands", "--out", "other")
    assert refused.returncode == 2 and not (tmp_path / "other").exists()
    assert "'labels' is not one of 'c', 'arduino', 'esp-idf', 'zephyr', 'tflm'" in refused.stderr


def test_a_voice(outside, tmp_path):
    run = outside("""
        import numpy as np
        from kws.speech.engines.interface import Engine

        class Tone(Engine):
            name, licence, install = "tone", "none", "nothing"

            def voices(self):
                return ("low", "high")

            def speak(self, text, voice, *, rng):
                hz = {"low": 200, "high": 400}[voice]
                return (0.5 * np.sin(2 * np.pi * hz * np.arange(1_000 * len(text)) / 16_000)).astype(np.float32)
        """)
    line = "from kws.speech.engines.registry import ENGINES; ENGINES['tone'] = 'mine:Tone'"
    assert run(line, "new", ".", "--keywords", "yes").returncode == 0
    assert "espeak|kokoro|tone" in run(line, "data", "synth", "--help").stdout
    result = run(line, "data", "synth", "--engine", "tone", "--count", "4", "--unknown", "0", "--no-noise")
    assert result.returncode == 0, result.stderr
    clips = sorted(path.name for path in (tmp_path / "recordings/synth/yes").iterdir())
    assert len(clips) == 4 and all(name.startswith("tone-") for name in clips)
    refused = run("", "data", "synth", "--engine", "tone")
    assert refused.returncode == 2 and "'tone' is not one of 'pico'" in refused.stderr


def test_a_network_is_chosen_by_its_name(outside, tmp_path):
    run = outside("")
    line = "from kws.spec import NETWORKS; NETWORKS['mine'] = 'mine:network'"
    result = run(line, "new", ".", "--keywords", "yes", "--model", "mine")
    assert result.returncode == 0, result.stderr
    assert 'name = "mine"' in (tmp_path / "kws.toml").read_text()
    refused = run("", "data", "stats")
    assert refused.returncode == 1
    assert "name = 'mine': must be one of linear, cnn, ds_cnn, tc_resnet, bc_resnet" in refused.stderr


def one_convolution(x, spec):
    """[frames, features, 1] -> [8]."""
    import keras

    return keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, (3, x.shape[2]))(x))


def test_a_network_streams_with_the_numbers_of_tflm(monkeypatch):
    pytest.importorskip("tensorflow")
    import numpy as np

    from kws.bench.random_networks import check_network
    from kws.model.zoo import build
    from kws.quantize.convert import convert
    from kws.spec import FrontendSpec, ModelSpec, Spec

    monkeypatch.setitem(NETWORKS, "mine", f"{__name__}:one_convolution")
    spec = Spec(keywords=("yes",), model=ModelSpec(name="mine"), frontend=FrontendSpec(clip_ms=300, bands=8))
    windows = np.random.default_rng(1).integers(-100, 100, (16, spec.frontend.frames, 8)).astype(np.int8)
    check_network(convert(build(spec, seed=1), windows), hops=12)


def leaky_table(layer, source, output):
    """int8 [256] of a LEAKY_RELU: two multipliers, as TFLM has them."""
    import numpy as np

    from kws.engine import quantization as constants
    from kws.engine.oracle import arithmetic as fixed

    ratio, steps = constants.real_scale(source) / constants.real_scale(output), constants.centred(source)
    above, below = (fixed.requantize(steps, *constants.multiplier(ratio * slope))
                    for slope in (1, layer.options["Alpha"]))
    return np.clip(output.zero_point + np.where(steps >= 0, above, below), -128, 127).astype(np.int8)


def test_an_operator_on_single_numbers_equals_tflm(monkeypatch):
    """Nothing but a table: reader, oracle, engine and the list of TFLM's resolver know it by its line."""
    pytest.importorskip("tensorflow")
    import keras

    from kws.bench.random_networks import FEATURES, FRAMES, check_network, convert
    from kws.engine.graph import read_graph
    from kws.errors import ModelError
    from kws.export.tflm import operators

    inputs = keras.Input(batch_shape=(1, FRAMES, FEATURES, 1))
    x = keras.layers.LeakyReLU(0.3)(keras.layers.Conv2D(3, 3)(inputs))
    network = convert(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x))))
    with pytest.raises(ModelError, match="does not know the operator LEAKY_RELU"):
        read_graph(network)
    monkeypatch.setitem(OPERATORS, "LEAKY_RELU", lookup(f"{__name__}:leaky_table", tflm="LeakyRelu",
                                                        options="LeakyRelu", fields=("Alpha",)))
    check_network(network, hops=12)
    assert "LeakyRelu" in operators(read_graph(network))


# A kernel of its own: what is added to the C, module by module, and the operator's line.
KERNEL = {
    "network.h": {"    KWS_OP_RESHAPE = 12\n": "    KWS_OP_RESHAPE = 12,\n    KWS_OP_NEGATE = 13\n"},
    "network.c": {"        default: break;\n":
                  "#ifndef KWS_WITHOUT_NEGATE\n"
                  "        case KWS_OP_NEGATE: kws_negate_row(op, rows[0], out); break;\n#endif\n"
                  "        default: break;\n"},
    "layers.h": {"\n#endif\n": "\nvoid kws_negate_row(const kws_op *op, const int8_t *row, int8_t *out);\n\n#endif\n"},
    "layers.c": {'#include "layers.h"\n': """#include "layers.h"

void kws_negate_row(const kws_op *op, const int8_t *row, int8_t *out)
{
    for (int32_t i = 0; i < op->out_width * op->out_channels; ++i) {
        const int32_t negated = op->in_zero + op->out_zero - row[i];
        out[i] = (int8_t)(negated > op->high ? op->high : negated < op->low ? op->low : negated);
    }
}
"""},
    "network_check.c": {"KWS_OP_CONV, KWS_OP_RESHAPE)": "KWS_OP_CONV, KWS_OP_NEGATE)",
                        "        case KWS_OP_SOFTMAX:": "        case KWS_OP_NEGATE: return same;\n"
                                                        "        case KWS_OP_SOFTMAX:"},
}
NEGATE = """
import numpy as np
from kws.engine.graph import read_graph
from kws.engine.network import Network
from kws.engine.operators import OPERATORS, Operator
from kws.engine.oracle.layers import run_graph
from kws.engine.streaming import lower

def to_rows(low, layer):
    source = low.signal(layer.inputs[0])
    low.emit("NEGATE", source, low.like(layer, source), **low.zeros(layer))

def meaning(layer, graph, value):
    zeros = sum(graph.tensors[i].zero_point for i in (layer.inputs[0], layer.output))
    return np.clip(zeros - value.astype(np.int64), -128, 127)

OPERATORS["NEG"] = Operator(tflm="Neg", lower=f"{__name__}:to_rows", compute=f"{__name__}:meaning")
if __name__ == "__main__":
    from pathlib import Path
    graph = read_graph(Path("negate.tflite"))
    engine = Network(lower(graph))
    for seed in range(20):
        window = np.random.default_rng(seed).integers(-128, 128, (1, 6, 5, 4)).astype(np.int8)
        assert (engine.window(window) == run_graph(graph, window)[graph.output].ravel()).all(), seed
    print(engine.window(np.full((1, 6, 5, 4), 100, np.int8))[:3])
"""


@pytest.mark.slow
def test_an_operator_with_a_kernel_of_its_own_touches_four_places(tmp_path):
    """A C header counts with its source: network, layers, network_check, and the operator's own Python."""
    pytest.importorskip("tensorflow")
    assert len({name.partition(".")[0] for name in KERNEL}) + 1 <= 4
    shutil.copytree(ROOT / "kws", tmp_path / "kws", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for path in (tmp_path / "kws/native/csrc").rglob("*.[ch]"):
        for old, new in KERNEL.get(path.name, {}).items():
            before, found, after = path.read_text().rpartition(old)
            assert found, (path, old)
            path.write_text(before + new + after)
    writer = Writer()
    source = writer.tensor([1, 6, 5, 4], Grid(0.05, 3))
    negated = writer.add("NEG", [source], writer.tensor([1, 6, 5, 4], Grid(0.05, -7)))
    output = writer.add("RESHAPE", [negated, writer.numbers([1, 120])], writer.tensor([1, 120], Grid(0.05, -7)))
    (tmp_path / "negate.tflite").write_bytes(writer.file(source, output))
    (tmp_path / "negate.py").write_text(NEGATE)
    for program in (["-m", "kws.native.build"], ["negate.py"]):
        done = subprocess.run([sys.executable, *program], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert done.stdout == "[-104 -104 -104]\n"  # 3 - 7 - 100
