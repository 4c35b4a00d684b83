"""kws new --word: all that a word needs but its takes, in one command that goes on where it stopped."""

import pytest

pytest.importorskip("espeakng_loader", reason="no speech synthesizer here")

import numpy as np
import soundfile

from kws.audio.files import to_int16, write_audio
from kws.data.corpus import scan
from kws.data.talk import find_talk
from kws.errors import DownloadError
from kws.pipeline.new_word import copy_run
from kws.specfile import read_spec
from kws.speech.engines.espeak import Espeak
from kws.speech.voices import Voice, synthesize
from tests.helpers.paths import ROOT
from tests.helpers.small_workspace import run


@pytest.fixture
def few(monkeypatch):
    """One engine, a few clips, seconds of talk."""
    monkeypatch.setattr("kws.pipeline.new_word.choose_engines", lambda names: (Espeak(),))
    for name, value in (("SPOKEN", 10), ("NEAR_MISSES", 1), ("OTHERS", 1), ("TALK_MINUTES", 1.0),
                        ("LANGUAGE_MINUTES", 0.5)):
        monkeypatch.setattr(f"kws.pipeline.new_word.{name}", value)


@pytest.fixture
def radio(tmp_path):
    for speaker in ("anna", "ben"):
        (tmp_path / "radio" / speaker).mkdir(parents=True)
        soundfile.write(tmp_path / "radio" / speaker / "one.wav", np.zeros(16_000, np.int16), 16_000)
    return tmp_path / "radio"


def test_one_command_makes_everything_but_the_takes(tmp_path, few, radio):
    made = run("new", tmp_path / "lamp", "--word", "Lumos", "--talk", radio)
    assert made.exit_code == 0, made.output
    assert "2 recordings of talk by people; base base" in made.output
    assert "kws record lumos" in made.output and "kws train --from base" in made.output
    assert "by synthesizers' voices alone, not by the people of the talk (no talk with transcripts" in made.output
    spec, base = read_spec(tmp_path / "lamp" / "kws.toml"), ROOT / "models" / "base"
    assert spec.keywords == ("lumos",) and spec.model.name == "ds_cnn" and spec.detector.after_pause
    assert (tmp_path / "lamp/models/base/model.keras").read_bytes() == (base / "model.keras").read_bytes()
    corpus = scan(tmp_path / "lamp" / "recordings")
    words = {clip.word for clip in corpus.clips}
    assert sum(clip.word == "lumos" for clip in corpus.clips) == 8 and len(words) > 20 and corpus.noise
    before = sorted(path for path in (tmp_path / "lamp").rglob("*"))
    again = run("new", tmp_path / "lamp", "--word", "lumos", "--talk", radio)
    assert again.exit_code == 0 and sorted(path for path in (tmp_path / "lamp").rglob("*")) == before


def test_talk_with_transcripts_says_the_word_with_its_own_voices(tmp_path, few, monkeypatch):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    for name in ("NEAR_MISSES", "OTHERS"):
        monkeypatch.setattr(f"kws.pipeline.splice.{name}", 1)
    text = "in the room there was a little moose and a loose rope"
    for person in ("clara", "jan"):  # by their names they train
        sound = tmp_path / "radio" / person / "one.wav"
        write_audio(sound, to_int16(0.4 * synthesize(text, Voice(timbre="aunty", rate_wpm=150))))
        sound.with_suffix(".txt").write_text(text)
    made = run("new", tmp_path / "lamp", "--word", "lumos", "--talk", tmp_path / "radio")
    assert made.exit_code == 0 and "out of pieces of the talk, lumos: 300 written" in made.output, made.output
    clips = [clip for clip in scan(tmp_path / "lamp" / "recordings").clips if clip.word == "lumos"]
    assert sum(clip.speaker == "pieces" for clip in clips) == 300 and {clip.source for clip in clips} == {"synth"}


def test_a_word_that_no_english_voice_can_read_waits_for_takes(tmp_path, few, radio):
    made = run("new", tmp_path / "lamp", "--word", "лампа", "--talk", radio)
    assert made.exit_code == 0, made.output
    assert "nobody says it here: 'лампа': the synthesizers speak English" in made.output
    words = {clip.word for clip in scan(tmp_path / "lamp" / "recordings").clips}
    assert "лампа" not in words and len(words) > 20


def test_without_a_network_talk_is_synthesized_and_the_command_says_so(tmp_path, few, monkeypatch):
    def fails(*_, **__):
        raise DownloadError("no route to host")

    monkeypatch.setattr("kws.data.talk_sources.fetch", fails)
    made = run("new", tmp_path / "lamp", "--word", "lumos")
    assert made.exit_code == 0, made.output
    assert "no route to host" in made.output and "by synthesizers" in made.output
    talk = find_talk(tmp_path / "lamp" / "recordings")
    assert {one.split for one in talk} == {"training", "validation", "testing"} and 10 <= len(talk) <= 25


def test_what_cannot_be_is_said_before_anything_is_made(tmp_path, few):
    for arguments, text in ((("--word", "lumos", "--from", tmp_path / "none"), "no base"),
                            (("--word", "yes"), "one of the words that base was taught"),
                            (("--word", "lumos", "--keywords", "a"), "either --keywords or --word"),
                            (("--keywords", "lumos", "--talk", tmp_path), "only with --word"),
                            (("--word", "lumos", "--talk", tmp_path / "nowhere"), "no such folder; name one with"),
                            (("--word", "_x_"), "--word")):
        result = run("new", tmp_path / "lamp", *arguments)
        assert result.exit_code in (1, 2) and text in result.output, result.output
        assert not (tmp_path / "lamp").exists()


def test_another_word_in_the_same_folder_is_refused(tmp_path, few, radio):
    assert run("new", tmp_path / "lamp", "--word", "lumos", "--talk", radio).exit_code == 0
    other = run("new", tmp_path / "lamp", "--word", "nox", "--talk", radio)
    assert other.exit_code == 1 and "already exists, for lumos" in other.output


def test_a_base_that_nobody_may_write_is_ours_in_the_new_workspace(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "metrics.json").write_text("{}")
    (base / "metrics.json").chmod(0o444)
    base.chmod(0o555)
    copy_run(base, tmp_path / "models")
    copied = tmp_path / "models" / "base"
    assert copied.stat().st_mode & 0o200 and (copied / "metrics.json").stat().st_mode & 0o200
