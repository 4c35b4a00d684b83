"""The level meter and its hint, on sounds whose level is known."""

import numpy as np
import pytest

from kws.features.frontend import Frontend, measure_normalisation
from kws.features.tables import build_tables
from kws.listen.level import Meter, decibels, row_weights
from kws.spec import FrontendSpec

RNG = np.random.default_rng(3)


def speech_like(*, seconds=6.0, amplitude=6_000.0):
    """Bursts of noise, three a second, over a soft floor: int16 [n]."""
    n = round(seconds * 16_000)
    bursts = np.clip(np.sin(2 * np.pi * 3 * np.arange(n) / 16_000), 0, 1) ** 2
    sound = amplitude * 0.3 * bursts * RNG.standard_normal(n) + 3 * amplitude / 6_000 * RNG.standard_normal(n)
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


@pytest.fixture(scope="module", params=[0, 13], ids=["log mel", "mfcc"])
def tables(request):
    """A front end whose normalisation comes from such sounds at levels from -12 to 12 dB."""
    spec = FrontendSpec(coefficients=request.param)
    clips = np.stack([speech_like(seconds=1, amplitude=3_000 * 10 ** (gain / 20)) for gain in np.linspace(-12, 12, 50)])
    return build_tables(spec, measure_normalisation(spec, clips))


def listened(tables, samples, *, block=1_600):
    meter = Meter(tables, rate_hz=16_000)
    rows = iter(Frontend(tables).extract(samples[None])[0])
    for start in range(0, len(samples), block):
        meter.push(samples[start:start + block], [next(rows) for _ in range(block // 320) if start > block])
    return meter


def test_decibels():
    assert decibels(1.0) == 0 and decibels(0.1) == pytest.approx(-20) and decibels(0) == -100


def test_twenty_decibels_more_are_twenty_decibels_more(tables):
    weights, sound = row_weights(tables), speech_like(amplitude=600)
    soft, loud = ((Frontend(tables).extract(s[None])[0] + 0.5) @ weights for s in (sound, 10 * sound))
    speaking = np.sort(loud)[-50:].mean() - np.sort(soft)[-50:].mean()
    assert speaking == pytest.approx(20, abs=2.5)  # the floor before the logarithm, and saturation, take a little


def test_the_meter_shows_peak_and_average(tables):
    meter = listened(tables, np.full(3_200, 16_384, np.int16))
    assert meter.peak_db == pytest.approx(-6.02, abs=0.01) == meter.rms_db


@pytest.mark.parametrize(("gain_db", "hint"), [
    (-50, "too quiet for the model: raise the microphone's gain by about"), (0, None),
    (25, "too loud: the sound clips; lower the microphone's gain")])
def test_the_hint_says_what_to_do(tables, gain_db, hint):
    sound = speech_like().astype(float) * 10 ** (gain_db / 20)
    meter = listened(tables, np.clip(np.rint(sound), -32768, 32767).astype(np.int16))
    assert meter.hint is None if hint is None else meter.hint.startswith(hint)


def test_no_hint_without_speech_and_one_for_nothing_but_zeros(tables):
    assert listened(tables, np.rint(20 * RNG.standard_normal(96_000)).astype(np.int16)).hint is None
    assert "muted" in listened(tables, np.zeros(96_000, np.int16)).hint
    assert listened(tables, np.zeros(16_000, np.int16)).hint is None  # too early to say
