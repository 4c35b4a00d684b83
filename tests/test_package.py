"""What is installed and shown: dependencies, their lock, the wheel with the C engine and its sources, the README."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "constraints.txt").read_text()


def names(requirements):
    return {re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements}


def locked_parts():
    """Part of constraints.txt -> {package: its block of lines}."""
    parts = re.split(r"^# \[(\w+)\]\n", LOCK, flags=re.MULTILINE)[1:]
    return {name: {block.partition("==")[0]: block for block in re.split(r"\n(?=\S)", text.strip())}
            for name, text in zip(parts[::2], parts[1::2], strict=True)}


def test_the_base_is_light():
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras) == {"train", "tune", "card", "dev", "device"}
    base = locked_parts()["base"]
    assert not {"tensorflow", "librosa", "keras", "scipy", "matplotlib", "ziglang"}.intersection(base)
    assert {"tensorflow", "librosa"} <= names(extras["train"])
    assert {"ziglang"} <= names(extras["device"]), "half a gigabyte that neither the demo nor the tests need"


def test_the_lock_names_every_dependency_once_with_hashes():
    parts = locked_parts()
    assert list(parts) == ["build", "base", "train", "tune", "card", "dev", "device"]
    everything = [name for part in parts.values() for name in part]
    assert len(everything) == len(set(everything))
    for part in parts.values():
        for block in part.values():
            assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( \\\n +--hash=sha256:[0-9a-f]{64})+", block)
    project = PROJECT["project"]
    wanted = {"build": PROJECT["build-system"]["requires"], "base": project["dependencies"],
              **project["optional-dependencies"]}
    locked = set()
    for name, part in parts.items():
        locked |= set(part)
        assert names(wanted[name]) <= locked


def test_the_lock_holds_no_address():
    assert not re.search(r"https?:|file:|index|find-links|@ ", LOCK)


def test_scripts_are_sound_shell():
    for name in ("scripts/setup", "scripts/test", "scripts/demo", ".ci/run"):
        path = ROOT / name
        assert path.stat().st_mode & 0o100, f"{name} is not executable"
        subprocess.run(["bash", "-n", path], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that pip builds from the tracked sources alone."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md"):
        shutil.copy(ROOT / name, source)
    built = shutil.ignore_patterns("*.so", "*.o", "_native.c", "__pycache__")
    shutil.copytree(ROOT / "kws", source / "kws", ignore=built)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
                    "--wheel-dir", target, source], check=True, stdin=subprocess.DEVNULL)
    return next(target.glob("kws-*.whl"))


def test_the_wheel_holds_the_engine_and_its_sources(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    sources = {f"kws/engine/csrc/{path.name}" for path in (ROOT / "kws/engine/csrc").glob("*.[ch]")}
    assert sources and sources <= inside
    assert any(re.fullmatch(r"kws/engine/_native\..*(so|pyd)", name) for name in inside)
    assert not any(name.startswith("tests/") for name in inside)


def test_the_wheel_runs_away_from_the_repository(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import kws, kws.engine._native as native; assert native.lib; print(kws.__file__)"
    result = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
                            capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(tmp_path))


def test_the_readme_shows_every_stage():
    tree = (ROOT / "README.md").read_text().partition("## Where things are")[2].split("```")[1]
    stages = {path.parent.name for path in (ROOT / "kws").glob("*/__init__.py")}
    assert stages == {stage for stage in stages if f"\n  {stage}/ " in tree}
    assert stages == set(re.findall(r"^  (\w+)/ ", tree, flags=re.MULTILINE))
