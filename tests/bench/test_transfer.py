"""scripts/bench transfer in small: tones for words, one network, and the table; who trains does not test."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

pytest.importorskip("tensorflow")

from kws.bench import tones, transfer
from kws.bench.tones import spoken_middle
from kws.data.corpus import split_of
from tests.helpers.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.train]


def make_data(folder):
    """The layout of the real recordings: words, a wake word in longer recordings, two readers, speech without it."""
    rng = np.random.default_rng(5)
    tones.write_recordings(folder, speakers=40)
    (folder / "made").rename(folder / "speech_commands")
    noise = {"speech_commands/_background_noise_/hiss.wav": tones.spoken({}, seconds=20, rng=rng)}
    words = {f"wake_words/middle/{i}.wav": spoken_middle(rng, seconds=1.5, start_s=0.6) for i in range(20)}
    talk = {f"read_speech/{reader}-{i}.wav": tones.spoken({k + 0.3: "high" for k in range(8)}, seconds=8, rng=rng)
            for reader in ("a", "b") for i in range(2)}
    speech = {"negatives/made/low.wav": tones.spoken({2 * k + 1.0: "low" for k in range(9)}, seconds=20, rng=rng)}
    for name, audio in {**noise, **words, **talk, **speech}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, audio, tones.RATE_HZ)
    return folder


def bench(base, data, out, *arguments):
    return subprocess.run([sys.executable, "-m", "kws.bench", "transfer", base, data, out, "--words", "middle",
                           "--counts", "4", "--draws", "1", *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def benched(tone_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    result = bench(tone_run, make_data(folder / "data"), folder / "out", "--limit", "1")
    assert result.returncode == 0, result.stderr
    return folder, result


def test_one_network_is_trained_tested_and_tabled(benched, tone_run):
    folder, result = benched
    (line,) = (folder / "out" / "results.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert found["key"] == "middle transfer 4 1" and found["tested"] >= 12
    assert found["missed"] / found["tested"] < 0.5
    thresholds, missed, alarms = np.array(found["curve"]).T
    assert (np.diff(missed) >= 0).all() and alarms[0] >= alarms[-1]
    nearest = np.abs(thresholds - found["threshold"]).argmin()
    assert (missed[nearest], alarms[nearest]) == (found["missed"], found["false_alarms"]["made"])
    assert found["hours"] == {"made": pytest.approx(20 / 3600)} and found["false_alarms"]["made"] <= 9
    assert result.stdout == (folder / "out" / "table.txt").read_text()
    assert (folder / "out" / "transfer.svg").stat().st_size > 1_000
    again = bench(tone_run, folder / "data", folder / "out", "--limit", "0")
    assert again.returncode == 0 and again.stdout == result.stdout


def test_the_two_sides_share_no_recording_and_the_readers_keep_to_theirs(benched):
    data = benched[0] / "data"
    pool, tests = transfer.recordings_of("middle", data)
    assert set(pool).isdisjoint(tests) and len(pool) + len(tests) == 20 and 1 <= len(pool) <= 8
    pool, tests = transfer.recordings_of("low", data)
    assert {split_of(path.stem.split("_")[0]) for path in pool} == {"training"}
    assert {split_of(path.stem.split("_")[0]) for path in tests} == {"testing"}
    for split, name in transfer.READERS.items():
        assert split_of(name) == split


def test_a_base_that_was_taught_the_word_is_refused(benched, tone_run):
    result = bench(tone_run, benched[0] / "data", benched[0] / "other", "--words", "high")
    assert result.returncode == 1 and result.stderr.splitlines()[-1].startswith("error: the base tones was taught high")


def test_the_table_takes_the_mean_over_draws_and_the_interval_of_one_test():
    some = [transfer.Result(key=f"w {missed}", word="w", how="transfer", count=5, draw=1, seconds=10, threshold=0.5,
                            missed=missed, tested=100, false_alarms={"a": alarms, "b": 0}, hours={"a": 1.0, "b": 1.0},
                            curve=((0.5, missed - 4, 9), (0.6, missed + 10, 2), (0.7, missed + 20, 0)))
            for missed, alarms in ((10, 0), (20, 4))]
    assert transfer.miss_rate(some) == pytest.approx((0.15, 0.0931, 0.2328), abs=1e-4)
    assert transfer.alarm_rate(some) == pytest.approx((1.0, 0.1211, 3.6123), abs=1e-4)
    assert transfer.miss_rate_at(some)[0] == 0.25 and transfer.miss_rate_at(some, 0.5)[0] == 0.35
    assert transfer.miss_rate_at(some, 5)[0] == 0.11
    assert transfer.miss_rate_at([replace(some[0], curve=((0.5, 3, 9),))])[0] == 1.0, "no threshold is quiet enough"
    assert "10.0% to 20.0%" in transfer.table(some)
