"""Issue 14, section 2: a recording that begins and ends with its word is heard; so is what is wrong with its level."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import kws
from kws.bench import tones
from kws.cli import app
from kws.detect.recordings import hear, quiet_samples
from tests.helpers.paths import ROOT

RATE_HZ = 16_000


def call(*arguments):
    return CliRunner().invoke(app, ["detect", *map(str, arguments)])


def word(name="low", *, gain=1.0, seed=1):
    """int16 [6400]: a tone word in the 400 ms of a training clip."""
    return np.rint(gain * tones.spoken({0.1: name}, seconds=0.4, rng=np.random.default_rng(seed))).astype(np.int16)


def test_a_clip_that_is_nothing_but_its_word_is_detected(tone_run):
    """As a stream the detector decides about it once, and never sees a score rise; with quiet around it is heard."""
    detector = kws.load(tone_run)
    clips = [(name, word(name, seed=seed)) for seed in range(10) for name in ("low", "high")]
    found = [[hit.keyword for hit in hear(detector, [clip])] for _, clip in clips]
    assert sum(names == [name] for names, (name, _) in zip(found, clips, strict=True)) >= 18
    alone = 0
    for _, clip in clips:
        detector.reset()
        alone += bool(detector.push(clip))
    assert alone < 10


def test_times_are_those_of_the_file(tone_run, tmp_path):
    recording = tones.spoken({1.0: "low", 2.0: "high"}, seconds=3, rng=np.random.default_rng(5))
    detector = kws.load(tone_run)
    expected = [(hit.keyword, hit.time_s, hit.score) for hit in detector.push(recording)]
    assert [(hit.keyword, hit.time_s, hit.score) for hit in hear(detector, np.array_split(recording, 7))] == expected
    soundfile.write(tmp_path / "a.flac", recording, RATE_HZ)
    assert [(hit.keyword, hit.time_s, hit.score) for hit in detector.hear(tmp_path / "a.flac")] == expected
    assert quiet_samples(detector) >= RATE_HZ and quiet_samples(detector) % detector.plan.frontend.hop_samples == 0


def test_a_word_at_the_very_end_is_detected_at_the_end(tone_run):
    recording = np.concatenate([np.zeros(RATE_HZ, np.int16), word()[:4_600]])
    hits = list(hear(kws.load(tone_run), [recording]))
    assert [hit.keyword for hit in hits] == ["low"] and hits[0].time_s <= len(recording) / RATE_HZ


@pytest.mark.parametrize(("change", "hint"), [
    (lambda x: x // 1_000, "very quiet: its loudest tenth of a second has"), (np.zeros_like, "nothing but zeros"),
    (lambda x: np.clip(x.astype(int) * 40, -32768, 32767).astype(np.int16), "too loud: the sound clips")])
def test_a_level_that_no_word_is_heard_at_is_said(tone_run, tmp_path, change, hint):
    recording = tones.spoken({1.0: "low", 2.0: "high"}, seconds=3, rng=np.random.default_rng(5))
    soundfile.write(tmp_path / "a.wav", change(recording), RATE_HZ)
    done = call(tmp_path / "a.wav", "--run", tone_run)
    assert done.exit_code == 0 and hint in done.stderr
    soundfile.write(tmp_path / "b.wav", recording, RATE_HZ)
    assert len(call(tmp_path / "b.wav", "--run", tone_run).stderr.splitlines()) == 1  # no hint


def test_inverted_stereo_and_16_bit_values_in_a_32_bit_file_are_heard(tone_run, tmp_path):
    recording = tones.spoken({1.0: "low", 2.0: "high"}, seconds=3, rng=np.random.default_rng(5))
    soundfile.write(tmp_path / "a.wav", np.column_stack([recording, -recording]), RATE_HZ)
    soundfile.write(tmp_path / "b.wav", recording.astype(np.int32), RATE_HZ, subtype="PCM_32")
    soundfile.write(tmp_path / "c.wav", recording.astype(float), RATE_HZ, subtype="FLOAT")
    for name, notice in (("a", "cancel each other"), ("b", "16-bit numbers in a 32-bit file"), ("c", "a float file")):
        done = call(tmp_path / f"{name}.wav", "--run", tone_run)
        assert [line.split()[2] for line in done.stdout.splitlines()] == ["low", "high"] and notice in done.stderr


@pytest.mark.parametrize("container", ["AIFF", "AU", "CAF", "FLAC", "WAV"])
def test_a_file_in_a_pipe_is_heard_as_that_file(tone_run, tmp_path, container):
    recording = tones.spoken({1.0: "low", 2.0: "high"}, seconds=3, rng=np.random.default_rng(5))
    path = tmp_path / "a"
    soundfile.write(path, recording, RATE_HZ, format=container, subtype="PCM_16")
    command = [sys.executable, "-m", "kws", "detect", "-", "--run", str(tone_run)]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True, cwd=ROOT)
    assert [line.split()[2] for line in done.stdout.decode().splitlines()] == ["low", "high"]


def test_names_that_steer_a_terminal_are_escaped(tone_run, tmp_path):
    name = tmp_path / "a\x1b[31mred\nforged line.wav"
    soundfile.write(name, np.zeros(8_000, np.int16), RATE_HZ)
    done = call(name, name, "--run", tone_run)
    assert done.exit_code == 0 and "\x1b" not in done.output and "a\\x1b[31mred\\nforged line.wav" in done.stderr
    assert not any(line.startswith("forged") for line in done.output.splitlines())
