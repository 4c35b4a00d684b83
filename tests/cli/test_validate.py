"""kws validate: the command on a trained run, every engine on the same clips."""

import json
import shutil
import sys

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from kws.bench import tones
from kws.cli import app
from kws.validate.metrics import wilson_interval


def call(*arguments):
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Three of each label, and one low tone in the folder of the high ones: one of twelve is wrong."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(8)
    words = {"_silence_": {}, "_unknown_": {0.1: "other"}, "low": {0.1: "low"}, "high": {0.1: "high"}}
    for label, content in words.items():
        (folder / label).mkdir()
        for i in range(3):
            said = {0.1: "low"} if (label, i) == ("high", 2) else content
            soundfile.write(folder / label / f"{i}.wav", tones.spoken(said, seconds=0.4, rng=rng), 16_000)
    return folder


def test_a_folder_of_clips(tone_run, clips):
    done = call("--clips", clips, "--run", tone_run, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"clips", "requirements"}
    assert (found["clips"]["n"], found["clips"]["accuracy"]) == (12, 11 / 12)
    assert found["clips"]["interval"] == list(wilson_interval(11, 12))
    assert found["clips"]["confusion"]["high"] == {"_silence_": 0, "_unknown_": 0, "low": 1, "high": 2}
    assert found["clips"]["per_label"]["low"] == {"n": 3, "recall": 1.0, "interval": list(wilson_interval(3, 3)),
                                                  "precision": 0.75}
    assert {"name": "accuracy_percent", "limit": 90.0, "measured": pytest.approx(1100 / 12),
            "holds": True} in found["requirements"]


def test_engines_agree(tone_run, clips):
    pytest.importorskip("tflite_micro")
    engines = json.loads(call("--clips", clips, "--run", tone_run, "--json").stdout)["clips"]["engines"]
    assert engines["tflm"]["different_scores"] == engines["tflm"]["different_clips"] == 0
    assert engines["float"]["different_clips"] == 0  # tones are easy


def test_engines_that_are_not_installed_are_named(tone_run, clips, monkeypatch):
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    monkeypatch.setitem(sys.modules, "keras", None)
    done = call("--clips", clips, "--run", tone_run)
    assert done.exit_code == 0
    assert "tflite_micro is not installed" in done.stdout and "keras is not installed" in done.stdout
    assert "91.7 %" in done.stdout


def test_the_test_split_of_the_workspace(tone_run):
    done = call("-C", tone_run.parents[1])
    assert done.exit_code == 0, done.stderr
    assert "the test split of" in done.stdout and "confusion matrix" in done.stdout
    assert "accuracy_percent       at least 90 %" in done.stdout
    assert "recordings have changed" not in done.stderr


def test_a_requirement_that_is_not_met_is_status_3(tone_run, clips, tmp_path):
    """The requirements of kws.toml count as they are now, not as they were when the run was trained."""
    shutil.copytree(tone_run, tmp_path / "models" / "tones")
    settings = (tone_run.parents[1] / "kws.toml").read_text()
    (tmp_path / "kws.toml").write_text(settings.replace("accuracy_percent = 90.0", "accuracy_percent = 95.0"))
    done = call("--clips", clips, "-C", tmp_path)
    assert done.exit_code == 3
    assert next(line for line in done.stdout.splitlines() if line.startswith("accuracy_percent")).split() == [
        "accuracy_percent", "at", "least", "95", "%", "91.7", "NOT", "MET"]


def test_a_folder_that_is_no_label_is_status_1(tone_run, clips, tmp_path):
    (tmp_path / "medium").mkdir()
    done = call("--clips", tmp_path, "--run", tone_run)
    assert done.exit_code == 1
    assert "'medium' is not a label of this run; it knows: _silence_, _unknown_, low, high" in done.stderr


def test_shorter_and_longer_clips_are_counted(tone_run, tmp_path):
    (tmp_path / "low").mkdir()
    for name, seconds in (("short", 0.35), ("long", 2.0)):
        audio = tones.spoken({0.1: "low"}, seconds=seconds, rng=np.random.default_rng(1))
        soundfile.write(tmp_path / "low" / f"{name}.wav", audio, 16_000)
    done = call("--clips", tmp_path, "--run", tone_run, "--json")
    assert json.loads(done.stdout)["clips"]["accuracy"] == 1.0
    assert "1 of 2 clips are shorter than 400 ms" in done.stderr and "1 of 2 clips are longer" in done.stderr
