"""A whole run that trains in seconds: low and high tones are the keywords, tones between them the unknown words."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from kws.pipeline.train import train_run
from kws.spec import DetectorSpec, FrontendSpec, ModelSpec, Spec, TrainingSpec
from kws.specfile import write_spec
from kws.workspace import open_workspace

SPEC = Spec(
    keywords=("low", "high"), frontend=FrontendSpec(clip_ms=400), model=ModelSpec(name="cnn", width=0.5),
    detector=DetectorSpec(refractory_ms=300),
    training=TrainingSpec(epochs=8, batch=16, shift_ms=60, noise_percent=50, unknown_percent=60, silence_percent=30,
                          snr_low_db=10, snr_high_db=30, gain_db=6, equalization_db=0,
                          time_mask_frames=0, band_mask_features=0))
LINEAR_SPEC = replace(SPEC, model=ModelSpec(name="linear"))
TONES_HZ = {"low": 300, "high": 3_000, "other": 1_000}
RATE_HZ, TONE_SAMPLES = 16_000, 3_200


def tone(word: str, rng: np.random.Generator) -> np.ndarray:
    """200 ms of a word, float [3200]."""
    hz = TONES_HZ[word] * rng.uniform(0.95, 1.05)
    return 5_000 * np.hanning(TONE_SAMPLES) * np.sin(2 * np.pi * hz * np.arange(TONE_SAMPLES) / RATE_HZ)


def spoken(words: dict[float, str], *, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A recording: {time in s: word} in soft noise, int16 [n]."""
    audio = 30 * rng.standard_normal(round(seconds * RATE_HZ))
    for time_s, word in words.items():
        start = round(time_s * RATE_HZ)
        audio[start:start + TONE_SAMPLES] += tone(word, rng)
    return np.rint(audio).astype(np.int16)


def write_recordings(folder: Path, *, speakers: int = 80) -> None:
    """A corpus in the layout of Speech Commands."""
    rng = np.random.default_rng(0)
    for word in TONES_HZ:
        (folder / "made" / word).mkdir(parents=True)
        for speaker in range(speakers):
            clip = spoken({rng.uniform(0.05, 0.15): word}, seconds=0.4, rng=rng)
            soundfile.write(folder / "made" / word / f"s{speaker}_nohash_0.wav", clip, RATE_HZ)


def make_run(workspace: Path) -> Path:
    """A workspace with recordings and the trained run models/tones."""
    write_recordings(workspace / "recordings")
    (workspace / "kws.toml").write_text(write_spec(SPEC))
    run = train_run(open_workspace(workspace), name="tones", note=print)
    assert run is not None
    return run.folder

MIDDLE_HZ = 1_800


def spoken_middle(rng: np.random.Generator, *, seconds: float = 0.4, start_s: float = 0.1) -> np.ndarray:
    """The new word in soft noise, int16 [n]."""
    audio = spoken({}, seconds=seconds, rng=rng).astype(float)
    time = np.arange(TONE_SAMPLES) / RATE_HZ
    first = round(start_s * RATE_HZ)
    audio[first:first + len(time)] += 5_000 * np.hanning(len(time)) * np.sin(
        2 * np.pi * MIDDLE_HZ * rng.uniform(0.95, 1.05) * time)
    return np.rint(audio).astype(np.int16)
