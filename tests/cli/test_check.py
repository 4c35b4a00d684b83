"""kws data check at the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from kws.audio.files import encode
from kws.cli import app
from kws.cli.common import helping_run
from kws.errors import ModelError
from kws.workspace import write_manifest


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with ten clips of noise, of which one is silent and one cannot be read."""
    assert run("new", str(tmp_path / "ws"), "--keywords", "yes,no").exit_code == 0
    rng = np.random.default_rng(0)
    shape = np.exp(-(((np.arange(16_000) - 8_000) / 2_000) ** 2))
    for n in range(10):
        path = tmp_path / f"ws/recordings/own/yes/s{n}_nohash_0.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        audio = np.rint(3_000 * shape * rng.standard_normal(16_000) + 5 * rng.standard_normal(16_000))
        path.write_bytes(encode((audio * (0.001 if n == 3 else 1)).astype(np.int16)) if n != 4 else b"RIFF")
    return tmp_path / "ws"


def test_help_has_an_example():
    result = run("data", "check", "--help")
    assert result.exit_code == 0 and "Example: kws data check --fix" in result.stdout


def test_check_reports_and_changes_nothing_fix_moves_undo_moves_back(place):
    before = sorted(path for path in place.rglob("*.wav"))
    result = run("data", "check", "-C", str(place), "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["clips"], report["counts"]) == (0, 10, {"unreadable": 1, "silent": 1})
    assert [Path(finding["file"]).name for finding in report["findings"]] == ["s4_nohash_0.wav", "s3_nohash_0.wav"]
    assert sorted(place.rglob("*.wav")) == before
    result = run("data", "check", "-C", str(place), "--fix")
    assert result.exit_code == 0 and "2 set aside, 0 repaired" in result.stdout
    assert run("data", "check", "-C", str(place)).stdout.startswith("8 clips checked, 0 with findings")
    result = run("data", "check", "-C", str(place), "--undo")
    assert result.exit_code == 0 and result.stdout.startswith("2 files are back")
    assert sorted(place.rglob("*.wav")) == before


def test_without_the_speaker_encoder_one_line_says_what_is_missing(place, monkeypatch):
    monkeypatch.setattr("kws.data.voices.weights_file", lambda: None)
    result = run("data", "check", "-C", str(place))
    assert result.exit_code == 0
    lines = [line for line in result.stderr.splitlines() if "speaker encoder is not installed" in line]
    assert len(lines) == 1 and lines[0].endswith("next: pip install --no-deps resemblyzer")


def test_wrong_usage_and_errors_are_one_line(place):
    assert run("data", "check", "-C", str(place), "--fix", "--undo").exit_code == 2
    assert run("data", "check", "-C", str(place), "--kind", "loud").exit_code == 2
    result = run("data", "check", "-C", str(place), "--undo")
    assert result.exit_code == 1 and "nothing to undo" in result.stderr and result.stderr.count("\n") == 1
    result = run("data", "check", "-C", str(place), "--review")
    assert result.exit_code == 1 and "needs a terminal" in result.stderr


def test_a_run_helps_if_there_is_one_unless_it_is_left_out(tmp_path):
    assert helping_run(None, without=False, models=tmp_path) is None, "there is none"
    (tmp_path / "base").mkdir()
    write_manifest(tmp_path / "base", {})
    assert helping_run(None, without=False, models=tmp_path) == tmp_path / "base"
    assert helping_run(None, without=True, models=tmp_path) is None
    assert helping_run("none", without=False, models=tmp_path) is None, "as it was said in earlier versions"
    with pytest.raises(ModelError, match="no run 'other'"):
        helping_run("other", without=False, models=tmp_path)
    with pytest.raises(typer.BadParameter, match="cannot be combined with --run"):
        helping_run("base", without=True, models=tmp_path)
    (tmp_path / "none").mkdir()
    write_manifest(tmp_path / "none", {})
    assert helping_run("none", without=False, models=tmp_path) == tmp_path / "none", "a run may have this name"
