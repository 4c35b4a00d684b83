"""Keeping sound around detections: the right samples, the right names, near misses counted as a person would."""

import json
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from kws.detect.detector import Detection, Hop
from kws.listen.sound_keeper import Keeper, NearMisses

AT = datetime(2026, 11, 23, 20, 1, 2, 345_000)
STREAM = np.arange(16_000 * 10, dtype=np.int64).astype(np.int16)  # every sample says where it was, modulo 65536


@pytest.fixture
def notes():
    return []


@pytest.fixture
def keeper(tmp_path, notes):
    return Keeper(tmp_path, note=notes.append, now=lambda: AT, before_s=1.0, after_s=0.5)


def feed(keeper, wanted, *, block=700):
    """Push STREAM; wanted : {samples heard: [(Detection, ago_s, near)]}."""
    for start in range(0, len(STREAM), block):
        keeper.push(STREAM[start:start + block])
        for heard in [heard for heard in wanted if heard <= start + block]:
            for hit, near in wanted.pop(heard):
                keeper.want(hit, ago_s=(start + block - heard) / 16_000, near=near)


def kept(path):
    return soundfile.read(path, dtype="int16")[0]


def test_the_sound_before_and_after_a_detection(keeper, tmp_path):
    feed(keeper, {80_000: [(Detection("yes", 5.0, 0.876), False)]})
    (path,) = tmp_path.rglob("*.wav")
    assert path.parent == tmp_path / "yes"
    assert path.name.startswith("20261123-200102-") and path.name.endswith("_88.wav")
    assert (kept(path) == STREAM[64_000:88_000]).all()
    line = json.loads((tmp_path / "kept.jsonl").read_text())
    assert line.pop("at").startswith("2026-11-23T20:01:02") and line.pop("file") == f"yes/{path.name}"
    assert line == {"keyword": "yes", "near_miss": False, "time_s": 5.0, "score": 0.876}
    assert (keeper.kept, keeper.failed) == (1, 0)


@pytest.mark.parametrize("block", [1, 333, 16_000, 160_000])
def test_blocks_of_any_size_keep_the_same(keeper, tmp_path, block):
    if block == 1:
        keeper.push(STREAM[:79_000])
        for i in range(79_000, 90_000):
            keeper.push(STREAM[i:i + 1])
            if i + 1 == 80_000:
                keeper.want(Detection("yes", 5, 0.5), ago_s=0)
    else:
        feed(keeper, {80_000: [(Detection("yes", 5, 0.5), False)]}, block=block)
        keeper.flush()
    (path,) = tmp_path.rglob("*.wav")
    assert (kept(path) == STREAM[64_000:88_000]).all()


def test_two_close_detections_overlap_and_do_not_overwrite(keeper, tmp_path):
    hits = {80_000: [(Detection("yes", 5, 0.5), False)], 84_800: [(Detection("yes", 5.3, 0.5), False)]}
    feed(keeper, hits, block=20_000)
    pieces = sorted((kept(path) for path in tmp_path.rglob("*.wav")), key=lambda piece: int(piece[0]) % 65_536)
    assert len(pieces) == 2 and all(len(piece) == 24_000 for piece in pieces)
    expected = sorted((STREAM[64_000:88_000], STREAM[68_800:92_800]), key=lambda piece: int(piece[0]) % 65_536)
    assert all((a == b).all() for a, b in zip(pieces, expected, strict=True))


def test_at_the_ends_of_the_stream_there_is_less(keeper, tmp_path):
    keeper.push(STREAM[:4_000])
    keeper.want(Detection("yes", 0.25, 0.5), ago_s=0)
    keeper.push(STREAM[4_000:8_000])
    assert not list(tmp_path.rglob("*.wav"))
    keeper.flush()
    (path,) = tmp_path.rglob("*.wav")
    assert (kept(path) == STREAM[:8_000]).all()


def test_near_misses_have_a_folder_of_their_own(keeper, tmp_path):
    feed(keeper, {80_000: [(Detection("no", 5, 0.4), True)]})
    assert [path.parent for path in tmp_path.rglob("*.wav")] == [tmp_path / "near-misses" / "no"]


def test_a_full_disk_is_reported_and_listening_goes_on(keeper, tmp_path, notes):
    (tmp_path / "yes").write_text("a file where the folder should be")
    feed(keeper, {80_000: [(Detection("yes", 5, 0.5), False)], 100_000: [(Detection("no", 6.25, 0.5), False)]})
    assert (keeper.kept, keeper.failed) == (1, 1)
    assert len(notes) == 1 and notes[0].startswith("yes: the sound cannot be kept (")


def near_misses(scores, hits=()):
    """Near misses of keyword "a" (threshold 0.5) in scores per 20 ms; hits : steps at which anything was detected."""
    plan = SimpleNamespace(decoder=SimpleNamespace(thresholds=(256, 128)))
    judge = NearMisses(SimpleNamespace(labels=("_unknown_", "a"), plan=plan))
    found = []
    for i, score in enumerate(scores):
        hit = Detection("a", i / 50, 0.6) if i in hits else None
        found += judge.push(Hop(i / 50, np.zeros(1, np.int8), np.array([0.9, score], np.float32), hit))
    return [(round(near.time_s * 50), round(near.score, 2)) for near in found]


def test_a_rise_that_stays_below_the_threshold_is_one_near_miss():
    assert near_misses([0, 0.2, 0.36, 0.4, 0.38, 0.44, 0.2, 0]) == [(5, 0.44)]
    assert near_misses([0, 0.4, 0.1, 0.45, 0]) == [(1, 0.4), (3, 0.45)]


def test_a_low_score_is_none_and_neither_is_a_detection():
    assert near_misses([0, 0.2, 0.34, 0.2, 0]) == []
    assert near_misses([0, 0.4, 0.55, 0.4, 0.1], hits={2}) == []


def test_the_tail_of_a_detection_is_none_but_a_second_later_it_is():
    tail = [0.55, 0.1, 0.4, 0.1]
    assert near_misses(tail + [0] * 60 + [0.4, 0], hits={0}) == [(64, 0.4)]


def test_silence_and_unknown_words_are_never_near(tmp_path):
    assert near_misses([0] * 10) == []  # although _unknown_ scores 0.9
