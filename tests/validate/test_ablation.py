"""What groups of features are worth, on tones: who masks the keyword's own band hears it no more."""

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from kws.bench import tones
from kws.cli import app
from kws.validate.ablation import cuts


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(8)
    for label, content in {"_unknown_": {0.1: "other"}, "low": {0.1: "low"}, "high": {0.1: "high"}}.items():
        (folder / label).mkdir()
        for i in range(4):
            soundfile.write(folder / label / f"{i}.wav", tones.spoken(content, seconds=0.4, rng=rng), 16_000)
    return folder


def test_groups_cover_everything_once():
    assert cuts(10, 3) == [(0, 3), (3, 7), (7, 10)] and cuts(2, 8) == [(0, 1), (1, 2)]


def test_the_band_of_a_tone_is_worth_its_words(tone_run, clips):
    arguments = ["ablate", "--run", tone_run, "--clips", clips]
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.stderr
    found = {one["what"]: one for one in json.loads(done.stdout)["masked"]}
    assert found["nothing"]["accuracy"] == 1.0 and found["nothing"]["lost"] == 0 and found["nothing"]["p"] == 1
    assert len(found) == 1 + 8 + 8 and "bands 0 to 4" in found
    assert max(one["lost"] for what, one in found.items() if what.startswith("bands")) >= 25
    text = CliRunner().invoke(app, [*map(str, arguments), "--groups", "2"]).stdout
    assert "masked, not trained again" in text and "bands 20 to 39" in text
