"""SVOX Pico: six voices say a word, two of them without espeak-ng; stress is heard, and nothing to say is refused."""

import sys

import numpy as np
import pytest

from kws.errors import DataError
from kws.speech.accents import DIFFERENT, sounds_of
from kws.speech.engines.pico import ENGLISH, Pico, said
from kws.speech.talk import speak_talk

pytestmark = pytest.mark.skipif(len(Pico().voices()) < 6, reason="it needs: pip install py-nanotts espeakng-loader")
VOICES = (*ENGLISH, *DIFFERENT)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def sounds(word: str, voice: str) -> bytes:
    """A word in X-SAMPA by a voice."""
    return said(f"<phoneme alphabet='xsampa' ph='{word}'/>", voice, "1.0", "1.0")


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_says_a_word_loud_enough_and_the_same_again(voice):
    first, again = (Pico().speak("computer", voice, rng=rng()) for _ in range(2))
    assert first.dtype == np.float32 and 0.05 < np.abs(first).max() <= 1 and 4_800 < len(first) < 20_000
    assert np.array_equal(first, again)
    assert len(first) > 1.3 * len(Pico().speak("up", voice, rng=rng()))


def test_the_voices_are_six_and_sound_different():
    assert Pico().voices() == VOICES
    assert len({Pico().speak("yes", voice, rng=rng()).tobytes() for voice in VOICES}) == 6


@pytest.mark.parametrize("voice", ["de-DE", "es-ES", "it-IT"])
def test_stress_is_heard(voice):
    assert len({sounds(word, voice) for word in ("kamera", 'k"amera', 'kam"era')}) >= 2
    assert sounds('k"amera', voice) != sounds('kam"era', voice)


@pytest.mark.slow
@pytest.mark.parametrize("voice", DIFFERENT)
def test_no_sound_of_a_table_is_silence_to_its_voice(voice):
    silent = sounds("at", voice)
    ours = {sound for sound in sounds_of(voice).values() if sound not in ("", '"')}
    assert [sound for sound in sorted(ours) if sounds(f"a{sound}t", voice) == silent] == []
    for joined in ours & {"t_S", "d_Z"}:
        assert sounds(f"a{joined}a", voice) != sounds(f"a{joined[0]}a", voice)


@pytest.mark.parametrize("voice", VOICES)
def test_a_sentence_with_apostrophes_digits_and_signs_of_xml_is_said_whole(voice):
    whole, part = (Pico().speak(text, voice, rng=rng()) for text in ("It's 21 & <they> don't know", "It's 21"))
    assert len(whole) > 1.5 * len(part)


@pytest.mark.parametrize("voice", VOICES)
def test_nothing_to_say_is_refused(voice):
    with pytest.raises(DataError, match="nothing to say; use letters or digits"):
        Pico().speak("...", voice, rng=rng())


def test_without_espeak_two_voices_are_left(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert Pico().voices() == ENGLISH
    assert len(Pico().speak("yes", "en-US", rng=rng())) > 3_000
    with pytest.raises(DataError, match="voice = 'de-DE': must be one of en-US, en-GB"):
        Pico().speak("yes", "de-DE", rng=rng())


def test_talk_is_spoken_by_all_who_train(tmp_path):
    made = speak_talk(tmp_path, ("computer",), minutes=1 / 3, engines=(Pico(),), shares={"training": 1.0})
    assert made.written == 5
    assert {folder.name for folder in (tmp_path / "training").iterdir()} == {
        f"pico-{voice.lower()}" for voice in VOICES if voice != "fr-FR"}  # whom the names' split keeps for tests
