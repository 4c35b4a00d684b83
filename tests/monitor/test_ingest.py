"""What devices print, in the store: once, whole, at the right time."""

import json
import os
import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from kws.errors import DataError
from kws.listen.field_report import FEATURES, LEVELS, SCORES, FieldReport
from kws.monitor.ingest import Counts, ingest_file, ingest_lines
from kws.monitor.store import MIGRATIONS, MOST_QUARANTINED, Store

AT = 1_700_000_000_000  # 2023-11-14, in milliseconds since 1970
REPORT = FieldReport("0123abcd", "11111111", 3_600, 57_600_000, 180_000, 2, 5, 0, 0, (1,) * LEVELS, (2,) * SCORES,
                     (3,) * FEATURES)
LOG = [b"ready 0", b"session 1 0123abcd 11111111", b"detected yes 1500 200", b"cost 500 40000", b"detected no 9000 190",
       REPORT.line().encode(), b"ready 0", b"session 1 0123abcd 22222222", b"detected yes 1500 200"]


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "monitor.db") as store:
        yield store


def rows(store, query):
    return store.db.execute(query).fetchall()


def events(store):
    return rows(store, "SELECT key, word, time_ms, score FROM events JOIN words ON word_id = words.id "
                       "JOIN sessions ON session_id = sessions.id ORDER BY key, time_ms")


def object_line(**values):
    return json.dumps({"device": "kitchen", "session": "33333333", **values}).encode()


def test_a_log_becomes_its_detections_and_reports(store):
    counts = ingest_lines(store, LOG, device="kitchen")
    assert events(store) == [("11111111", "yes", 1500, 200), ("11111111", "no", 9000, 190),
                             ("22222222", "yes", 1500, 200)]
    assert rows(store, "SELECT key, model FROM sessions") == [("11111111", "0123abcd"), ("22222222", "0123abcd")]
    assert rows(store, "SELECT uptime_s, near_misses, scores FROM reports") == [(3_600, 5, "2,2,2,2,2,2,2,2,2,2")]
    assert counts == Counts(lines=9, new=4, known=0, malformed=0, other=1)


def test_the_same_lines_again_change_nothing_however_they_are_cut(store):
    ingest_lines(store, LOG, device="kitchen")
    for again in (LOG, LOG[2:], LOG[:5], LOG[6:]):
        assert ingest_lines(store, again, device="kitchen").new == 0
    assert len(events(store)) == 3


def test_the_same_device_by_json_and_by_its_own_lines_is_counted_once(store):
    ingest_lines(store, LOG[:3], device="kitchen")
    line = {"device": "kitchen", "session": "11111111", "keyword": "yes", "time_s": 1.5, "score": 200 / 256}
    report = {"device": "kitchen", **REPORT.to_json()}
    counts = ingest_lines(store, [json.dumps(line).encode(), json.dumps(report).encode()], device="other")
    assert (counts.new, counts.known) == (1, 1)
    assert len(events(store)) == 1


def test_old_firmware_without_sessions_is_told_apart_by_its_starts(store):
    log = [b"ready 0", b"detected yes 1000 200", b"detected yes 5000 200", b"detected no 700 180", b"ready 0",
           b"detected no 700 180"]
    ingest_lines(store, log, device="old")
    assert [event[1:3] for event in events(store)] in ([("no", 700), ("yes", 1000), ("yes", 5000)],
                                                       [("yes", 1000), ("yes", 5000), ("no", 700)])
    assert ingest_lines(store, log, device="old").new == 0


def test_lines_that_a_broker_sends_again_are_no_new_start(store):
    start, *heard = b"session 1 0123abcd 0000000a", b"detected yes 1000 200", b"detected no 2000 180"
    ingest_lines(store, [start, *heard, *heard, b"detected yes 3000 210"], device="x")
    assert rows(store, "SELECT key, time_ms FROM sessions JOIN events ON id = session_id ORDER BY time_ms") == [
        ("0000000a", 1_000), ("0000000a", 2_000), ("0000000a", 3_000)]
    ingest_lines(store, [start, *heard, b"detected yes 500 200"], device="x")
    assert rows(store, "SELECT count(*) FROM sessions") == [(2,)], "another one that is earlier is a start unseen"


def test_after_49_days_the_counter_goes_on(store):
    late = FieldReport("0123abcd", "11111111", 4_294_800, 1, 1, 0, 0, 0, 0, (0,) * LEVELS, (0,) * SCORES,
                       (0,) * FEATURES)
    log = [LOG[1], late.line().encode(), b"detected yes 4294967000 200", b"detected yes 500 200"]
    ingest_lines(store, log, device="kitchen")
    assert [event[2] for event in events(store)] == [4_294_967_000, 2**32 + 500]
    assert ingest_lines(store, log, device="kitchen").new == 0


def test_malformed_lines_are_kept_aside_and_counted(store):
    lines = [b"detected yes soon 200", b"report 2 0123abcd 11111111 1", b"\xff\xfe", b'{"keyword": "yes"}',
             b"{nonsense", b'{"device": 3}', b"[1, 2]", b"boot: partition table",
             object_line(keyword="yes", time_s=-1, score=0.5), object_line(keyword="yes", time_s=1e400, score=0.5),
             b'{"device":' * 5_000]
    counts = ingest_lines(store, lines, device="kitchen")
    assert (counts.lines, counts.malformed, counts.other, counts.new) == (11, 9, 2, 0)
    reasons = dict(rows(store, "SELECT line, reason FROM quarantine"))
    assert len(reasons) == 9 and reasons['{"keyword": "yes"}'] == "'score' is missing"
    ingest_lines(store, lines, device="kitchen")
    assert len(rows(store, "SELECT * FROM quarantine")) == 9


def test_a_flood_of_nonsense_does_not_fill_the_disk(store):
    counts = ingest_lines(store, (b"detected %d" % n for n in range(2 * MOST_QUARANTINED)), device="kitchen")
    assert counts.malformed == 2 * MOST_QUARANTINED
    assert rows(store, "SELECT count(*) FROM quarantine") == [(MOST_QUARANTINED,)]


def test_a_clock_that_is_set_in_between_does_not_move_what_happened(store):
    def line(hour, jump_s=0):
        moment = datetime.fromtimestamp(AT / 1000 + 3_600 * hour + jump_s, UTC)
        return object_line(keyword="yes", time_s=3_600 * hour, score=0.5, at=moment.isoformat())

    ingest_lines(store, [line(0), line(1), line(2, jump_s=86_400), line(3), line(4)], device="x")
    assert store.offsets() == {1: AT}
    assert store.jumps() == {1: [(2, 86_400), (3, -86_400)]}


def test_a_clock_that_was_never_set_is_not_believed(store):
    ingest_lines(store, [object_line(keyword="yes", time_s=1, score=0.5, at="1970-01-01T00:00:10Z")], device="x")
    assert store.offsets() == {}


def test_a_clock_that_jumps_to_where_it_cannot_be_is_noticed_and_not_believed(store):
    at = [f"{day}T{hour:02}:00:00+00:00 ".encode() for day, hour in
          (("2026-11-01", 1), ("2026-11-01", 2), ("2096-11-01", 3), ("1970-01-01", 4), ("2026-11-01", 5))]
    lines = [b"detected yes %d 200" % (3_600_000 * hour) for hour in range(1, 6)]
    ingest_lines(store, [LOG[1], *(time + line for time, line in zip(at, lines, strict=True))], device="kitchen")
    start_ms = round(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)
    assert list(store.offsets().values()) == [start_ms]
    assert [hour for hour, _ in next(iter(store.jumps().values()))] == [3, 4, 5], "there, to 1970, and back"


def test_times_that_a_terminal_program_puts_before_each_line_are_read(store):
    ingest_lines(store, [b"2023-11-14T22:13:20Z " + LOG[1], b"[2023-11-14 22:13:21.500+00:00] " + LOG[2]], device="x")
    assert store.offsets() == {1: AT} and len(events(store)) == 1


def test_a_log_without_any_time_ends_when_its_file_was_written(store, tmp_path):
    path = tmp_path / "hall.log"
    path.write_bytes(b"\n".join(LOG) + b"\n")
    os.utime(path, (AT / 1000, AT / 1000))
    ingest_file(store, path)
    assert rows(store, "SELECT name FROM devices") == [("hall",)]
    assert store.offsets() == {2: AT - 1_500, 1: AT - 1_500 - 3_600_000}


def test_clips_are_found_beside_their_index(store, tmp_path):
    folder = tmp_path / "hall"
    (folder / "yes").mkdir(parents=True)
    line = {"file": "yes/a.wav", "keyword": "yes", "near_miss": False, "time_s": 1.0, "score": 0.9,
            "at": "2026-01-01T00:00:00"}
    (folder / "kept.jsonl").write_text(json.dumps(line) + "\n")
    for _ in range(2):
        ingest_file(store, folder / "kept.jsonl")
    assert rows(store, "SELECT path, word, name FROM clips JOIN devices ON device_id = devices.id") == [
        (str(folder / "yes" / "a.wav"), "yes", "hall")]


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "/etc/secret.wav", "yes/notes.txt"])
def test_a_line_cannot_name_a_file_elsewhere(store, tmp_path, name):
    """Otherwise it could have it copied, or deleted."""
    (tmp_path / "hall").mkdir()
    line = json.dumps({"file": name, "keyword": "yes", "near_miss": False, "score": 0.9, "at": "2026-01-01T00:00:00"})
    (tmp_path / "hall" / "kept.jsonl").write_text(line + "\n")
    assert ingest_file(store, tmp_path / "hall" / "kept.jsonl").malformed == 1
    assert ingest_lines(store, [line.encode()], device="hall").malformed == 1
    assert rows(store, "SELECT count(*) FROM clips") == [(0,)]


def test_several_writers_at_once_lose_and_double_nothing(tmp_path):
    path = tmp_path / "monitor.db"

    def write(number):
        with Store(path) as store:
            lines = [b"ready 0", b"session 1 0123abcd 0000000%d" % (number % 2)]
            lines += [b"detected yes %d 200" % (1_000 * n) for n in range(2_000)]
            ingest_lines(store, lines, device="kitchen", batch_lines=100)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store(path) as store:
        assert len(events(store)) == 4_000


def test_a_store_of_a_newer_kws_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "monitor.db") as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(DataError, match="update kws"):
        Store(tmp_path / "monitor.db")


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "monitor.db").write_text("something else\n" * 1000)
    with pytest.raises(DataError, match="cannot be used as a store"):
        Store(tmp_path / "monitor.db")


def test_a_forgotten_device_leaves_nothing_behind(store):
    ingest_lines(store, [*LOG, b"detected nonsense"], device="kitchen")
    ingest_lines(store, [b"session 1 0123abcd 77777777", b"detected yes 1500 200"], device="hall")
    store.forget_device("kitchen")
    assert [event[0] for event in events(store)] == ["77777777"]
    assert rows(store, "SELECT count(*) FROM reports UNION ALL SELECT count(*) FROM quarantine") == [(0,), (0,)]
    with pytest.raises(DataError, match="there are: hall"):
        store.forget_device("kitchen")


def test_what_is_older_than_asked_for_is_forgotten(store):
    lines = [object_line(keyword="yes", time_s=3_600 * hour, score=0.5,
                         at=datetime.fromtimestamp(AT / 1000 + 3_600 * hour, UTC).isoformat()) for hour in range(10)]
    ingest_lines(store, lines, device="x")
    store.forget_before(AT + 4 * 3_600_000)
    assert [event[2] for event in events(store)] == [3_600_000 * hour for hour in range(4, 10)]
