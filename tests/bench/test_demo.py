"""The helpers of scripts/demo: the table of detections, and a recording joined from real clips."""

import subprocess
import sys

import numpy as np
import pytest

from kws.audio.files import read_samples, write_audio
from kws.data.corpus import scan
from kws.data.truth import read_truth
from kws.specfile import parse_spec, write_spec
from tests.helpers.paths import ROOT

TRUTH = "start_s,end_s,keyword\n" + "".join(f"{i}.0,{i}.5,yes\n" for i in range(10, 20))


def run(script, *arguments):
    return subprocess.run([sys.executable, "-m", "kws.bench", script, *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True)


def detections(*times):
    return "".join(f'{{"file": "x", "keyword": "yes", "time_s": {time}, "score": 0.9}}\n' for time in times)


@pytest.mark.parametrize(("times", "status", "summary"), [
    (range(10, 20), 0, "10 of 10 keywords detected, 0 false alarms"),
    (range(11, 20), 0, "9 of 10 keywords detected, 0 false alarms"),
    (range(12, 20), 1, "8 of 10 keywords detected, 0 false alarms"),
    ([5, *range(10, 20)], 1, "10 of 10 keywords detected, 1 false alarms"),
    ([], 1, "0 of 10 keywords detected, 0 false alarms"),
], ids=lambda value: str(value) if isinstance(value, str) else "")
def test_the_table_counts_and_judges(tmp_path, times, status, summary):
    (tmp_path / "truth.csv").write_text(TRUTH)
    (tmp_path / "detections.jsonl").write_text(detections(*(time + 0.4 for time in times)))
    result = run("demo_table", tmp_path / "truth.csv", tmp_path / "detections.jsonl")
    lenient = run("demo_table", tmp_path / "truth.csv", tmp_path / "detections.jsonl", 0.8)
    assert lenient.returncode == (0 if summary.startswith("8 of 10") else status)
    assert result.returncode == status, result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1] == summary
    assert sum(line.endswith("miss") for line in lines) == 10 - int(summary.split()[0])


def test_a_recording_of_the_testing_split(tmp_path):
    """Every clip is a tone of its own level, so that what lies at the stated times can be recognized."""
    (tmp_path / "kws.toml").write_text(write_spec(parse_spec('keywords = ["yes", "no"]')))
    for index, word in enumerate(("yes", "no", "cat")):
        for speaker in range(40):
            path = tmp_path / "recordings/real" / word / f"{speaker:08x}_nohash_0.wav"
            write_audio(path, np.full(16_000, 20_000 - 4_000 * index, np.int16))
    result = run("demo_recording", tmp_path / "demo.wav", "--times", 3, "-C", tmp_path)
    assert result.returncode == 0, result.stderr
    events = read_truth(tmp_path / "demo.csv")
    assert sorted(event.keyword for event in events) == ["no"] * 3 + ["yes"] * 3
    audio = read_samples(tmp_path / "demo.wav")
    for event in events:
        middle = audio[round(event.start_s * 16_000) + 100:round(event.end_s * 16_000) - 100].mean()
        assert round(middle / 4_000) * 4_000 == {"yes": 20_000, "no": 16_000}[event.keyword]
    before = (tmp_path / "demo.wav").read_bytes()
    run("demo_recording", tmp_path / "demo.wav", "--times", 3, "-C", tmp_path)
    assert (tmp_path / "demo.wav").read_bytes() == before
    assert {clip.split for clip in scan(tmp_path / "recordings").clips} == {"training", "validation", "testing"}
