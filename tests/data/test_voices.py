"""One voice under two names: the comparison with a made-up encoder, and the real one where it is installed."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from kws.audio.files import encode
from kws.data.check import Action, check_table
from kws.data.choices import Fault
from kws.data.clip_table import measure_clips
from kws.data.corpus import Clip, scan, split_of
from kws.data.torch_file import read_torch
from kws.data.voices import CLIPS, MOST, SIZE, is_installed, mel_weights, same_voices, voice_embedding, word_of
from kws.errors import DataError

RATE = 16_000


def voices(*names: str, clips: int = CLIPS, seed: int = 1) -> tuple[np.ndarray, list[str]]:
    """Unit vectors around one direction per letter that a name starts with: "a1" and "a2" are one voice."""
    rng = np.random.default_rng(seed)
    centre = {letter: rng.standard_normal(64) for letter in sorted({name[0] for name in names})}
    vectors = np.concatenate([centre[name[0]] + 0.3 * rng.standard_normal((clips, 64)) for name in names])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [name for name in names for _ in range(clips)]


def test_two_names_of_one_voice_are_one_pair():
    found = same_voices(*voices("a1", "b1", "a2", "c1"))
    assert [(pair.first, pair.second) for pair in found] == [("a1", "a2")]
    assert found[0].similarity > 0.95


def test_a_voice_under_three_names_is_found_twice():
    assert len(same_voices(*voices("a1", "a2", "a3", "b1"))) == 2


def test_different_voices_are_no_pair():
    assert same_voices(*voices("a1", "b1", "c1")) == []


def test_a_speaker_with_nine_clips_is_not_compared():
    assert same_voices(*voices("a1", "a2", clips=CLIPS - 1)) == []


def test_clips_in_which_nothing_was_heard_do_not_count():
    vectors, names = voices("a1", "a2")
    vectors[0] = 0
    assert same_voices(vectors, names) == []


@pytest.fixture
def table(tmp_path: Path):
    """Ten clips of noise by each of three names, two of which are in different splits."""
    names = [f"a{n}" for n in range(100)]
    first = names[0]
    second = next(name for name in names if split_of(name) != split_of(first))
    rng = np.random.default_rng(5)
    for name in (first, second, "b1"):
        for n in range(CLIPS):
            path = tmp_path / "own" / "low" / f"{name}_nohash_{n}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(rng.normal(0, 2_000 * np.hanning(RATE)).astype(np.int16)))
    return first, second, measure_clips(scan(tmp_path).clips, cache=None)


def stub(clips: list[Clip]) -> np.ndarray:
    """The first letter of the name is the voice."""
    return np.array([[clip.speaker[0] == "a", clip.speaker[0] != "a"] for clip in clips], np.float32)


def test_the_check_reports_both_names_and_both_splits_and_moves_nothing(table):
    first, second, measured = table
    found = [finding for finding in check_table(measured, samples=RATE, voices=stub).findings
             if finding.kind is Fault.SAME_VOICE]
    assert len(found) == 1
    assert found[0].action is Action.REPORT
    assert f"speakers {first} and {second}" in found[0].detail
    assert f"in two splits: {split_of(first)} and {split_of(second)}" in found[0].detail


def test_without_an_encoder_voices_are_not_compared(table):
    assert Fault.SAME_VOICE not in check_table(table[2], samples=RATE).counts


def test_of_a_clip_the_word_is_heard_again_and_again():
    audio = np.zeros(RATE, np.int16)
    audio[6_400:9_600] = (3_000 * np.sin(np.arange(3_200) / 5)).astype(np.int16)
    word = word_of(audio)
    assert word.shape == (25_600,)
    assert np.abs(word.reshape(-1, 160)).max(axis=1).min() < 0.01 < np.median(np.abs(word))
    assert word_of(np.zeros(RATE, np.int16)).size == 0


def test_bands_have_an_area_of_one():
    width = RATE / 400
    assert np.allclose(mel_weights()[:, 20:].sum(axis=0) * width, 1, atol=0.1)


def test_a_weights_file_that_would_run_something_is_refused(tmp_path):
    path = tmp_path / "evil.pt"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in (1, 2, 3, print)))
    with pytest.raises(DataError, match="not the weights"):
        read_torch(path, "model_state")


@pytest.mark.skipif(not is_installed(), reason="resemblyzer is not installed: pip install --no-deps resemblyzer")
def test_the_real_encoder_hears_at_most_twenty_clips_of_a_speaker_and_keeps_what_it_heard(tmp_path, monkeypatch):
    rng = np.random.default_rng(7)
    clips = []
    for n in range(MOST + 5):
        path = tmp_path / f"a_nohash_{n}.wav"
        path.write_bytes(encode(rng.normal(0, 2_000 * np.hanning(RATE)).astype(np.int16)))
        clips.append(Clip(path, "low", "a", "own"))
    vectors = voice_embedding(cache=tmp_path / "cache")(clips)
    lengths = np.linalg.norm(vectors, axis=1)
    assert vectors.shape == (MOST + 5, SIZE)
    assert np.isclose(lengths, 1, atol=1e-5).sum() == MOST
    assert (lengths == 0).sum() == 5
    monkeypatch.setattr("kws.data.voices.embed_block", None)
    assert np.array_equal(voice_embedding(cache=tmp_path / "cache")(clips), vectors)
