"""One voice as another: each change does what it says and leaves the rest alone."""

import numpy as np
import pytest

from kws.speech.conversion import pitch, rate, vocal_tract

RATE_HZ = 16_000


def vowel(pitch_hz: float, resonance_hz: float, seconds: float = 0.5) -> np.ndarray:
    """Harmonics of a pitch, the loudest near a resonance."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    harmonics = pitch_hz * np.arange(1, int(7_000 / pitch_hz))
    gains = 1 / (1 + ((harmonics - resonance_hz) / 300) ** 2)
    audio = sum(gain * np.sin(2 * np.pi * hz * time_s) for hz, gain in zip(harmonics, gains, strict=True))
    return (0.3 * audio / np.abs(audio).max()).astype(np.float32)


def heard_pitch_hz(audio: np.ndarray) -> float:
    middle = audio[len(audio) // 4 : 3 * len(audio) // 4]
    same = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    return RATE_HZ / (40 + same[40:320].argmax())  # 50 to 400 Hz


def heard_resonance_hz(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio)) ** 2
    return float(np.sum(spectrum * np.arange(len(spectrum))) / spectrum.sum() * RATE_HZ / len(audio))


@pytest.mark.parametrize("factor", [0.85, 1.18])
def test_another_vocal_tract_moves_the_resonance_and_keeps_the_pitch(factor):
    before = vowel(160, 1_500)
    after = vocal_tract(before, factor)
    assert len(after) == len(before) and after.dtype == np.float32
    assert heard_pitch_hz(after) == pytest.approx(160, rel=0.03)
    assert heard_resonance_hz(after) == pytest.approx(factor * heard_resonance_hz(before), rel=0.05)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_another_rate_keeps_pitch_and_resonance(factor):
    before = vowel(160, 1_500)
    after = rate(before, factor)
    assert len(after) == round(len(before) / factor)
    assert heard_pitch_hz(after) == pytest.approx(160, rel=0.03)
    assert heard_resonance_hz(after) == pytest.approx(heard_resonance_hz(before), rel=0.05)


@pytest.mark.parametrize("factor", [0.85, 1.18])
def test_another_pitch_keeps_the_length_and_about_the_resonance(factor):
    before = vowel(160, 1_500)
    after = pitch(before, factor)
    assert len(after) == len(before)
    assert heard_pitch_hz(after) == pytest.approx(160 * factor, rel=0.03)
    assert heard_resonance_hz(after) == pytest.approx(heard_resonance_hz(before), rel=0.08)


def test_a_factor_of_one_and_silence_change_nothing():
    before = vowel(120, 900)
    assert np.allclose(vocal_tract(before, 1.0), before, atol=1e-5)
    assert np.allclose(rate(before, 1.0), before, atol=1e-5)
    assert not vocal_tract(np.zeros(4_000, np.float32), 1.2).any()
