"""Copies of few recordings: speed and timbre change what they say they change, joints take what they say they take."""

import numpy as np

from kws.model.variants import another_voice, centred, half_said, in_room, run_together, timbre, varied

SAMPLES = 16_000


def tone(hz, samples=SAMPLES):
    return np.rint(8_000 * np.sin(2 * np.pi * hz * np.arange(samples) / 16_000)).astype(np.int16)


def pitch_hz(audio):
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return spectrum.argmax() * 16_000 / len(audio)


def click(at, samples=SAMPLES):
    made = np.zeros(samples, np.float32)
    made[at] = 10_000
    return made


def test_another_pace_keeps_the_middle_and_the_length():
    for length in (700, 1_000, 1_301):
        row = centred(click(length // 2, length), 1_000)
        assert len(row) == 1_000 and abs(int(row.argmax()) - 500) <= 1


def test_a_room_answers_after_the_direct_sound_and_is_as_loud():
    room = np.zeros(600, np.float32)
    room[100], room[500] = 1, 0.5
    heard = in_room(click(3_000), room)
    assert len(heard) == SAMPLES and np.flatnonzero(np.abs(heard) > 1).tolist() == [3_000, 3_400]
    assert abs(np.sqrt((heard**2).mean()) / np.sqrt((click(3_000) ** 2).mean()) - 1) < 0.02


def test_other_voices_move_pitch_or_pace_of_most_copies_and_leave_some():
    said, rng = tone(500).astype(np.float32), np.random.default_rng(5)
    pitches = [pitch_hz(varied(said, rng, ())[4_000:12_000]) for _ in range(30)]
    unmoved = sum(abs(one - 500) <= 6 for one in pitches)
    assert 12 <= unmoved <= 24 and min(pitches) < 480 and max(pitches) > 520


def test_timbre_changes_levels_by_a_few_db_and_nothing_else():
    clips = np.stack([tone(hz) for hz in (400, 4_000)] * 20)
    heard = timbre(clips, np.random.default_rng(1)).astype(float)
    gains_db = 20 * np.log10(np.abs(heard).max(axis=1) / 8_000)
    assert 1.5 < gains_db.std() < 5 and abs(gains_db.mean()) < 2
    assert [round(pitch_hz(row)) for row in heard[:2]] == [400, 4_000]


def test_the_same_generator_gives_the_same_copies_and_none_is_like_another():
    clips = np.stack([tone(700)] * 4)
    first, again = (another_voice(clips, np.random.default_rng(7)) for _ in range(2))
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
