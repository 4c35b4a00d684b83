"""kws calibrate on the network of tones: what is chosen is written whole, and checked on other sound."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import kws
from kws.bench import tones
from kws.calibrate.run import grid_of
from kws.calibrate.sound import NO_RULE
from kws.cli import app
from kws.data.truth import Event, write_truth
from kws.detect.detector import Detector
from kws.monitor.runs import baselines_of_runs
from kws.workspace import read_manifest


def call(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


@pytest.fixture
def run(tone_run, tmp_path):
    return shutil.copytree(tone_run, tmp_path / "tones")


def record(path, words, *, seconds, seed):
    soundfile.write(path, tones.spoken(words, seconds=seconds, rng=np.random.default_rng(seed)), 16_000)
    write_truth(path.with_suffix(".csv"), [Event(t, t + 0.2, word) for t, word in words.items() if word != "other"])
    return path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two streams of twenty words, and a minute of noise with other tones in it."""
    folder = tmp_path_factory.mktemp("recordings")
    words = {1.0 + 2 * i: ("low", "high")[i % 2] for i in range(20)}
    others = {1.0 + 2 * i: "other" for i in range(28)}
    record(folder / "talk.wav", others, seconds=60, seed=1)
    return {"stream": record(folder / "a.wav", words, seconds=42, seed=2),
            "test": record(folder / "b.wav", words, seconds=42, seed=3), "talk": folder / "talk.wav"}


def test_a_rule_about_talk_is_tried_only_when_asked_for_and_told(run, recordings, tmp_path):
    def rule(*options):
        done = call("--run", run, "--negatives", recordings["talk"], "--stream", recordings["stream"], "--test-stream",
                    recordings["test"], "--dry-run", "--json", "-C", workspace(tmp_path), *options)
        return json.loads(done.stdout).get("talk_rule")

    assert rule() is None
    found = rule("--after-pause")
    assert found is None or (found["ms"], found["before_ms"]) == (800, 900)


def test_the_rule_is_tried_where_kws_toml_wants_it_unless_the_command_says_otherwise(run):
    detector = kws.load(run)
    assert not detector.plan.spec.detector.after_pause and grid_of(detector).talk == (NO_RULE,)
    assert NO_RULE in grid_of(detector, after_pause=True).talk and len(grid_of(detector, after_pause=True).talk) > 1
    spec = replace(detector.plan.spec, detector=replace(detector.plan.spec.detector, after_pause=True))
    wanting = Detector(replace(detector.plan, spec=spec))
    assert grid_of(wanting).talk == grid_of(detector, after_pause=True).talk
    assert grid_of(wanting, after_pause=False).talk == (NO_RULE,)
    having = Detector(replace(detector.plan, decoder=replace(detector.plan.decoder, talk_hops=40, talk_limit=96)))
    assert grid_of(having).talk == grid_of(wanting).talk


def test_the_check_of_a_target_for_misses_tells_false_alarms_too(run, recordings, tmp_path):
    done = call("--run", run, "--negatives", recordings["talk"], "--stream", recordings["stream"], "--test-stream",
                recordings["test"], "--miss-rate", 0.5, "--dry-run", "-C", workspace(tmp_path))
    told = [line for line in done.stdout.splitlines() if line.startswith("check:")]
    assert len(told) == 2 and "false alarms in" in told[0] and "of 20 words missed" in told[1]


def test_what_is_chosen_is_written_and_used(run, recordings, tmp_path):
    before = read_manifest(run)
    done = call("--run", run, "--false-alarms-per-hour", 1, "--negatives", recordings["talk"], "--stream",
                recordings["stream"], "--test-stream", recordings["test"], "--json", "-C", workspace(tmp_path))
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["misses"], found["false_alarms"]) == (0, 0) and found["clips"] == 20
    assert (found["test"]["misses"], found["test"]["false_alarms"]) == (0, 0)
    assert found["test"]["holds"] and not found["test"]["proven"]  # half a minute proves nothing
    tables = kws.load(run).plan.decoder
    assert tables.thresholds[2:] == tuple(round(256 * found["thresholds"][word]) for word in ("low", "high"))
    after = read_manifest(run)
    assert after.created_utc == before.created_utc and after.spec == before.spec
    assert after.content["calibration"]["target"] == {"false_alarms_per_hour": 1.0, "miss_rate": None}
    assert json.loads((run / "metrics.json").read_text())["operating_point"] == {
        key: value for key, value in found.items() if key != "run"}
    assert [path.name for path in run.parent.iterdir() if path.name.startswith(".")] == []
    changed = {name for name, digest in after.files.items() if before.files[name] != digest}
    assert changed <= {"model.kws", "metrics.json", "report.html", "validation.json", "failures.json"}


def workspace(folder):
    """An empty workspace, so that the recordings of the repository do not take part."""
    (folder / "kws.toml").write_text('keywords = ["low", "high"]\n')
    return folder


def test_a_dry_run_changes_nothing_and_says_what_it_kept_back(run, recordings, tmp_path):
    before = (run / "model.kws").read_bytes(), (run / "manifest.json").read_bytes()
    done = call("--run", run, "--negatives", recordings["talk"], "--stream", recordings["stream"], "--dry-run",
                "-C", workspace(tmp_path))
    assert done.exit_code == 0, done.stderr
    assert ((run / "model.kws").read_bytes(), (run / "manifest.json").read_bytes()) == before
    assert "the second half of them is set aside" in done.stderr
    assert "checked on the second half of the negatives" in done.stdout and "not written" in done.stdout
    assert "would" in next(line for line in done.stdout.splitlines() if line.startswith("check: 0 false alarms"))


def test_a_baseline_alone_changes_nothing_else_of_a_run(run, recordings, tmp_path):
    before, plan = read_manifest(run), (run / "model.kws").read_bytes()
    options = ("--run", run, "--baseline-only", "--negatives", recordings["talk"], "-C", workspace(tmp_path))
    assert call(*options, "--dry-run").exit_code == 0 and read_manifest(run) == before
    done = call(*options)
    assert done.exit_code == 0 and "hours of talk, quiet" in done.stdout, done.output
    after, metrics = read_manifest(run), json.loads((run / "metrics.json").read_text())
    assert {name for name, digest in after.files.items() if before.files[name] != digest} == {"metrics.json"}
    assert (run / "model.kws").read_bytes() == plan and "calibration" not in after.content
    assert after.content["field_baseline"]["kinds"] == ["talk", "quiet"]
    assert baselines_of_runs(run.parent)[kws.load(run).plan.fingerprint].to_json() == metrics["field_baseline"]
    assert call(*options, "--miss-rate", 0.1).exit_code == 2


def test_the_workspace_s_own_clips_are_the_default(tone_run, run):
    done = call("--run", run, "-C", tone_run.parents[1], "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert "validation split" in found["from"][0] and "testing split" in found["test"]["from"][0]
    assert found["misses"] == 0 and not found["talk"]


def test_nothing_to_choose_on_is_status_1(run, recordings, tmp_path):
    done = call("--run", run, "-C", workspace(tmp_path))
    assert done.exit_code == 1 and "nothing to choose on" in done.stderr
    done = call("--run", run, "--negatives", recordings["talk"], "--miss-rate", 0.1, "-C", tmp_path)
    assert done.exit_code == 1 and "misses cannot be counted without keywords" in done.stderr
    assert call("--run", run, "--miss-rate", 0.1, "--false-alarms-per-hour", 1).exit_code == 2
