"""Lines into the store: in batches, each of which is there whole or not at all. The same line twice changes nothing."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kws.audio.files import is_audio
from kws.errors import DataError
from kws.listen.field_report import FieldReport
from kws.monitor.reading import EARLIEST_MS, Heard, Kept, Malformed, Reader, Record, Told, now_ms
from kws.monitor.store import GUESSED, HOUR_MS, READ, WRONG, Row, Store

BATCH_LINES = 20_000
LONGEST_BYTES = 16_384  # a line that is longer is cut, and so malformed
NO_CLIP = "no clip beside its index"
KEPT_TEXT = 200  # letters of a malformed line that are kept
LATEST_MS = 86_400_000  # a clock that is further ahead than this is wrong


@dataclass
class Counts:
    """lines : looked at; new : events, reports and clips that were not in the store; known : those that were

    malformed : lines that went into quarantine; other : lines that say nothing to the monitor
    """

    lines: int = 0
    new: int = 0
    known: int = 0
    malformed: int = 0
    other: int = 0


class Batch:
    """Records on their way into the store."""

    def __init__(self, store: Store, counts: Counts, *, folder: Path | None = None):
        """folder : that clips lie below, if there are any"""
        self._store, self._counts, self._folder = store, counts, folder
        self._records: list[Record] = []

    def add(self, records: Sequence[Record]) -> None:
        self._records += records

    def write(self) -> None:
        """Everything that was added, in one transaction."""
        if self._records:
            with self._store.writing():
                self._write(self._records)
            self._records = []

    def _write(self, records: list[Record]) -> None:
        rows = Rows(self._store, self._folder)
        for record in records:
            rows.add(record)
        new = rows.write()
        self._counts.new += new
        self._counts.known += len(rows.events) + len(rows.reports) + len(rows.clips) - new
        self._counts.malformed += len(rows.bad)


class Rows:
    """Records as rows of the store's tables; to be made and written within one transaction."""

    def __init__(self, store: Store, folder: Path | None):
        self._store, self._folder, self._newest_ms = store, folder, now_ms() + LATEST_MS
        self.events: list[Row] = []
        self.reports: list[Row] = []
        self.clips: list[Row] = []
        self.bad: list[Row] = []
        self._clocks: dict[tuple[int, int], tuple[int, int]] = {}

    def add(self, record: Record) -> None:
        store = self._store
        if isinstance(record, Heard):
            session = store.session(record.device, record.session)
            self.events.append((session, record.time_ms // HOUR_MS, store.word(record.keyword), record.time_ms,
                                record.score, record.near))
            self._clock(session, record.time_ms, record.at_ms)
        elif isinstance(record, Told):
            session = store.session(record.device, record.session, record.model)
            if record.report is not None:
                self.reports.append(report_row(session, record.report))
            self._clock(session, 1000 * record.report.uptime_s if record.report else 0, record.at_ms)
        elif isinstance(record, Kept):
            path = clip_path(self._folder, record.path)
            if path is None:
                bad = Malformed(record.device, record.path, NO_CLIP)
                self.bad.append(quarantined(store.device(record.device), bad))
            else:
                self.clips.append((store.device(record.device), str(path), record.keyword, record.near, record.score,
                                   record.at_ms, record.model))
        else:
            self.bad.append(quarantined(store.device(record.device), record))

    def _clock(self, session: int, time_ms: int, at_ms: int | None) -> None:
        if at_ms is not None:
            found = at_ms - time_ms, READ if EARLIEST_MS < at_ms < self._newest_ms else WRONG
            known = self._clocks.setdefault((session, time_ms // HOUR_MS), found)
            if known[1] > found[1]:
                self._clocks[session, time_ms // HOUR_MS] = found

    def write(self) -> int:
        """How many events, reports and clips were not there yet."""
        store = self._store
        store.add_clocks([(*place, *clock) for place, clock in self._clocks.items()])
        store.quarantine(self.bad)
        return store.add_events(self.events) + store.add_reports(self.reports) + store.add_clips(self.clips)


def clip_path(folder: Path | None, name: str) -> Path | None:
    """Of a clip below the folder of its index; None for any other place, which nobody may read or delete by a line."""
    if folder is None or not is_audio(name):
        return None
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def report_row(session: int, report: FieldReport) -> Row:
    histograms = (",".join(map(str, bins)) for bins in (report.levels, report.scores, report.features))
    return (session, report.uptime_s, report.samples, report.decisions, report.detections, report.near_misses,
            report.clipped, report.lost, *histograms)


def quarantined(device: int, record: Malformed) -> tuple[int, bytes, str, str]:
    """Its row."""
    digest = hashlib.sha256(record.line.encode()).digest()[:16]
    return device, digest, record.line[:KEPT_TEXT], record.reason[:KEPT_TEXT]


class Feed:
    """One device's lines on their way into the store. counts : so far."""

    def __init__(self, store: Store, *, device: str, folder: Path | None = None):
        """folder : that clips lie below, if there are any"""
        self.counts = Counts()
        self._reader, self._batch = Reader(device), Batch(store, self.counts, folder=folder)

    def push(self, line: bytes, at_ms: int | None = None) -> None:
        """A line. at_ms : when it came, where that is known; a time of its own goes before it."""
        if line := line.strip():
            self._batch.add(self._reader.push(line, at_ms))

    def write(self) -> None:
        """What was pushed is in the store when this returns, but for what waits for the name of its session."""
        self._batch.write()
        self.counts.lines, self.counts.other = self._reader.read, self._reader.other

    def end(self) -> None:
        """And that too."""
        self._batch.add(self._reader.flush())
        self.write()


def ingest_lines(store: Store, lines: Iterable[bytes], *, device: str, live: bool = False, folder: Path | None = None,
                 batch_lines: int = BATCH_LINES) -> Counts:
    """Put a device's lines into the store.

    live : they come as they are printed, so that the time is known of what has none of its own; each is stored at once
    """
    feed = Feed(store, device=device, folder=folder)
    for number, line in enumerate(lines, start=1):
        feed.push(line, now_ms() if live else None)
        if live or number % batch_lines == 0:
            feed.write()
    feed.end()
    return feed.counts


def ingest_file(store: Store, path: Path, *, device: str | None = None) -> Counts:
    """A log or a file of JSON lines. device : its name, by default the file's; a line that names one is believed.

    Where no line has a time, the last one is taken to be as old as the file. Raises DataError if it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            age_ms = round(os.fstat(file.fileno()).st_mtime * 1000)
            name = device or device_name(path)
            counts = ingest_lines(store, lines_of(file), device=name, folder=path.parent)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); name a log of a device, or - for what is piped "
                        "in") from error
    guess_clocks(store, name, age_ms)
    return counts


def device_name(path: Path) -> str:
    """kitchen.log → kitchen; a file called kept.jsonl is named after its folder."""
    stem = path.resolve().parent.name if path.name == "kept.jsonl" else path.name.split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-") or "device"


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Lines, however the file ends; of one without an end no more than LONGEST_BYTES are held at once."""
    while line := file.readline(LONGEST_BYTES):
        yield line


def guess_clocks(store: Store, device: str, end_ms: int) -> None:
    """Sessions that no clock is known of: the last one ended now, each other one where the next one started."""
    with store.writing():
        rows = store.db.execute("""
            SELECT sessions.id,
                   max(coalesce((SELECT max(time_ms) FROM events WHERE session_id = sessions.id), 0),
                       coalesce((SELECT 1000 * max(uptime_s) FROM reports WHERE session_id = sessions.id), 0))
            FROM sessions JOIN devices ON device_id = devices.id
            WHERE devices.name = ? AND NOT EXISTS (SELECT 1 FROM clocks WHERE session_id = sessions.id AND guessed != ?)
            ORDER BY sessions.id DESC""", (device, WRONG)).fetchall()
        for session, length_ms in rows:
            end_ms -= length_ms
            store.add_clocks([(session, 0, end_ms, GUESSED)])
