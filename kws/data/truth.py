"""What is said in a long recording, and when: the table of keywords beside it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.arguments import checked_path
from kws.errors import DataError
from kws.files import write_atomic

COLUMNS = ("start_s", "end_s", "keyword")
SPEAKER = "speaker"  # a column that may be missing


@dataclass(frozen=True)
class Event:
    """A keyword that was spoken: where it starts and ends in the recording, in seconds; speaker : "" if unknown."""

    start_s: float
    end_s: float
    keyword: str
    speaker: str = ""


def write_truth(path: Path, events: Sequence[Event]) -> None:
    """Write events as CSV with the columns start_s, end_s, keyword, and speaker if any is known."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    named = any(event.speaker for event in events)
    table.writerow((*COLUMNS, SPEAKER) if named else COLUMNS)
    table.writerows((f"{event.start_s:.3f}", f"{event.end_s:.3f}", event.keyword, *([event.speaker] if named else []))
                    for event in events)
    write_atomic(path, text.getvalue())


def read_truth(path: Path | str) -> tuple[Event, ...]:
    """Read what `write_truth` writes, in order of time; the columns may stand in any order, others are passed over.

    Raises DataError that names the line which is not start_s, end_s, keyword with 0 <= start_s <= end_s.
    """
    path = checked_path("path", path)
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); it must be a table of {', '.join(COLUMNS)}") from error
    names = [name.strip() for name in lines[0]] if lines else []
    if not set(COLUMNS) <= set(names):
        raise DataError(f"{path}, line 1: must be {','.join(COLUMNS)}")
    events = []
    for number, line in enumerate(lines[1:], 2):
        try:
            row = dict(zip(names, line, strict=True))
            event = Event(float(row["start_s"]), float(row["end_s"]), row["keyword"], row.get(SPEAKER, ""))
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {','.join(line)!r}: must be {','.join(names)}") from error
        if not 0 <= event.start_s <= event.end_s < float("inf"):
            raise DataError(f"{path}, line {number}: {','.join(line)!r}: must have 0 <= start_s <= end_s")
        events.append(event)
    return tuple(sorted(events, key=lambda event: event.start_s))
