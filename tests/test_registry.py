"""What can be added from outside: by one line in its registry, nothing in kws changed."""

import subprocess
import sys
import textwrap

import pytest

from kws.export.targets import TARGETS, maker
from kws.registry import load
from kws.spec import NETWORKS
from kws.speech.engines.registry import ENGINES, make_engine
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
        from kws.export.package import Package

        def labels(source):
            return Package({"labels.txt": "\\n".join(source.plan.labels)},
                           {"target": "labels", "constants_bytes": 0, "state_bytes": 0})
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
    assert "pico|flite|festival|espeak|tone" in run(line, "data", "synth", "--help").stdout
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
