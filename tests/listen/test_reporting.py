"""What kws listen --report prints is what kws monitor reads, from a microphone and from a device."""

import json
import os

import numpy as np
import pytest

from kws.cli.field import FieldPrinter
from kws.cli.listen import Lines
from kws.detect.detector import Detector
from kws.listen.listener import Listener, Sound
from kws.listen.serial.device import DeviceListener
from kws.monitor.ingest import ingest_lines
from kws.monitor.store import Store
from tests.helpers.exported import random_source, sound


def stored(path, lines):
    """Events and reports of the store after these lines."""
    with Store(path) as store:
        counts = ingest_lines(store, [line.encode() for line in lines], device="nobody")
        assert counts.malformed == 0
        events = store.db.execute("SELECT name, word, time_ms, score FROM events JOIN sessions ON session_id = "
                                  "sessions.id JOIN devices ON device_id = devices.id JOIN words ON word_id = words.id "
                                  "ORDER BY time_ms").fetchall()
        reports = store.db.execute("SELECT uptime_s, detections, model FROM reports JOIN sessions ON session_id = "
                                   "sessions.id ORDER BY uptime_s").fetchall()
        return events, reports, store.offsets()


def heard(source, samples):
    return [(hit.keyword, round(hit.time_s * 1000), round(hit.score * 256))
            for hit in Detector(source.plan).push(samples)]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_microphone(as_json, tmp_path, capsys):
    source, samples = random_source("cnn"), sound(5)
    printer = FieldPrinter("desk", as_json=as_json)
    listener = Listener(detector := Detector(source.plan), Lines("usb", as_json=as_json, printer=printer),
                        reporting=printer.of_detector(detector, 2.0))
    listener.run(Sound(piece) for piece in np.array_split(samples, 50))
    lines = capsys.readouterr().out.splitlines()
    events, reports, clocks = stored(tmp_path / "monitor.db", lines)
    assert [event[1:] for event in events] == heard(source, samples) and len(events) > 2
    assert {event[0] for event in events} == ({"desk"} if as_json else {"nobody"})
    assert [report[0] for report in reports] == [2, 4, 5] and sum(report[1] for report in reports) == len(events)
    assert {report[2] for report in reports} == {source.plan.fingerprint}
    assert len(clocks) == 1
    if as_json:
        assert {"file", "keyword", "time_s", "score"} < set(json.loads(lines[1]))


@pytest.mark.parametrize("as_json", [True, False])
def test_a_device(as_json, tmp_path, capsys):
    source = random_source("cnn")
    model, printer = source.plan.fingerprint, FieldPrinter("desk", as_json=as_json)
    listener = DeviceListener(Detector(source.plan), Lines("tty", as_json=as_json, printer=printer), tell=printer.tell)
    histograms = " ".join(",".join("1" * n) for n in (14, 10, 10))
    for text in ("ready 0", f"session 1 {model} 00000001", "detected yes 1500 200", "cost 500 3000",
                 f"report 1 {model} 00000001 3600 57600000 180000 1 4 0 0 {histograms}", "detected no 3700000 99",
                 "ready 0", "detected yes 1500 200"):
        listener.handle(text.encode() + b"\r\n")
    events, reports, clocks = stored(tmp_path / "monitor.db", capsys.readouterr().out.splitlines())
    assert [event[1:] for event in events] == [("yes", 1500, 200), ("yes", 1500, 200), ("no", 3_700_000, 99)]
    assert reports == [(3_600, 1, model)] and len(clocks) == 2


def test_a_device_with_another_model_is_told(capsys):
    source = random_source("cnn")
    listener = DeviceListener(Detector(source.plan), Lines("tty", as_json=False))
    listener.handle(b"session 1 00000000 00000001" + os.linesep.encode())
    assert f"the device runs model 00000000, and this run is {source.plan.fingerprint}" in capsys.readouterr().err
