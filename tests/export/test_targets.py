"""One list of targets: whatever is added to it is on the command line, and can be exported."""

from pathlib import Path

from typer.testing import CliRunner

from kws.cli import app
from kws.export.package import Package
from kws.export.targets import TARGETS, maker

RUN = Path(__file__).resolve().parents[2] / "models" / "commands"


def labels_package(source):
    return Package({"labels.txt": "\n".join(source.plan.labels)}, {"target": "labels", "constants_bytes": 0,
                                                                   "state_bytes": 0})


def test_every_target_has_its_maker():
    assert [maker(target).__name__ for target in TARGETS] == \
        ["c_package", "arduino_package", "esp_idf_package", "zephyr_package", "tflm_package"]


def test_a_target_from_outside_needs_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(TARGETS, "labels", f"{__name__}:labels_package")
    result = CliRunner().invoke(app, ["export", "labels", "--run", str(RUN), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "labels.txt").read_text().startswith("_silence_")
    assert (tmp_path / "out" / "LICENSE").is_file()
