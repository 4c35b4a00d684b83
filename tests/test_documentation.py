"""The documentation: no dead links, examples that run, the commands as they describe themselves, a site that builds."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kws.cli.reference import reference

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("*.md", "docs/**/*.md", "models/*.md", "recordings/*.md")
PAGES = sorted(page for pattern in FOLDERS for page in ROOT.glob(pattern))
LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)]*))?\)")
# At least so many functions of a module show an example.
WITH_EXAMPLES = {"kws": 1, "kws.detect.detector": 4, "kws.features.frontend": 1, "kws.spec": 1}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = [path for path, _ in LINK.findall(page.read_text()) if path]
    assert [path for path in links if not (page.parent / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_modules_that_a_page_names_are_there(page):
    text = page.read_text()
    files = re.findall(r"\b(?:kws|tests|scripts)/[\w/]+\.\w+", text)
    files += [f"kws/bench/{'check_' * (kind == 'check')}{name}.py" for kind, name in
              re.findall(r"scripts/(bench|check) ([a-z]\w*)", text)]
    missing = [name for name in files if not (ROOT / name).exists()]
    for room, module in re.findall(r"\bkws\.([a-z_]+)\.([a-z_]+)", text):
        if (ROOT / "kws" / room).is_dir() and not any((ROOT / "kws" / room).glob(f"{module}*")):
            missing.append(f"kws.{room}.{module}")
    assert page == ROOT / "README.md" or missing == []


def test_the_command_reference_is_what_the_commands_say():
    assert (ROOT / "docs/commands.md").read_text() == reference(), "run scripts/docs"


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_run(module, monkeypatch):
    monkeypatch.chdir(ROOT)
    shown = [test for test in doctest.DocTestFinder().find(importlib.import_module(module)) if test.examples]
    assert len(shown) >= WITH_EXAMPLES[module]
    for test in shown:
        assert doctest.DocTestRunner().run(test).failed == 0, test.name


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="the documentation's generator is missing: scripts/setup docs")
    result = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--site-dir", tmp_path / "site"], cwd=ROOT,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Detector" in (tmp_path / "site/api.html").read_text()
