"""Whom a run understands worse, on groups whose accuracy is known."""

from pathlib import Path

import numpy as np
import pytest

from kws.audio.files import encode
from kws.data.clip_table import measure_clips
from kws.data.corpus import scan
from kws.validate.bias import Group, bias_lines, bias_of, groups_of, pitch_hz, thirds
from tests.helpers.paths import ROOT

RATE = 16_000


def voice(hz: float, *, level: float = 3_000.0, n: int = 0) -> np.ndarray:
    """int16 [16000]: 0.4 s of a voice of so many Hz amid soft noise."""
    time = np.arange(RATE) / RATE
    sound = sum(np.sin(2 * np.pi * hz * k * time + k) / k for k in range(1, 15))
    inside = np.clip(np.minimum(time - 0.3, 0.7 - time) / 0.03, 0, 1)
    noise = np.random.default_rng(n).standard_normal(RATE)
    return np.rint(level * sound * inside + 20 * noise).astype(np.int16)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Eight speakers say "yes" ten times each into two devices: four with a deep voice, four with a high one."""
    for speaker in range(8):
        for take in range(10):
            path = tmp_path / ("phone" if take % 2 else "headset") / "yes" / f"s{speaker}_nohash_{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            hz, number = 110 if speaker < 4 else 260, 10 * speaker + take
            path.write_bytes(encode(voice(hz, level=1_000 * (1 + take), n=number)))
    return tmp_path


@pytest.mark.parametrize("hz", [85, 110, 150, 200, 260, 350])
def test_the_pitch_of_a_voice_is_found_within_four_percent(hz):
    assert pitch_hz(voice(hz)) == pytest.approx(hz, rel=0.04)


def test_noise_and_silence_have_no_pitch():
    assert pitch_hz(np.random.default_rng(0).normal(0, 1_000, RATE).astype(np.int16)) == 0
    assert pitch_hz(np.zeros(RATE, np.int16)) == 0 == pitch_hz(np.zeros(10, np.int16))


def test_a_group_is_worse_when_its_interval_lies_below_the_others():
    """Wilson: eight of ten are 0.49 to 0.94, fifty-three of a hundred 0.43 to 0.62."""
    assert not Group(right=8, clips=10, by="source", group="a", rest=0.9).worse
    assert Group(right=53, clips=100, by="source", group="a", rest=0.9).worse


def test_groups_hold_every_clip_once_and_the_deep_voices_are_named(recordings):
    table = measure_clips(scan(recordings).clips, cache=None)
    clips = table.clips
    pitch = np.array([110.0 if int(clip.speaker[1:]) < 4 else 260.0 for clip in clips])
    right = pitch > 200  # nobody with a deep voice is understood
    found = groups_of(table, range(len(clips)), right, pitch)
    by = {(group.by, group.group.partition(":")[0]): (group.right, group.clips) for group in found}
    assert by["voice", "1"] == (0, 40) and by["voice", "3"] == (40, 40)
    assert by["source", "phone"] == by["source", "headset"] == (20, 40)
    assert sum(count for (kind, _), (_, count) in by.items() if kind == "level") == 80
    speakers = [group.group for group in found if group.by == "speaker"]
    assert speakers == ["s0", "s1", "s2", "s3"] and all(group.worse for group in found if group.by == "speaker")
    marked = [line for line in bias_lines(found, judge="run") if line.endswith("worse")]
    assert len(marked) == 5 and "deep" in marked[0]


def test_thirds_of_equal_levels_are_one_group():
    assert len(set(thirds(np.full(30, -20.0), "dB").tolist())) == 1


def test_a_run_hears_clips_and_one_of_other_words_says_nothing(recordings):
    table = measure_clips(scan(recordings).clips, cache=None)
    found = bias_of(ROOT / "models" / "small", table)
    assert sum(group.clips for group in found if group.by == "source") == 80
    assert all(0 <= group.accuracy <= 1 for group in found)
    (recordings / "phone" / "yes").rename(recordings / "phone" / "ja")
    (recordings / "headset" / "yes").rename(recordings / "headset" / "ja")
    assert bias_of(ROOT / "models" / "small", measure_clips(scan(recordings).clips, cache=None)) == []
