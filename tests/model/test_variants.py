"""Copies of few recordings: speed and timbre change what they say they change, joints take what they say they take."""

import numpy as np

from kws.model.variants import at_speed, half_said, respoken, run_together, timbre

SAMPLES = 16_000


def tone(hz, samples=SAMPLES):
    return np.rint(8_000 * np.sin(2 * np.pi * hz * np.arange(samples) / 16_000)).astype(np.int16)


def pitch_hz(audio):
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return spectrum.argmax() * 16_000 / len(audio)


def test_speed_moves_the_pitch_and_keeps_the_middle():
    for speed in (0.85, 1.0, 1.18):
        played = at_speed(tone(500), speed)
        assert len(played) == SAMPLES and abs(pitch_hz(played[4_000:12_000]) - 500 * speed) <= 2
    click = np.zeros(SAMPLES, np.int16)
    click[SAMPLES // 2] = 20_000
    assert all(abs(int(np.abs(at_speed(click, speed)).argmax()) - SAMPLES // 2) <= 2 for speed in (0.85, 1.18))


def test_timbre_changes_levels_by_a_few_db_and_nothing_else():
    clips = np.stack([tone(hz) for hz in (400, 4_000)] * 20)
    heard = timbre(clips, np.random.default_rng(1)).astype(float)
    gains_db = 20 * np.log10(np.abs(heard).max(axis=1) / 8_000)
    assert 1.5 < gains_db.std() < 5 and abs(gains_db.mean()) < 2
    assert [round(pitch_hz(row)) for row in heard[:2]] == [400, 4_000]


def test_the_same_generator_gives_the_same_copies_and_none_is_like_another():
    clips = np.stack([tone(700)] * 4)
    first, again = (respoken(clips, np.random.default_rng(7)) for _ in range(2))
    assert (first == again).all() and first.dtype == np.int16 and first.shape == clips.shape
    assert len({row.tobytes() for row in first}) == 4


def test_words_run_together_end_and_begin_within_the_window():
    first, second = np.full((30, 60), 1, np.int16), np.full((30, 60), 2, np.int16)
    first[:, 50:], second[:, :10] = 7, 7  # the silence after the one and before the other
    joined = run_together(first, second, np.random.default_rng(0))
    assert set(np.unique(joined)) == {1, 2}
    ends = (joined == 1).sum(axis=1)
    assert ends.min() >= 20 and ends.max() <= 40 and len(set(ends)) > 10
    assert (np.diff(joined, axis=1) >= 0).all()


def test_half_a_word_is_never_the_whole_of_it():
    word = np.tile(np.arange(1, 61, dtype=np.int16), (40, 1))
    made = half_said(word, np.full((40, 60), -1, np.int16), np.random.default_rng(0))
    kinds = set()
    for row in made:
        said = row[row > 0]
        assert 20 <= len(said) <= 30 and (np.diff(said) == 1).all()
        assert said.min() == 31 or said.max() == 30
        kinds.add(said.min() == 31)
        assert row[0 if said.min() == 31 else -1] > 0
    assert kinds == {True, False}
