"""Counts that a person can check."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.data.corpus import scan, split_of
from kws.data.stats import measure, to_text
from kws.spec import Requirements, Spec


@pytest.fixture
def recordings(tmp_path) -> Path:
    """Three clips of "yes" by two speakers, one of "bed", a minute and a half of noise."""
    for name, samples in (("a/yes/s1_nohash_0.wav", 100), ("a/yes/s1_nohash_1.wav", 100),
                          ("b/yes/s2_nohash_0.wav", 100), ("a/bed/s1_nohash_0.wav", 100),
                          ("a/_background_noise_/x.wav", 60 * 16_000), ("b/_background_noise_/y.wav", 30 * 16_000)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.ones(samples, np.int16), 16_000)
    return tmp_path


def spec(clips: int, speakers: int) -> Spec:
    return Spec(keywords=("no", "yes"),
                requirements=Requirements(clips_per_word=clips, speakers_per_word=speakers))


def test_counts(recordings):
    stats = measure(scan(recordings), spec(3, 3)).to_json()
    assert list(stats["words"]) == ["no", "yes", "bed"]
    yes = stats["words"]["yes"]
    assert (yes["clips"], yes["speakers"], yes["sources"]) == (3, 2, {"a": 2, "b": 1})
    expected = {"training": 0, "validation": 0, "testing": 0}
    for speaker in ("s1", "s1", "s2"):
        expected[split_of(speaker)] += 1
    assert {split: yes[split] for split in expected} == expected
    assert stats["noise"] == {"files": 2, "minutes": 1.5}
    assert stats["words"]["no"]["clips"] == 0


def test_requirements(recordings):
    held = {r.name: (r.limit, r.measured, r.holds) for r in measure(scan(recordings), spec(3, 3)).requirements}
    assert held == {"clips_per_word no": (3, 0, False), "speakers_per_word no": (3, 0, False),
                    "clips_per_word yes": (3, 3, True), "speakers_per_word yes": (3, 2, False)}


def test_table(recordings):
    lines = to_text(measure(scan(recordings), spec(3, 3)), ("no", "yes")).splitlines()
    assert lines[2].split()[:4] == ["yes", "*", "3", "2"] and lines[2].endswith("a 2, b 1")
    assert lines[4].split()[:2] == ["total", "4"]
    assert lines[5] == "noise: 2 files, 1.5 minutes"
    assert lines[-1] == "speakers_per_word yes: 2 of at least 3 speakers: NOT MET"


def test_broken_noise_is_named(recordings):
    (recordings / "a/_background_noise_/z.wav").write_text("no audio")
    measured = measure(scan(recordings), spec(1, 1))
    assert len(measured.unreadable) == 1 and "z.wav: cannot be read as audio" in measured.unreadable[0]
