"""What a detector counts of itself: by hand, beside Python's near misses, and as every exported example prints it."""

from dataclasses import replace

import numpy as np
import pytest

from kws.detect.detector import Detector
from kws.export.export import export_to
from kws.listen.field_counter import FieldCounter
from kws.listen.field_report import FEATURES, LEVELS, SCORES, FieldReport
from kws.listen.serial.protocol import parse
from kws.listen.sound_keeper import NearMisses
from tests.helpers.boards import build_example, example_of
from tests.helpers.exported import SANITIZE, compile_host, expected_lines, random_source, run, sound

NEW = "00000000"
TARGETS = ["c", *(pytest.param(name, marks=pytest.mark.slow) for name in ("arduino", "esp-idf", "zephyr"))]


def strict(plan):
    """The same detector with thresholds that its scores often come near to."""
    decoder = plan.decoder
    thresholds = tuple(256 if threshold == 256 else 230 for threshold in decoder.thresholds)
    return replace(plan, decoder=replace(decoder, thresholds=thresholds, smoothing_hops=3, refractory_hops=0,
                                         releases=tuple(max(value - 5, 1) for value in thresholds)))


def counted(plan, samples, *, chunk=1_000):
    """The counter and the near misses after `samples`."""
    detector, counter = Detector(plan), FieldCounter(plan, session=NEW)
    near, found = NearMisses(detector), []
    for start in range(0, len(samples), chunk):
        hops = detector.watch(samples[start:start + chunk])
        counter.push(samples[start:start + chunk], hops)
        found += [miss for hop in hops for miss in near.push(hop)]
    return counter, found


def test_levels_are_counted_in_steps_of_6_db():
    plan = random_source("linear").plan
    hop = plan.frontend.hop_samples
    counter = FieldCounter(plan, session=NEW)
    for level in (0, 3, 4, 7, 8, 16_383, 16_384, 32_767, -32_768):
        counter.push(np.full(hop, level, np.int16), [])
    report = counter.take()
    assert report.levels == (2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3)  # below 4, 4 to 7, 8 to 15, … above 16,383
    assert (report.samples, report.clipped) == (9 * hop, 2 * hop)


def test_every_decision_and_every_feature_is_counted():
    plan, samples = strict(random_source("cnn").plan), sound(20)
    counter, near = counted(plan, samples)
    report = counter.take()
    detections = Detector(plan).push(samples)
    decisions = sum(hop.averages is not None for hop in Detector(plan).watch(samples))
    assert (report.samples, report.decisions, report.detections) == (len(samples), decisions, len(detections))
    assert sum(report.scores) == decisions and sum(report.features) == decisions * plan.frontend.features
    assert len(near) > 3 and report.near_misses == len(near)


def test_the_next_report_begins_anew_and_time_goes_on():
    plan = random_source("linear").plan
    counter = FieldCounter(plan, session=NEW, period_s=1.0)
    assert counter.empty and not counter.due
    counter.push(np.full(25_000, 500, np.int16), [])
    assert counter.due
    counter.lost(7)
    first = counter.take()
    counter.push(np.zeros(9_000, np.int16), [])
    second = counter.take()
    assert (first.uptime_s, first.lost, second.uptime_s, second.lost) == (1, 7, 2, 0)
    assert sum(first.levels) + sum(second.levels) == 34_000 // plan.frontend.hop_samples


def test_a_line_is_read_as_it_was_printed():
    report = FieldReport("0123abcd", "89abcdef", 3_600, 1, 2, 3, 4, 5, 6, tuple(range(LEVELS)), tuple(range(SCORES)),
                         tuple(range(FEATURES)))
    assert parse(report.line().encode()) == report
    largest = FieldReport("f" * 8, "f" * 8, *(2**32 - 1,) * 7, *((2**32 - 1,) * n for n in (LEVELS, SCORES, FEATURES)))
    assert parse(largest.line().encode()) == largest and len(largest.line()) <= 480


@pytest.mark.parametrize("target", TARGETS)
def test_an_example_counts_what_this_pc_counts(target, tmp_path):
    source, folder, samples = random_source("cnn", decide_every=2), tmp_path / "out", sound(9)
    export_to(target, source, folder)
    flags = (*SANITIZE, "-DKWS_REPORT_SECONDS=2")
    program = built(target, folder, *flags)
    lines = run([program], cwd=folder, stdin=samples.tobytes()).splitlines()
    assert [line for line in lines if line.startswith("detected")] == expected_lines(source, samples)
    places = [place for place, line in enumerate(lines) if line.startswith("session")]
    assert places[:1] == [1] and len(places) == 1
    start, reports = parse(lines[1].encode()), [parse(line.encode()) for line in lines if line.startswith("report")]
    assert start.model == source.plan.fingerprint and {report.session for report in reports} == {start.session}
    assert len(reports) == (5 if target == "c" else 4)  # the others never end
    here = reports_here(source.plan, samples, [report.samples for report in reports])
    assert [report.__dict__ | {"session": NEW, "lost": 0} for report in reports] == [one.__dict__ for one in here]


def built(target, folder, *flags):
    if target == "c":
        return compile_host(folder, *flags)
    return build_example(target, folder, example_of(folder), *flags)


def reports_here(plan, samples, lengths):
    """What this PC counts of the same stretches of sound."""
    detector, counter, found, start = Detector(plan), FieldCounter(plan, session=NEW), [], 0
    for length in lengths:
        piece = samples[start:start + length]
        counter.push(piece, detector.watch(piece))
        found.append(counter.take())
        start += length
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_an_example_without_reports_prints_and_keeps_none(target, tmp_path):
    source, folder, samples = random_source("cnn"), tmp_path / "out", sound()
    export_to(target, source, folder)
    flags = ("-O1", "-DKWS_REPORT=0" if target != "esp-idf" else "-DSTAND_IN_WITHOUT_REPORT", "-DKWS_REPORT_SECONDS=1")
    program = built(target, folder, *flags)
    lines = run([program], cwd=folder, stdin=samples.tobytes()).splitlines()
    assert {line.split()[0] for line in lines} <= {"ready", "detected", "cost"}


def test_a_device_draws_another_session_from_other_sound(tmp_path):
    export_to("c", random_source("cnn"), tmp_path / "out")
    program = compile_host(tmp_path / "out", "-O1")
    sessions = {run([program], cwd=tmp_path, stdin=sound(1, seed=seed).tobytes()).splitlines()[1] for seed in range(5)}
    assert len(sessions) == 5
