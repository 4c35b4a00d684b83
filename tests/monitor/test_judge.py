"""Findings: drift, silence, false alarms that labels prove, devices that differ."""

from pathlib import Path

import pytest

from kws.monitor.baseline import Baseline
from kws.monitor.ingest import ingest_lines
from kws.monitor.judge import judge
from kws.monitor.report import monitor_report
from kws.monitor.store import Store
from kws.spec import Requirements
from tests.helpers.fields import MODEL, OTHER_MODEL, end_ms, reports

LIMITS = Requirements(false_alarms_per_hour=1.0, miss_rate_percent=10.0)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "monitor.db") as store:
        yield store


def wrong(store, *, days, baselines=None, now_ms=None):
    findings = judge(store, LIMITS, now_ms=now_ms or end_ms(days), baselines=baselines or {})
    return {(finding.device, finding.name) for finding in findings if not finding.holds}


def add_clips(store, *, labels, near=False, device="kitchen", at_day=13):
    with store.writing():
        number = store.device(device)
        known = store.db.execute("SELECT count(*) FROM clips").fetchone()[0]
        rows = [(number, f"/nowhere/{known + i}.wav", "yes", near, 0.9, end_ms(at_day), MODEL)
                for i in range(len(labels))]
        store.add_clips(rows)
        for row, label in zip(rows, labels, strict=True):
            store.db.execute("UPDATE clips SET label = ? WHERE path = ?", (label, row[1]))


def test_two_quiet_weeks_are_well(store):
    ingest_lines(store, reports("kitchen", days=14), device="x")
    assert wrong(store, days=14) == set()


def test_a_microphone_that_turns_quiet_is_found_and_the_cure_is_named(store):
    ingest_lines(store, reports("kitchen", days=7), device="x")
    ingest_lines(store, reports("kitchen", days=7, level=2, start_day=7, session="00000002"), device="x")
    assert wrong(store, days=14) == {("kitchen", "levels")}
    found = [one for one in judge(store, LIMITS, now_ms=end_ms(14), baselines={}) if not one.holds]
    assert "check its place and gain" in found[0].cure and "its own first week" in found[0].text


def test_ten_times_the_detections_are_found(store):
    ingest_lines(store, reports("kitchen", days=7), device="x")
    ingest_lines(store, reports("kitchen", days=7, per_hour=10, start_day=7, session="00000002"), device="x")
    assert wrong(store, days=14) == {("kitchen", "activations"), ("kitchen", "near misses")}


def test_a_device_is_held_against_a_measured_baseline_from_its_first_day(store):
    ingest_lines(store, reports("kitchen", days=2), device="x")
    blocks = 24
    baseline = Baseline("kitchen.wav", True, (300.0,) * blocks, (0,) * blocks, (0,) * blocks,
                        ((0,) * 9 + (100, 300, 100, 0, 0),) * blocks,
                        ((179_000, 500, 300, 100, 50, 20, 15, 10, 5, 0),) * blocks, ((180_000,) * 10,) * blocks)
    assert wrong(store, days=2) == set()
    assert ("kitchen", "levels") in wrong(store, days=2, baselines={MODEL: baseline})
    assert wrong(store, days=2, baselines={OTHER_MODEL: baseline}) == set()


def test_clips_one_after_the_other_are_no_room(store):
    ingest_lines(store, reports("kitchen", days=2), device="x")
    clips = Baseline("validation clips", False, (30.0,) * 9, (9,) * 9, (9,) * 9, ((0,) * 13 + (1,),) * 9,
                     ((1,) * 10,) * 9, ((1,) * 10,) * 9)
    assert wrong(store, days=2, baselines={MODEL: clips}) == set()


def test_silence_is_found_after_a_day(store):
    ingest_lines(store, reports("kitchen", days=2), device="x")
    assert wrong(store, days=2, now_ms=end_ms(3)) == set()
    assert wrong(store, days=2, now_ms=end_ms(4)) == {("kitchen", "silent")}


def test_false_alarms_are_proven_by_labels_with_their_interval(store):
    """168 hours, 1 per hour allowed: 200 wrong ones prove it broken (173 to 230), 180 do not (155 to 208)."""
    ingest_lines(store, reports("kitchen", days=14), device="x")
    add_clips(store, labels=["false"] * 180)
    assert wrong(store, days=14) == set()
    add_clips(store, labels=["no"] * 20)
    assert wrong(store, days=14) == {("kitchen", "false_alarms_per_hour")}
    found = next(one for one in judge(store, LIMITS, now_ms=end_ms(14), baselines={}) if not one.holds)
    assert (found.low, found.high) == (pytest.approx(173.2 / 168, abs=0.01), pytest.approx(229.7 / 168, abs=0.01))


def test_what_has_no_label_widens_the_interval_upwards_only(store):
    ingest_lines(store, reports("kitchen", days=14), device="x")
    add_clips(store, labels=["false"] * 50 + ["true"] * 10 + [None] * 400)
    found = next(one for one in judge(store, LIMITS, now_ms=end_ms(14), baselines={})
                 if one.name == "false_alarms_per_hour")
    assert found.holds and found.low < 0.3 and found.high > 2


def test_words_that_were_nearly_heard_count_as_missed(store):
    ingest_lines(store, reports("kitchen", days=14), device="x")
    add_clips(store, labels=["true"] * 30)
    add_clips(store, labels=["true"] * 12, near=True)
    assert wrong(store, days=14) == {("kitchen", "miss_rate_percent")}


def test_the_device_that_differs_is_found_among_three(store):
    for device, per_hour in (("kitchen", 1.0), ("hall", 1.0), ("office", 6.0)):
        ingest_lines(store, reports(device, days=7, per_hour=per_hour, seed=len(device)), device="x")
    assert ("office", "differs") in wrong(store, days=7)
    assert ("kitchen", "differs") not in wrong(store, days=7)


def test_a_new_model_is_judged_by_itself_and_compared_with_the_old_one(store):
    ingest_lines(store, reports("kitchen", days=14, per_hour=4), device="x")
    ingest_lines(store, reports("kitchen", days=2, per_hour=1, model=OTHER_MODEL, start_day=14, session="00000003"),
                 device="x")
    assert wrong(store, days=16) == set()
    page = monitor_report(store, LIMITS, now_ms=end_ms(16), baselines={}, names={OTHER_MODEL: "model 2, better"})
    assert "model 2, better (fedcba98)" in page
    before_after = page[page.index("Before and after"):page.index("What is stored")]
    assert before_after.count("<td>kitchen</td>") == 2 and " % (" in before_after


def test_the_page_stands_alone_and_escapes_what_devices_say(store):
    ingest_lines(store, reports("<b>&", days=8), device="x")
    page = monitor_report(store, LIMITS, now_ms=end_ms(8), baselines={}, names={})
    assert "<b>" not in page and "&lt;b&gt;&amp;" in page
    assert "http" not in page.replace("http://www.w3.org", "") and "src=" not in page


def test_an_empty_store_has_a_page_too(store):
    page = monitor_report(store, LIMITS, now_ms=end_ms(0), baselines={}, names={})
    assert "No device has reported yet" in page and str(Path(store.path)) in page
