"""The command line as a person meets it: help, exit statuses, one line instead of a traceback."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kws.cli import app
from kws.cli.common import Commands, DirectoryOption, JsonOption, RunOption, counted, print_json, workspace
from kws.cli.reference import reference
from kws.errors import DataError
from kws.spec import ModelSpec, Spec
from kws.specfile import read_spec
from tests.helpers.missing import NO_PORTAUDIO
from tests.helpers.paths import ROOT
from tests.helpers.waiting import DEADLINE_S

runner = CliRunner()


def commands(group, path=()):
    """(words to type, command) of every command below `group`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands(typer.main.get_command(app)))
ELSEWHERE = "choose another place, or check the folder's permissions and the free space on its disk"


def run_kws(*arguments, **options):
    """A real process, as the console script starts it."""
    return subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=DEADLINE_S, **options)


def test_help_shows_what_a_person_types_and_no_types_of_python():
    page = reference()
    assert re.findall(r"<(?:list\[[^>]*|str|path|(?:int|float)(?: range)?)>|\]\.\.\.\]|\.\.\.\}", page) == []
    assert "kws data import [OPTIONS] {PATH}..." in page and "kws record [OPTIONS] [WORD]..." in page
    assert "TARGET <c|arduino|esp-idf|zephyr|tflm>" in page, "choices are listed"


def test_help_lists_the_commands_in_the_order_of_the_life_cycle():
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    commands = result.stdout.partition("Commands:\n")[2]
    assert "..." not in commands, "no description is cut off"
    listed = re.findall(r"^  (\w+)", commands, flags=re.MULTILINE)
    assert listed == ["new", "data", "record", "explore", "train", "average", "tune", "validate", "calibrate",
                      "compare", "ablate", "detect", "listen", "monitor", "export", "verify", "profile", "run"]
    assert set(listed) == {path[0] for path in ALL}


@pytest.mark.parametrize("group", ["data", "monitor"])
def test_no_description_in_a_group_is_cut_off(group):
    assert "..." not in runner.invoke(app, [group, "--help"]).stdout.partition("Commands:\n")[2]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself(path):
    result = runner.invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert f"Example: kws {' '.join(path)}" in text, "the docstring ends with an example"
    for parameter in ALL[path].params:
        assert parameter.name == "help" or parameter.help, f"{parameter.name} says nothing about itself"
    if path != ("new",):
        assert "-C, --directory DIR" in text


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["--nonsense"], ["new"], ["new", "x"], ["new", "--keywords", "a"],
    ["new", "x", "--keywords", "yes!"], ["new", "x", "--keywords", ""], ["new", "x", "--keywords", "a,a"],
    ["new", "x", "--keywords", "a", "--model", "big"],
], ids=" ".join)
def test_wrong_usage_is_status_2(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("arguments", "first"), [
    (["new", "x", "--keywords", "a", "--model", "?"], "linear"), (["train", "--model", "?"], "linear"),
    (["train", "--strategy", "?"], "mirrored"), (["train", "--backend", "?"], "tensorflow"),
    (["tune", "--model", "?"], "linear"), (["tune", "--cost", "?"], "instructions"),
    (["data", "synth", "--split", "?"], "training"), (["data", "synth", "--engine", "pico,?"], "pico"),
    (["data", "import", "x", "--layout", "?"], "word"), (["data", "check", "--kind", "?"], "unreadable"),
    (["data", "stream", "x.wav", "--preset", "?"], "home"), (["data", "stream", "x.wav", "--device", "?"], "none"),
    (["data", "stream", "x.wav", "--rate", "?"], "16000"), (["profile", "--cpu", "?"], "cortex-m0plus"),
    (["export", "?", "--out", "x"], "c"), (["run", "--target", "?"], "c"),
], ids=str)
def test_a_wrong_choice_names_what_there_is(arguments, first):
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2 and f"'?' is not one of '{first}'" in result.stderr
    assert "Value error" not in result.stderr  # typer's own words


def test_starting_up_imports_nothing_slow():
    """What keeps `kws --help` below 0.3 s."""
    slow = {"numpy", "scipy", "rich", "soundfile", "sounddevice", "soxr", "cffi", "tflite", "librosa", "tensorflow"}
    code = "import sys, kws.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert slow.intersection(loaded) == set()


def test_a_missing_sound_library_breaks_no_command():
    """sounddevice raises OSError when it is imported without libportaudio2."""
    code = NO_PORTAUDIO + """
import pkgutil, importlib, kws
for module in pkgutil.walk_packages(kws.__path__, "kws."):
    if module.name not in ("kws.__main__", "kws.native.build"):
        importlib.import_module(module.name)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_version():
    result = runner.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.count(".") == 2


def test_numbers_are_counted_as_people_do():
    assert [counted(n, "near miss", "near misses") for n in (0, 1, 1200)] == \
        ["0 near misses", "1 near miss", "1,200 near misses"]
    assert [counted(n, "overflow") for n in (1, 2)] == ["1 overflow", "2 overflows"]


class TestNew:
    def test_takes_the_network_that_is_recommended(self, tmp_path):
        assert runner.invoke(app, ["new", str(tmp_path / "mine"), "--keywords", "yes"]).exit_code == 0
        assert read_spec(tmp_path / "mine/kws.toml").model.name == "ds_cnn"

    def test_makes_a_workspace_that_reads_back(self, tmp_path):
        folder = tmp_path / "mine"
        result = runner.invoke(app, ["new", str(folder), "--keywords", "hello, good-bye", "--model", "linear"])
        assert result.exit_code == 0
        assert read_spec(folder / "kws.toml") == Spec(keywords=("hello", "good-bye"), model=ModelSpec(name="linear"))
        assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "kws.toml", "models", "recordings"]
        assert "kws.toml: 2 keywords, model linear" in result.stdout
        assert f"cd {folder}\n" in result.stdout
        assert "kws data synth hello good-bye --count 300" in result.stdout

    def test_every_command_that_it_names_exists(self, tmp_path):
        result = runner.invoke(app, ["new", str(tmp_path / "mine"), "--keywords", "yes"])
        named = [line.split() for line in result.stdout.splitlines() if line.startswith("  kws ")]
        assert len(named) >= 5
        for words in named:
            assert tuple(words[1:2]) in ALL or tuple(words[1:3]) in ALL, words

    def test_never_overwrites(self, tmp_path):
        (tmp_path / "kws.toml").write_text("mine")
        result = runner.invoke(app, ["new", str(tmp_path), "--keywords", "yes"])
        assert result.exit_code == 1
        assert result.stderr == f"error: {tmp_path / 'kws.toml'} already exists; edit it, or name another folder\n"
        assert [path.name for path in tmp_path.iterdir()] == ["kws.toml"]
        assert (tmp_path / "kws.toml").read_text() == "mine"

    def test_keeps_what_is_there(self, tmp_path):
        (tmp_path / ".gitignore").write_text("mine")
        (tmp_path / "recordings").mkdir()
        assert runner.invoke(app, ["new", str(tmp_path), "--keywords", "yes"]).exit_code == 0
        assert (tmp_path / ".gitignore").read_text() == "mine"

    def test_a_place_that_cannot_be_written_is_one_line(self, tmp_path):
        (tmp_path / "file").write_text("")
        result = run_kws("new", tmp_path / "file" / "inner", "--keywords", "yes")
        assert result.returncode == 1
        assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


def example(error: BaseException | None = None, *, name: str = "show") -> typer.Typer:
    """A command line made of the shared parts."""
    program = typer.Typer(cls=Commands)

    @program.callback()
    def root(directory: DirectoryOption = None) -> None:
        pass

    @program.command(name)
    def show(directory: DirectoryOption = None, run: RunOption = None, as_json: JsonOption = False) -> None:
        if error is not None:
            raise error
        found = workspace(directory)
        if as_json:
            print_json({"root": str(found.root), "run": run})
        else:
            print(found.root)

    return program


class TestShared:
    @pytest.mark.parametrize("arguments", [
        ["-C", "{}", "show"], ["show", "-C", "{}"], ["--directory", "{}", "show"], ["show", "--directory={}"],
        ["-C", "/nowhere", "show", "-C", "{}"],
    ], ids=" ".join)
    def test_the_workspace_may_be_named_in_both_places(self, arguments, tmp_path):
        (tmp_path / "kws.toml").write_text('keywords = ["yes"]')
        result = runner.invoke(example(), [argument.format(tmp_path) for argument in arguments])
        assert (result.exit_code, result.stdout) == (0, f"{tmp_path}\n")

    def test_json_is_one_line(self, tmp_path):
        (tmp_path / "kws.toml").write_text('keywords = ["yes"]')
        result = runner.invoke(example(), ["show", "-C", str(tmp_path), "--json", "--run", "ü"])
        assert result.stdout == f'{{"root": "{tmp_path}", "run": "ü"}}\n'

    def test_no_workspace_is_status_1(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = runner.invoke(example(), ["show"])
        assert result.exit_code == 1
        assert result.stderr.startswith("error: no kws.toml in ") and "kws new DIR" in result.stderr

    @pytest.mark.parametrize(("error", "status", "line"), [
        (DataError("too quiet; record again"), 1, "error: too quiet; record again\n"),
        (OSError(28, "No space left on device", "x.wav"), 1, f"error: x.wav: No space left on device; {ELSEWHERE}\n"),
        (OSError(13, "Permission denied", "a/.out.1f-0123abcd.tmp"),
         1, f"error: a/out: Permission denied; {ELSEWHERE}\n"),
        (OSError("PortAudio library not found"), 1, "error: PortAudio library not found\n"),
        (OSError(28, "No space left on device"), 1, f"error: No space left on device; look at the free space and the "
         f"permissions of this folder and of {tempfile.gettempdir()}, for files in between\n"),
        (EOFError("marshal data too short"), 1, "error: a compiled file of Python is cut off (marshal data too short), "
         f"as a full disk leaves it; remove the folders __pycache__ below {ROOT / 'kws'} and {sys.prefix}\n"),
        (EOFError(), 1, "error: the input ended before the answer\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ], ids=repr)
    def test_what_goes_wrong_ends_in_one_line(self, error, status, line):
        result = runner.invoke(example(error), ["show"])
        assert (result.exit_code, result.stderr, result.stdout) == (status, line, "")

    def test_ctrl_c_says_when_the_same_command_goes_on(self):
        result = runner.invoke(example(KeyboardInterrupt(), name="train"), ["train"])
        assert (result.exit_code, result.stderr) == (130, "interrupted; run the same command again to continue\n")

    def test_a_mistake_of_ours_is_not_hidden(self):
        result = runner.invoke(example(ZeroDivisionError()), ["show"])
        assert isinstance(result.exception, ZeroDivisionError)


def test_python_m_kws_is_the_same_program():
    result = run_kws("--help", cwd=Path(__file__).parent)
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: kws [OPTIONS] COMMAND [ARGS]...")
