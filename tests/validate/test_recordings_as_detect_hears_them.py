"""Validation hears a recording as `kws detect` does, and says what it left out."""

import numpy as np
import pytest
import soundfile

import kws
from kws.audio import foreign
from kws.bench import tones
from kws.errors import DataError
from kws.validate.clips import read_clip_folder
from kws.validate.negatives import gather
from kws.validate.track import hear


def test_hours_of_scores_give_the_detections_of_detect(tone_run):
    """Words at the very beginning and the very end too: the quiet around a recording is in both."""
    recording = np.concatenate([tones.spoken({0.1: "low"}, seconds=0.4, rng=np.random.default_rng(1)),
                                tones.spoken({1.0: "high", 2.0: "low"}, seconds=3, rng=np.random.default_rng(2)),
                                tones.spoken({0.1: "high"}, seconds=0.4, rng=np.random.default_rng(3))])
    detector = kws.load(tone_run)
    expected = list(detector.hear_blocks([recording]))
    track = hear(detector, np.array_split(recording, 5))
    assert track.detections(detector.plan.decoder) == expected and len(expected) == 4
    assert track.samples == len(recording) and track.heard.min() == 0 and track.heard.max() == len(recording)


def test_clips_and_hours_that_cannot_be_read_here_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "ffmpeg", lambda: None)
    monkeypatch.setattr(foreign, "pyav", lambda: False)
    (tmp_path / "yes").mkdir()
    soundfile.write(tmp_path / "yes/a.wav", np.ones(16_000, np.int16), 16_000)
    (tmp_path / "yes/b.m4a").write_bytes(b"x")
    assert any(line.startswith("left out: 1 .m4a: to read them, install ffmpeg")
               for line in read_clip_folder(tmp_path, labels=["yes"], samples=16_000).notes)
    with pytest.raises(DataError, match=r"some of it would not be heard: 1 \.m4a"):
        gather([tmp_path])
