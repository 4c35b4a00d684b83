"""What lies in recordings/ and is no clip is named."""

from pathlib import Path

import numpy as np
import soundfile

from kws.data.admission import unfit
from kws.data.strays import stray_notes


def lay(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        soundfile.write(path, np.zeros(100, np.int16), 16_000)
    else:
        path.write_text("x")


def test_every_kind_of_stray_is_named_once(tmp_path):
    for name in ("loose.wav", "own/loose.wav", "own/yes/a.wav", "own/yes/b.m4a", "own/yes/c.m4a", "own/yes/notes.txt",
                 "own/yes/anna/d.wav", "own/takes.csv", "own/_refused_/yes/e.wav", "own/_background_noise_/f.wav",
                 "own/.hidden/yes/g.wav", "own/_background_noise_/street/h.wav"):
        lay(tmp_path / name)
    assert stray_notes(tmp_path) == [
        f"passed over in {tmp_path}: loose.wav, own/loose.wav: a clip lies in recordings/SOURCE/WORD/",
        f"passed over in {tmp_path}: own/yes/anna/d.wav: a folder in a word's folder is not looked into; import them: "
        "kws data import FOLDER",
        f"passed over in {tmp_path}: own/yes/notes.txt: no sound",
        f"passed over in {tmp_path}: own/yes/b.m4a, own/yes/c.m4a: this form is not read here; convert them "
        "to WAV, or import clips: kws data import FOLDER"]


def test_words_that_differ_in_capitals_alone_are_named(tmp_path):
    lay(tmp_path / "a/On/x.wav")
    lay(tmp_path / "b/on/x.wav")
    assert stray_notes(tmp_path) == ["'On' and 'on' are two words here; name their folders alike"]


def test_nothing_stray_is_no_word(tmp_path):
    lay(tmp_path / "a/on/x.wav")
    assert stray_notes(tmp_path) == [] == stray_notes(tmp_path / "missing")


def test_empty_and_clipped_clips_are_counted():
    rng = np.random.default_rng(1)
    noise = rng.integers(-9_000, 9_000, (5, 16_000)).astype(np.int16)
    noise[0] = 0
    noise[1] = rng.integers(-3, 4, 16_000) + 500
    noise[2] = np.tile(np.array([32_767, -32_768], np.int16), 8_000)
    noise[3, :700] = 32_767
    assert unfit(noise) == (2, 1)
    assert unfit(noise[:0]) == (0, 0)
