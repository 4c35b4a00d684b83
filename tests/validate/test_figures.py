"""validation.json as records: the released one is read and written again, byte for byte."""

import json
import shutil

import pytest

from kws.errors import ModelError
from kws.records import from_json, to_json
from kws.validate.figures import Validation, read_validation
from kws.workspace import write_manifest
from tests.helpers.paths import ROOT

PARTS = ("clips", "robustness", "quantization", "stream", "negatives", "curve")
RELEASED = ROOT / "models" / "commands" / "validation.json"


@pytest.fixture
def run(tmp_path):
    """A run that holds nothing but the figures of a released one."""
    shutil.copyfile(RELEASED, tmp_path / RELEASED.name)
    write_manifest(tmp_path, {})
    return tmp_path


def test_every_part_is_read_and_written_byte_for_byte():
    parts = set()
    for run in ("commands", "large"):  # the page of one has the robustness, that of the other the quantization
        text = (ROOT / "models" / run / "validation.json").read_text()
        found = from_json(Validation, json.loads(text))
        parts |= {name for name in PARTS if getattr(found, name) is not None}
        assert json.dumps(to_json(found)) + "\n" == text
    assert parts == set(PARTS)


def test_it_says_when_it_was_measured_and_on_what(run):
    found, written = read_validation(run), json.loads(RELEASED.read_bytes())
    assert found.date == max(written[part]["date"] for part in PARTS if part in written)
    assert found.stream.measured.told.startswith("600 keywords in ")
    assert found.clips.figures.engines["tflm"].different_scores == 0


def test_a_run_that_was_never_validated_has_no_figures(tmp_path):
    write_manifest(tmp_path, {})
    assert read_validation(tmp_path) == Validation() and Validation().date == ""


def test_a_damaged_figure_is_named(run):
    document = json.loads(RELEASED.read_bytes())
    document["stream"]["latency_ms"]["median"] = "soon"
    (run / "validation.json").write_text(json.dumps(document))
    write_manifest(run, {})
    with pytest.raises(ModelError, match=r"validation.json is damaged \(stream.latency_ms.median = 'soon': must be a "
                                         r"number\); remove it from the run and measure again: kws validate"):
        read_validation(run)
