"""The page of a run: what training knew stays, what was validated joins it, and it stands alone, on a telephone too."""

import json
import shutil
import warnings
from dataclasses import replace
from datetime import date

import pytest
from typer.testing import CliRunner

from kws.cli import app
from kws.files import sha256_of
from kws.run_metrics import Epoch, read_metrics
from kws.validate.record import renew
from kws.validate.training_sections import history_part
from kws.workspace import read_manifest
from tests.helpers.labelled_sound import write_labelled_sound

pytest.importorskip("matplotlib")
RATE = 16_000


@pytest.fixture
def run(tone_run, tmp_path):
    """A run of one's own as training left it, whatever others have validated, in a folder without kws.toml."""
    own = shutil.copytree(tone_run, tmp_path / "runs" / "tones")
    content = json.loads((own / "manifest.json").read_bytes())
    for name in ("validation.json", "failures.json"):
        (own / name).unlink(missing_ok=True)
        content["files"].pop(name, None)
    (own / "manifest.json").write_text(json.dumps(content))
    renew(own)
    return own


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Three clips of each label, one of them wrong; a stream; talk with three false alarms."""
    return write_labelled_sound(tmp_path_factory.mktemp("sound"), wrong=True)


def validate(run, *arguments):
    done = CliRunner().invoke(app, ["validate", "--run", str(run), *map(str, arguments)])
    assert done.exit_code in (0, 3), done.stderr
    return done


def titles(run):
    return [part.partition("<")[0] for part in (run / "report.html").read_text().split('">') if "</h2>" in part[:60]]


TRAINED = ["Confusions", "Costs", "What quantization did", "The training", "Thresholds", "Where it comes from"]
VALIDATED = ["Costs", "Speakers", *TRAINED[2:]]


def test_training_writes_what_it_knows_the_verdict_first(run):
    html = (run / "report.html").read_text()
    assert titles(run) == TRAINED
    assert html.index('class="verdict"') < html.index("<h2") and "not validated yet: kws validate" in html
    assert "<h1>tones: low, high</h1>" in html and read_manifest(run).created_utc[:10] in html
    assert "src=" not in html and "<script" not in html and "@import" not in html


def test_what_was_measured_joins_what_was_known_and_the_manifest_lists_it(run, sound):
    validate(run, "--clips", sound / "clips")
    assert titles(run) == ["Confusions", "Where it fails", *VALIDATED]
    assert "high/anna2_nohash_0.wav: high, taken for low" in (run / "report.html").read_text()
    validate(run, "--negatives", sound / "talk.wav", "--stream", sound / "a.wav")
    assert titles(run) == ["Misses against false alarms", "A recording with its truth", "Hours without keywords",
                           "Confusions", "Where it fails", *VALIDATED]
    html = (run / "report.html").read_text()
    assert html.count("<audio") == 1 + 3 and html.count("data:audio/mpeg;base64,") == 4
    assert f"validated {date.today().isoformat()}" in html and "3 in 0.0 h" in html
    assert "requirements not met: false_alarms_per_hour" in html
    assert str(sound) not in html + (run / "validation.json").read_text(), "no path of this machine"
    files = read_manifest(run).files
    assert {"validation.json", "failures.json", "report.html"} <= set(files)
    assert all(sha256_of(run / name) == digest for name, digest in files.items())


def test_another_operating_point_forgets_what_the_old_one_did(run, sound):
    validate(run, "--clips", sound / "clips", "--negatives", sound / "talk.wav", "--stream", sound / "a.wav")
    done = CliRunner().invoke(app, ["calibrate", "--run", str(run), "--false-alarms-per-hour", "1", "--negatives",
                                    str(sound / "talk.wav"), "--stream", str(sound / "a.wav")])
    assert done.exit_code in (0, 3), done.stderr
    assert titles(run) == ["Confusions", "Where it fails", *VALIDATED]
    found = json.loads((run / "validation.json").read_text())
    assert "clips" in found and set(found["measured"]) == {"accuracy_percent"}
    assert (run / "report.html").read_text().count("<audio") == 1
    assert "<h1>tones:" in (run / "report.html").read_text()


def test_a_page_to_pass_on_holds_no_sounds_and_no_keep_leaves_the_run_alone(run, sound, tmp_path):
    before = {path.name: sha256_of(path) for path in run.iterdir()}
    validate(run, "--clips", sound / "clips", "--negatives", sound / "talk.wav", "--no-keep", "--no-sounds", "--report",
             tmp_path / "page.html")
    assert {path.name: sha256_of(path) for path in run.iterdir()} == before
    html = (tmp_path / "page.html").read_text()
    assert "<audio" not in html and "Hours without keywords</h2>" in html and "Where it fails" not in html


def test_without_the_library_that_draws_the_page_has_its_words_and_tables(run, sound, monkeypatch):
    monkeypatch.setattr("kws.validate.plots.find_spec", lambda name: None)
    validate(run, "--clips", sound / "clips", "--negatives", sound / "talk.wav", "--stream", sound / "a.wav")
    html = (run / "report.html").read_text()
    assert "<svg" not in html and "matplotlib was not installed" in html and "Misses against false alarms</h2>" in html


def test_a_training_that_measured_no_accuracy_shows_its_loss(tone_run):
    unknown = [Epoch(loss, float("nan"), float("nan"), 1.0) for loss in (1.0, 0.5, 0.4)]
    known = [Epoch(1.0, 0.4, float("nan"), 1.0), Epoch(0.5, 0.6, float("nan"), 1.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pages = [history_part(replace(read_metrics(tone_run), epochs=tuple(epochs))) for epochs in (unknown, known)]
    assert ">loss<" in pages[0] and "Loss by epoch" in pages[0] and "accuracy, %" not in pages[0]
    assert "accuracy, %" in pages[1] and "Accuracy by epoch" in pages[1] and ">loss<" not in pages[1]


@pytest.mark.slow
def test_a_browser_shows_it_without_scrolling_sideways_on_a_telephone(run, sound, browser):
    validate(run, "--clips", sound / "clips", "--robustness", "--negatives", sound / "talk.wav", "--stream",
             sound / "a.wav")
    for width in (1_200, 390):
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
        browser.get((run / "report.html").as_uri())
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        wide = browser.execute_script("return [...document.querySelectorAll('.wide')].filter("
                                      "box => box.scrollWidth > box.clientWidth + 1).map(box => box.innerText)")
        assert wide == [], "every table fits"
        drawn = browser.execute_script("return [...document.querySelectorAll('svg')].map("
                                       "one => one.getBoundingClientRect().width)")
        assert len(drawn) >= 8 and min(drawn) > 100 and max(drawn) <= width
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not browser.execute_script("return document.querySelector('audio').checkVisibility()"), "sounds do not print"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
