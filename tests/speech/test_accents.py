"""English with an accent: every sound has one in each language, stress stays, and what Pico is told is well formed."""

import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from kws.errors import DataError
from kws.speech.accents import (
    DIFFERENT,
    ENGLISH,
    are_known,
    in_sounds,
    pieces,
    same_with_an_accent,
    sounds_of,
    with_accent,
)
from kws.speech.synthesis import all_near
from kws.speech.texts import FILLERS, SENTENCES
from kws.speech.voices import ipa

needs_espeak = pytest.mark.skipif(not are_known(), reason="espeak-ng is not installed: pip install espeakng-loader")
COMPUTER = "kəmpjˈuːɾɚ"


def told(text: str, voice: str, seed: int = 1) -> list[str]:
    """The words of what Pico is told, in X-SAMPA."""
    tags = ET.fromstring(f"<said>{with_accent(text, voice, np.random.default_rng(seed))}</said>")
    assert {(tag.tag, tag.get("alphabet"), tag.text) for tag in tags} == {("phoneme", "xsampa", None)}
    return [tag.attrib["ph"] for tag in tags]


@pytest.mark.parametrize(("voice", "said"), [("de-DE", 'k@mpj"u:t6'), ("es-ES", 'kampj"uter'),
                                             ("fr-FR", 'k@mpj"ut9R'), ("it-IT", 'kampi"uter')])
def test_a_word_in_the_sounds_of_four_languages(voice, said):
    assert in_sounds(COMPUTER, sounds_of(voice)) == said


def test_two_letters_of_one_sound_are_read_together():
    assert in_sounds("t^ʃˈɛk", sounds_of("de-DE")) == 't_S"Ek'
    assert in_sounds("kˈatʃuːp", sounds_of("it-IT")) == 'k"at_Sup'


def test_a_change_of_language_is_not_said():
    assert in_sounds("(^k^o)nˈo^ʊ(^e^n-^u^s)", sounds_of("de-DE")) == 'n"o:'


@needs_espeak
@pytest.mark.parametrize("voice", DIFFERENT)
def test_every_sound_of_hundreds_of_words_is_known_to_every_language(voice):
    words = sorted({word.strip(".,").lower() for text in (*FILLERS, *SENTENCES) for word in text.split()})
    said = [word for accent in ENGLISH for clause in ipa(" ".join(words), accent) for word in clause.split()]
    heard = {piece for word in said for piece in pieces(word, sounds_of(voice))}
    assert len(words) > 200 and len(heard) > 40
    assert heard - sounds_of(voice).keys() == set()


@needs_espeak
@pytest.mark.parametrize("voice", DIFFERENT)
def test_each_word_is_stressed_once_for_each_stress_of_english(voice):
    assert [word.count('"') for word in told("computer music", voice)] == [1, 1]


@needs_espeak
@pytest.mark.parametrize(("text", "keyword", "same"), [
    ("marwin", "marvin", True), ("three", "tree", True), ("sheep", "ship", True), ("martin", "marvin", False),
    ("commuter", "computer", False), ("hey jarvis", "hey_jarvis", True)])
def test_words_that_an_accent_makes_one(text, keyword, same):
    assert same_with_an_accent(text, keyword) == same


@needs_espeak
def test_what_a_voice_says_like_the_keyword_is_nothing_to_tell_it_from():
    assert "marwin" not in all_near(("marvin",), ("marvin",)) and "martin" in all_near(("marvin",), ("marvin",))


@needs_espeak
def test_american_or_british_is_drawn():
    assert {" ".join(told("computer", "es-ES", seed)) for seed in range(20)} == {'kampj"uter', 'kampj"uta'}


@needs_espeak
def test_apostrophes_digits_and_signs_of_xml_break_no_tag():
    words = told("it's 21 o'clock & <b> \"x\" < 'y'", "de-DE")
    assert len(words) > 7 and not set("<>&'") & set("".join(words))


@needs_espeak
@pytest.mark.parametrize("text", ["", " ", "...", "<", "\u200b"])
def test_nothing_to_say_is_refused(text):
    with pytest.raises(DataError, match="nothing to say; use letters or digits"):
        with_accent(text, "de-DE", np.random.default_rng(1))


def test_without_espeak_accents_are_not_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert not are_known()
    with pytest.raises(DataError, match="espeakng-loader"):
        with_accent("yes", "de-DE", np.random.default_rng(1))
