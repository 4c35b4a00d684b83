"""Talk by a synthesizer, in many languages."""

import numpy as np
import pytest

from kws.audio.files import read_samples
from kws.data.talk import find_talk
from kws.errors import DataError
from kws.speech.engines.espeak import Espeak
from kws.speech.languages import LANGUAGES, common_row, common_words
from kws.speech.talk import speak_languages, speak_to_train
from kws.speech.voices import Voice, synthesize


def test_every_language_is_spoken_and_sounds_unlike_english():
    english = synthesize("una mesa para dos", Voice(timbre="m3"))
    assert len(LANGUAGES) > 50
    for language in LANGUAGES:
        row = common_row(language, np.random.default_rng(1))
        assert len(synthesize(row, Voice(timbre="m3", accent=language))) > 4_000, language
    assert not np.array_equal(synthesize("una mesa para dos", Voice(timbre="m3", accent="es")), english)


def test_common_words_are_said_more_often():
    words, often = common_words("es")
    assert words[0] == "de" and often[0] > 10 * often[-1] and often.sum() == pytest.approx(1)


def test_a_keyword_is_no_word_of_another_language():
    rows = [common_row("es", np.random.default_rng(seed), without=("no",)) for seed in range(200)]
    assert not any("no" in row.strip(".").replace(",", "").split() for row in rows)
    assert any("no" in common_row("es", np.random.default_rng(seed)).split() for seed in range(200))


def test_two_minutes_of_talk_train_and_are_made_once(tmp_path):
    folder = tmp_path / "recordings" / "synth" / "_talk_"
    made = speak_languages(folder, ("yes",), minutes=2)
    assert (made.written, made.kept) == (30, 0)
    talk = find_talk(tmp_path / "recordings")
    assert {one.split for one in talk} == {"training"} and len({one.speaker for one in talk}) == 30
    first = read_samples(talk[0].path)
    assert 60 < sum(len(read_samples(one.path)) for one in talk) / 16_000 < 240
    talk[0].path.unlink()
    again = speak_languages(folder, ("yes",), minutes=2)
    assert (again.written, again.kept) == (1, 29) and np.array_equal(read_samples(talk[0].path), first)


def test_half_of_the_talk_to_train_with_is_english(tmp_path):
    made = speak_to_train(tmp_path, ("yes",), minutes=2, engines=[Espeak()])
    assert {what: one.written for what, one in made.items()} == {"English": 15, "62 other languages": 15}
    spoken = {path.parent.name for path in tmp_path.glob("training/*/*.wav")}
    assert sum(name.startswith("espeak-") for name in spoken) == 15 and "de" in spoken


def test_the_package_that_has_the_words_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wordfreq", None)
    common_words.cache_clear()
    with pytest.raises(DataError, match=r"wordfreq; install it with: pip install 'kws\[train\]'"):
        common_words("de")
