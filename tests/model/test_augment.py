"""Augmentation on arrays whose result a person can work out, and on drawn ones."""

from dataclasses import replace

import numpy as np
import pytest

from kws.features.tables import Normalisation, build_tables
from kws.model.augment import (
    augment,
    cut,
    equalize,
    made_noise,
    mask,
    read_noise,
    rms,
    silence,
    stretch,
    timbre_curves,
)
from kws.spec import FrontendSpec, TrainingSpec

STILL = TrainingSpec(shift_ms=0, noise_percent=0, gain_db=0, equalization_db=0, time_mask_frames=0,
                     band_mask_features=0)
SECOND = 16_000


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def tone(samples=SECOND, peak=1000):
    return np.rint(peak * np.sin(np.arange(samples) * 0.1)).astype(np.int16)


def test_nothing_asked_for_changes_nothing(rng):
    clips = np.stack([tone(), tone(peak=32767)])
    assert (augment(clips, [np.ones(SECOND, np.float32)], STILL, rng) == clips).all()


def test_shift_moves_an_impulse_both_ways_and_no_further_than_asked(rng):
    clips = np.zeros((200, SECOND), np.int16)
    clips[:, 8000] = 500
    places = augment(clips, [np.ones(SECOND, np.float32)], replace(STILL, shift_ms=100), rng).argmax(axis=1) - 8000
    assert places.min() >= -1600 and places.max() <= 1600
    assert places.min() < -1400 and places.max() > 1400


def test_gain_covers_more_than_20_db(rng):
    clips = np.tile(tone(), (300, 1))
    gains_db = 20 * np.log10(augment(clips, [], replace(STILL, gain_db=12), rng).std(axis=1) / clips[0].std())
    assert -12.1 < gains_db.min() < -11 and 11 < gains_db.max() < 12.1


def test_loud_clips_saturate_and_never_wrap(rng):
    square = np.where(np.arange(SECOND) % 100 < 50, 32767, -32768).astype(np.int16)
    louder = augment(np.tile(square, (20, 1)), [], replace(STILL, gain_db=12), rng)
    assert (np.sign(louder) == np.sign(square)).all()


def test_noise_is_added_at_the_ratio_that_was_asked_for(rng):
    noise = [rng.standard_normal(SECOND * 3).astype(np.float32) * 200]
    clip = tone(peak=8000)
    noisy = augment(clip[None], noise, replace(STILL, noise_percent=100, snr_low_db=10, snr_high_db=10), rng)[0]
    added = noisy.astype(np.float32) - clip
    assert 20 * np.log10(rms(clip.astype(np.float32)) / rms(added)) == pytest.approx(10, abs=0.1)


def test_the_share_of_noisy_clips_is_the_one_asked_for(rng):
    clips = np.tile(tone(), (1000, 1))
    noisy = augment(clips, [np.ones(SECOND, np.float32)], replace(STILL, noise_percent=60, snr_high_db=10), rng)
    assert 550 < (noisy != clips).any(axis=1).sum() < 650


def test_the_same_generator_gives_the_same_clips():
    clips = np.tile(tone(), (10, 1))
    noise = [np.ones(SECOND, np.float32)]
    first, second = (augment(clips, noise, TrainingSpec(), np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()


def test_silence_is_noise_of_any_volume(rng):
    noise = [np.full(SECOND, 10_000, np.float32)]
    volumes = silence(noise, 400, 100, rng)[:, 0] / 10_000
    assert volumes.min() < 0.05 and volumes.max() > 0.95 and abs(volumes.mean() - 0.5) < 0.05


def test_splits_of_a_noise_recording_do_not_touch():
    recording = np.arange(1000)
    parts = [stretch(recording, split) for split in ("training", "validation", "testing")]
    assert [(part[0], part[-1]) for part in parts] == [(0, 799), (800, 899), (900, 999)]


def test_a_short_noise_recording_is_repeated(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "click.wav", np.arange(1000, dtype=np.int16), 16_000, subtype="PCM_16")
    (noise,) = read_noise([tmp_path / "click.wav"], split="validation", samples=SECOND)
    assert len(noise) >= SECOND and noise[0] == noise[100] == 800


def test_without_recordings_there_is_noise_all_the_same(rng):
    noise = read_noise([], split="training", samples=SECOND)
    assert len(noise) == len(made_noise(SECOND)) and all(rms(kind) > 1000 for kind in noise)
    assert len(cut(noise, SECOND, rng)) == SECOND


def test_masks_blank_one_run_of_frames_and_one_of_features(rng):
    features = np.full((500, 49, 10), 5, np.int8)
    blanked = mask(features, replace(STILL, time_mask_frames=6, band_mask_features=2), rng) == 0
    frames, bands = blanked.all(axis=2), blanked.all(axis=1)
    assert (blanked == (frames[:, :, None] | bands[:, None, :])).all()
    assert set(frames.sum(axis=1)) == set(range(7)) and set(bands.sum(axis=1)) == set(range(3))
    edges = np.diff(frames.astype(int), axis=1)
    assert ((edges == 1).sum(axis=1) <= 1).all() and ((edges == -1).sum(axis=1) <= 1).all()
    assert (features == 5).all()


def test_masks_longer_than_the_window_are_cut(rng):
    spec = replace(STILL, time_mask_frames=60, band_mask_features=40)
    assert mask(np.ones((4, 5, 3), np.int8), spec, rng).shape == (4, 5, 3)


def test_a_timbre_is_one_curve_per_clip_of_the_size_that_was_asked_for(rng):
    curves, spec = timbre_curves(FrontendSpec()), replace(STILL, equalization_db=2.0)
    steps_per_neper = 20
    changed = equalize(np.zeros((4000, 3, 40), np.int8), curves * steps_per_neper, spec, rng)
    assert (changed == changed[:, :1]).all()
    nepers = changed[:, 0] / steps_per_neper
    slope = nepers @ curves[0] / (curves[0] @ curves[0])
    assert slope.std() * 20 / np.log(10) == pytest.approx(2.0, rel=0.05)
    assert abs(slope.mean()) < 0.02


def test_timbre_saturates_and_can_be_switched_off(rng):
    features, curves = np.full((50, 2, 40), 120, np.int8), timbre_curves(FrontendSpec()) * 100
    assert set(np.sign(equalize(features, curves, replace(STILL, equalization_db=20), rng)).ravel()) >= {-1, 1}
    assert equalize(features, curves, replace(STILL, equalization_db=0), rng) is features


def test_the_same_timbre_for_bands_and_for_cepstral_coefficients():
    """The DCT of the curves over the bands, by the front end's own matrix, is what coefficients get."""
    spec = FrontendSpec(coefficients=12)
    dct = build_tables(spec, Normalisation.identity(12)).dct_q15.reshape(12, 40) / 2**15
    np.testing.assert_allclose(timbre_curves(FrontendSpec()) @ dct.T, timbre_curves(spec), atol=2e-3)
