"""Every exported package says under which licence it may be used."""

from pathlib import Path

import pytest

from kws.export.export import export_to
from kws.export.source import from_run, from_tflite
from kws.export.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "models" / "commands"
SILENT = ("LICENSE", "README.md", "export.json", "library.properties")  # prose, and formats that only describe


@pytest.mark.parametrize("alone", [False, True], ids=["detector", "network"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_package_holds_its_licence_and_names_it_in_every_file(target, alone, tmp_path):
    source = from_tflite(RUN / "model.tflite") if alone else from_run(RUN)
    export_to(target, source, tmp_path / "out")
    assert (tmp_path / "out" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert "## Licence" in (tmp_path / "out" / "README.md").read_text()
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name not in SILENT]
    without = [str(path) for path in files if "SPDX-License-Identifier: Apache-2.0" not in path.read_text()[:200]]
    assert len(files) > 5 and without == []


def test_the_licence_of_packages_is_the_repository_s():
    assert (ROOT / "kws/export/templates/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
