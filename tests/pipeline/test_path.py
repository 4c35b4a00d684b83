"""The whole path with the commands a person types: new, synthesize, train, validate, detect."""

import json
import subprocess
import sys

import pytest

from kws.data.truth import read_truth
from kws.workspace import find_run, read_manifest

pytestmark = [pytest.mark.slow, pytest.mark.train]

SETTINGS = {"epochs": 15, "batch": 32, "clips_per_word": 10, "accuracy_percent": 0.0}


def kws(*arguments, status=(0,)):
    result = subprocess.run([sys.executable, "-m", "kws", *map(str, arguments)], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL)
    assert result.returncode in status, result.stderr
    return result


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace with synthesized speech and one small run."""
    place = tmp_path_factory.mktemp("path") / "mine"
    kws("new", place, "--keywords", "yes,stop", "--model", "cnn")
    text = (place / "kws.toml").read_text()
    for name, value in SETTINGS.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(line, f"{name} = {value}")
    (place / "kws.toml").write_text(text)
    kws("data", "synth", "-C", place, "--count", "80", "--unknown", "4")
    kws("train", "-C", place, status=(0, 3))  # 3: so few clips meet no requirement on misses
    return place


def test_the_run_holds_what_it_promises(trained):
    run = find_run(None, trained / "models")
    assert {"model.keras", "model.tflite", "model.kws", "metrics.json"} <= set(read_manifest(run).files)
    assert [path.name for path in (trained / "models").iterdir() if path.name.startswith(".")] == []


def test_validate_reports_in_the_agreed_shape(trained):
    found = json.loads(kws("validate", "-C", trained, "--json").stdout)
    assert {"n", "accuracy", "interval", "per_label", "confusion"} <= set(found["clips"])
    assert 0.6 < found["clips"]["accuracy"] <= 1
    assert all({"name", "limit", "measured", "holds"} == set(item) for item in found["requirements"])


def test_validate_says_with_status_3_that_a_requirement_is_not_met(trained):
    path = trained / "kws.toml"
    before = path.read_text()
    path.write_text(before.replace("accuracy_percent = 0.0", "accuracy_percent = 100.0"))
    try:
        result = kws("validate", "-C", trained, "--json", status=(3,))
        assert not all(item["holds"] for item in json.loads(result.stdout)["requirements"])
    finally:
        path.write_text(before)


def test_detect_finds_words_by_voices_it_has_not_heard(trained, tmp_path):
    kws("data", "synth", "-C", trained, "--stream", tmp_path / "demo.wav", "--count", "5")
    lines = kws("detect", tmp_path / "demo.wav", "-C", trained, "--json").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert all(set(item) == {"file", "keyword", "time_s", "score"} for item in found)
    truth = read_truth(tmp_path / "demo.csv")
    hits = [event for event in truth if any(
        item["keyword"] == event.keyword and event.start_s <= item["time_s"] <= event.end_s + 1 for item in found)]
    assert len(hits) >= 6, (truth, found)
