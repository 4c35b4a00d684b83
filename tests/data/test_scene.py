"""Scenes: every sound where the truth says it is, at the level and the ratio that were asked for."""

import numpy as np
import pytest

from kws.data.scene import KEYWORD, TALK, UNKNOWN, SceneSettings, Sound, build_scene, pieces_of
from kws.data.simulated_device import (
    CHEAP,
    DEVICES,
    PHONE,
    SimulatedDevice,
    after_losses,
    babble,
    direct_first,
    in_room,
    through,
)

RATE = 16_000
CLEAN = SceneSettings(snr_db=(float("inf"), float("inf")), level_db=(-20, -20), jitter_db=0)


def word(seconds=0.4, at=0.3, hz=440.0):
    """A tone in a second of silence."""
    audio = np.zeros(RATE, np.int16)
    n = round(seconds * RATE)
    audio[round(at * RATE):round(at * RATE) + n] = 8_000 * np.sin(2 * np.pi * hz * np.arange(n) / RATE)
    return audio


SOUNDS = [Sound(word(), KEYWORD, "yes", "anna"), Sound(word(0.6), UNKNOWN, "bed", "ben"),
          Sound(word(0.2), KEYWORD, "no")]


def rms_db(audio):
    return 20 * np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))) / 32768)


def test_the_truth_says_where_each_word_is():
    scene = build_scene(SOUNDS, CLEAN, rng=np.random.default_rng(1))
    assert [event.keyword for event in scene.events] == ["yes", "no"] and scene.events[0].speaker == "anna"
    assert [placed.word for placed in scene.placed] == ["yes", "bed", "no"]
    for placed, length in zip(scene.placed, (0.4, 0.6, 0.2), strict=True):
        assert placed.end_s - placed.start_s == pytest.approx(length, abs=0.03)
        inside = scene.samples[round((placed.start_s + 0.03) * RATE):round((placed.end_s - 0.03) * RATE)]
        assert rms_db(inside) == pytest.approx(-20, abs=0.7)
        before = scene.samples[round((placed.start_s - 0.2) * RATE):round((placed.start_s - 0.03) * RATE)]
        assert not before.any()


def test_the_same_seed_gives_the_same_scene():
    made = [build_scene(SOUNDS, SceneSettings(device=PHONE), rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (made[0].samples == made[1].samples).all() and made[0].placed == made[1].placed
    assert len(made[2].samples) != len(made[0].samples)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_noise_lies_below_the_speech_by_the_ratio(snr_db):
    noise = [np.random.default_rng(2).standard_normal(50_000) * 500]
    settings = SceneSettings(snr_db=(snr_db, snr_db), level_db=(-25, -25), jitter_db=0)
    scene = build_scene(SOUNDS, settings, noise=noise, rng=np.random.default_rng(3))
    assert rms_db(scene.samples[:RATE]) == pytest.approx(-25 - snr_db, abs=0.3)


def test_levels_step_from_section_to_section():
    settings = SceneSettings(snr_db=(20, 20), level_db=(-40, -10), section_s=(5, 5))
    scene = build_scene(SOUNDS * 20, settings, noise=[np.random.default_rng(2).standard_normal(9_000)],
                        rng=np.random.default_rng(3))
    levels = [rms_db(scene.samples[start:start + 800]) for start in range(0, len(scene.samples) - 800, 5 * RATE)]
    assert max(levels) - min(levels) > 15


def test_noise_at_a_volume_keeps_the_recordings_levels():
    noise = [np.random.default_rng(2).standard_normal(50_000) * 1_000]
    scene = build_scene(SOUNDS, SceneSettings(noise_volume=(0.1, 0.1)), noise=noise, rng=np.random.default_rng(3))
    assert scene.samples[:RATE].std() == pytest.approx(100, rel=0.05)
    assert np.abs(scene.samples).max() == pytest.approx(8_000, rel=0.06)


def test_nothing_to_say_is_noise_alone():
    scene = build_scene([], SceneSettings(), rng=np.random.default_rng(1))
    assert scene.events == scene.placed == () and len(scene.samples) > RATE


def test_a_room_starts_at_its_direct_sound_and_ends_later():
    response = np.concatenate([np.zeros(100), [0.5], np.zeros(399), [0.25]])
    heard = in_room(np.array([8.0, 4.0], np.float32), direct_first(response))
    assert heard[:2] == pytest.approx([8, 4], abs=1e-3) and heard[400:402] == pytest.approx([4, 2], abs=1e-3)


def test_lost_buffers_move_what_follows():
    assert after_losses(np.array([0, 100, 150, 500]), np.array([[100, 200], [300, 350]])).tolist() == [0, 100, 100, 350]
    device = SimulatedDevice(drop_per_hour=3_600, buffer_ms=20)
    audio = np.arange(RATE * 20, dtype=np.float32) % 1_000
    heard, lost = through(device, audio, np.random.default_rng(1))
    assert len(lost) > 5 and len(audio) - len(heard) == (lost[:, 1] - lost[:, 0]).sum()
    moments = np.array([5_000, 100_000, 319_000])
    kept = moments[[not any(start <= moment < end for start, end in lost) for moment in moments]]
    assert (heard[after_losses(kept, lost)] == audio[kept]).all()


def test_gain_control_meets_its_aim_and_clipping_clips():
    hiss = np.clip(np.random.default_rng(1).standard_normal(RATE * 20), -3, 3).astype(np.float32)
    loud, soft = hiss * 9_000, hiss * 300
    agc = SimulatedDevice(agc_rms=2_000)
    for audio in (loud, soft):
        heard, _ = through(agc, audio, np.random.default_rng(1))
        assert heard[-RATE:].astype(float).std() == pytest.approx(2_000, rel=0.15)
    clipped, _ = through(SimulatedDevice(gain_db=20), loud, np.random.default_rng(1))
    assert np.mean(np.abs(clipped.astype(int)) >= 32767) > 0.5
    untouched, lost = through(DEVICES["none"], loud, np.random.default_rng(1))
    assert (untouched == np.rint(loud)).all() and len(lost) == 0


def test_a_capsule_passes_no_hum():
    hum = 5_000 * np.sin(2 * np.pi * 60 * np.arange(RATE) / RATE).astype(np.float32)
    tone = 5_000 * np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE).astype(np.float32)
    heard = [through(SimulatedDevice(high_pass_hz=250), audio, np.random.default_rng(1))[0] for audio in (hum, tone)]
    assert rms_db(heard[0]) < rms_db(heard[1]) - 15 and through(CHEAP, tone, np.random.default_rng(1))[0].any()


def test_talk_is_cut_at_random_and_babble_has_its_level():
    talk = [np.random.default_rng(1).integers(-900, 900, RATE * 9).astype(np.int16)]
    pieces = pieces_of(talk, 5, seconds=(1, 2), rng=np.random.default_rng(2))
    assert all(RATE <= len(piece.samples) <= 2 * RATE and piece.kind == TALK for piece in pieces)
    assert pieces_of([], 5, seconds=(1, 2), rng=np.random.default_rng(2)) == []
    assert babble(talk, 2.0, 3, np.random.default_rng(3)).std() == pytest.approx(1_000, rel=0.01)
