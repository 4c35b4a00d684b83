"""Keywords in any language, as people write them: from kws new to the exported C and back."""

import subprocess
import sys

import pytest

from kws.export.csource import text_literal
from kws.listen.serial.protocol import Detected, parse
from kws.specfile import parse_spec, write_spec
from kws.words import fault, is_word, normal
from tests.helpers.paths import ROOT

WORDS = ("grün", "开灯", "включи", "चालू", "hey_jarvis", "don't", "stop")


@pytest.mark.parametrize("word", WORDS)
def test_words_of_any_language_are_words(word):
    assert is_word(word) and fault(word) is None and normal(word) == word


@pytest.mark.parametrize(("written", "meant"), [
    ("Hey Jarvis", "hey_jarvis"), ("GRÜN", "grün"), ("gru\u0308n", "grün"), ("  go  ", "go"), ("Включи", "включи"),
])
def test_what_people_write_has_one_normal_form(written, meant):
    assert normal(written) == meant and not is_word(written)
    assert f"write {meant!r}" in fault(written)


@pytest.mark.parametrize(
    "wrong", ["", "_background_noise_", "../x", "a/b", "a\nb", "-x", "x" * 41, "字" * 41, "yes!", 7])
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
