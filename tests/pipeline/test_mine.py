"""`kws data mine`: what the released detector hears in a recording is cut out, and found as talk."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from kws.cli import app
from kws.data.talk import find_talk
from kws.engine.decoder import DecoderTables
from kws.pipeline.mine import shares_of_threshold

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "recordings" / "demo" / "commands.flac"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copy(ROOT / "kws.toml", folder)
    sound = folder / "radio" / "evening"
    sound.mkdir(parents=True)
    shutil.copy(DEMO, sound / "news.flac")
    return folder


def mined(workspace, *options):
    arguments = ["data", "mine", str(workspace / "radio"), "--run", str(ROOT / "models" / "commands"), "-C",
                 str(workspace), "--json", *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_fires_is_cut_out_once_and_found_as_talk_to_train_with(workspace):
    first, again = mined(workspace, "--nearly", "1"), mined(workspace, "--nearly", "1")
    assert first["written"] == first["fired"] == len(first["finds"]) >= 5 and again["written"] == 0
    talk = find_talk(workspace / "recordings")
    assert len(talk) == first["written"] and {one.split for one in talk} == {"training"}
    assert {one.text for one in talk} == {None}
    with open(workspace / "recordings" / "mined" / "_talk_" / "mined.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == sorted(find["file"] for find in first["finds"])
    assert {(Path(row["origin"]).name, row["run"]) for row in rows} == {("news.flac", "commands")}


def test_a_find_holds_the_sound_before_and_after_its_decision(workspace):
    worst = mined(workspace, "--nearly", "1", "--count", "1")["finds"][0]
    cut, _ = soundfile.read(workspace / "recordings" / "mined" / "_talk_" / worst["file"], dtype="int16")
    whole, _ = soundfile.read(DEMO, dtype="int16")
    end = round((worst["time_s"] + 1.5) * 16_000)
    assert np.array_equal(cut, whole[max(end - 72_000, 0) : end])


def test_the_share_is_the_average_over_the_threshold_and_none_where_nothing_triggers():
    tables = DecoderTables(labels=3, smoothing_hops=2, refractory_hops=0, thresholds=(256, 100, 200),
                           releases=(1, 1, 1))
    scores = np.array([[-128, -28, -128], [127, 72, 72]], np.int8)
    assert np.allclose(shares_of_threshold(scores, tables), [[0, 0.5, 0], [0, 1.5, 0.5]])
