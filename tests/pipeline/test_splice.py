"""kws data splice: clips that train, again the same, out of talk that does not hold the word."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
pytest.importorskip("espeakng_loader", reason="no speech synthesizer here")

from kws.audio.files import SAMPLE_RATE_HZ, read_samples, to_int16, write_audio
from kws.data.corpus import scan, split_of
from kws.pipeline import splice as splicing
from kws.pipeline.splice import SPEAKER, material, splicer_of
from kws.speech.pronunciations import dictionary
from kws.speech.voices import Voice, synthesize
from tests.helpers.small_workspace import run

TEXTS = ("the captain took his pupils to the museum", "few people come to the market on monday",
         "can you carry the copper kettle", "a computer stood beside the river")
PEOPLE = ("anna", "ben", "clara", "jan", "max")


@pytest.fixture(scope="module")
def spoken():
    return {text: to_int16(np.pad(0.4 * synthesize(text, Voice(timbre="aunty", rate_wpm=150)), SAMPLE_RATE_HZ // 2))
            for text in TEXTS}


@pytest.fixture
def place(tmp_path, spoken, monkeypatch):
    """Talk of six people, with transcripts; few clips."""
    for name in ("NEAR_MISSES", "OTHERS"):
        monkeypatch.setattr(splicing, name, 1)
    assert run("new", tmp_path, "--keywords", "computer").exit_code == 0
    for person in PEOPLE:
        for number, text in enumerate(TEXTS):
            sound = tmp_path / "recordings" / "radio" / "_talk_" / person / f"{number}.wav"
            write_audio(sound, spoken[text])
            sound.with_suffix(".txt").write_text(text)
    return tmp_path


def test_the_command_says_the_keyword_with_the_talk_and_again_makes_the_same(place):
    made = run("data", "splice", "--count", 4, "-C", place)
    assert made.exit_code == 0, made.output
    assert "computer: 4 written, 0 there already" in made.output and "near misses" in made.output
    folder = place / "recordings" / "synth"
    clips = {path: path.read_bytes() for path in sorted(folder.glob("computer/*.wav"))}
    assert len(clips) == 4 and len(set(clips.values())) == 4
    assert all(np.abs(read_samples(path)).max() > 1_000 for path in clips)
    for path in list(clips)[1:3]:
        path.unlink()
    again = run("data", "splice", "--count", 4, "--json", "-C", place)
    assert json.loads(again.stdout)["computer"] == {"written": 2, "kept": 2}
    assert {path: path.read_bytes() for path in clips} == clips
    others = {path: path.read_bytes() for path in folder.rglob(f"{SPEAKER}*") if path not in clips}
    for path in others:
        path.unlink()
    assert run("data", "splice", "--count", 6, "-C", place).exit_code == 0  # more of a word: the others stay the same
    assert len(others) > 20 and {path: path.read_bytes() for path in others} == others
    corpus = scan(place / "recordings")
    assert {clip.split for clip in corpus.clips if clip.word == "computer"} == {"training"}
    assert len({clip.word for clip in corpus.clips}) > 20


def test_only_talk_that_trains_and_does_not_hold_the_word_is_cut_up(place):
    found = material(place / "recordings")
    people = {path.parent.name for path, _ in found}
    assert people == {person for person in PEOPLE if split_of(person) == "training"} and len(people) < len(PEOPLE)
    for keyword, texts in (("computer", TEXTS[:3]), ("few", (TEXTS[0], *TEXTS[2:]))):
        splicer = splicer_of(found, [keyword], place / ".cache")
        assert {found[number][1] for number in set(splicer.sounds.recording.tolist())} == set(texts)
    assert split_of(SPEAKER) == "training"


def test_interrupted_it_goes_on_with_the_sounds_that_were_found(place, monkeypatch):
    monkeypatch.setattr(splicing, "BLOCK", 2)
    calls = []

    def find(block):
        calls.append(block)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return find_sounds(block)

    find_sounds = splicing.find_sounds
    monkeypatch.setattr("kws.data.pool.cores", lambda: 1)
    monkeypatch.setattr(splicing, "find_sounds", find)
    assert run("data", "splice", "--count", 2, "-C", place).exit_code != 0
    assert not list((place / "recordings").rglob(f"{SPEAKER}*"))
    stored = sorted((place / ".cache" / "kws" / "sounds").iterdir())
    assert len(stored) == 1
    assert run("data", "splice", "--count", 2, "-C", place).exit_code == 0
    blocks = -(-len(material(place / "recordings")) // 2)
    assert len(calls) == 1 + blocks  # the first block was not heard again
    stored[0].write_bytes(stored[0].read_bytes()[:100])
    assert run("data", "splice", "--count", 3, "-C", place).exit_code == 0 and len(calls) == 2 + blocks


@pytest.mark.parametrize(("word", "text"), [("church", "nobody says the sound CH"), ("_x_", "_x_"),
                                            ("лампа", "cannot read its letters; record it"),
                                            ("the", "no talk is left to cut words out of")])
def test_words_that_the_talk_cannot_say_are_refused(place, word, text):
    made = run("data", "splice", word, "-C", place)
    assert made.exit_code == 1 and text in made.output
    assert not (place / "recordings" / "synth").exists()


def test_without_the_aligner_it_says_how_to_install_it(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    dictionary.cache_clear()
    made = run("data", "splice", "-C", place)
    assert made.exit_code == 1 and "pip install 'kws[words]'" in made.output
    assert not (place / "recordings" / "synth").exists()


def test_without_transcripts_it_says_what_is_missing(tmp_path):
    assert run("new", tmp_path, "--keywords", "computer").exit_code == 0
    made = run("data", "splice", "-C", tmp_path)
    assert made.exit_code == 1 and "no talk with transcripts" in made.output
