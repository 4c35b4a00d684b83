"""Build the wheel and install it into a fresh environment of every Python at hand, without a compiler.

    scripts/check wheel [PYTHON...]

PYTHON : interpreters; default: python3.11, python3.12 and python3.13, those of them that are installed. Each gets the
tested versions of constraints.txt, as wheels only, and a PATH without a compiler. All must hear the same in the demo
recording. Then `pip install -c constraints.txt .` from the sources, with a compiler. Needs the network. Exit status 1:
they differ.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kws.bench.common import DEMO_RECORDING, ROOT, header, parser, print_table

PYTHONS = ("python3.11", "python3.12", "python3.13")
RUN = ROOT / "models" / "commands"
NEVER_FOUND = ("gcc", "cc", "clang")


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("pythons", nargs="*", metavar="PYTHON")
    pythons = options.parse_args(arguments).pythons or [name for name in PYTHONS if works(name)]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel = build(work)
        header(wheel.name)
        rows = [[version(python), *fresh(python, wheel, work / f"environment-{number}")]
                for number, python in enumerate(pythons)]
        rows.append([f"{version(sys.executable)}, from the sources", *from_sources(work)])
    print_table(("Python", "kws --version", "detections in the demo recording"), rows)
    same = len({row[2] for row in rows}) == 1 and rows[0][2] != "0"
    print("\nall the same" if same else "\nFAILED: they differ")
    return 0 if same else 1


def works(python: str) -> bool:
    """Whether the interpreter is there and starts."""
    path = shutil.which(python)
    return path is not None and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0


def version(python: str) -> str:
    return output([python, "-c", "import platform; print(platform.python_version())"], os.environ["PATH"])


def build(work: Path) -> Path:
    """The wheel of the tracked sources."""
    pip(sys.executable, ["wheel", "--no-deps", "--wheel-dir", str(work), str(copy_sources(work))], os.environ["PATH"])
    return next(work.glob("kws-*.whl"))


def copy_sources(work: Path) -> Path:
    """What git tracks, so that nothing compiled before is used."""
    target = work / "sources"
    listed = subprocess.run(["git", "ls-files", "-z", "kws", "pyproject.toml", "setup.py", "README.md", "LICENSE"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    return target


def fresh(python: str, wheel: Path, place: Path) -> list[str]:
    """Version and detections of the wheel in a new environment."""
    path = str(without_compiler(place.with_suffix(".bin")))
    subprocess.run([python, "-m", "venv", place], check=True)
    pip(str(place / "bin/python"), ["install", "--only-binary", ":all:", *constraints(), str(wheel)], path)
    return listen(place / "bin/kws", path)


def from_sources(work: Path) -> list[str]:
    """The same after `pip install -c constraints.txt .`."""
    place, path = work / "environment-sources", os.environ["PATH"]
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip(str(place / "bin/python"), ["install", *constraints(), str(work / "sources")], path)
    return listen(place / "bin/kws", path)


def constraints() -> list[str]:
    return ["--constraint", str(ROOT / "constraints.txt")]


def without_compiler(folder: Path) -> Path:
    """A folder for PATH with the system's everyday programs and no compiler."""
    folder.mkdir()
    for name in ("sh", "bash", "env", "uname", "ldconfig"):
        if (found := shutil.which(name)) is not None:
            (folder / name).symlink_to(found)
    assert not any(shutil.which(name, path=str(folder)) for name in NEVER_FOUND)
    return folder


def listen(program: Path, path: str) -> list[str]:
    heard = output([str(program), "detect", "--run", str(RUN), str(DEMO_RECORDING)], path)
    return [output([str(program), "--version"], path), str(len(heard.splitlines()))]


def pip(python: str, arguments: Sequence[str], path: str) -> None:
    output([python, "-m", "pip", "--disable-pip-version-check", *arguments], path)


def output(command: Sequence[str], path: str) -> str:
    """stdout of a command that sees this PATH and nothing of this environment; its errors are shown."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(command, env={**environment, "PATH": path}, cwd=tempfile.gettempdir(), capture_output=True,
                          text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)}:\n{done.stderr}")
    return done.stdout.strip()
