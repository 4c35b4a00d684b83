"""metrics.json of the released runs, of this version and of earlier ones."""

import json
import shutil

import pytest

from kws.errors import ModelError
from kws.records import from_json, to_json
from kws.run_metrics import CountedBudget, MeasuredBudget, Metrics, read_metrics
from kws.workspace import MANIFEST, read_manifest, write_manifest
from tests.helpers.paths import ROOT

RUNS = sorted(path.parent for path in (ROOT / "models").glob("*/metrics.json"))


@pytest.fixture
def run(tmp_path):
    """A copy of a released run's metrics, as a run of its own."""
    (tmp_path / "mine").mkdir()
    shutil.copyfile(ROOT / "models" / "quiet" / "metrics.json", tmp_path / "mine" / "metrics.json")
    write_manifest(tmp_path / "mine", {})
    return tmp_path / "mine"


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_what_a_released_run_says_is_read_and_written_again(folder):
    document = json.loads((folder / "metrics.json").read_bytes())
    written = to_json(read_metrics(folder))
    for part in ("splits", "device", "bytes", "parameters", "training_seconds"):
        assert written[part] == document[part]
    assert document["operating_point"].items() <= written["operating_point"].items()


def test_a_document_is_written_byte_for_byte_but_for_what_came_later():
    text = (ROOT / "models" / "quiet" / "metrics.json").read_text()
    found = json.loads(text)
    written = to_json(from_json(Metrics, found))
    assert written.keys() - found.keys() <= {"quantization"}
    assert json.dumps({name: written[name] for name in written if name in found}, indent=2) + "\n" == text


def test_what_came_later_is_missing_in_earlier_runs():
    found = read_metrics(ROOT / "models" / "large")
    assert (found.data, found.requirements, found.operating_point.check) == (None, (), None)


def test_a_budget_without_instructions_was_counted():
    document = json.loads((ROOT / "models" / "quiet" / "metrics.json").read_bytes())
    assert isinstance(from_json(Metrics, document).device, MeasuredBudget)
    counted = {key: document["device"][key] for key in ("cpu", "flash_bytes", "ram_bytes", "requirements")}
    found = from_json(Metrics, {**document, "device": {**counted, "note": "no emulator"}}).device
    assert isinstance(found, CountedBudget) and found.note == "no emulator" and found.flash_bytes.total == 46_194
    assert to_json(found) == {**counted, "note": "no emulator"}


def test_a_run_that_lists_no_metrics_has_none(run):
    (run / "metrics.json").unlink()
    (run / MANIFEST).unlink()
    write_manifest(run, {})
    assert read_metrics(run) is None and read_manifest(run).files == {}


def test_a_damaged_number_is_named(run):
    document = json.loads((run / "metrics.json").read_bytes())
    document["splits"]["testing"]["int8"]["n"] = "many"
    (run / "metrics.json").write_text(json.dumps(document))
    write_manifest(run, {})
    with pytest.raises(ModelError, match=r"metrics.json is damaged \(splits.testing.int8.n = 'many': must be a whole "
                                         r"number\); train again with: kws train"):
        read_metrics(run)
