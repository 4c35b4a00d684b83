"""Where an imported recording is laid: names that hold the speaker, that nobody else has, and that come again.

    recordings/<source>/<word>/<speaker>_nohash_<n>.wav
    recordings/<source>/_refused_/<word>/…              clips that were not taken, and reasons.csv
"""

import csv
import hashlib
import io
import itertools
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

import numpy as np

from kws.audio.files import encode
from kws.data.admission import ASIDE, REASONS
from kws.data.corpus import NOHASH, NOISE, speaker_of
from kws.files import in_turn, write_atomic, write_new

LONGEST_NAME = 80


@dataclass(frozen=True)
class Job:
    """An audio file to import.

    path    : its place in folder or archive; word : what it is to be filed under, or NOISE
    speaker : who speaks, where an option or a folder says so
    alike   : whether another folder holds a file of this name for the same word, by somebody else
    """

    path: PurePosixPath
    word: str
    speaker: str | None = None
    alike: bool = False


class Laid(Enum):
    """What became of a recording."""

    WRITTEN = "written"
    KEPT = "kept"
    REFUSED = "refused"


class Shelf:
    """One source under recordings/, while recordings are laid into it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._speakers: dict[str, frozenset[str]] = {}
        self._refused: dict[str, str] = {}

    def lay(self, job: Job, audio: np.ndarray, *, refused: str | None) -> tuple[Laid, str]:
        """Write one recording, int16 [n], under the first name that is free, unless it is there already.

        refused : why it is not taken, and so laid aside
        Returns what became of it, and the speaker under whom it was filed.
        """
        data = encode(audio)
        for name in self.names(job, data):
            target = self.folder / job.word / f"{name}.wav"
            speaker = speaker_of(name)
            if target.exists():
                if target.read_bytes() == data:
                    return Laid.KEPT, speaker
                continue
            if refused is not None:
                self._lay_aside(job.word, name, data, refused)
                return Laid.REFUSED, speaker
            if write_new(target, data):
                (self.folder / ASIDE / job.word / f"{name}.wav").unlink(missing_ok=True)
                return Laid.WRITTEN, speaker
            if target.read_bytes() == data:  # another import was faster
                return Laid.KEPT, speaker
        raise AssertionError("names never end")

    def names(self, job: Job, data: bytes) -> Iterator[str]:
        """Names that a recording may have, without suffix, best first: its own, then one with a number out of its
        content. A name without a speaker that somebody else has already is not taken for the same person's."""
        number = int.from_bytes(hashlib.sha256(data).digest()[:4])
        stem = safe_name(job.path.stem)
        if job.word == NOISE:
            yield stem
            yield from (f"{stem}_{number + i}" for i in itertools.count())
        if job.speaker is None and NOHASH in stem:
            yield stem
            yield from (f"{speaker_of(stem)}{NOHASH}{number + i}" for i in itertools.count())
        who = self.speaker(job)
        if job.speaker is None and who in self.speakers_of(job.word):
            if (self.folder / job.word / f"{who}{NOHASH}{number}.wav").exists():
                yield f"{who}{NOHASH}{number}"
            who = f"{who}-{number & 0xFFFF:04x}"
        yield from (f"{who}{NOHASH}{number + i}" for i in itertools.count())

    def speaker(self, job: Job) -> str:
        """Who speaks, as part of a file name."""
        if job.speaker is not None:
            return safe_name(job.speaker).replace(NOHASH, "_")
        if job.alike:
            return safe_name("_".join((*job.path.parts[:-1], job.path.stem)))
        return safe_name(speaker_of(job.path.stem))

    def speakers_of(self, word: str) -> frozenset[str]:
        """Everybody who was there before this import, with takes of `word`."""
        if word not in self._speakers:
            place = self.folder / word
            names = os.listdir(place) if place.is_dir() else []
            self._speakers[word] = frozenset(speaker_of(os.path.splitext(name)[0]) for name in names)
        return self._speakers[word]

    def _lay_aside(self, word: str, name: str, data: bytes, reason: str) -> None:
        place = self.folder / ASIDE / word / f"{name}.wav"
        if not place.exists():
            write_atomic(place, data)
        self._refused[f"{word}/{name}.wav"] = reason

    def close(self) -> None:
        """Write down why clips lie aside; those that were taken meanwhile, or are gone, are left out."""
        if not self._refused:
            return
        table = self.folder / ASIDE / REASONS
        with in_turn(table):
            rows = read_reasons(table) | self._refused
            text = io.StringIO()
            kept = [(name, reason) for name, reason in sorted(rows.items()) if (self.folder / ASIDE / name).exists()]
            csv.writer(text, lineterminator="\n").writerows([("file", "reason"), *kept])
            write_atomic(table, text.getvalue())


def read_reasons(table: Path) -> dict[str, str]:
    """File -> reason, as an earlier import wrote them; nothing if there is no such table."""
    try:
        rows = list(csv.reader(io.StringIO(table.read_text())))
    except (OSError, UnicodeError, csv.Error):
        return {}
    return {row[0]: row[1] for row in rows[1:] if len(row) == 2}


def safe_name(name: str) -> str:
    """`name` as every file system takes it: letters, digits, . ' - and _, not hidden, at most LONGEST_NAME of them."""
    plain = re.sub(r"[^\w.'-]+", "_", unicodedata.normalize("NFC", name)).lstrip(".") or "unnamed"
    if len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME - 9]}-{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:8]}"
