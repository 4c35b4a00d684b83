"""kws average: a run between two, with the weights in between."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.bench.tones import SPEC, write_recordings
from kws.cli import app
from kws.pipeline.average import missing_balance
from kws.specfile import write_spec
from kws.workspace import write_manifest

pytestmark = pytest.mark.train


def weights(workspace, run):
    from kws.model.keras_loading import load_network

    return load_network(workspace / "models" / run).get_weights()


def call(workspace, *arguments):
    return CliRunner().invoke(app, [*arguments, "-C", str(workspace)])


@pytest.mark.slow
def test_the_weights_lie_between_but_for_the_balance_of_the_last_layer(tmp_path):
    write_recordings(tmp_path / "recordings", speakers=20)
    (tmp_path / "kws.toml").write_text(write_spec(replace(SPEC, training=replace(SPEC.training, epochs=2))))
    assert call(tmp_path, "train", "--run", "first").exit_code in (0, 3)
    assert call(tmp_path, "train", "--run", "second", "--start", "first").exit_code in (0, 3)
    done = call(tmp_path, "average", "second", "first", "--share", "0.25", "--run", "between")
    assert done.exit_code == 0, done.output
    old, new, between = (weights(tmp_path, run) for run in ("first", "second", "between"))
    for a, b, c in zip(old[:-1], new[:-1], between[:-1], strict=True):
        assert np.allclose(c, 0.75 * a + 0.25 * b, atol=1e-6)
    assert not np.allclose(old[0], new[0])
    manifest = json.loads((tmp_path / "models" / "between" / "manifest.json").read_text())
    assert manifest["command"] == "kws average second first --share 0.25 --run between"
    assert [(one["run"], one["share"]) for one in manifest["average"]] == [("second", 0.25), ("first", 0.75)]
    started = json.loads((tmp_path / "models" / "second" / "manifest.json").read_text())
    assert started["command"].endswith("--start first") and started["start"]["run"] == "first"


def test_rare_keywords_are_raised_as_far_as_in_the_run_that_raised_them_more(tmp_path):
    for name, balance in (("first", 0.0), ("second", 1.0)):
        (tmp_path / name).mkdir()
        spec = replace(SPEC, training=replace(SPEC.training, keyword_balance=balance))
        write_manifest(tmp_path / name, {"spec": asdict(spec)})
    both = [tmp_path / "first", tmp_path / "second"]
    assert [missing_balance(both, share) for share in (0.0, 0.75, 1.0)] == [0.0, 0.75, 1.0]


def test_runs_of_other_keywords_are_refused(tmp_path):
    write_recordings(tmp_path / "recordings", speakers=20)
    (tmp_path / "kws.toml").write_text(write_spec(replace(SPEC, training=replace(SPEC.training, epochs=1))))
    assert call(tmp_path, "train", "--run", "first").exit_code in (0, 3)
    (tmp_path / "kws.toml").write_text(write_spec(replace(SPEC, keywords=("low",))))
    done = call(tmp_path, "train", "--run", "second", "--start", "first")
    assert done.exit_code == 1 and "--start first: its keywords differ" in done.output
