"""The whole path of a sound on a trained run: tones instead of words, so that a person can count."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kws
import kws.detect.detector
from kws.bench import tones
from kws.detect.detector import Detector
from kws.engine.graph import read_graph
from kws.engine.network import Network
from kws.engine.oracle.decoder import decode
from kws.engine.oracle.frontend import features
from kws.engine.oracle.layers import run_graph
from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.features.frontend import Frontend
from tests.helpers import sanitized
from tests.helpers.paths import ROOT

WORDS = {1.0: "low", 2.0: "high", 3.0: "other", 4.0: "low", 5.0: "low", 6.5: "high", 8.0: "other"}


@pytest.fixture(scope="module")
def detector(tone_run):
    return kws.load(tone_run)


@pytest.fixture(scope="module")
def recording():
    return tones.spoken(WORDS, seconds=10, rng=np.random.default_rng(5))


@pytest.fixture(scope="module")
def long_recording():
    """130 s: a tone every 0.7 s, keywords and others."""
    rng = np.random.default_rng(6)
    words = {0.7 * i + rng.uniform(0, 0.2): str(rng.choice(["low", "high", "other"])) for i in range(1, 180)}
    return tones.spoken(words, seconds=130, rng=rng)


def heard(detector, samples, sizes):
    """All detections when the samples are cut into pieces of the given sizes, again and again."""
    detector.reset()
    found, done, turn = [], 0, 0
    while done < len(samples):
        size = sizes[turn % len(sizes)]
        found += detector.push(samples[done:done + size])
        done, turn = done + size, turn + 1
    return found


def test_every_keyword_is_heard_once_and_nothing_else(detector, recording):
    found = heard(detector, recording, [len(recording)])
    assert [hit.keyword for hit in found] == ["low", "high", "low", "low", "high"]
    for hit, start_s in zip(found, [1.0, 2.0, 4.0, 5.0, 6.5], strict=True):
        assert start_s < hit.time_s < start_s + 0.5 and 0.2 < hit.score <= 1
        assert (hit.time_s * 16_000 - 480) % 320 == 0  # decisions fall where a window of the front end ends


def test_reset_starts_anew(detector, recording):
    first = heard(detector, recording, [len(recording)])
    assert detector.heard_samples == len(recording)
    detector.push(recording[:20_000])
    assert heard(detector, recording, [len(recording)]) == first


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(st.one_of(st.integers(1, 20), st.integers(0, 2_000), st.integers(0, 960_000)), min_size=1,
                      max_size=8).filter(lambda sizes: sum(sizes) > 100))
def test_detections_do_not_depend_on_the_chunk_size(detector, long_recording, sizes):
    expected = heard(detector, long_recording, [len(long_recording)])
    assert heard(detector, long_recording, sizes) == expected and len(expected) > 90


def test_one_sample_at_a_time(detector, recording):
    assert heard(detector, recording, [1]) == heard(detector, recording, [len(recording)])


def test_more_samples_than_one_call_takes(detector, recording, monkeypatch):
    expected = heard(detector, recording, [len(recording)])
    scores, decided_at = all_scores(detector, recording)
    monkeypatch.setattr(kws.detect.detector, "SAMPLES_PER_CALL", 7_001)
    assert heard(detector, recording, [len(recording)]) == expected
    assert all((a == b).all() for a, b in zip(all_scores(detector, recording), (scores, decided_at), strict=True))


def all_scores(detector, samples):
    detector.reset()
    return detector.scores(samples)


def test_scores_are_those_of_front_end_and_network(detector, recording):
    scores, decided_at = all_scores(detector, recording)
    rows = Frontend(detector.plan.frontend).extract(recording[None])[0]
    assert (scores == Network(detector.plan.program).stream(rows)).all()
    assert decided_at[0] == detector.window_samples == 480 + 18 * 320
    assert (np.diff(decided_at) == 320).all() and decided_at[-1] <= len(recording)


def test_the_whole_chain_equals_the_oracles(detector, tone_run, recording):
    """Front end, network on whole windows, decoder: NumPy and plain Python against the streaming C."""
    samples = recording[:48_000]
    plan, graph = detector.plan, read_graph(tone_run / "model.tflite")
    rows = features(plan.frontend, samples)
    windows = [rows[i:i + graph.frames] for i in range(len(rows) - graph.frames + 1)]
    scores = [run_graph(graph, window)[graph.output].ravel() for window in windows]
    assert (all_scores(detector, samples)[0] == scores).all()
    expected = [(plan.labels[label], (detector.window_samples + 320 * hop) / 16_000, score / 256)
                for hop, label, score in decode(plan.decoder, scores)]
    found = [(hit.keyword, hit.time_s, hit.score) for hit in heard(detector, samples, [len(samples)])]
    assert found == expected and len(expected) == 2


def test_time_counts_decisions_of_a_network_that_decides_every_third_hop(tone_run, recording):
    from kws.engine.streaming import lower

    plan = kws.load(tone_run).plan
    program = lower(read_graph(tone_run / "model.tflite"), decide_every=3)
    slow = Detector(Plan(plan.spec, plan.frontend, program, replace(plan.decoder, smoothing_hops=1, refractory_hops=5)))
    _, decided_at = slow.scores(recording)
    assert decided_at[0] == slow.window_samples and (np.diff(decided_at) == 960).all()
    assert [hit.keyword for hit in heard(slow, recording, [999])] == ["low", "high", "low", "low", "high"]


@pytest.mark.parametrize("samples", [
    np.zeros(100, np.float32), np.zeros(100, np.int32), np.zeros((10, 2), np.int16), [0, 1, 2], b"\0\0",
])
def test_anything_but_int16_mono_is_refused(detector, samples):
    with pytest.raises(TypeError, match=r"must be a NumPy array int16 \[n\]"):
        detector.push(samples)


def test_every_second_sample_of_a_stereo_array(detector, recording):
    """A view that is not contiguous in memory is heard as the samples it shows."""
    stereo = np.column_stack([recording, -recording])
    assert heard(detector, stereo[:, 0], [5_000]) == heard(detector, recording, [5_000])


def test_a_run_is_found_by_name_in_the_workspace(tone_run, recording, monkeypatch):
    monkeypatch.chdir(tone_run.parents[1])
    assert kws.load("tones").labels == ("_silence_", "_unknown_", "low", "high")
    with pytest.raises(ModelError, match=r"no run 'tunes'.*tones"):
        kws.load("tunes")


def test_a_damaged_run_is_refused(tone_run, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tone_run, copy)
    plan = bytearray((copy / "model.kws").read_bytes())
    plan[len(plan) // 2] ^= 1
    (copy / "model.kws").write_bytes(plan)
    with pytest.raises(ModelError, match=r"model\.kws is damaged"):
        kws.load(copy)


def test_detection_needs_neither_tensorflow_nor_librosa(tone_run):
    program = ("import sys, numpy, kws\n"
               f"kws.load({str(tone_run)!r}).push(numpy.zeros(16000, numpy.int16))\n"
               "print([name for name in ('tensorflow', 'keras', 'librosa', 'tflite') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


SANITIZED = """
import json, numpy as np, kws
from tests.helpers.paths import ROOT
detector, samples = kws.load(sys.argv[2]), np.load(sys.argv[3])
rng, found, done = np.random.default_rng(1), [], 0
while done < len(samples):
    piece = samples[done:done + int(rng.integers(0, 3_000))].copy()
    found += [[hit.keyword, hit.time_s, hit.score] for hit in detector.push(piece)]
    done += len(piece)
detector.reset()
detector.scores(samples)
loud = np.where(rng.random(40_000) < 0.5, -32768, 32767).astype(np.int16)
detector.push(loud)
print(json.dumps(found))
"""


def test_the_chain_under_sanitizers(detector, tone_run, recording, tmp_path):
    np.save(tmp_path / "samples.npy", recording)
    printed = sanitized.run(sanitized.build(tmp_path), SANITIZED, str(tone_run), str(tmp_path / "samples.npy"))
    expected = heard(detector, recording, [len(recording)])
    assert json.loads(printed) == [[hit.keyword, hit.time_s, hit.score] for hit in expected]


def test_a_watcher_sees_rows_averages_and_the_same_detections(detector, recording):
    expected, plan = heard(detector, recording, [len(recording)]), detector.plan
    scores, decided_at = all_scores(detector, recording)
    detector.reset()
    hops = [hop for start in range(0, len(recording), 777) for hop in detector.watch(recording[start:start + 777])]
    assert [hop.hit for hop in hops if hop.hit] == expected and len(expected) == 5
    assert detector.heard_samples == len(recording)
    assert (np.array([hop.row for hop in hops]) == Frontend(plan.frontend).extract(recording[None])[0]).all()
    decisions = [hop for hop in hops if hop.averages is not None]
    assert [round(hop.time_s * 16_000) for hop in decisions] == decided_at.tolist()
    smooth = plan.decoder.smoothing_hops
    steps = np.concatenate([np.zeros((smooth - 1, len(detector.labels))), scores + 128.0])
    means = np.lib.stride_tricks.sliding_window_view(steps, smooth, axis=0).mean(axis=-1) / 256
    assert np.allclose([hop.averages for hop in decisions], means, atol=1e-6)
