"""Wrong arguments to public functions: one kind of error, with name, value and rule."""

from pathlib import Path

import numpy as np
import pytest

import kws
from kws.arguments import check_array, check_number
from kws.audio.files import encode, fit, read_samples, resample, write_audio
from kws.audio.reading import open_sound
from kws.calibrate.thresholds import Target
from kws.data.clip_faults import measure_clip
from kws.data.quality import check as check_take
from kws.data.truth import read_truth
from kws.detect.detector import Detector
from kws.device.budget import device_budget
from kws.device.profile import profile
from kws.device.profile_network import profile_network
from kws.device.verify import verify
from kws.device.verify_network import verify_network
from kws.engine.decoder import Decoder
from kws.engine.network import Network
from kws.engine.oracle import frontend as oracle
from kws.engine.oracle.layers import run_graph
from kws.engine.tflm import judge
from kws.errors import ArgumentError, KwsError
from kws.explore.attribution import explain
from kws.explore.sounds import playable
from kws.export.source import from_run
from kws.features.frontend import Frontend, FrontendStream, log_mel, measure_normalisation, network_input
from kws.features.reference import reference_features
from kws.features.tables import Normalisation
from kws.model.augment import augment, equalize, mask, silence
from kws.pipeline.average import average_runs
from kws.quantize.inspect import inspect_layers
from kws.record.recorder import cut_apart
from kws.validate.ablation import ablate
from kws.validate.clips import ClipSet, streaming_scores
from kws.validate.compare import mcnemar
from kws.validate.intervals import hours_to_prove
from kws.validate.metrics import Confusion, poisson_interval, wilson_interval
from tests.helpers.paths import ROOT

RUN = ROOT / "models" / "small"
SOURCE = from_run(RUN)
PLAN = SOURCE.plan
SPEC, RNG, NOISE = PLAN.spec, np.random.default_rng(0), [np.ones(16_000, np.float32)]
FRAMES, FEATURES, LABELS = PLAN.program.frames, PLAN.program.features, PLAN.program.labels
CALLS = {
    "samples int16 [n]": [Detector(PLAN).push, Detector(PLAN).watch, Detector(PLAN).scores,
                          FrontendStream(PLAN.frontend).push, lambda samples: oracle.features(PLAN.frontend, samples),
                          lambda samples: profile(SOURCE, samples, cpu="cortex-m4"),
                          lambda samples: verify(SOURCE, samples),
                          lambda samples: reference_features(SPEC.frontend, Normalisation.identity(40), samples)],
    "audio int16 [n]": [lambda audio: write_audio(Path("never.wav"), audio), encode, playable, measure_clip,
                        lambda audio: fit(audio, 16_000), lambda audio: log_mel(SPEC.frontend, audio),
                        lambda audio: check_take(audio, room_db=-60, samples=16_000),
                        lambda audio: cut_apart(audio, samples=16_000)],
    "clips int16 [n, samples]": [Frontend(PLAN.frontend).extract, Frontend(PLAN.frontend).raw,
                                 lambda clips: augment(clips, NOISE, SPEC.training, RNG),
                                 lambda clips: measure_normalisation(SPEC.frontend, clips),
                                 lambda clips: streaming_scores(Detector(PLAN), clips),
                                 lambda clips: device_budget(SOURCE, clips, SPEC.requirements)],
    "samples int16 [n, samples]": [lambda samples: ClipSet(samples, np.zeros(3, np.int64))],
    "truth integer [n]": [lambda truth: ClipSet(np.zeros((3, 5), np.int16), truth),
                          lambda truth: Confusion.count("ab", truth=truth, decided=np.zeros(3, np.int64))],
    "noise float32 [n]": [lambda noise: silence([noise], 1, 50, RNG),
                          lambda noise: augment(np.zeros((1, 50), np.int16), [noise], SPEC.training, RNG)],
    "features int8 [n, frames, features]": [network_input, lambda features: mask(features, SPEC.training, RNG),
                                            lambda features: equalize(features, NOISE[0], SPEC.training, RNG)],
    "first bool [clips]": [lambda first: mcnemar(first, first)],
    f"row int8 [{FEATURES}]": [Network(PLAN.program).push],
    f"rows int8 [n, {FEATURES}]": [Network(PLAN.program).stream,
                                   lambda rows: explain(Network(PLAN.program), rows, 2, RNG)],
    f"windows int8 [n, {FRAMES}, {FEATURES}]": [lambda windows: verify_network(SOURCE, windows),
                                                lambda windows: profile_network(SOURCE, windows, cpu="cortex-m4"),
                                                lambda windows: judge(b"", SOURCE.graph, windows),
                                                lambda windows: inspect_layers(SOURCE.tflite, None, windows)],
    f"features int8 [{FRAMES}, {FEATURES}]": [Network(PLAN.program).window,
                                              lambda features: run_graph(SOURCE.graph, features)],
    f"scores int8 [hops, {LABELS}]": [Decoder(PLAN.decoder).push],
}
WRONG = {"float64 [100]": np.zeros(100), "int16 [3, 4, 5]": np.zeros((3, 4, 5), np.int16),
         "uint8 [2, 7]": np.zeros((2, 7), np.uint8), "int8 [3, 1]": np.zeros((3, 1), np.int8), "[0, 1, 2]": [0, 1, 2],
         "None": None, "b'\\x00\\x00'": b"\0\0", "int16 []": np.array(3, np.int16)}


@pytest.mark.parametrize("given", WRONG)
@pytest.mark.parametrize(("wanted", "call"), [(wanted, call) for wanted, calls in CALLS.items() for call in calls])
def test_an_array_of_another_type_or_shape_is_named_with_the_rule(wanted, call, given):
    name, rule = wanted.split(" ", 1)
    with pytest.raises(ArgumentError) as error:
        call(WRONG[given])
    assert str(error.value).startswith(f"{name} = {given}: must be a NumPy array {rule}")


@pytest.mark.parametrize(("call", "message"), [
    (lambda: kws.load(5), "run = 5: must be a path, as a string or pathlib.Path"),
    (lambda: kws.load(None), "run = None: must be a path"),
    (lambda: kws.load(""), "run = '': must be a path"),
    (lambda: Detector(PLAN).hear(3.5), "path = 3.5: must be a path"),
    (lambda: read_samples(7), "path = 7: must be a path"),
    (lambda: write_audio(None, np.zeros(3, np.int16)), "path = None: must be a path"),
    (lambda: read_samples(ROOT / "recordings/demo/commands.flac", samples=0),
     "samples = 0: must be a whole number of 1 or more"),
    (lambda: read_samples(ROOT / "recordings/demo/commands.flac", samples=16e3),
     "samples = 16000.0: must be a whole number of 1 or more"),
    (lambda: resample(np.zeros(10, np.float32), 0), "rate_hz = 0: must be a number of 1 or more"),
    (lambda: Frontend(PLAN.frontend).extract(np.zeros((1, 16_000), np.int16), threads=0),
     "threads = 0: must be a whole number of 1 or more"),
    (lambda: Target(false_alarms_per_hour=-1), "false_alarms_per_hour = -1: must be a number of 0 or more"),
    (lambda: Target(false_alarms_per_hour=float("nan")), "false_alarms_per_hour = nan: must be a number of 0 or more"),
    (lambda: Target(miss_rate=10), "miss_rate = 10: must be a number of 0 to 1"),
    (lambda: Target(miss_rate="1"), "miss_rate = '1': must be a number of 0 to 1"),
    (lambda: silence([], 1, 50, RNG), "noise has 0 recordings: must have 1 or more"),
    (lambda: silence(NOISE, -1, 50, RNG), "count = -1: must be a whole number of 0 or more"),
    (lambda: silence(NOISE, 1, 20_000, RNG), "noise = float32 [16000]: must have 20,000 samples or more"),
    (lambda: equalize(np.zeros((1, 2, 40), np.int8), np.zeros((4, 10)), SPEC.training, RNG),
     "curves = float64 [4, 10]: must be a NumPy array floating [curves, 40]"),
    (lambda: reference_features(SPEC.frontend, Normalisation.identity(40), np.zeros(9, np.int16)),
     "samples has 9 entries: must have a window, "),
    (lambda: ClipSet(np.zeros((3, 5), np.int16), np.zeros(2, int)), "truth has 2 entries: must have 3, as samples"),
    (lambda: ClipSet(np.zeros((3, 5), np.int16), np.zeros(3, int), speakers=("anna",)),
     "speakers has 1 entries: must have 3, as samples"),
    (lambda: Confusion.count("ab", truth=np.array([0, 2]), decided=np.array([0, 1])),
     "truth has 0 to 2: must be 0 to 1"),
    (lambda: mcnemar(np.zeros(3, bool), np.zeros(2, bool)), "other = bool [2]: must be a NumPy array bool [3]"),
    (lambda: open_sound(None), "path = None: must be a path, as a string or pathlib.Path"),
    (lambda: read_truth(3), "path = 3: must be a path"),
    (lambda: from_run(2.5), "run = 2.5: must be a path"),
    (lambda: ablate(Detector(PLAN), None, groups=0), "groups = 0: must be a whole number of 1 or more"),
    (lambda: average_runs(None, "a", "b", share=70, name=None, note=print), "share = 70: must be a number of 0 to 1"),
    (lambda: wilson_interval(1, 2, confidence=95), "confidence = 95: must be a number of 0 to 1"),
    (lambda: hours_to_prove(1.0, false_alarms=0.5), "false_alarms = 0.5: must be a whole number of 0 or more"),
    (lambda: wilson_interval(3, 2), "successes = 3 of n = 2: must be 0 to n"),
    (lambda: poisson_interval(-1), "count = -1: must be a whole number of 0 or more"),
])
def test_a_path_or_number_out_of_its_rule_is_named_with_it(call, message):
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value).startswith(message)


def test_it_is_caught_as_what_it_is_and_as_what_python_raises():
    assert all(issubclass(ArgumentError, kind) for kind in (KwsError, TypeError, ValueError))


def test_what_is_right_passes():
    check_array("x", np.zeros((3, 7), np.int8), np.int8, "n", 7)
    check_array("x", np.zeros((3, 7), np.int8)[:, ::2], np.int8, "n", 4)
    check_number("x", np.int64(3), low=3, high=3)
    check_number("x", 0.5, low=0, high=1, whole=False)


def test_true_is_no_number():
    with pytest.raises(ArgumentError, match="x = True: must be a whole number of 0 or more"):
        check_number("x", True, low=0)
