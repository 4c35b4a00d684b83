"""The C keeps to one style, carries its licence, and gives the linter nothing to say."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for suffix in ("c", "h", "cc") for path in (ROOT / "kws").rglob(f"*.{suffix}")
                 if not path.name.startswith("_native"))
ENGINE = sorted({path.parent for path in SOURCES if "csrc" in path.parts})


def tool(name):
    """The program of this environment, which need not be on PATH, or another one."""
    own = shutil.which(name, path=str(Path(sys.executable).parent))
    return own or shutil.which(name) or pytest.skip(f"{name} is missing: scripts/setup dev")


def test_all_sources_are_formatted():
    command = [tool("clang-format"), "--dry-run", "--Werror", *SOURCES]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert len(SOURCES) > 40 and result.returncode == 0, f"run: clang-format -i FILE\n{result.stderr}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "kws")))
def test_a_source_names_its_licence_first(path):
    assert path.read_text().startswith("/* SPDX-License-Identifier: Apache-2.0 */\n")


@pytest.mark.slow
def test_clang_tidy_has_nothing_to_say():
    sources = [path for path in SOURCES if path.suffix == ".c" and "csrc" in path.parts]
    includes = [f"-I{folder}" for folder in ENGINE]
    result = subprocess.run([tool("clang-tidy"), "--quiet", *sources, "--", "-std=c99", *includes], cwd=ROOT,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-4000:]
