"""What a training promises is measured, or said not to be; what it breaks is its exit status."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from kws.data.corpus import SYNTHESIZED
from kws.spec import Requirements
from kws.specfile import write_spec
from tests.helpers.small_workspace import SPEC, make_workspace, run

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Result]:
    """Two keywords that a synthesizer said, 60 clips each, where 100 are wanted; 2,000 bytes of RAM are too few."""
    pytest.importorskip("keras", reason="Keras is not installed")
    folder = make_workspace(tmp_path_factory.mktemp("claims") / "w")
    (folder / "recordings/made" / SYNTHESIZED).touch()
    (folder / "recordings/made/low/a.m4a").write_bytes(b"x")
    limits = Requirements(ram_bytes=2_000, clips_per_word=100, speakers_per_word=80)
    (folder / "kws.toml").write_text(write_spec(replace(SPEC, requirements=limits)))
    return folder, run("train", "--model", "linear", "-C", folder)


def line_of(requirement: str, output: str) -> str:
    """Its row in the last table."""
    return [line for line in output.splitlines() if line.split()[:1] == [requirement]][-1]


def test_a_broken_requirement_is_status_3_and_named(trained):
    assert trained[1].exit_code == 3
    assert "NOT MET" in line_of("ram_bytes", trained[1].output)


def test_what_was_measured_on_few_words_says_on_how_many(trained):
    """Latency and misses once stood in kws.toml and were read nowhere."""
    assert "when it was calibrated" in line_of("miss_rate_percent", trained[1].output)
    assert "when calibrated" in line_of("latency_ms", trained[1].output)


def test_what_clips_cannot_tell_is_not_measured_and_says_what_would(trained):
    line = line_of("false_alarms_per_hour", trained[1].output)
    assert "not measured: give --negatives PATH" in line and "holds" not in line


def test_too_few_clips_and_speakers_are_said(trained):
    assert "NOT MET" in line_of("clips_per_word", trained[1].output)
    assert "NOT MET" in line_of("speakers_per_word", trained[1].output)


def test_a_training_on_synthetic_voices_alone_says_so(trained):
    [line] = [line for line in trained[1].output.splitlines() if "all voices of" in line]
    assert line.startswith("note: all voices of low, high are synthetic") and "kws record low high --speaker" in line


def test_files_that_are_no_clips_are_named_before_the_training(trained):
    assert "made/low/a.m4a: this form is not read here" in trained[1].output


def test_the_run_keeps_what_was_measured(trained):
    [metrics] = (trained[0] / "models").glob("*/metrics.json")
    told = {one["name"]: one for one in json.loads(metrics.read_text())["requirements"]}
    assert told["false_alarms_per_hour"]["measured"] is None and told["ram_bytes"]["holds"] is False
    assert {one["name"] for one in told.values() if one["holds"] is False} >= {"clips_per_word", "speakers_per_word"}


def test_export_and_validate_say_the_same(trained, tmp_path):
    name = next((trained[0] / "models").glob("*/metrics.json")).parent.name
    done = run("export", "c", "--run", name, "--out", tmp_path / "c", "-C", trained[0])
    assert done.exit_code == 0 and "not measured" in line_of("false_alarms_per_hour", done.stdout)
    assert "NOT MET" in line_of("ram_bytes", done.stdout)
    done = run("validate", "--run", name, "-C", trained[0])
    assert done.exit_code == 3 and "not measured" in line_of("false_alarms_per_hour", done.output)
