"""Takes: twenty bad ones of each kind are refused with the right reason, good ones are accepted."""

import numpy as np
import pytest

from kws.audio.endpoint import FRAME, Utterance, cut, find_utterances, finished, joined, levels
from kws.data.quality import Fault, check
from kws.record.recorder import cut_apart

RATE = 16_000
ROOM_DB = -70.0
WORDS = ("yes", "seven", "stop", "left")


def silence(seconds, rng, *, level_db=ROOM_DB):
    return 32768 * 10 ** (level_db / 20) * rng.standard_normal(round(seconds * RATE))


def spoken(number, *, level_db=-20.0):
    """A synthesized word, float [n], its loudest 100 ms at `level_db`; every number is another voice and word."""
    voices = pytest.importorskip("kws.speech.voices")
    pytest.importorskip("espeakng_loader", reason="no speech synthesizer here")
    timbre = voices.TIMBRES[number * 3 % len(voices.TIMBRES)]
    audio = voices.synthesize(WORDS[number % len(WORDS)], voices.Voice(timbre=timbre, rate_wpm=165))
    power = np.convolve(np.square(audio, dtype=np.float64), np.ones(1_600) / 1_600, "valid").max()
    return 32768 * audio * 10 ** (level_db / 20) / np.sqrt(power)


def take(*parts, room_db=ROOM_DB, seed=0):
    audio = np.concatenate(parts)
    audio = audio + silence(len(audio) / RATE, np.random.default_rng(seed), level_db=room_db)[: len(audio)]
    return np.clip(np.rint(audio), -32768, 32767).astype(np.int16)


def gap(seconds):
    return np.zeros(round(seconds * RATE))


def verdict(audio):
    return check(audio, room_db=ROOM_DB, samples=RATE)


def clipped(i):
    return take(gap(0.5), np.clip(spoken(i, level_db=2), -32768, 32767), gap(0.8), seed=i)


def quiet(i):
    return take(gap(0.5), spoken(i, level_db=-46 - i % 4), gap(0.8), seed=i)


def noisy(i):
    return take(gap(0.5), spoken(i, level_db=-20), gap(0.8), room_db=-32 + i % 4, seed=i)


def cut_off(i):
    word = spoken(i)
    middle = len(word) // 2
    if i % 3 == 0:
        return take(word[middle:], gap(0.9), seed=i)
    if i % 3 == 1:
        return take(gap(0.9), word[:middle], seed=i)
    long = np.resize(word, round(1.3 * RATE))
    return take(gap(0.4), long, gap(0.8), seed=i)


def nothing(i):
    click = np.zeros(300) if i % 2 else np.random.default_rng(i).standard_normal(300) * 8_000
    return take(gap(1), click, gap(2), seed=i)


def twice(i):
    return take(gap(0.4), spoken(i), gap(0.35 + i % 3 * 0.1), spoken(i), gap(0.8), seed=i)


@pytest.mark.parametrize(("make", "fault"), [
    (clipped, Fault.CLIPPED), (quiet, Fault.QUIET), (noisy, Fault.NOISY), (cut_off, Fault.CUT_OFF),
    (nothing, Fault.NOTHING), (twice, Fault.TWICE)], ids=lambda value: getattr(value, "__name__", ""))
def test_twenty_bad_takes_of_each_kind_have_their_reason(make, fault):
    found = [verdict(make(i)) for i in range(20)]
    assert [one.fault for one in found] == [fault] * 20
    assert all(one.clip is None and one.advice for one in found)


@pytest.mark.parametrize("level_db", [-35, -25, -17])
def test_good_takes_are_accepted_and_the_clip_holds_the_word(level_db):
    for i in range(20):
        word = spoken(i, level_db=level_db)
        found = verdict(take(gap(0.5), word, gap(0.8), seed=i))
        assert found.fault is None, f"take {i}: {found.fault} {found.advice}"
        assert found.clip.shape == (RATE,) and abs(found.level_db - level_db) < 1.5
        assert abs(found.utterance.start - RATE // 2) < 2_400 and found.utterance.end - found.utterance.start > 1_600
        energy = np.square(found.clip.astype(float)).sum()
        assert energy > 0.99 * np.square(word).sum()


def test_a_good_take_says_what_the_check_of_recordings_will_find():
    audio = take(gap(0.5), spoken(1), gap(0.8), seed=1)
    assert verdict(audio).remarks == ()
    time = np.arange(len(audio)) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * n * time + n) for n in range(1, 5)) * 32768 * 0.0015
    found = check(audio + np.rint(hum).astype(np.int16), room_db=-50.0, samples=RATE)
    assert found.fault is None and [one.fault for one in found.remarks] == ["hum"]


def test_words_said_freely_are_cut_apart():
    parts = [gap(0.6)]
    for i in range(12):
        parts += [spoken(i, level_db=-46 if i == 5 else -18), gap(0.5 + i % 3 * 0.3)]
    found = cut_apart(take(*parts), samples=RATE)
    faults = [one.fault for one in found]
    # 28 dB softer than the others: a breath for all that can be known
    assert faults == [None] * 11


def test_levels_are_in_db_of_full_scale():
    square = np.where(np.arange(1_600) % 2, 32767, -32768).astype(np.int16)
    assert levels(square) == pytest.approx(np.zeros(10), abs=0.01)
    assert levels(np.full(1_600, 5_000, np.int16)).tolist() == [-90.0] * 10  # an offset is not a sound
    assert levels(np.zeros(100, np.int16)).tolist() == []


def test_runs_of_frames():
    assert joined(np.array([3, 4, 5, 31, 58])) == [(3, 31), (58, 58)]
    assert joined(np.zeros(0, int)) == []


def test_a_take_ends_when_the_word_is_over():
    audio = take(gap(0.5), spoken(1), gap(2), seed=1)
    end = find_utterances(audio, noise_db=ROOM_DB)[-1].end
    over = [n for n in range(0, len(audio), FRAME) if finished(audio[:n], room_db=ROOM_DB, samples=RATE)]
    assert abs(over[0] - end - 0.7 * RATE) <= 2 * FRAME
    assert not finished(take(gap(4.9)), room_db=ROOM_DB, samples=RATE)
    assert finished(take(gap(5)), room_db=ROOM_DB, samples=RATE)


def test_cut_centres_the_word_as_far_as_there_is_sound():
    audio = np.arange(100, dtype=np.int16)
    assert cut(audio, Utterance(40, 60, 0), samples=40).tolist() == list(range(30, 70))
    assert cut(audio, Utterance(0, 20, 0), samples=40).tolist() == list(range(40))
    assert cut(audio, Utterance(90, 100, 0), samples=40).tolist() == list(range(60, 100))
    assert cut(audio[:30], Utterance(5, 10, 0), samples=40).tolist() == [*range(30), *[0] * 10]
