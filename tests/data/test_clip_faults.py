"""What is wrong with a single clip, on sounds whose faults are known."""

import numpy as np
import pytest

from kws.data.choices import Fault
from kws.data.clip_faults import clip_faults, longest_gap, longest_repeat, measure_clip
from kws.data.repair import fill_gap, repaired

RATE = 16_000


def word(*, level: float = 0.2, noise: float = 0.001, start_s: float = 0.3, end_s: float = 0.7) -> np.ndarray:
    """int16 [16000]: a voice of falling pitch from start to end, over soft noise."""
    rng = np.random.default_rng(1)
    time = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(140 - 30 * time) / RATE
    voice = sum(np.sin(n * phase) / n for n in range(1, 20))
    inside = np.clip(np.minimum(time - start_s, end_s - time) / 0.03, 0, 1)
    return np.rint(32768 * (level * voice * inside / 2 + noise * rng.standard_normal(RATE))).astype(np.int16)


def kinds(audio: np.ndarray, samples: int = RATE) -> list[Fault]:
    return [found.fault for found in clip_faults(measure_clip(audio), samples=samples)]


def test_a_good_clip_has_no_fault():
    assert kinds(word()) == []


def test_a_clip_below_rms_0_001_is_silent_and_nothing_else():
    tone = np.sin(np.arange(RATE) * 0.1) * np.sqrt(2)
    assert kinds(np.rint(tone * 32.0).astype(np.int16)) == [Fault.SILENT]
    assert Fault.SILENT not in kinds(np.rint(tone * 34.0).astype(np.int16))
    assert kinds(np.zeros(RATE, np.int16)) == [Fault.SILENT]


def test_a_silent_clip_may_be_too_short_as_well():
    assert kinds(np.full(4_000, 3, np.int16) * np.tile([1, -1], 2_000).astype(np.int16)) == [Fault.SILENT, Fault.LENGTH]


def test_hum_a_thousandth_off_its_frequency_makes_no_word_cut_off():
    time = np.arange(RATE) / RATE
    hum = sum(np.sin(2 * np.pi * 50.05 * n * time + n) for n in range(1, 6)) * 32768 * 0.03
    assert kinds(word(level=0.03, end_s=0.9) + np.rint(hum).astype(np.int16)) == [Fault.HUM]


def test_a_word_that_is_cut_off_under_hum_is_found():
    time = np.arange(RATE) / RATE
    hum = sum(np.sin(2 * np.pi * 60.0 * n * time + n) for n in range(1, 5)) * 32768 * 0.02
    assert kinds(word(start_s=0.6, end_s=1.3) + np.rint(hum).astype(np.int16)) == [Fault.HUM, Fault.CUT_OFF]


def test_length_is_wrong_when_longer_or_shorter_than_half():
    audio = word()
    assert kinds(audio, samples=RATE - 1) == [Fault.LENGTH]
    assert Fault.LENGTH in kinds(audio[5_000:12_999])
    assert Fault.LENGTH not in kinds(audio[3_000:])


def test_three_samples_at_full_scale_are_clipped_two_are_not():
    audio = word()
    audio[8_000:8_002] = 32_767
    assert kinds(audio) == []
    audio[8_100] = -32_768
    assert kinds(audio) == [Fault.CLIPPED]


def test_flat_tops_are_clipped_after_they_were_turned_down():
    audio = word(level=0.5)
    assert kinds(np.clip(audio, -6_000, 6_000)) == [Fault.CLIPPED]


def test_an_offset_of_one_percent_counts():
    assert kinds(word() + np.int16(350)) == [Fault.OFFSET]
    assert kinds(word() + np.int16(250)) == []


@pytest.mark.parametrize("hum_hz", [50, 60])
def test_hum_is_named_by_its_frequency_and_a_low_voice_is_not_hum(hum_hz):
    time = np.arange(RATE) / RATE
    hum = sum(np.sin(2 * np.pi * hum_hz * n * time + n) for n in (1, 2, 3)) * 300
    measures = measure_clip((word() + hum).astype(np.int16))
    assert measures.hum_hz == hum_hz
    assert [found.fault for found in clip_faults(measures, samples=RATE)] == [Fault.HUM]
    assert measures.snr_db > 20, "the noise is measured without the hum"
    assert measure_clip(word()).hum_hz == 0


def test_noise_near_the_word_is_low_snr():
    assert Fault.NOISY in kinds(word(noise=0.08))
    assert Fault.NOISY not in kinds(word(noise=0.01))


def test_a_word_that_touches_an_edge_is_cut_off_and_a_click_is_not():
    assert kinds(word(start_s=-0.3, end_s=0.4)) == [Fault.CUT_OFF]
    assert kinds(word(start_s=0.6, end_s=1.3)) == [Fault.CUT_OFF]
    clicked = word()
    clicked[:160] += 5_000
    assert kinds(clicked) == []


def test_zeros_amid_sound_are_a_gap_and_a_fade_into_zeros_is_none():
    audio = word()
    audio[8_000:8_100] = 0
    assert longest_gap(audio) == (8_000, 100)
    assert kinds(audio) == [Fault.DROPPED]
    faded = word(noise=0)
    assert np.count_nonzero(faded[:4_000]) == 0 and kinds(faded) == []


@pytest.mark.parametrize("size", [64, 160, 441, 1_024])
def test_a_block_that_comes_twice_is_found_at_its_second_copy(size):
    audio = word()
    audio[7_000 + size : 7_000 + 2 * size] = audio[7_000 : 7_000 + size]
    start, length = longest_repeat(audio)
    assert length == size and abs(start - (7_000 + size)) <= 4
    assert kinds(audio) == [Fault.DROPPED]
    assert longest_repeat(word()) == (0, 0)


def test_a_square_wave_is_no_repeated_block_of_its_own_period_alone():
    flat = np.zeros(RATE, np.int16)
    flat[4_000:8_000] = 500
    assert longest_repeat(flat) == (0, 0)


def test_a_short_gap_is_filled_close_to_what_was_there_and_a_long_one_is_refused():
    original = word()
    audio = original.copy()
    audio[8_000:8_080] = 0
    filled = fill_gap(audio, 8_000, 80)
    error, lost = filled.astype(float) - original, original[8_000:8_080].astype(float)
    assert np.square(error[8_000:8_080]).mean() < 0.1 * np.square(lost).mean()
    assert np.array_equal(np.delete(filled, range(8_000, 8_080)), np.delete(original, range(8_000, 8_080)))
    assert kinds(repaired(audio, longest=320)) == []
    audio[9_000:9_400] = 0
    assert repaired(audio, longest=320) is None
