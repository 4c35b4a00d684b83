"""A lone speaker, and keywords in any language as people write them: from kws new to the exported C and back."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.bench import tones
from kws.export.csource import text_literal
from kws.listen.serial.protocol import Detected, parse
from kws.specfile import parse_spec, write_spec
from kws.words import fault, is_word, normal
from tests.helpers.paths import ROOT

WORDS = ("grün", "开灯", "включи", "चालू", "hey_jarvis", "don't", "stop", "مرحبا", "שלום", "สวัสดี",
         "می\u200cخواهم", "ක්\u200dෂ")  # Persian and Sinhala join and part letters with a character of no width


@pytest.mark.parametrize("word", WORDS)
def test_words_of_any_language_are_words(word):
    assert is_word(word) and fault(word) is None and normal(word) == word


@pytest.mark.parametrize(("written", "meant"), [
    ("Hey Jarvis", "hey_jarvis"), ("GRÜN", "grün"), ("gru\u0308n", "grün"), ("  go  ", "go"), ("Включи", "включи"),
    ("don’t", "don't"), ("שלום\u200f", "שלום"), ("\ufeffstop", "stop"), ("\u2067مرحبا\u2069", "مرحبا"),
])
def test_what_people_write_has_one_normal_form(written, meant):
    assert normal(written) == meant and not is_word(written)
    assert f"write {meant!r}" in fault(written)


@pytest.mark.parametrize(
    "wrong", ["", "_background_noise_", "../x", "a/b", "a\nb", "-x", "x" * 41, "字" * 41, "yes!", 7, "👋", "a\u200db",
              "مر\u200c"])
def test_what_is_no_word_is_refused(wrong):
    assert not is_word(wrong) and "must be a word of letters and digits" in fault(wrong)


def test_kws_toml_takes_them_as_written():
    spec = parse_spec('keywords = ["Hey Jarvis", "gru\u0308n", "开灯"]')
    assert spec.keywords == ("hey_jarvis", "grün", "开灯")
    assert '"开灯"' in write_spec(spec) and parse_spec(write_spec(spec)) == spec


def test_kws_new_takes_them_and_prints_them_in_any_character_set(tmp_path):
    command = [sys.executable, "-m", "kws", "new", tmp_path / "w", "--keywords", "Hey Jarvis, grün,开灯"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin"})
    assert done.returncode == 0, done.stderr
    assert b"gr\\xfcn" in done.stdout
    assert parse_spec((tmp_path / "w/kws.toml").read_text("utf-8")).keywords == ("hey_jarvis", "grün", "开灯")


def test_exported_c_holds_them_whatever_the_compiler_assumes(tmp_path):
    texts = [*WORDS, 'a"b\\c??/d']
    program = ("#include <stdio.h>\nint main(void)\n{\n"
               + "".join(f"    puts({text_literal(text)});\n" for text in texts) + "    return 0;\n}\n")
    assert program.isascii()
    (tmp_path / "words.c").write_text(program)
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Werror", "words.c", "-o", "words"], cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "words"], capture_output=True, check=True).stdout.decode()
    assert said.splitlines() == texts


@pytest.mark.parametrize("word", WORDS)
def test_a_device_says_them_on_its_line(word):
    assert parse(f"detected {word} 1200 250".encode()) == Detected(word, 1200, 250)


def kws(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
                          encoding="utf-8", stdin=subprocess.DEVNULL,
                          env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment})


def test_printed_commands_can_be_pasted(tmp_path):
    """don't and a folder with a space in it, as a shell takes them."""
    done = kws("new", tmp_path / "my words", "--keywords", "don't,stop")
    commands = [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("  cd") or " synth " in line]
    assert commands == [["cd", str(tmp_path / "my words")],
                        ["kws", "data", "synth", "don't", "stop", "--count", "300"]]


def test_file_names_in_any_bytes(tmp_path):
    """Latin-1, as an old archive brings them; a folder of such a name is no word, and named."""
    clip = tones.spoken({0.1: "low"}, seconds=1, rng=np.random.default_rng(1))
    soundfile.write(tmp_path / "a.wav", clip, 16_000)
    for folder, name in ((b"on", b"gr\xfcn.wav"), (b"gr\xfcn", b"a.wav")):
        target = os.path.join(os.fsencode(tmp_path), b"in", folder)
        os.makedirs(target)
        shutil.copy(tmp_path / "a.wav", os.path.join(target, name))
    assert kws("new", tmp_path / "w", "--keywords", "on").returncode == 0
    for source, environment in (("a", {}), ("b", {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0",
                                                  "PYTHONCOERCECLOCALE": "0"})):
        done = kws("-C", tmp_path / "w", "data", "import", tmp_path / "in", "--source", source, **environment)
        assert done.returncode == 0 and "1 written" in done.stdout and "Traceback" not in done.stderr
        assert "left out: gr\\xfcn/a.wav: its folder is" in done.stderr
    [path] = [path for path in (tmp_path / "in/on").iterdir()]
    done = kws("detect", "--run", ROOT / "models/small", path)
    assert done.returncode == 0 and "gr\\xfcn.wav: 0 detections" in done.stderr


KEYWORDS = {"grün": 300, "开灯": 3_000, "hey_jarvis": 1_000}


@pytest.fixture(scope="module")
def lone_run(tmp_path_factory) -> Path:
    """A run of three keywords, of which anna alone said twenty takes each."""
    pytest.importorskip("keras", reason="Keras is not installed")
    folder, rng = tmp_path_factory.mktemp("lone"), np.random.default_rng(0)
    spec = replace(tones.LINEAR_SPEC, keywords=tuple(KEYWORDS))
    (folder / "kws.toml").write_text(write_spec(spec), "utf-8")
    for word in KEYWORDS:
        (folder / "recordings/own" / word).mkdir(parents=True)
        for take in range(20):
            soundfile.write(folder / f"recordings/own/{word}/anna_nohash_{take}.wav", said(word, 0.4, rng), 16_000)
    done = kws("train", "-C", folder, "--run", "lone")
    assert done.returncode == 3, done.stderr  # far fewer recordings than kws.toml asks for
    (folder / "notes").write_text(done.stderr, "utf-8")
    return folder / "models" / "lone"


def said(word: str, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A word in the middle of a recording, int16 [n]."""
    start, time = round((seconds - 0.2) * 8_000), np.arange(tones.TONE_SAMPLES) / 16_000
    audio = 30 * rng.standard_normal(round(seconds * 16_000))
    audio[start:start + len(time)] += 5_000 * np.hanning(len(time)) * np.sin(2 * np.pi * KEYWORDS[word] * time)
    return np.rint(audio).astype(np.int16)


@pytest.mark.train
def test_one_speaker_trains_and_is_told_what_the_figures_mean(lone_run):
    notes = (lone_run.parents[1] / "notes").read_text("utf-8")
    assert "takes are split" in notes and "this voice, not for other people" in notes
    splits = json.loads((lone_run / "metrics.json").read_text())["splits"]
    assert set(splits) == {"validation", "testing"}


@pytest.mark.train
def test_keywords_of_any_language_come_back_from_the_exported_c(lone_run, tmp_path):
    rng = np.random.default_rng(7)
    audio = np.concatenate([said(word, 1.5, rng) for word in KEYWORDS])
    soundfile.write(tmp_path / "a.wav", audio, 16_000)
    for environment in ({}, {"PYTHONIOENCODING": "utf-8", "LC_ALL": "C"}):
        done = kws("detect", "--run", lone_run, tmp_path / "a.wav", "--json", **environment)
        assert [json.loads(line)["keyword"] for line in done.stdout.splitlines()] == list(KEYWORDS), done.stderr
    assert kws("export", "c", "--run", lone_run, "--out", tmp_path / "c").returncode == 0
    subprocess.run(["make", "-s", "-C", tmp_path / "c"], check=True, capture_output=True)
    program = next(path for path in (tmp_path / "c").iterdir() if os.access(path, os.X_OK) and path.is_file())
    lines = subprocess.run([program], input=audio.tobytes(), capture_output=True, check=True).stdout.splitlines()
    heard = [event.keyword for line in lines if isinstance(event := parse(line), Detected)]
    assert heard == list(KEYWORDS)
