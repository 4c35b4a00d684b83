"""Comparing: paired tests whose answer a person can count, and the command on two runs and a peer."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from kws.bench import tones
from kws.cli import app
from kws.data.truth import Event, write_truth
from kws.detect.detector import Detection
from kws.errors import DataError
from kws.spec import Requirements
from kws.validate.compare import Contender, Costs, differences, mcnemar, paired_misses, read_detections, recommended
from kws.validate.compare_text import broken_lines, table
from kws.validate.streams import judge_detections


def test_mcnemar_looks_at_the_clips_that_only_one_got_right():
    first, other = np.array([True] * 10 + [False] * 2 + [True] * 88), np.array([False] * 10 + [True] * 2 + [True] * 88)
    # 12 clips on which they differ, 2 of them one way: 2 * (1 + 12 + 66) / 4096
    assert mcnemar(first, other) == pytest.approx(2 * 79 / 4096)
    assert mcnemar(first, first) == 1.0 and mcnemar(first[:1], ~first[:1]) == 1.0


def judged(missed, speakers):
    truth = tuple(Event(3.0 * i, 3.0 * i + 0.5, "yes", speaker) for i, speaker in enumerate(speakers))
    hits = [Detection("yes", event.end_s, 0.9) for i, event in enumerate(truth) if i not in missed]
    return judge_detections(truth, hits, hours=0.1)


def test_misses_are_paired_by_utterance_and_drawn_by_speaker():
    speakers = [f"s{i % 20}" for i in range(100)]
    same, (low, high) = paired_misses(judged({1, 2}, speakers), judged({1, 2}, speakers))
    assert same == low == high == 0
    worse, (low, high) = paired_misses(judged(set(), speakers), judged(set(range(0, 100, 5)), speakers))
    assert worse == pytest.approx(0.2) and 0 < low < 0.2 < high  # four of twenty speakers, always
    alone, wide = paired_misses(judged(set(), ["a"] * 50 + ["b"] * 50), judged(set(range(50)), ["a"] * 50 + ["b"] * 50))
    assert alone == 0.5 and wide == (0.0, 1.0)  # two speakers tell nothing


def test_differences_are_told_where_both_were_measured():
    right = np.ones(50, bool)
    found = differences([Contender("a", right=right), Contender("b", right=~right), Contender("c")])
    assert [(one.other, one.points, one.significant) for one in found] == [("b", -100.0, True)]


def test_the_cheapest_that_meets_the_requirements_is_recommended():
    right = np.array([True] * 95 + [False] * 5)
    costly, cheap = (Costs(40_000, 8_000, value) for value in (9e6, 4e6))
    wanted = Requirements(flash_bytes=50_000)
    found = [Contender("big", right, None, 1, 2.0, costly), Contender("small", right, None, 2, 2.0, cheap),
             Contender("bad", ~right, None, 50, 2.0, cheap)]
    assert recommended(found, wanted).startswith("small: the cheapest of the 2 that meet")
    assert recommended(found[:1], wanted).startswith("big: the only one")
    assert recommended([found[2]], wanted).startswith("none meets") and "bad" in recommended([found[2]], wanted)
    assert [one.name for one in found[2].broken(wanted)] == ["accuracy_percent", "false_alarms_per_hour"]
    heavy = replace(found[1], name="heavy", costs=Costs(50_001, 8_000, 1e6))
    assert recommended([found[0], heavy], wanted).startswith("big: the only one"), "it must fit the device, too"


def test_false_alarms_of_a_stream_count_where_there_are_no_negatives():
    heard = [Detection("yes", 1.4, 0.9), Detection("no", 60.0, 0.9)]
    stream = judge_detections((Event(1, 1.5, "yes"),), heard, hours=0.1)
    one = Contender("a", stream=stream)
    assert [each.name for each in one.broken(Requirements())] == ["false_alarms_per_hour"]
    assert "10 (0.25 to" in table([one])
    assert broken_lines([one], Requirements()) == ["a does not meet false_alarms_per_hour (10, at most 1 per hour)"]


@pytest.mark.parametrize("line", ["{", '{"keyword": "yes"}', '{"keyword": "moon", "time_s": 1}', "[]"])
def test_a_line_that_is_no_detection_is_named(tmp_path, line):
    (tmp_path / "peer.jsonl").write_text('{"keyword": "yes", "time_s": 1.0}\n\n' + line + "\n")
    with pytest.raises(DataError, match="line 3"):
        read_detections(tmp_path / "peer.jsonl", ("yes",))


def test_the_command_on_two_runs_a_network_and_a_peer(tone_run, tmp_path):
    words = {1.0 + 2 * i: ("low", "high")[i % 2] for i in range(10)}
    soundfile.write(tmp_path / "a.wav", tones.spoken(words, seconds=24, rng=np.random.default_rng(1)), 16_000)
    write_truth(tmp_path / "a.csv", [Event(at, at + 0.2, word) for at, word in words.items()])
    soundfile.write(tmp_path / "quiet.wav", tones.spoken({}, seconds=20, rng=np.random.default_rng(2)), 16_000)
    peer = [{"keyword": word, "time_s": at + 0.4} for at, word in list(words.items())[:5]]
    peer += [{"file": "quiet.wav", "keyword": "low", "time_s": at} for at in (3.0, 3.2, 9.0)]
    (tmp_path / "peer.jsonl").write_text("\n".join(map(json.dumps, peer)))
    twin = shutil.copytree(tone_run, tmp_path / "twin")
    arguments = ["compare", tone_run, twin, "--stream", tmp_path / "a.wav", "--negatives", tmp_path / "quiet.wav",
                 "--tflite", tone_run / "model.tflite", "--detections", tmp_path / "peer.jsonl"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["miss_rate"] for one in found["contenders"]] == [0, 0, 0, 0.5]
    assert [one["false_alarms_per_hour"] for one in found["contenders"]] == pytest.approx([0, 0, 0, 2 * 180])
    assert [one["points"] for one in found["differences"]] == [0, 0, 50]
    text = CliRunner().invoke(app, [*map(str, arguments)]).stdout
    assert "misses of peer against tones: +50.0 points" in text and "more than chance" in text
    assert next(line for line in text.splitlines() if line.startswith("peer")).split()[2:4] == ["50.0", "%"]
    assert CliRunner().invoke(app, ["compare", str(tone_run)]).exit_code == 1
