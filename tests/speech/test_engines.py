"""Speech engines behind one interface: who speaks, what is refused, and that a voice stays in its split."""

import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from kws.data.corpus import speaker_of, split_of
from kws.errors import DataError
from kws.speech.engines.espeak import Espeak
from kws.speech.engines.interface import Engine
from kws.speech.engines.pico import Pico
from kws.speech.engines.programs import Command, Festival, Flite
from kws.speech.engines.registry import ENGINES, choose_engines, installed, make_engine, missing
from kws.speech.synthesis import Made, make_clips, takes


class Tone(Engine):
    """An engine with two people, one of whom trains; a word is a tone as long as its letters are many."""

    name, licence, install = "tone", "none", "nothing"

    def voices(self) -> tuple[str, ...]:
        return ("low", "high")

    def speaker(self, voice: str) -> str:
        return {"low": "festvox-slt", "high": "festvox-awb"}[voice]  # training, testing

    def speak(self, text: str, voice: str, *, rng: np.random.Generator) -> np.ndarray:
        hz = {"low": 200, "high": 400}[voice]
        return (0.5 * np.sin(2 * np.pi * hz * np.arange(1_000 * len(text)) / 16_000)).astype(np.float32)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("engine", [Pico(), Flite(), Espeak()], ids=lambda engine: engine.name)
def test_an_engine_says_the_same_again_and_another_word_otherwise(engine):
    if not engine.voices():
        pytest.skip(f"{engine.name} is not installed: {engine.install}")
    for voice in engine.voices()[:2]:
        first, again = (engine.speak("computer", voice, rng=rng()) for _ in range(2))
        assert first.dtype == np.float32 and 0.05 < np.abs(first).max() <= 1 and 4_800 < len(first) < 20_000
        assert np.array_equal(first, again)
        assert len(first) > 1.3 * len(engine.speak("up", voice, rng=rng()))
        assert not np.array_equal(first, engine.speak("computer", voice, rng=rng(2)))


def test_one_person_has_one_name_in_two_engines():
    assert Flite().speaker("slt") == Festival().speaker("cmu_us_slt_arctic_hts") == "festvox-slt"
    names = {Flite().file_name("slt", 10_000), Festival().file_name("cmu_us_slt_arctic_hts", 10_000)}
    assert names == {"festvox-slt_nohash_flite10000.wav", "festvox-slt_nohash_festival10000.wav"}
    assert {speaker_of(name) for name in names} == {"festvox-slt"}


def test_engines_take_turns_and_espeak_speaks_where_nobody_else_can():
    cast = takes("yes", count=100, seed=1, engines=(Tone(), Espeak()))
    by_split = {split: [take for take in cast if split_of(speaker_of(take.file_name)) == split]
                for split in ("training", "validation", "testing")}
    assert [len(part) for part in by_split.values()] == [80, 10, 10]
    assert {(take.engine.name, take.voice) for take in by_split["training"]} == {("tone", "low")}
    assert {(take.engine.name, take.voice) for take in by_split["testing"]} == {("tone", "high")}
    assert {take.engine.name for take in by_split["validation"]} == {"espeak"}
    assert len({take.file_name for take in cast}) == 100


def test_a_split_without_voices_gets_no_clips():
    assert {split_of(speaker_of(take.file_name)) for take in takes("no", count=50, seed=1, engines=(Tone(),))} == {
        "training", "testing"}


def test_clips_of_an_engine_of_ones_own(tmp_path):
    assert make_clips(tmp_path, ("yes",), count=20, engines=(Tone(),), split="training") == Made(18, 0)
    assert make_clips(tmp_path, ("yes",), count=20, engines=(Tone(),), split="training") == Made(0, 18)
    assert {speaker_of(path.stem) for path in (tmp_path / "yes").iterdir()} == {"festvox-slt"}


def program(folder: Path, body: str) -> Path:
    """A synthesizer: `body` has `text` and `out`, and may write half a second of a tone with tone(out)."""
    path = folder / "speaker"
    path.write_text(f"""#!{sys.executable}
import sys, wave, array, math
def tone(out):
    with wave.open(out, "wb") as file:
        file.setnchannels(1); file.setsampwidth(2); file.setframerate(8000)
        file.writeframes(array.array("h", [int(9000 * math.sin(i)) for i in range(4000)]).tobytes())
out = sys.argv[1]
text = sys.argv[2] if len(sys.argv) > 2 else sys.stdin.read()
{body}
""")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_command_of_the_users_is_a_voice(tmp_path):
    said = tmp_path / "said.txt"
    path = program(tmp_path, f"open({str(said)!r}, 'a').write(text.strip() + '|'); tone(out)")
    for command in (f"{path} {{out}} {{text}}", f"{path} {{out}}"):
        engine = Command(command)
        assert engine.voices() == ("speaker",) and engine.speaker("speaker") == "command-speaker"
        audio = engine.speak("two words; `x`", "speaker", rng=rng())
        assert audio.dtype == np.float32 and len(audio) == pytest.approx(8_000, abs=20)
    assert said.read_text() == "two words; `x`|two words; `x`|"


def test_a_word_in_other_letters_is_said_by_the_users_command_alone(tmp_path):
    own = Command(f"{program(tmp_path, 'tone(out)')} {{out}}")
    with pytest.raises(DataError, match="'лампа': the synthesizers speak English, and cannot read its letters; record"):
        make_clips(tmp_path / "all", ("lamp", "лампа"), count=3, engines=(Espeak(), own))
    assert not (tmp_path / "all").exists()
    assert make_clips(tmp_path / "own", ("лампа",), count=3, engines=(own,)).written == 3
    assert make_clips(tmp_path / "latin", ("grün",), count=3, engines=(Espeak(),)).written == 3


@pytest.mark.parametrize(("body", "reason"), [("sys.exit('no such model')", "no such model"), ("pass", "no file"),
                                              ("open(out, 'w').write('x')", "cannot be read as audio")])
def test_a_command_that_fails_is_quoted(tmp_path, body, reason):
    with pytest.raises(DataError, match=reason):
        Command(f"{program(tmp_path, body)} {{out}}").speak("yes", "speaker", rng=rng())


@pytest.mark.parametrize("command", ["", "piper {text}", "piper '{out}"])
def test_a_command_without_a_place_for_the_file_is_refused(command):
    with pytest.raises(DataError, match="--engine-command"):
        Command(command)


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(DataError, match="no program not-a-synthesizer"):
        choose_engines((), "not-a-synthesizer {out}")


def test_unknown_and_missing_engines_say_what_to_do(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(DataError, match="apt-get install flite"):
        choose_engines(("espeak", "flite"))
    assert {engine.name for engine in missing()} >= {"flite", "festival"}
    monkeypatch.setitem(sys.modules, "py_nanotts", None)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DataError, match="none is installed"):
        installed()


def test_engines_are_asked_for_by_name_once_each():
    assert [engine.name for engine in choose_engines(("espeak", "pico", "espeak"))] == ["espeak", "pico"]
    assert [engine.name for engine in choose_engines(())] == [engine.name for engine in installed()]
    assert {make_engine(name).name: name for name in ENGINES} == {name: name for name in ENGINES}
    assert all(make.licence and make.install for make in map(type, choose_engines(())))
