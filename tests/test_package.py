"""What is installed and shown: dependencies, their lock, the wheel with the C engine and its sources, the README."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import kws
from kws.native.build import sources
from tests.helpers.paths import ROOT
from tests.helpers.rooms import ORDER

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
CONSTRAINTS = (ROOT / "constraints.txt").read_text()


def names(requirements):
    return {re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements}


def locked_parts():
    """Part of requirements.lock -> {package: its block of lines}."""
    parts = re.split(r"^# \[(\w+)\]\n", LOCK, flags=re.MULTILINE)[1:]
    return {name: {block.partition("==")[0]: block for block in re.split(r"\n(?=\S)", text.strip())}
            for name, text in zip(parts[::2], parts[1::2], strict=True)}


def test_the_base_is_light():
    extras = PROJECT["project"]["optional-dependencies"]
    assert {"train", "tune", "card", "dev", "docs", "device"} <= set(extras)
    base = locked_parts()["base"]
    assert not {"tensorflow", "librosa", "keras", "scipy", "matplotlib", "ziglang"}.intersection(base)
    assert {"tensorflow", "librosa"} <= names(extras["train"])
    assert {"ziglang"} <= names(extras["device"]), "half a gigabyte that neither the demo nor the tests need"


def test_each_part_of_the_lock_names_all_that_it_needs_with_hashes():
    parts = locked_parts()
    assert list(parts) == ["build", "base", *PROJECT["project"]["optional-dependencies"]]
    ground = {**parts.pop("build"), **parts.pop("base")}
    blocks: dict[str, str] = {}
    for part in parts.values():
        assert not ground.keys() & part.keys()
        assert all(blocks.setdefault(name, block) == block for name, block in part.items()), "one version for all parts"
    parts = locked_parts()
    for part in parts.values():
        for block in part.values():
            assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( \\\n +--hash=sha256:[0-9a-f]{64})+", block)
    project = PROJECT["project"]
    wanted = {"build": PROJECT["build-system"]["requires"], "base": project["dependencies"],
              **project["optional-dependencies"]}
    for name, part in parts.items():
        assert names(wanted[name]) <= set(part) | set(ground)


def test_the_lock_and_the_constraints_hold_no_address():
    assert not re.search(r"https?:|file:|index|find-links|@ ", LOCK + CONSTRAINTS)


def test_the_constraints_are_the_versions_of_the_lock_without_hashes():
    locked = {block.split()[0] for part in locked_parts().values() for block in part.values()}
    assert set(CONSTRAINTS.splitlines()[1:]) == locked


def test_set_up_explains_itself_and_installs_nothing_for_it():
    known = [name for name in locked_parts() if name not in ("build", "base")]
    for arguments, status in ((["--help"], 0), (["train", "-h"], 0), (["trian"], 2)):
        result = subprocess.run([ROOT / "scripts/setup", *arguments], capture_output=True, text=True)
        assert result.returncode == status
        assert all(name in result.stdout + result.stderr for name in known)


def test_scripts_are_sound_shell():
    for name in ("scripts/setup", "scripts/test", "scripts/demo", "scripts/bench", "scripts/check", ".ci/run"):
        path = ROOT / name
        assert path.stat().st_mode & 0o100, f"{name} is not executable"
        subprocess.run(["bash", "-n", path], check=True)


def copy_sources(target):
    """What pip needs of the repository, nothing compiled."""
    target.mkdir(exist_ok=True)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target)
    built = shutil.ignore_patterns("*.so", "*.o", "_native.c", "__pycache__")
    shutil.copytree(ROOT / "kws", target / "kws", ignore=built)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that pip builds from the tracked sources alone."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    copy_sources(source)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
                    "--wheel-dir", target, source], check=True, stdin=subprocess.DEVNULL)
    return next(target.glob("kws-*.whl"))


def test_the_wheel_holds_the_engine_and_its_sources(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    shipped = {str(path.relative_to(ROOT)) for path in sources().values()}
    assert shipped and shipped <= inside
    assert any(re.fullmatch(r"kws/native/_native\..*(so|pyd)", name) for name in inside)
    assert not any(name.startswith("tests/") for name in inside)


def test_one_wheel_serves_every_python_from_3_11_on(wheel):
    assert re.fullmatch(r"kws-[\d.]+-cp311-abi3-\w+\.whl", wheel.name)


def test_the_wheel_carries_the_licence(wheel):
    inside = {name.partition("/")[2]: name for name in zipfile.ZipFile(wheel).namelist()}
    licence = (ROOT / "LICENSE").read_bytes()
    assert b"Apache License" in licence
    assert zipfile.ZipFile(wheel).read(inside["licenses/LICENSE"]) == licence
    assert zipfile.ZipFile(wheel).read("kws/export/templates/LICENSE") == licence
    assert "License-Expression: Apache-2.0" in zipfile.ZipFile(wheel).read(inside["METADATA"]).decode()


def fresh_environment(folder):
    """A virtual environment with this one's packages but without its kws; the path of its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True,
                          capture_output=True, text=True).stdout.strip()
    (Path(site) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def install(python, *arguments):
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index",
                    "--no-build-isolation", *arguments], check=True, stdin=subprocess.DEVNULL)


def run(command, *, cwd, path=os.defpath):
    """stdout of a command that sees neither this repository nor this environment."""
    result = subprocess.run(command, cwd=cwd, env={"PATH": path, "HOME": str(cwd)}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_wheel_detects_in_a_fresh_environment_without_a_compiler(wheel, tmp_path):
    python = fresh_environment(tmp_path / "environment")
    install(python, wheel)
    (tmp_path / "nothing").mkdir()
    command = ["detect", "--run", ROOT / "models/commands", ROOT / "recordings/demo/commands.flac", "--json"]
    heard = run([python.with_name("kws"), *command], cwd=tmp_path, path=str(tmp_path / "nothing"))
    assert heard.count("keyword") > 10
    assert heard == run([sys.executable, "-m", "kws", *command], cwd=ROOT)


@pytest.mark.slow
def test_a_clone_called_kws_does_not_hide_the_package_from_who_stands_beside_it(tmp_path):
    copy_sources(tmp_path / "kws")
    python = fresh_environment(tmp_path / "environment")
    install(python, "--editable", tmp_path / "kws")
    assert run([python, "-c", "import kws; print(kws.load.__name__, kws.__version__)"], cwd=tmp_path) == \
        f"load {kws.__version__}\n"


def test_the_readme_shows_every_room_in_the_order_of_imports():
    tree = (ROOT / "README.md").read_text().partition("## Where things are")[2].split("```")[1]
    rooms = {path.parent.name for path in (ROOT / "kws").glob("*/__init__.py")}
    shown = re.findall(r"^  (\w+)/ ", tree, flags=re.MULTILINE)
    assert set(shown) == rooms
    assert shown == [name for name in ORDER if name in rooms]
    assert tree.splitlines()[2].replace("(every setting)", "").replace("(kws.toml)", "").split() == [
        name for name in ORDER if name not in rooms and name != "__main__"]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
