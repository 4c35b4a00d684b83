"""A workspace of tones that kws train masters in seconds, and the commands in it."""

import numpy as np
import soundfile
from typer.testing import CliRunner

from kws.cli import app
from kws.spec import FrontendSpec, Requirements, Spec, TrainingSpec
from kws.specfile import write_spec

TONES_HZ = {"low": 300, "high": 3000, "other": 1000}
SPEC = Spec(keywords=("low", "high"), requirements=Requirements(ram_bytes=2_000), frontend=FrontendSpec(clip_ms=300),
            training=TrainingSpec(epochs=3, batch=16, shift_ms=20, unknown_percent=50, snr_low_db=20, snr_high_db=30))


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def make_workspace(folder, words=TONES_HZ, speakers=60):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    (folder / "kws.toml").write_text(write_spec(SPEC))
    for word in words:
        (folder / "recordings" / "made" / word).mkdir(parents=True)
        for speaker in range(speakers):
            tone = 5000 * np.sin(2 * np.pi * TONES_HZ[word] * rng.uniform(0.95, 1.05) * np.arange(3200) / 16_000)
            clip = np.pad(tone, (800, 800)) + rng.standard_normal(4800) * 20
            path = folder / "recordings" / "made" / word / f"s{speaker}_nohash_0.wav"
            soundfile.write(path, clip.astype(np.int16), 16_000)
    return folder
