"""Clips set aside, repaired or filed under another word; every change can be undone.

    recordings/.quarantine/<n>/journal.json          what was planned, written before the first change
    recordings/.quarantine/<n>/reasons.csv           file, kind, detail
    recordings/.quarantine/<n>/<source>/<word>/...   the files as they were
    recordings/.quarantine/kept.json                 what a person has looked at and kept: not reported again
"""

import csv
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kws.audio.files import encode, read_samples
from kws.data.check import REPAIRABLE_SAMPLES, Action, Finding
from kws.data.corpus import NOHASH
from kws.data.repair import repaired
from kws.errors import DataError, KwsError
from kws.files import sha256_of, write_atomic

FOLDER, JOURNAL, REASONS, KEPT = ".quarantine", "journal.json", "reasons.csv", "kept.json"


@dataclass(frozen=True)
class Change:
    """One file's way, paths relative to recordings/.

    file : where it lay; to : where it lies now, in the quarantine or in another word's folder
    made : SHA-256 of the repaired file that took its place, empty without one
    """

    file: str
    to: str
    kind: str
    detail: str
    made: str = ""


@dataclass(frozen=True)
class Fixed:
    """How many files were set aside, repaired, filed anew; folder : of this session, None if nothing was done."""

    aside: int
    repaired: int
    relabelled: int
    folder: Path | None


def fix(recordings: Path, findings: Sequence[Finding], *, relabel: dict[Path, str] | None = None) -> Fixed:
    """Set aside what findings say, repair what can be repaired; each file once, for its worst finding.

    relabel : files that go to another word's folder instead
    """
    folder = recordings / FOLDER / str(max(sessions(recordings), default=0) + 1)
    changes: list[Change] = []
    contents: dict[str, bytes] = {}
    for path, finding in chosen(findings).items():
        name = "/".join(path.parts[-3:])
        aside = f"{FOLDER}/{folder.name}/{name}"
        word = (relabel or {}).get(path)
        data = repaired_file(path) if finding.action == Action.REPAIR and word is None else None
        if word is not None:
            aside = free_name(recordings, finding.clip.source, word, path, {change.to for change in changes})
        if data is not None:
            contents[name] = data
        changes.append(Change(name, aside, finding.kind, finding.detail, digest(data)))
    if not changes:
        return Fixed(0, 0, 0, None)
    write_atomic(folder / JOURNAL, json.dumps([asdict(change) for change in changes], indent=1) + "\n")
    write_atomic(folder / REASONS, reasons(changes))
    for change in changes:
        move(recordings / change.file, recordings / change.to)
        if change.file in contents:
            write_atomic(recordings / change.file, contents[change.file])
    anew = sum(not change.to.startswith(FOLDER) for change in changes)
    return Fixed(len(changes) - len(contents) - anew, len(contents), anew, folder)


def chosen(findings: Sequence[Finding]) -> dict[Path, Finding]:
    """The finding of each file that decides: setting aside before repairing; what is only reported is left out."""
    result: dict[Path, Finding] = {}
    for action in (Action.ASIDE, Action.REPAIR):
        for finding in findings:
            if finding.action == action:
                result.setdefault(finding.clip.path, finding)
    return result


def repaired_file(path: Path) -> bytes | None:
    """The repaired clip as the bytes of a file of this name; None if it has to be set aside."""
    container = {".wav": "WAV", ".flac": "FLAC"}.get(path.suffix.lower())
    if container is None:
        return None
    audio = repaired(read_samples(path), longest=REPAIRABLE_SAMPLES)
    return None if audio is None else encode(audio, container)


def digest(data: bytes | None) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest() if data is not None else ""


def free_name(recordings: Path, source: str, word: str, path: Path, taken: set[str]) -> str:
    """Where a clip goes under another word: its own name, or with the next number that is free."""
    stem, _, number = path.stem.rpartition(NOHASH)
    stem, count = (stem, int(number)) if stem and number.isdigit() else (path.stem, 0)
    while True:
        name = f"{source}/{word}/{path.name if not count and stem == path.stem else f'{stem}{NOHASH}{count}'}"
        name = name if name.endswith(path.suffix) else name + path.suffix
        if not (recordings / name).exists() and name not in taken:
            return name
        count += 1


def reasons(changes: Sequence[Change]) -> str:
    """The table for people."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [("file", "kind", "detail"), *((change.file, change.kind, change.detail) for change in changes)])
    return text.getvalue()


def move(source: Path, target: Path) -> None:
    """Move a file, also to another file system; its time of change stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def sessions(recordings: Path) -> list[int]:
    """Numbers of the sessions that can be undone, in order."""
    folder = recordings / FOLDER
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit() and (path / JOURNAL).is_file())


def undo(recordings: Path) -> tuple[int, Path]:
    """Take the last session back: how many files lie where they lay, and the folder of the session, which is gone.

    Raises DataError if there is none, or where another file has taken a place meanwhile; then nothing is moved.
    """
    known = sessions(recordings)
    if not known:
        raise DataError(f"{recordings / FOLDER}: nothing was set aside, so there is nothing to undo")
    folder = recordings / FOLDER / str(known[-1])
    try:
        changes = [Change(**change) for change in json.loads((folder / JOURNAL).read_text())]
    except (ValueError, TypeError) as error:
        raise DataError(f"{folder / JOURNAL} is damaged ({error}); move the files beside it back by hand") from error
    waiting = [change for change in changes if (recordings / change.to).exists()]
    for change in waiting:
        place = recordings / change.file
        if place.exists() and sha256_of(place) != change.made:
            raise DataError(f"{place} has been made meanwhile; move it elsewhere, then again: kws data check --undo")
    for change in reversed(waiting):
        (recordings / change.file).unlink(missing_ok=True)
        move(recordings / change.to, recordings / change.file)
    shutil.rmtree(folder)
    return len(waiting), folder


def kept(recordings: Path) -> set[tuple[str, str]]:
    """(file, kind) of findings that a person has looked at and kept."""
    try:
        return {(file, kind) for file, kind in json.loads((recordings / FOLDER / KEPT).read_text())}
    except FileNotFoundError:
        return set()
    except ValueError as error:
        raise KwsError(f"{recordings / FOLDER / KEPT} is damaged ({error}); remove it and review again") from error


def keep(recordings: Path, findings: Sequence[Finding]) -> None:
    """Remember that a person has kept these."""
    entries = kept(recordings) | {(finding.name, finding.kind) for finding in findings}
    write_atomic(recordings / FOLDER / KEPT, json.dumps(sorted(entries), indent=1) + "\n")
