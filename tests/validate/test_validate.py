"""Validation of clips: reading folders, counting engines against each other, the report."""

import numpy as np
import pytest
import soundfile

from kws.errors import DataError
from kws.records import to_json
from kws.requirements import at_least
from kws.validate.clips import FLOAT, STREAMING, TFLM, ClipResult, read_clip_folder
from kws.validate.report import align, clip_report

LABELS = ("_silence_", "_unknown_", "yes")


def scores(*decided, labels=3):
    """int8 [n, labels] whose greatest score is at the given labels."""
    rows = np.full((len(decided), labels), -100, np.int8)
    rows[np.arange(len(decided)), decided] = 100
    return rows


def four_clips():
    """Truth silence, unknown, yes, yes; the last is wrong; TFLM the same; float gets it right."""
    return ClipResult(LABELS, np.array([0, 1, 2, 2]), {
        STREAMING: scores(0, 1, 2, 1), TFLM: scores(0, 1, 2, 1), FLOAT: scores(0, 1, 2, 2).astype(np.float32)}, {})


def test_engines_are_counted_against_the_streaming_engine():
    result = four_clips()
    assert result.confusion().accuracy == 0.75 and result.confusion(FLOAT).accuracy == 1.0
    assert (result.different_clips(TFLM), result.different_scores(TFLM), result.different_clips(FLOAT)) == (0, 0, 1)
    result.scores[TFLM][0, 2] += 1  # one score of twelve, not enough to decide otherwise
    assert (result.different_clips(TFLM), result.different_scores(TFLM)) == (0, 1)


def test_json_holds_the_contract_and_the_engines():
    found = to_json(four_clips().figures())
    assert {"n", "accuracy", "interval", "per_label", "confusion"} <= set(found)
    assert (found["n"], found["accuracy"]) == (4, 0.75)
    assert found["engines"][TFLM]["different_scores"] == 0 and found["engines"][FLOAT]["different_clips"] == 1
    assert set(found["engines"][STREAMING]) == {"accuracy", "interval"}


def test_the_report_says_the_same_in_words():
    result = four_clips()
    lines = clip_report(result).splitlines()
    assert " ".join(lines[1].split()) == "int8, streaming engine 75.0 % 30.1 to 95.4 %"
    assert lines[2].endswith("0 of 4 clips, 0 scores differ") and lines[3].endswith("1 of 4 clips")
    yes = next(line for line in lines if line.startswith("yes"))
    assert " ".join(yes.split()) == "yes 2 50.0 % 9.5 to 90.5 % 100.0 % _unknown_ 1"
    assert lines[-1].split() == ["yes", ".", "1", "1"]


def test_an_engine_that_is_not_there_is_named():
    result = ClipResult(LABELS, np.array([0]), {STREAMING: scores(0)}, {TFLM: "tflite_micro is not installed"})
    line = clip_report(result).splitlines()[2]
    assert line.startswith("int8, TFLM, whole window") and line.endswith("tflite_micro is not installed")
    assert "not run" in line


def test_a_label_without_clips_has_no_share():
    line = next(line for line in clip_report(four_clips()).splitlines() if line.startswith("_silence_ "))
    assert "100.0 %" in line
    empty = ClipResult(LABELS, np.array([0]), {STREAMING: scores(0)}, {})
    line = next(line for line in clip_report(empty).splitlines() if line.startswith("yes"))
    assert line.split() == ["yes", "0", "-", "-", "-"]


def test_columns_are_aligned():
    assert align([["a", "bb"], ["ccc", "d"]], left=(0,)) == "a    bb\nccc   d"


def test_requirements():
    assert at_least("accuracy_percent", limit=90.0, measured=90.0).holds
    missed = at_least("accuracy_percent", limit=90.0, measured=89.9)
    assert missed.to_json() == {"name": "accuracy_percent", "limit": 90.0, "measured": 89.9, "holds": False}
    assert str(missed) == "accuracy_percent: 89.9 of at least 90 %: NOT MET"


def write(path, samples, rate_hz=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.asarray(samples, np.int16), rate_hz)


def test_a_folder_of_clips(tmp_path):
    write(tmp_path / "yes" / "a.wav", np.arange(16_000) % 100)
    write(tmp_path / "yes" / "short.wav", np.full(8_000, 7))
    write(tmp_path / "_silence_" / "long.wav", np.concatenate([np.zeros(20_000), np.full(16_000, 500)]))
    (tmp_path / "yes" / "notes.txt").write_text("not a clip")
    (tmp_path / "README.md").write_text("not a folder")
    clips = read_clip_folder(tmp_path, labels=LABELS, samples=16_000)
    assert clips.truth.tolist() == [0, 2, 2] and clips.samples.shape == (3, 16_000)
    assert (clips.samples[1] == np.arange(16_000) % 100).all()
    assert (clips.samples[2][:8_000] == 7).all() and not clips.samples[2][8_000:].any()
    assert len(clips.notes) == 2 and clips.notes[0].startswith("1 of 3 clips are shorter than 1000 ms: zeros added")


def test_a_folder_that_is_no_label_is_named_with_the_labels(tmp_path):
    write(tmp_path / "yes" / "a.wav", np.zeros(16_000))
    write(tmp_path / "maybe" / "a.wav", np.zeros(16_000))
    with pytest.raises(DataError, match=r"'maybe' is not a label of this run; it knows: _silence_, _unknown_, yes"):
        read_clip_folder(tmp_path, labels=LABELS, samples=16_000)


def test_no_clips_and_no_folder(tmp_path):
    with pytest.raises(DataError, match="no clips in it"):
        read_clip_folder(tmp_path, labels=LABELS, samples=16_000)
    with pytest.raises(DataError, match="is not a folder"):
        read_clip_folder(tmp_path / "missing", labels=LABELS, samples=16_000)
