"""What augmentation and layers are worth: trained anew on tones, and not trained again when it is known."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.bench.tones import SPEC
from kws.cli import app
from kws.pipeline import ablate as module
from kws.pipeline.ablate import ALL, variants
from kws.pipeline.choices import Retrain
from kws.validate.ablation import lost_interval, lost_over_seeds


def test_variants_leave_out_one_thing_each_and_nothing_that_is_off_already():
    found = list(variants(SPEC, [Retrain.AUGMENTATION]))
    assert [one.what for one in found] == [ALL, "noise", "levels", "places in the window"]
    assert found[0].spec == SPEC and found[1].spec.training.noise_percent == 0
    assert found[1].spec.training.gain_db == SPEC.training.gain_db


@pytest.mark.train
def test_each_block_of_layers_is_a_variant():
    found = list(variants(SPEC, [Retrain.LAYERS]))
    assert len(found) == 1 + 4 and all(one.block is not None for one in found[1:])


def test_the_interval_of_what_is_lost_is_over_speakers():
    whole, right = np.ones(40, bool), np.array([True] * 20 + [False] * 20)
    low, high = lost_interval(whole, right, [f"s{i}" for i in range(40)])
    assert low < 0.5 < high and (low, high) == pytest.approx((0.35, 0.65), abs=0.03)
    assert lost_interval(whole, right, ["a"] * 20 + ["b"] * 20) == (0.0, 1.0), "two speakers tell little"
    assert lost_interval(whole, whole, [""] * 40) == (0.0, 0.0)


def test_seeds_that_differ_widen_the_interval():
    speakers = [f"s{i}" for i in range(40)]
    whole, same, other = np.ones((3, 40), bool), np.zeros((3, 40), bool), np.zeros((3, 40), bool)
    same[:, :20] = True  # each seed loses half of the clips
    other[0, :10], other[1, :20], other[2, :30] = True, True, True  # they lose 75, 50 and 25 %
    narrow, wide = lost_over_seeds(whole, same, speakers), lost_over_seeds(whole, other, speakers)
    assert narrow == pytest.approx(lost_interval(whole[0], same[0], speakers))
    assert (wide[0] + wide[1]) / 2 == pytest.approx(0.5, abs=0.03)
    assert wide[1] - 0.5 > 4.303 * 0.25 / 3 ** 0.5  # Student's for three, standard deviation 0.25
    assert lost_over_seeds(whole[:1], same[:1], speakers) == narrow


@pytest.mark.slow
@pytest.mark.train
def test_the_command_trains_each_once_and_goes_on_where_it_was(tone_run, monkeypatch):
    place = tone_run.parents[1]
    arguments = ["ablate", "-C", str(place), "--run", "tones", "--retrain", "augmentation", "--epochs", "1", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["what"] for one in found["retrained"]] == [ALL, "noise", "levels", "places in the window"]
    first = found["retrained"][0]
    assert first["clean"]["lost"] == first["noisy"]["lost"] == 0
    assert first["clips"] == found["retrained"][1]["clips"] > 10
    assert "1 of 4: all of it" in done.stderr and "2 of 4: without noise" in done.stderr

    def refuse(*_, **__):
        raise AssertionError("nothing is trained again")

    monkeypatch.setattr(module, "train", refuse)
    again = CliRunner().invoke(app, arguments)
    assert json.loads(again.stdout) == found
    table = CliRunner().invoke(app, arguments[:-1])
    assert "trained anew once for 1 epoch each" in table.stdout and "over speakers" in table.stdout


def test_clips_are_for_masks(tone_run, tmp_path):
    done = CliRunner().invoke(app, ["ablate", "--run", str(tone_run), "--retrain", "layers", "--clips", str(tmp_path)])
    assert done.exit_code == 2 and "judged on the validation split" in " ".join(done.output.split())
