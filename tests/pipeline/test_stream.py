"""kws data stream in the workspace of tones."""

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import kws
from kws.cli import app
from kws.data.truth import read_truth
from kws.pipeline.choices import Preset
from kws.pipeline.stream import likeness, preset_settings
from kws.validate.streams import hear_stream


def call(*arguments):
    return CliRunner().invoke(app, ["data", "stream", *map(str, arguments)])


def test_what_it_writes_is_heard_again(tone_run, tmp_path):
    place = tone_run.parents[1]
    done = call(tmp_path / "a.wav", "--count", 4, "--snr-db", 30, "-C", place, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["keywords"] == 8
    detector = kws.load(tone_run)
    truth = read_truth(tmp_path / "a.csv")
    found = hear_stream(detector, tmp_path / "a.wav", truth).judge(detector.plan.decoder)
    assert (found.total.events, found.total.misses) == (8, 0)
    placed = (tmp_path / "a.placed.csv").read_text().splitlines()
    assert placed[0].startswith("start_s,end_s,kind,word") and sum(",unknown,other," in line for line in placed) == 4


def test_another_rate_has_the_same_truth_and_the_same_seed_the_same_file(tone_run, tmp_path):
    place = tone_run.parents[1]
    for name, options in (("a.wav", ()), ("b.wav", ()), ("c.flac", ("--rate", 44_100))):
        assert call(tmp_path / name, "--count", 2, "-C", place, *options).exit_code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "c.csv").read_text()
    info, plain = soundfile.info(tmp_path / "c.flac"), soundfile.info(tmp_path / "a.wav")
    assert info.samplerate == 44_100 and info.duration == pytest.approx(plain.duration, abs=1e-3)


def test_the_presets_have_their_lengths(tone_run, tmp_path):
    done = call(tmp_path / "a.wav", "--minutes", 1, "--count", 5, "--device", "phone", "-C", tone_run.parents[1])
    assert done.exit_code == 0 and soundfile.info(tmp_path / "a.wav").duration == pytest.approx(60, abs=8)
    tensorflow, mlperf = preset_settings(Preset.TENSORFLOW, 10), preset_settings(Preset.MLPERF, 1)
    assert (tensorflow.minutes, 10 * tensorflow.count, tensorflow.scene.noise_volume) == (10, 140, (0.0, 0.1))
    assert (mlperf.minutes, mlperf.count) == (20, 50)


@pytest.mark.parametrize(("arguments", "status", "words"), [
    (("x.mp3",), 1, "must end in .wav or .flac"), (("x.wav", "--rate", 8_000), 2, "is not one of '16000', "),
    (("x.wav", "--minutes", 0.1, "--count", 5), 1, "too short for"), (("x.wav", "--preset", "moon"), 2, "moon"),
])
def test_what_cannot_be(tone_run, tmp_path, arguments, status, words):
    done = call(tmp_path / arguments[0], *arguments[1:], "-C", tone_run.parents[1])
    assert done.exit_code == status and words in done.output
    assert list(tmp_path.iterdir()) == []


def test_near_misses_are_spelt_like_a_keyword():
    assert likeness("four", ("for", "go")) > 0.8 and likeness("bed", ("up", "on")) == 0
    assert np.isclose(likeness("stop", ("stop",)), 1)
