"""What speaks for a label: in a network whose answer is known, on a recording of tones."""

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.audio.files import write_audio
from kws.bench import tones
from kws.cli import app
from kws.detect.detector import load_detector
from kws.engine.network import Network
from kws.explore.attribution import PATCH_FEATURES, PATCH_FRAMES, explain, patches_worth, spread
from kws.features.frontend import Frontend


class Louder:
    """A network of two labels that looks at one patch only: label 1 scores if band 7 of frame 3 is above 50."""

    def window(self, features):
        return np.array([-128, 127 if features[3, 7] > 50 else -128], np.int8)


def test_the_one_patch_that_counts_is_worth_all_of_the_score_and_the_others_nothing():
    window = np.full((10, 10), 100, np.int8)
    worth = patches_worth(Louder(), window, np.full(10, -100, np.int8), 1, np.random.default_rng(1), 2_000)
    assert worth.shape == (10, 10)
    assert (worth[:PATCH_FRAMES, PATCH_FEATURES:] == worth[3, 7]).all() and worth[3, 7] == pytest.approx(255 / 256)
    others = np.ma.masked_array(np.abs(worth), mask=spread(np.array([[0, 1], [0, 0]]), (10, 10)))
    assert others.max() < 0.06, "chance of 2,000 masks"


def test_a_tone_is_heard_at_its_place_and_in_its_bands(tone_run):
    plan = load_detector(tone_run).plan
    audio = tones.spoken({0.4: "low"}, seconds=1.0, rng=np.random.default_rng(4))
    rows = Frontend(plan.frontend).extract(audio[None])[0]
    found = explain(Network(plan.program), rows, plan.labels.index("low"), np.random.default_rng(1), masks=1_000)
    assert found.score > 0.5 and found.worth.max() > 0.1
    frame, band = np.unravel_index(found.worth.argmax(), found.worth.shape)
    hop_s = plan.spec.frontend.hop_ms / 1000
    assert 0.3 < (found.first + frame) * hop_s < 0.6 and band < 15  # 300 Hz of 20 to 7,600


def test_the_command_explains_the_label_that_is_asked_for(tone_run, tmp_path):
    pytest.importorskip("plotly")
    write_audio(tmp_path / "low.wav", tones.spoken({0.1: "low"}, seconds=0.4, rng=np.random.default_rng(4)))
    arguments = ["explore", "-C", tone_run.parents[1], tmp_path / "low.wav", "--run", "tones", "--out",
                 tmp_path / "page.html"]
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    assert "What speaks for &#x27;low&#x27;" in (tmp_path / "page.html").read_text()
    done = CliRunner().invoke(app, [*map(str, arguments), "--label", "high"])
    assert done.exit_code == 0 and "What speaks for &#x27;high&#x27;" in (tmp_path / "page.html").read_text()
    done = CliRunner().invoke(app, [*map(str, arguments), "--label", "middle"])
    assert done.exit_code == 1 and "--label middle: the run knows _silence_, _unknown_, low, high" in done.stderr
    done = CliRunner().invoke(app, ["explore", "-C", str(tone_run.parents[1]), "--label", "low"])
    assert done.exit_code == 2 and "name some" in done.output
