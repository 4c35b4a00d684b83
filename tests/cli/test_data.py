"""kws data at the command line: exit status, what goes to stdout and what to stderr."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from kws.cli import app
from kws.data import speech_commands
from kws.data.import_report import Imported


@pytest.fixture
def place(tmp_path) -> Path:
    """A workspace for yes and no."""
    result = run("new", str(tmp_path / "ws"), "--keywords", "yes,no")
    assert result.exit_code == 0, result.output
    return tmp_path / "ws"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def sound(path: Path, samples: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.resize(np.array([9_000, -9_000], np.int16), samples), 16_000)
    return path


@pytest.mark.parametrize("command", ["download", "import", "synth", "stats"])
def test_help_has_an_example(command):
    result = run("data", command, "--help")
    assert result.exit_code == 0 and f"Example: kws data {command}" in result.stdout
    assert command in run("data", "--help").stdout


def test_synth_then_stats(place):
    result = run("-C", str(place), "data", "synth", "--count", "10", "--unknown", "0", "--no-noise")
    assert (result.exit_code, result.stdout) == (0, "yes, no: 20 written, 0 there already\n")
    result = run("data", "synth", "no", "-C", str(place), "--count", "12", "--unknown", "0", "--no-noise")
    assert result.stdout == "no: 2 written, 10 there already\n"
    assert (place / "recordings/synth/.synthesized").is_file()
    result = run("-C", str(place), "data", "stats", "--json")
    stats = json.loads(result.stdout)
    assert result.exit_code == 3 and "requirements are not met" in result.stderr
    assert stats["words"]["no"]["clips"] == 12 and stats["words"]["yes"]["testing"] == 1
    toml = (place / "kws.toml").read_text()
    (place / "kws.toml").write_text(toml.replace("clips_per_word = 50", "clips_per_word = 10"))
    result = run("-C", str(place), "data", "stats")
    assert result.exit_code == 0 and "yes *" in result.stdout and result.stderr == ""


def test_synth_a_test_recording(place):
    result = run("-C", str(place), "data", "synth", "--stream", str(place / "t.flac"), "--count", "1")
    assert result.exit_code == 0 and "with 2 keywords" in result.stdout
    assert (place / "t.csv").read_text().startswith("start_s,end_s,keyword\n")
    assert not (place / "recordings/synth").exists()


def test_import_reports_and_notes(place, tmp_path):
    sound(tmp_path / "mine/yes/a.wav", 8_000)
    sound(tmp_path / "mine/_silence_/b.wav")
    for i in range(25):
        path = tmp_path / f"mine/no/{i}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_text("broken")
    result = run("-C", str(place), "data", "import", str(tmp_path / "mine"))
    assert result.exit_code == 0
    assert result.stdout == (f"{place}/recordings/mine: 1 written, 0 there already; "
                             "1 padded, 0 cut to the word\n  yes: 1 clip by 1 speaker\n")
    assert result.stderr.count("cannot be read as audio") == 20 and "left out: 5 more" in result.stderr
    assert "kws validate --clips" in result.stderr and "--speaker" in result.stderr
    result = run("-C", str(place), "data", "import", str(tmp_path / "mine"))
    assert "0 written, 1 there already" in result.stdout


def test_import_single_files(place, tmp_path):
    files = [str(sound(tmp_path / name, 16_000 + i)) for i, name in enumerate(("a.wav", "b.flac"))]
    result = run("-C", str(place), "data", "import", *files)
    assert result.exit_code == 1 and "error: " in result.stderr and "--word yes" in result.stderr
    result = run("-C", str(place), "data", "import", *files, "--word", "yes", "--speaker", "anna")
    assert result.exit_code == 0
    assert all(path.name.startswith("anna_nohash_") for path in (place / "recordings/own/yes").iterdir())


def test_wrong_names_end_with_status_1(place, tmp_path):
    file = str(sound(tmp_path / "a.wav"))
    for arguments in (("import", file, "--word", "yes", "--source", "../x"), ("synth", "../yes"),
                      ("import", str(tmp_path / "missing")), ("stats",), ("download", "--url", "ftp://x/y.zip")):
        result = run("-C", str(place), "data", *arguments)
        assert result.exit_code == 1 and result.stderr.startswith("error: ") and result.stdout == "", arguments
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("import",), ("synth", "yes", "--count", "0"), ("stats", "extra")])
def test_wrong_usage_ends_with_status_2(place, arguments):
    assert run("-C", str(place), "data", *arguments).exit_code == 2


def test_download_says_what_it_did(place, monkeypatch):
    answers = [speech_commands.Downloaded("ab" * 32, Imported(written=5, padded=1)),
               speech_commands.Downloaded("ab" * 32, None)]
    asked = []

    def pretend(folder, downloads, **settings):
        asked.append((folder.name, settings["url"]))
        return answers.pop(0)

    monkeypatch.setattr(speech_commands, "download", pretend)
    result = run("-C", str(place), "data", "download", "--url", "http://localhost/w.zip", "--source", "words")
    assert "5 written" in result.stdout and f"--sha256 {'ab' * 32}" in result.stderr
    result = run("-C", str(place), "data", "download")
    assert result.stdout == f"{place}/recordings/speech_commands: complete already\n"
    assert asked == [("words", "http://localhost/w.zip"), ("speech_commands", speech_commands.URL)]
