"""kws verify: exit status and output."""

import json

import pytest
import soundfile
from typer.testing import CliRunner

from kws.cli import app
from tests.helpers.exported import flip_weight, random_source, sound
from tests.helpers.runs import write_run

pytestmark = pytest.mark.device


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two runs, one of them with a plan that its network does not agree with, and a second of sound."""
    folder = tmp_path_factory.mktemp("verify")
    source = random_source("cnn")
    write_run(folder / "good", source)
    write_run(folder / "broken", flip_weight(source)[0])
    soundfile.write(folder / "sound.wav", sound(1), 16_000)
    return folder


def call(place, run, *arguments):
    audio = ["--audio", str(place / "sound.wav")]
    return CliRunner().invoke(app, ["verify", "--run", str(place / run), *audio, *arguments])


def test_equal_is_status_0(place):
    done = call(place, "good", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert {one["name"].split()[0] for one in found["stages"]} == {"features", "layer", "rows", "scores", "detections"}
    assert all(one["different"] == 0 and one["compared"] >= 0 for one in found["stages"])


def test_a_difference_is_status_1_and_named(place):
    done = call(place, "broken")
    assert done.exit_code == 1
    assert "NOT EQUAL" in done.stdout
    assert "error: scores differ from oracle: hop " in done.stderr


def test_no_run_is_one_line(place):
    done = CliRunner().invoke(app, ["verify", "--run", str(place / "none")])
    assert done.exit_code == 1 and done.stdout == "" and done.stderr.startswith("error: ")
