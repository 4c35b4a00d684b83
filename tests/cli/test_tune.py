"""kws tune from the command line: its files, --apply, and what can go wrong."""

import json
import sys

import pytest
from typer.testing import CliRunner

pytest.importorskip("tensorflow")
pytest.importorskip("optuna")

from kws.bench import tones
from kws.bench.tones import LINEAR_SPEC as SPEC
from kws.cli import app
from kws.specfile import read_spec, write_spec

pytestmark = [pytest.mark.slow, pytest.mark.train]

FILES = {"report.html", "pareto.png", "kws.toml", "results.json"}
OPTIONS = ("--model", "linear", "--epochs", "1", "--cost", "flash")


def run(folder, *arguments):
    return CliRunner().invoke(app, ["tune", "-C", str(folder), *OPTIONS, *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tones")
    tones.write_recordings(folder / "recordings")
    (folder / "kws.toml").write_text(write_spec(SPEC))
    return folder


def test_it_writes_a_setting_to_use_and_applies_it_when_told(workspace):
    first = run(workspace, "--trials", 2)
    assert first.exit_code == 0, first.output
    assert {path.name for path in (workspace / "tune").iterdir()} == FILES
    assert "2 candidates trained for 1 epoch," in first.stdout and "95 % interval" in first.stdout
    assert "next: kws tune --apply puts the chosen setting into kws.toml" in first.stdout
    assert "fits; training" in first.stderr and read_spec(workspace / "kws.toml") == SPEC
    results = json.loads((workspace / "tune" / "results.json").read_text())
    other = next(one for one in results["candidates"] if one["state"] == "finished" and one["number"] > 0)

    again = run(workspace, "--trials", 2, "--pick", other["number"], "--apply", "--json")
    assert again.exit_code == 0 and "fits; training" not in again.stderr, "nothing is trained again"
    assert json.loads(again.stdout)["chosen"] == other["number"] and json.loads(again.stdout)["files"]
    applied = read_spec(workspace / "kws.toml")
    assert applied == read_spec(workspace / "tune" / "kws.toml") and applied.training == SPEC.training
    assert {name: getattr(applied.frontend, name) for name in ("hop_ms", "bands", "coefficients", "high_hz")} == {
        name: other["settings"][name] for name in ("hop_ms", "bands", "coefficients", "high_hz")}
    assert read_spec(workspace / "tune" / "before.kws.toml") == SPEC
    assert "fits; training" not in run(workspace, "--trials", 2).stderr, "the search is the same after --apply"


@pytest.mark.parametrize(("arguments", "words"), [
    (("--cost", "joy"), "is not one of 'instructions', 'flash', 'ram'"),
    (("--model", "huge"), "is not one of 'linear', 'cnn'"),
    (("--trials", "0"), "--trials"),
])
def test_wrong_usage(workspace, arguments, words):
    result = run(workspace, *arguments)
    assert result.exit_code == 2 and words in result.stderr


def test_without_optuna_one_line_says_what_to_install(workspace, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    result = run(workspace)
    assert result.exit_code == 1
    assert result.stderr == ("error: kws tune needs optuna, which is not installed; next: pip install "
                             "'kws[tune]', in a clone: pip install '.[tune]'\n")
