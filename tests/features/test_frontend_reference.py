"""The distance between the fixed-point front end and its float reference, librosa, on the grid of int8."""

from dataclasses import replace

import numpy as np
import pytest

from kws.bench.sounds import audio_like
from kws.features.frontend import Frontend, measure_normalisation
from kws.features.reference import reference_features, reference_raw
from kws.features.tables import build_tables
from kws.spec import FrontendSpec

pytest.importorskip("librosa")
SPECS = {
    "default": FrontendSpec(),
    "MFCC": FrontendSpec(coefficients=10),
    "hop 10, 16 coefficients": FrontendSpec(hop_ms=10, coefficients=16),
    "fft 1024": FrontendSpec(window_ms=40, fft_points=1024, bands=80, coefficients=40, low_hz=0, high_hz=8000),
    "fft 256": FrontendSpec(window_ms=15, hop_ms=5, fft_points=256, bands=20),
}
LOUD = 104  # peak of a clip at -50 dBFS


@pytest.fixture(scope="module")
def real_clips(real_data) -> np.ndarray:
    """int16 [n, 16000]: some of every folder of the official test set."""
    import soundfile

    files = sorted((real_data / "speech_commands_test_set").rglob("*.wav"))
    clips = np.zeros((60, 16_000), np.int16)
    for clip, file in zip(clips, files[:: len(files) // 60], strict=False):
        samples = soundfile.read(file, dtype="int16")[0][:16_000]
        clip[: len(samples)] = samples
    return clips


@pytest.fixture(scope="module")
def grid_clips() -> np.ndarray:
    """int16 [n, 16000] of many kinds, to lay the grid where the real recordings are not at hand."""
    rng = np.random.default_rng(0)
    return np.stack([audio_like(rng, 16_000) for _ in range(400)])


def synthetic(peak: int) -> dict[str, np.ndarray]:
    t, rng = np.arange(16_000), np.random.default_rng(1)
    signals = {f"sine of {hz} Hz": peak * np.sin(2 * np.pi * hz * t / 16_000) for hz in (50, 123.4, 1000, 3999, 7211)}
    signals |= {f"square of {period}": np.where(t // (period // 2) % 2, peak, -peak) for period in (2, 8, 14, 80, 320)}
    signals |= {f"impulse at {at}": np.where(t == at, peak, 0) for at in (0, 240, 5000)}
    signals["white noise"] = rng.uniform(-peak, peak, 16_000)
    signals["lowest value"] = np.full(16_000, -peak - 1)
    signals["sweep"] = peak * np.sin(np.pi * 8000 * t * t / 16_000 / 16_000)
    return {name: np.rint(signal).astype(np.int16) for name, signal in signals.items()}


def distance(spec: FrontendSpec, normalisation, clips: np.ndarray) -> np.ndarray:
    """Front end minus reference in steps of int8 : int [n, frames, features]."""
    rows = Frontend(build_tables(spec, normalisation)).extract(clips)
    return rows.astype(int) - np.stack([reference_features(spec, normalisation, clip) for clip in clips])


@pytest.mark.parametrize("name", SPECS)
def test_real_clips(name, real_clips):
    spec = SPECS[name]
    loud = real_clips[np.abs(real_clips.astype(int)).max(axis=1) > LOUD]
    steps = distance(spec, measure_normalisation(spec, real_clips), loud)
    print(f"{name}: rms {np.sqrt(np.mean(steps**2)):.3f}, worst {np.abs(steps).max()}")
    assert len(loud) >= 40
    assert np.sqrt(np.mean(steps**2)) <= 0.2 and np.abs(steps).max() <= 2


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("peak", [32767, 3000, LOUD + 1])
def test_synthetic_signals(name, peak, grid_clips):
    spec = SPECS[name]
    normalisation = measure_normalisation(spec, grid_clips)
    for signal, samples in synthetic(peak).items():
        steps = distance(spec, normalisation, samples[None])
        assert np.sqrt(np.mean(steps**2)) <= 0.5, signal
        assert np.mean(np.abs(steps) <= 2) >= 0.999, signal


@pytest.mark.parametrize("name", SPECS)
def test_below_minus_50_dbfs_and_silence(name, grid_clips):
    """Where every window is the same, one coefficient beside a boundary of the grid is wrong in all of them."""
    spec = SPECS[name]
    normalisation = measure_normalisation(spec, grid_clips)
    for peak in (0, 1, 4, 20, 100):
        for signal, samples in synthetic(peak).items():
            steps = distance(spec, normalisation, samples[None])
            assert np.sqrt(np.mean(steps**2)) <= 0.6 and np.abs(steps).max() <= 1, (peak, signal)


def test_the_lowest_floor_shows_the_rounding():
    """log_floor = 1 on clips of a few steps: the largest error of any log mel band, in natural logarithms."""
    spec = replace(FrontendSpec(), log_floor=1)
    tables = build_tables(spec, measure_normalisation(spec, np.zeros((1, 16_000), np.int16)))
    worst = max(np.abs(Frontend(tables).raw(samples[None])[0] / 65536 - reference_raw(spec, samples)).max()
                for peak in (0, 1, 4) for samples in synthetic(peak).values())
    assert 0.05 < worst < 0.3


def test_the_reference_frames_as_the_front_end_does():
    """An impulse at the centre of window 3 lies 80 samples behind window 2 and 80 before window 4."""
    spec = FrontendSpec()
    samples = np.zeros(16_000, np.int16)
    samples[3 * 320 + 240] = 10_000
    rows = np.exp(reference_raw(spec, samples)).max(axis=1) - 32
    assert np.flatnonzero(rows > 1).tolist() == [3]
