"""Words in sentences: what a synthesizer says is found where it says it, and what it does not say is not."""

import csv

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
pytest.importorskip("espeakng_loader", reason="no speech synthesizer here")

from kws.audio.files import SAMPLE_RATE_HZ, write_audio
from kws.data.talk import find_talk
from kws.speech.alignment import Aligner, spelt
from kws.speech.voices import Voice, synthesize
from tests.helpers.small_workspace import run

SENTENCE = "seven yellow houses stood beside the river"


def said(text=SENTENCE):
    audio = synthesize(text, Voice(timbre="aunty", rate_wpm=140))
    pause = np.zeros(SAMPLE_RATE_HZ, np.int16)
    return np.concatenate([pause, np.rint(20_000 * audio / np.abs(audio).max()).astype(np.int16), pause])


def test_every_word_is_found_in_order_and_within_what_is_said():
    samples = said()
    found = Aligner().align(samples, SENTENCE.capitalize() + ".")
    assert [one.word for one in found] == SENTENCE.split()
    times = [time for one in found for time in (one.start_s, one.end_s)]
    assert times == sorted(times) and times[0] > 0.8 and times[-1] < len(samples) / SAMPLE_RATE_HZ - 0.6


def test_a_word_that_the_dictionary_lacks_and_an_empty_text_give_nothing():
    aligner = Aligner()
    assert aligner.align(said(), "seven zzyzzxq houses") is None and aligner.align(said(), " ") is None
    assert aligner.align(np.zeros(400, np.int16), SENTENCE) is None
    assert aligner.align(said(), SENTENCE) is not None  # and it goes on afterwards


@pytest.mark.parametrize(("segment", "word"), [("read(2)", "read"), ("<sil>", ""), ("[NOISE]", ""), ("it's", "it's")])
def test_segments_are_spelt_as_words(segment, word):
    assert spelt(segment) == word


def test_the_command_writes_a_table_that_talk_is_read_with(tmp_path):
    assert run("new", tmp_path, "--keywords", "yes").exit_code == 0
    talk = tmp_path / "recordings" / "radio" / "_talk_"
    for speaker, text in (("anna", SENTENCE), ("ben", "zzyzzxq")):
        write_audio(talk / speaker / "one.wav", said())
        (talk / speaker / "one.txt").write_text(text)
    done = run("data", "align", "-C", tmp_path)
    assert done.exit_code == 0 and "7 words in 1 recordings; 1 left out" in done.output
    with open(tmp_path / "recordings" / "radio" / "words.csv", newline="") as table:
        assert [row["word"] for row in csv.DictReader(table)] == SENTENCE.split()
    assert [one.text for one in find_talk(tmp_path / "recordings")] == [SENTENCE, "zzyzzxq"]


def test_without_transcripts_the_command_says_so(tmp_path):
    assert run("new", tmp_path, "--keywords", "yes").exit_code == 0
    done = run("data", "align", "-C", tmp_path)
    assert done.exit_code == 0 and "no talk with transcripts" in done.output
