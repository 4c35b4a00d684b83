"""The released runs: in step with the engine, equal to TFLM on real clips, and as good as the README says."""

import json

import numpy as np
import pytest
import soundfile

import kws
from kws.bench.rebuild_plan import lowered
from kws.data.truth import read_truth
from kws.engine.graph import read_graph
from kws.engine.plan import Plan
from kws.engine.streaming import lower
from kws.monitor.runs import baselines_of_runs, fingerprint_of
from kws.validate.clips import STREAMING, TFLM, classify, read_clip_folder
from kws.workspace import read_artefact
from tests.helpers.paths import ROOT

MODELS, DEMO = ROOT / "models", ROOT / "recordings" / "demo"
RELEASED = ("alexa", "base", "base-2", "commands", "commands-2", "large", "mfcc", "quiet", "small", "wide", "wide-2")
PARAMETERS = {"alexa": 25_000, "commands": 25_000, "commands-2": 90_000, "mfcc": 15_000, "quiet": 25_000,
              "small": 12_000}  # at most
LATE_S = 1.0  # a detection may come this long after the end of its word


@pytest.mark.parametrize("name", RELEASED)
def test_plan_is_what_the_engine_makes_of_the_network_today(name):
    plan = Plan.from_bytes(read_artefact(MODELS / name, "model.kws"))
    program = lower(read_graph(read_artefact(MODELS / name, "model.tflite")))
    assert (plan.program.ops, plan.program.buffers) == (program.ops, program.buffers)
    np.testing.assert_array_equal(plan.program.pool, program.pool)


@pytest.mark.parametrize("name", RELEASED)
def test_nobody_s_recording_is_released(name):
    """A page may play where it fails; those sounds are other people's."""
    assert not (MODELS / name / "failures.json").exists()
    assert "data:audio" not in (MODELS / name / "report.html").read_text()


def test_relowering_changes_nothing_where_nothing_has_changed():
    old, tflite = (read_artefact(MODELS / "commands", name) for name in ("model.kws", "model.tflite"))
    assert lowered(old, tflite).to_bytes() == old


@pytest.mark.parametrize("name", RELEASED)
def test_devices_of_it_can_be_held_against_its_validation_sound(name):
    run = MODELS / name
    known = baselines_of_runs(MODELS, only=run)[fingerprint_of(run)]
    said = ("words",) if name != "alexa" else ()  # all takes of a word of one's own train
    assert known.mixture and known.what() == (*said, "talk", "noise", "quiet")
    assert len(known.kinds) == len(known.seconds) and known.hours > 0.5


@pytest.mark.parametrize(("name", "most"), PARAMETERS.items())
def test_no_more_parameters_than_promised(name, most):
    assert json.loads(read_artefact(MODELS / name, "metrics.json"))["parameters"] <= most


def test_demo_recording():
    """At least 16 of its 20 synthesized words are found, and nothing else."""
    samples, _ = soundfile.read(DEMO / "commands.flac", dtype="int16")
    hits, truth = kws.load(MODELS / "commands").push(samples), read_truth(DEMO / "commands.csv")
    assert len(truth) == 20
    matched = [hit for hit in hits if any(event.keyword == hit.keyword and
                                          event.start_s < hit.time_s < event.end_s + LATE_S for event in truth)]
    assert len(matched) == len(hits) >= 16


@pytest.mark.parametrize("name", [name for name in RELEASED if name not in ("alexa", "base", "base-2")])
def test_real_clips(name, real_data):
    """The test clips at hand (12 labels, all of them where the data is unpacked): equal to TFLM, 90 % right."""
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")
    detector = kws.load(MODELS / name)
    clips = read_clip_folder(real_data / "speech_commands_test_set", labels=detector.labels,
                             samples=detector.plan.spec.frontend.clip_samples)
    result = classify(detector, clips, tflite=read_artefact(MODELS / name, "model.tflite"), keras_model=None)
    assert len(result.truth) >= 12 * 30
    assert result.different_scores(TFLM) == 0
    assert result.confusion(STREAMING).accuracy >= 0.9
