"""A base's lesson: which words are cut out of sentences, where, and which scores of the network stay."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kws.audio.files import SAMPLE_RATE_HZ
from kws.bench.base_windows import Scene
from kws.bench.base_words import LEAST, MOST, OTHER, RARE, Piece, cut_out
from kws.data.transcripts import Stretch


def sentences(counts, word_s=0.4):
    """As many tokens of each word as `counts` says, one to a recording."""
    return {Path(f"{word}-{n}.wav"): [Stretch(1.0, 1.0 + word_s, word)] for word, count in counts.items()
            for n in range(count)}


def test_words_with_enough_tokens_are_taught_by_name_and_of_the_others_a_few_as_other():
    counts = {"river": LEAST, "house": MOST + 7, "seldom": LEAST - 1, "alexa": 50}
    found = cut_out(sentences(counts), ["alexa"], np.random.default_rng(0))
    assert Counter(piece.label for piece in found) == {"river": LEAST, "house": MOST, OTHER: RARE}
    assert {(piece.centre, piece.length) for piece in found} == {(6 * SAMPLE_RATE_HZ // 5, 2 * SAMPLE_RATE_HZ // 5)}


def test_words_that_are_too_short_to_be_heard_alone_are_not_taught():
    found = cut_out(sentences({"the": LEAST}, word_s=0.12), [], np.random.default_rng(0))
    assert [piece.label for piece in found] == [OTHER] * RARE
    assert cut_out(sentences({"a": LEAST}, word_s=0.08), [], np.random.default_rng(0)) == []


def test_a_window_holds_its_piece_in_the_middle_and_silence_beyond_the_recording():
    scene, audio = Scene(8_000, [], []), np.zeros(10_000, np.int16)
    audio[9_000] = 1_000
    window = scene.clean(Piece("word", Path("a.wav"), 9_000), audio, np.random.default_rng(0))
    assert len(window) == 8_000 and np.abs(window).argmax() == 4_000 and not window[5_000:].any()


def test_a_word_without_its_neighbours_keeps_itself_and_thirty_milliseconds():
    around = Scene(16_000, [], []).around(4_000)
    assert (around[8_000 - 2_400 : 8_000 + 2_400] == 1).all() and not around[:5_000].any() and not around[11_000:].any()


def test_the_run_has_the_scores_of_silence_of_other_words_and_of_the_keywords():
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    from kws.bench.base import as_run

    window = keras.Input((4,))
    inner = keras.layers.Dense(3)(window)
    ends = [keras.layers.Dense(4, name="words")(keras.layers.Dropout(0.1)(inner)),
            keras.layers.Dense(2, name="teacher")(inner)]
    whole = keras.Model(window, ends)
    model = as_run(whole, ("_silence_", "_other_", "bed", "yes"), ("yes",))
    inputs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    scores = np.asarray(whole(inputs)[0])[:, [0, 1, 3]]
    wanted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(inputs)), wanted, rtol=1e-5)
