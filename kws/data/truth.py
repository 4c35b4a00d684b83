"""What is said in a long recording, and when: the table of keywords beside it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.arguments import checked_path
from kws.data.tables import read_table
from kws.errors import DataError
from kws.files import write_atomic
from kws.words import normal

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

    Keywords take their normal form ("Grün " is grün). Raises DataError that names the line which is not start_s, end_s,
    keyword with 0 <= start_s <= end_s, or that says what another line says.
    """
    path = checked_path("path", path)
    table = read_table(path)
    if not set(COLUMNS) <= set(table.columns):
        raise DataError(f"{path}, line 1: {table.delimiter.join(table.columns)!r}: must name the columns "
                        f"{', '.join(COLUMNS)}")
    seen: dict[tuple[float, float, str], int] = {}
    events = []
    for number, row in table.rows:
        start_s, end_s = table.stretch(number, row, "start_s", "end_s")
        cells = table.cells(number, row)
        event = Event(start_s, end_s, normal(cells["keyword"]), cells.get(SPEAKER, ""))
        if not event.keyword:
            raise table.fault(number, row, "has no keyword")
        before = seen.setdefault((start_s, end_s, event.keyword), number)
        if before != number:
            raise table.fault(number, row, f"says the same as line {before}")
        events.append(event)
    return tuple(sorted(events, key=lambda event: event.start_s))
