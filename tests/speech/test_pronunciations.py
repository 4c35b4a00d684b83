"""Words that sound like a keyword, by a pronouncing dictionary."""

import sys

import numpy as np
import pytest

from kws.errors import DataError
from kws.speech.pronunciations import SOUNDS, dictionary, distances, pronounce, sound_alikes, sounds_of


@pytest.fixture(autouse=True)
def _there_is_a_dictionary():
    pytest.importorskip("pocketsphinx")


def coded(sounds: str) -> np.ndarray:
    return np.array([SOUNDS.index(sound) for sound in sounds.split()])


def test_distance_counts_substitutions_by_kind_and_gaps():
    words = ["K AE T", "G AE T", "K IY T", "K AE T S", "AE T", "AE AE T"]
    table = np.full((len(words), 4), -1, np.int8)
    for row, word in zip(table, words, strict=True):
        row[: len(word.split())] = coded(word)
    lengths = np.array([len(word.split()) for word in words])
    assert np.allclose(distances(coded("K AE T"), table, lengths), [0, 0.4, 0.8, 0.8, 0.8, 1.5])


def test_words_that_sound_alike_come_nearest_first_and_never_hold_the_keyword():
    found = sound_alikes("computer", count=60)
    assert len(found) == 60 == len(set(found)) and {"commuter", "compute", "competitor"} <= set(found)
    assert found.index("commuter") < found.index("competitor")
    assert not {"computer", "computers", "computerize"} & set(found)
    assert "election" in sound_alikes("alexa", count=30)


def test_what_differs_in_one_similar_sound_is_left_out():
    assert {"harvin", "martin"} <= set(sound_alikes("marvin", count=30))
    assert not {"bed", "bid", "pad"} & set(sound_alikes("bad", count=50))


def test_a_word_that_is_not_listed_is_pronounced_by_espeak():
    assert "lumos" not in dictionary()[0]
    assert sounds_of(pronounce("lumos")) == ["L", "UW", "M", "OW", "Z"]
    assert sounds_of(pronounce("zorbix"))[0] == "Z" and "limos" in sound_alikes("lumos", count=5)


def test_without_the_dictionary_the_message_says_what_to_install(monkeypatch):
    dictionary.cache_clear()
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(DataError, match=r"pip install .kws\[words\]"):
        sound_alikes("computer", count=3)
