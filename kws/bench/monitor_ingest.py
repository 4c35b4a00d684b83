"""How fast does the monitor take in what devices print, and how long does its report take?

    scripts/bench monitor_ingest [LINES]

The log is that of one device in a year: 10 million lines, of them 31 % costs, a report an hour, the rest detections.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from kws.bench.common import header, parser
from kws.listen.field_report import FEATURES, LEVELS, SCORES, FieldReport, SessionStart

LINES, HOURS = 10_000_000, 8_760
COSTS_PER_HOUR = 360
STARTED = "2026-01-01T00:00:00+00:00"


def year(lines: int) -> Iterator[str]:
    """What a device prints in `lines` lines, an hour after the other."""
    start = SessionStart("0123abcd", "4567cdef")
    yield "ready 0"
    yield f"{STARTED} {start.line()}"
    detections = max(round(LINES / HOURS) - COSTS_PER_HOUR - 1, 1)
    done, hour = 2, 0
    while done < lines:
        for number in range(COSTS_PER_HOUR):
            yield f"cost 500 {480_000 + number}"
        for number in range(detections):
            time_ms = (hour * 3_600_000 + number * 3_600_000 // detections) % 2**32
            yield f"detected {('yes', 'no', 'stop')[number % 3]} {time_ms} {128 + number % 100}"
        yield report(start, hour, detections).line()
        done += COSTS_PER_HOUR + detections + 1
        hour += 1


def report(start: SessionStart, hour: int, detections: int) -> FieldReport:
    """Of an hour like every other."""
    wave = hour % 24
    return FieldReport(start.model, start.session, (hour + 1) * 3_600, 57_600_000, 180_000, detections, 30 + wave, 0, 0,
                       tuple(180_000 // LEVELS + wave * (i % 3 - 1) for i in range(LEVELS)),
                       tuple([180_000 - 900] + [100] * (SCORES - 1)), (720_000,) * FEATURES)


def main(arguments: Sequence[str]) -> int:
    from kws.monitor.ingest import ingest_file
    from kws.monitor.reading import now_ms
    from kws.monitor.report import monitor_report
    from kws.monitor.store import Store
    from kws.spec import Requirements

    known = parser(__doc__)
    known.add_argument("lines", nargs="?", type=int, default=LINES, metavar="LINES")
    lines = known.parse_args(arguments).lines
    header()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "kitchen.log"
        with open(log, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in year(lines))
        start, busy = time.perf_counter(), time.process_time()
        with Store(Path(folder) / "monitor.db") as store:
            counts = ingest_file(store, log)
            ingested_s, busy_s = time.perf_counter() - start, time.process_time() - busy
            print(f"{counts.lines:,} lines in {ingested_s:.1f} s: {counts.lines / ingested_s:,.0f} lines per second, "
                  f"{counts.lines / busy_s:,.0f} per second of the processor; {counts.new:,} events and reports",
                  flush=True)
            start = time.perf_counter()
            page = monitor_report(store, Requirements(), now_ms=now_ms(), baselines={}, names={})
            reported_s = time.perf_counter() - start
            print(f"the report: {reported_s:.1f} s, {len(page):,} bytes; the store: "
                  f"{store.path.stat().st_size / 1e6:,.0f} MB")
    return 0

