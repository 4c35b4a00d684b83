"""kws run on a workspace of tones: everything once, then only what has changed."""

import json
import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from kws.bench.tones import SPEC, write_recordings
from kws.cli import app
from kws.spec import Requirements
from kws.specfile import write_spec
from kws.workspace import list_runs

STAGES = ["check", "train", "calibrate", "validate", "export", "verify"]

pytestmark = [pytest.mark.train, pytest.mark.slow]


def call(workspace, *arguments):
    """(exit status, stages that were done)"""
    done = CliRunner().invoke(app, ["run", "--json", *arguments, "-C", str(workspace)])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["name"] for line in lines] == STAGES, done.output
    return done.exit_code, [line["name"] for line in lines if not line["skipped"]]


def test_everything_is_done_once_and_then_what_has_changed(tmp_path):
    write_recordings(tmp_path / "recordings", speakers=40)
    (tmp_path / "kws.toml").write_text(write_spec(SPEC))
    status, done = call(tmp_path)
    assert done == STAGES
    (run,) = list_runs(tmp_path / "models")
    kept, page = json.loads((run / "validation.json").read_text()), (run / "report.html").read_text()
    assert kept["clips"]["from"].endswith("clips, recordings") and kept["clips"]["from"] in page
    assert call(tmp_path) == (status, [])
    shutil.rmtree(tmp_path / "export")
    assert call(tmp_path) == (status, ["export"])
    wanted = replace(SPEC, requirements=Requirements(false_alarms_per_hour=2.0))
    (tmp_path / "kws.toml").write_text(write_spec(wanted))
    assert call(tmp_path)[1] == STAGES[2:]
    strict = replace(SPEC, requirements=Requirements(false_alarms_per_hour=2.0, flash_bytes=1_000, ram_bytes=1_000))
    (tmp_path / "kws.toml").write_text(write_spec(strict))
    assert call(tmp_path) == (3, ["validate"])
    folder = tmp_path / "recordings" / "field" / "low"
    folder.mkdir(parents=True)
    shutil.copy(next((tmp_path / "recordings" / "made" / "low").glob("*.wav")), folder / "kitchen_nohash_1.wav")
    assert call(tmp_path) == (3, STAGES)
    assert len(list_runs(tmp_path / "models")) == 2
    numbers = json.loads((tmp_path / "models" / "numbers.json").read_text())
    assert [one["number"] for one in numbers] == [1, 2, 3]
