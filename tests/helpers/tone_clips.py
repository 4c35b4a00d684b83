"""Clips of 300 ms with a low or a high tone, and a training on them."""

import numpy as np
import soundfile

from kws.data.corpus import scan
from kws.model.dataset import prepare
from kws.model.examples import choose_examples
from kws.spec import FrontendSpec, ModelSpec, Spec, TrainingSpec

SPEC = Spec(keywords=("low", "high"), frontend=FrontendSpec(clip_ms=300), model=ModelSpec(name="cnn", width=0.5),
            training=TrainingSpec(epochs=4, batch=16, shift_ms=20, noise_percent=30, unknown_percent=50,
                                  snr_low_db=20, snr_high_db=30))
TONES_HZ = {"low": 300, "high": 3000, "other": 1000}


def speak(hz, rng):
    """A tone of 200 ms somewhere in 300 ms, int16."""
    start = rng.integers(0, 1600)
    tone = np.zeros(4800)
    tone[start : start + 3200] = 5000 * np.sin(2 * np.pi * hz * rng.uniform(0.95, 1.05) * np.arange(3200) / 16_000)
    return (tone + rng.standard_normal(4800) * 20).astype(np.int16)


def write_clips(folder):
    """80 speakers of each word, in folder/made/<word>/."""
    rng = np.random.default_rng(0)
    for word, hz in TONES_HZ.items():
        (folder / "made" / word).mkdir(parents=True)
        for speaker in range(80):
            soundfile.write(folder / "made" / word / f"s{speaker}_nohash_0.wav", speak(hz, rng), 16_000)
    return folder


def make_material(recordings, spec=SPEC):
    corpus = scan(recordings)
    return prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=None)
