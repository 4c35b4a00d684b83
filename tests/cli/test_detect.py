"""kws detect: output, exit status and messages of the command as a person types it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import kws
from kws.bench import tones
from kws.cli import app
from tests.helpers.paths import ROOT

WORDS = {1.0: "low", 2.0: "high", 3.0: "other", 4.0: "low"}


@pytest.fixture(scope="module")
def recording():
    return tones.spoken(WORDS, seconds=5, rng=np.random.default_rng(5))


@pytest.fixture(scope="module")
def wav(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("audio") / "words.wav"
    soundfile.write(path, recording, 16_000)
    return path


def call(*arguments):
    return CliRunner().invoke(app, ["detect", *map(str, arguments)])


def test_each_detection_is_a_line(tone_run, wav):
    done = call(wav, "--run", tone_run)
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[2] for line in lines] == ["low", "high", "low"]
    assert all(line[1] == "s" and start < float(line[0]) < start + 0.5 and 0 < float(line[3]) <= 1
               for line, start in zip(lines, [1, 2, 4], strict=True))
    assert done.stderr.splitlines() == [f"{wav}: 3 detections in 5.0 s"]


def test_json_has_the_shape_of_the_contract(tone_run, wav, recording):
    done = call(wav, "--run", tone_run, "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    hits = kws.load(tone_run).push(recording)
    assert found == [{"file": str(wav), "keyword": hit.keyword, "time_s": round(hit.time_s, 4),
                      "score": round(hit.score, 4)} for hit in hits] and len(found) == 3


def test_several_files_get_titles_and_each_starts_anew(tone_run, wav):
    done = call(wav, wav, "--run", tone_run)
    lines = done.stdout.splitlines()
    assert lines[0] == lines[4] == str(wav) and lines[1:4] == lines[5:]


def test_what_cannot_be_read_is_named_and_the_rest_is_done(tone_run, wav, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    done = call(tmp_path / "broken.wav", tmp_path / "missing.wav", tmp_path / "empty.wav", wav, "--run", tone_run)
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    names = [line.partition(".wav")[0].rpartition("/")[2] for line in errors]
    assert names == ["broken", "missing", "empty"]
    assert len(done.stdout.splitlines()) == 4  # the title and three detections


def test_resampling_is_noticed_and_hears_the_same(tone_run, recording, tmp_path):
    stereo = np.column_stack([recording.repeat(3)] * 2)  # 48 kHz, roughly
    soundfile.write(tmp_path / "a.flac", stereo, 48_000)
    done = call(tmp_path / "a.flac", "--run", tone_run)
    assert [line.split()[2] for line in done.stdout.splitlines()] == ["low", "high", "low"]
    assert "resampled from 48000 Hz to 16000 Hz, 2 channels averaged" in done.stderr


def test_a_pipe_shorter_than_the_window_says_so(tone_run):
    command = [sys.executable, "-m", "kws", "detect", "-", "--run", str(tone_run)]
    done = subprocess.run(command, input=bytes(3_200), capture_output=True, cwd=ROOT, text=False, check=True)
    assert done.stdout == b""
    assert b"is 0.10 s long, too short for a decision: the model listens to 0.39 s at a time" in done.stderr


def test_long_files_show_progress_on_stderr_only(tone_run, recording, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.tile(recording, 13), 16_000)
    done = call(tmp_path / "a.wav", "--run", tone_run)
    assert len(done.stdout.splitlines()) == 39 and "a.wav (s)" in done.stderr and "65/65" in done.stderr


def test_raw_samples_on_standard_input(tone_run, recording, wav):
    command = [sys.executable, "-m", "kws", "detect", "-", "--run", str(tone_run), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=recording.tobytes(), capture_output=True, env=environment, check=True)
    from_pipe = [json.loads(line) for line in done.stdout.splitlines()]
    from_file = [json.loads(line) for line in call(wav, "--run", tone_run, "--json").stdout.splitlines()]
    assert from_pipe == [{**hit, "file": "-"} for hit in from_file] and len(from_pipe) == 3
    empty = subprocess.run(command, input=b"", capture_output=True, env=environment)
    assert empty.returncode == 1 and b"standard input: is empty; pipe raw int16" in empty.stderr


def test_runs_that_are_not_there(tone_run, wav, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(wav)
    assert done.exit_code == 1 and "no kws.toml" in done.stderr
    done = call(wav, "--run", "nothing", "-C", tone_run.parents[1])
    assert done.exit_code == 1 and "no run 'nothing'" in done.stderr and "tones" in done.stderr
    assert call(wav, "-C", tone_run.parents[1]).exit_code == 0  # the newest run of the workspace


def test_no_audio_is_wrong_usage():
    assert call().exit_code == 2
