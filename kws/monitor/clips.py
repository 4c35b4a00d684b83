"""Saved clips: their labels, and the way back into the recordings.

A label is "true" (the word that was detected), "false" (none of the words), "skip", or the word that it really was.
"""

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kws.data.corpus import NOHASH, SPLITS, source_folder
from kws.data.talk import TALK
from kws.errors import DataError
from kws.files import write_atomic
from kws.monitor.judge import FALSE, SKIPPED, TRUE
from kws.monitor.store import Store
from kws.words import is_word

TABLE = "promoted.csv"
COLUMNS = ("file", "label", "detected", "near_miss", "score", "device", "model", "time_utc", "from")
SOURCE = "field"


@dataclass(frozen=True)
class Clip:
    """A piece of sound that a device kept. word : what it was detected as; at_ms : when, since 1970."""

    id: int
    device: str
    path: Path
    word: str
    near: bool
    score: float
    at_ms: int
    model: str | None
    label: str | None


def clips(store: Store, *, unlabelled: bool = False, device: str | None = None) -> list[Clip]:
    """Those whose file is there, oldest first."""
    rows = store.db.execute(
        "SELECT clips.id, name, path, word, near, score, at_ms, model, label FROM clips JOIN devices ON device_id = "
        "devices.id WHERE (NOT ? OR label IS NULL) AND (? IS NULL OR name = ?) ORDER BY at_ms, clips.id",
        (unlabelled, device, device)).fetchall()
    found = [Clip(number, name, Path(path), word, bool(near), score, at_ms, model, label)
             for number, name, path, word, near, score, at_ms, model, label in rows]
    return [clip for clip in found if clip.path.is_file()]


def check_label(label: str) -> str:
    """The label. Raises DataError for what is none."""
    if label in (TRUE, FALSE, SKIPPED) or is_word(label):
        return label
    raise DataError(f"label {label!r}: must be true, false, skip, or the word that was said")


def set_label(store: Store, clip: int, label: str | None) -> None:
    """None takes it back. Raises DataError for a label that is none, or a clip that is not there."""
    if label is not None:
        check_label(label)
    with store.writing():
        if not store.db.execute("UPDATE clips SET label = ? WHERE id = ?", (label, clip)).rowcount:
            raise DataError(f"there is no clip {clip}; list them with: kws monitor label --list")


@dataclass(frozen=True)
class Promoted:
    """words : clips of each word, of false alarms as "false"; missing : clips whose file is gone."""

    folder: Path
    words: dict[str, int]
    missing: int


def promote(store: Store, recordings: Path, *, source: str = SOURCE) -> Promoted:
    """Copy what was labelled and not promoted yet to recordings/<source>/<word>/<device>_nohash_<n>.wav.

    The device is the speaker, so that all its words fall into one split. False alarms go to <source>/_talk_/training/:
    hard negatives, which can no longer judge. promoted.csv says where each file comes from. A clip that was promoted
    with another label before is moved. Raises DataError if nothing was labelled.
    """
    folder = source_folder(recordings, source)
    rows = store.db.execute(
        "SELECT clips.id, name, path, word, near, score, at_ms, model, label FROM clips JOIN devices ON device_id = "
        "devices.id WHERE label IS NOT NULL AND label != ? AND promoted IS NOT label ORDER BY at_ms, clips.id",
        (SKIPPED,)).fetchall()
    if not rows:
        raise DataError("there are no labelled clips left to promote; label some with: kws monitor label")
    table = {row[0]: row for row in read_table(folder)}
    words: dict[str, int] = {}
    missing = 0
    for number, device, path, word, near, score, at_ms, model, label in rows:
        target = word if label == TRUE else label
        if not Path(path).is_file():
            missing += 1
            continue
        for name in [name for name, row in table.items() if row[8] == path]:
            (folder / name).unlink(missing_ok=True)
            del table[name]
        name = filed(Path(path), folder, target, speaker_of(device))
        moment = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
        table[name] = [name, label, word, str(near), f"{score:.4f}", device, model or "", moment, path]
        write_table(folder, table)
        with store.writing():
            store.db.execute("UPDATE clips SET promoted = label WHERE id = ?", (number,))
        words[target] = words.get(target, 0) + 1
    return Promoted(folder, words, missing)


def speaker_of(device: str) -> str:
    """A device's name as a file name takes it."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", device).strip("-.")[:60] or "device"


def filed(path: Path, folder: Path, word: str, speaker: str) -> str:
    """Copy a clip to the next free number of its word or of the talk; returns its name below `folder`."""
    place = f"{TALK}/{SPLITS[0]}" if word == FALSE else word
    numbers = [int(match[1]) for known in (folder / place).glob(f"{speaker}{NOHASH}*")
               if (match := re.search(NOHASH + r"(\d+)\.", known.name))]
    name = f"{place}/{speaker}{NOHASH}{max(numbers, default=0) + 1}{path.suffix}"
    write_atomic(folder / name, path.read_bytes())
    return name


def read_table(folder: Path) -> list[list[str]]:
    try:
        text = (folder / TABLE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [row for row in csv.reader(io.StringIO(text)) if len(row) == len(COLUMNS) and row != list(COLUMNS)]


def write_table(folder: Path, table: dict[str, list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *table.values()])
    write_atomic(folder / TABLE, text.getvalue())


def remove(paths: list[Path]) -> int:
    """Delete the files of forgotten clips. How many there were."""
    removed = 0
    for path in paths:
        if path.is_file():
            path.unlink()
            removed += 1
    return removed
