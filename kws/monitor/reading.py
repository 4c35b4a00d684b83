"""Lines of devices as records: JSON objects, or what an exported example prints, with or without a time before it.

A device prints no name, and old firmware no session either: then a session is named after the first thing heard in it.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kws.listen.field_report import FieldReport, SessionStart, report_from_json, session_from_json
from kws.listen.serial.protocol import Damaged, Detected, Ready, parse
from kws.records import from_json

EARLIEST_MS = 1_577_836_800_000  # 2020: a clock before it was never set
STAMP = re.compile(rb"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?[ \t]+")
ELSEWHERE = (b"cost ", b"sound ", b"lost ")  # lines of a device that say nothing to the monitor
MOST_WAITING = 10_000
MOST_REMEMBERED = 1_000  # detections that are known again when they come again, as a broker may send them
WRAP_MS = 1 << 32  # where the milliseconds of a device start anew


@dataclass(frozen=True)
class Heard:
    """A detection, or a near miss. time_ms : of the device's counter; score : 0..255; at_ms : by a clock, or None."""

    device: str
    session: str
    time_ms: int
    keyword: str
    score: int
    near: bool
    at_ms: int | None


@dataclass(frozen=True)
class Told:
    """A report, or the start of a session (report None)."""

    device: str
    session: str
    model: str
    report: FieldReport | None
    at_ms: int | None


@dataclass(frozen=True)
class Kept:
    """A clip that `kws listen --save` keeps. path : as its index names it."""

    device: str
    path: str
    keyword: str
    near: bool
    score: float
    at_ms: int
    model: str | None


@dataclass(frozen=True)
class Malformed:
    """A line that is none of these, with what is wrong in it."""

    device: str
    line: str
    reason: str


Record = Heard | Told | Kept | Malformed


class Remembered:
    """The last detections of a session, MOST_REMEMBERED at least and twice as many at most."""

    def __init__(self) -> None:
        self._latest: set[tuple[int, str, int]] = set()
        self._earlier: set[tuple[int, str, int]] = set()

    def add(self, line: Detected) -> None:
        if len(self._latest) >= MOST_REMEMBERED:
            self._earlier, self._latest = self._latest, set()
        self._latest.add((line.time_ms, line.keyword, line.score))

    def holds(self, line: Detected) -> bool:
        found = line.time_ms, line.keyword, line.score
        return found in self._latest or found in self._earlier

    def clear(self) -> None:
        self._latest.clear()
        self._earlier.clear()


def clock_ms(text: str) -> int:
    """Milliseconds since 1970; a time without a zone is this computer's. Raises ValueError."""
    moment = datetime.fromisoformat(text.replace(",", "."))
    return round((moment if moment.tzinfo else moment.astimezone()).timestamp() * 1000)


def now_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1000)


@dataclass
class Reader:
    """One device's lines, in their order.

    device  : its name, where a line holds none
    read    : lines that were looked at; other : among them, what is right but says nothing to the monitor
    """

    device: str
    read: int = 0
    other: int = 0
    _session: str | None = None
    _joined: bool = True  # in the middle of a session whose name may still come
    _latest_ms: int = 0  # of the last detection, and where the last report ended
    _reported_ms: int = 0
    _waiting: list[tuple[Detected, int | None]] = field(default_factory=list)
    _remembered: Remembered = field(default_factory=Remembered)

    def push(self, line: bytes, at_ms: int | None = None) -> Sequence[Record]:
        """What a line says. at_ms : when it came, where that is known and it does not say so itself."""
        self.read += 1
        if line.startswith(b"{"):
            return [self._json(line, at_ms)]
        if line.startswith(ELSEWHERE):
            self.other += 1
            return ()
        if stamp := STAMP.match(line):
            line = line[stamp.end():]
            try:
                at_ms = clock_ms(stamp[1].decode())
            except ValueError:
                return [Malformed(self.device, stamp[0].decode(), "not a time")]
        found = parse(line)
        if isinstance(found, Detected):
            return self._detected(found, at_ms)
        if isinstance(found, Ready):
            waiting = self.flush()
            self._session, self._joined, self._latest_ms, self._reported_ms = None, False, 0, 0
            self._remembered.clear()
            return waiting
        if isinstance(found, SessionStart | FieldReport):
            return self._told(found, at_ms)
        if isinstance(found, Damaged):
            return [Malformed(self.device, found.text, "not what belongs behind its first word")]
        self.other += 1
        return ()

    def flush(self) -> list[Record]:
        """What waited for its session's name, which does not come any more."""
        waiting, self._waiting = self._waiting, []
        if waiting and self._session is None:
            self._session = named_after(waiting[0][0])
        return [self._heard(line, at_ms, self._unwrapped(line.time_ms)) for line, at_ms in waiting]

    def _detected(self, line: Detected, at_ms: int | None) -> list[Record]:
        time_ms, before = self._unwrapped(line.time_ms), []
        if time_ms < self._latest_ms and not self._remembered.holds(line):  # it has started again, and nobody saw it
            before = self.flush()
            self._session, self._joined, self._reported_ms, time_ms = None, False, 0, line.time_ms
            self._latest_ms = 0
            self._remembered.clear()
        self._latest_ms = max(time_ms, self._latest_ms)
        self._remembered.add(line)
        if self._session is None and self._joined:
            self._waiting.append((line, at_ms))
            return self.flush() if len(self._waiting) >= MOST_WAITING else []
        if self._session is None:
            self._session = named_after(line)
        return [*before, self._heard(line, at_ms, time_ms)]

    def _told(self, line: SessionStart | FieldReport, at_ms: int | None) -> list[Record]:
        report = line if isinstance(line, FieldReport) else None
        if self._session != line.session:
            self._session, self._latest_ms, self._reported_ms = line.session, 0, 0
            self._remembered.clear()
        if report is not None:
            self._reported_ms = 1000 * report.uptime_s
        return [*self.flush(), Told(self.device, line.session, line.model, report, at_ms)]

    def _heard(self, line: Detected, at_ms: int | None, time_ms: int) -> Heard:
        return Heard(self.device, self._session or named_after(line), time_ms, line.keyword, line.score, False, at_ms)

    def _unwrapped(self, time_ms: int) -> int:
        """A device counts to 2^32 milliseconds, 49 days, and on from 0: the time nearest to what came before."""
        before_ms = max(self._latest_ms, self._reported_ms)
        return time_ms + WRAP_MS * max((before_ms - time_ms + WRAP_MS // 2) // WRAP_MS, 0)

    def _json(self, line: bytes, at_ms: int | None) -> Record:
        try:
            content = json.loads(line)
            device = content.get("device", self.device)
            if not isinstance(device, str) or not device:
                raise ValueError("device: must be a name")
            if "at" in content:
                at_ms = clock_ms(content["at"])
            if "report" in content:
                report = report_from_json(content)
                return Told(device, report.session, report.model, report, at_ms)
            if "started" in content:
                start = session_from_json(content)
                return Told(device, start.session, start.model, None, at_ms)
            if "near_miss" in content and "session" not in content:
                return kept(content, device, at_ms)
            return heard(content, device, at_ms)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            return Malformed(self.device, line.decode("utf-8", "replace"), reason_of(error))


@dataclass(frozen=True, kw_only=True)
class HeardLine:
    """A detection as `kws listen --json --report` prints it; score : 0..1."""

    keyword: str
    score: float
    session: str
    time_s: float
    near_miss: bool = False


@dataclass(frozen=True, kw_only=True)
class KeptLine:
    """A line of kept.jsonl."""

    keyword: str
    file: str
    score: float
    near_miss: bool
    model: str | None = None


def heard(content: object, device: str, at_ms: int | None) -> Heard:
    """Raises ValueError if it is none."""
    line = from_json(HeardLine, content)
    if not 0 <= line.score <= 1:
        raise ValueError(f"score = {line.score}: must be 0 to 1")
    time_ms = round(line.time_s * 1000)
    if time_ms < 0:
        raise ValueError(f"time_s = {line.time_s}: must be 0 or more")
    return Heard(device, line.session, time_ms, line.keyword, min(round(line.score * 256), 255), line.near_miss, at_ms)


def kept(content: object, device: str, at_ms: int | None) -> Kept:
    """Raises ValueError if it is none."""
    line = from_json(KeptLine, content)
    if at_ms is None:
        raise ValueError("'at' is missing")
    return Kept(device, line.file, line.keyword, line.near_miss, float(line.score), at_ms, line.model)


def named_after(line: Detected) -> str:
    """The name of a session that brings none: the same for the same first detection."""
    text = f"{line.keyword} {line.time_ms} {line.score}"
    return "log-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def reason_of(error: Exception) -> str:
    """In a few words."""
    return f"no {error.args[0]!r} in it" if isinstance(error, KeyError) else str(error) or type(error).__name__
