"""Sound of tones with its truth: clips by label, a stream, talk without keywords."""

from pathlib import Path

import numpy as np
import soundfile

from kws.bench import tones
from kws.data.truth import Event, write_truth

SAID = {"_silence_": {}, "_unknown_": {0.1: "other"}, "low": {0.1: "low"}, "high": {0.1: "high"}}
EACH = 3  # clips of a label


def write_labelled_sound(folder: Path, *, wrong: bool = False) -> Path:
    """clips/<label>/*.wav, a.wav with a.csv, and talk.wav with three false alarms; the folder.

    wrong : the last clip of "high" holds "low", and each label's clips are of several speakers
    """
    rng = np.random.default_rng(8)
    for label, content in SAID.items():
        (folder / "clips" / label).mkdir(parents=True)
        for i in range(EACH):
            words = SAID["low"] if wrong and (label, i) == ("high", EACH - 1) else content
            name = f"anna{i}_nohash_0.wav" if wrong else f"anna_nohash_{i}.wav"
            soundfile.write(folder / "clips" / label / name, tones.spoken(words, seconds=0.4, rng=rng), tones.RATE_HZ)
    soundfile.write(folder / "a.wav", tones.spoken({1.0: "low", 3.0: "high"}, seconds=6, rng=rng), tones.RATE_HZ)
    write_truth(folder / "a.csv", [Event(1.0, 1.2, "low"), Event(3.0, 3.2, "high")])
    talk = tones.spoken({1.0: "low", 4.0: "low", 7.0: "high"}, seconds=9, rng=rng)
    soundfile.write(folder / "talk.wav", talk, tones.RATE_HZ)
    return folder
