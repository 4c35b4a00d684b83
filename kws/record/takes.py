"""Accepted takes on the disk: clips by the corpus naming, and a table of how each was recorded.

    recordings/<source>/<word>/<speaker>_nohash_<n>.wav
    recordings/<source>/takes.csv
"""

import csv
import hashlib
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from kws.arguments import Samples, check_array
from kws.audio.files import encode
from kws.data.corpus import NOHASH
from kws.data.shelf import LONGEST_NAME, safe_name
from kws.errors import DataError
from kws.files import in_turn, write_atomic, write_new
from kws.words import fault

TABLE = "takes.csv"
COLUMNS = ("file", "word", "speaker", "device", "rate_hz", "level_db", "noise_db", "time_utc", "origin")


class Takes:
    """The takes of one speaker in one source; everything is on the disk when a call returns."""

    def __init__(self, folder: Path, *, speaker: str, device: str, rate_hz: int):
        """folder : a source under recordings/; device, rate_hz : what the takes come from.

        Raises DataError for a speaker's name that no file name can hold.
        """
        if safe_name(speaker) != speaker or NOHASH in speaker:
            raise DataError(f"speaker = {speaker!r}: must be letters, digits, . - and _, at most {LONGEST_NAME}")
        self.folder, self.speaker = folder, speaker
        self._device, self._rate_hz = device, rate_hz

    def count(self, word: str) -> int:
        """How many takes of `word` this speaker has."""
        return len(self._numbers(word))

    def add(self, word: str, clip: Samples, *, level_db: float, noise_db: float, now: datetime,
            origin: str = "") -> Path:
        """Write a clip, int16 [n], and its row; returns the file.

        origin : which stretch of which recording it is, see origin_of; "" for what came from a microphone
        """
        check_array("clip", clip, np.int16, "n")
        number = max(self._numbers(word), default=0) + 1
        data = encode(clip)
        while not write_new(path := self.folder / word / f"{self.speaker}{NOHASH}{number}.wav", data):
            number += 1  # somebody else records under this name
        time = now.astimezone(UTC).isoformat(timespec="seconds")
        name = path.relative_to(self.folder).as_posix()
        with in_turn(self.folder / TABLE):
            rows = [row for row in self.rows() if row[0] != name]  # of one that is gone
            self._write([*rows, [name, word, self.speaker, self._device, str(self._rate_hz), f"{level_db:.1f}",
                                 f"{noise_db:.1f}", time, origin]])
        return path

    def origins(self) -> frozenset[str]:
        """The stretches of recordings that were cut out already, and are still there."""
        return frozenset(row[len(COLUMNS) - 1] for row in self.rows()
                         if len(row) == len(COLUMNS) and row[-1] and (self.folder / row[0]).exists())

    def remove(self, path: Path) -> None:
        """Take a clip back: the file and its row."""
        name = path.relative_to(self.folder).as_posix()
        with in_turn(self.folder / TABLE):
            self._write([row for row in self.rows() if row[0] != name])
        path.unlink(missing_ok=True)

    def rows(self) -> list[list[str]]:
        """The table, without its head."""
        try:
            text = (self.folder / TABLE).read_text()
        except FileNotFoundError:
            return []
        rows = [row for row in csv.reader(io.StringIO(text)) if row and row[0] != COLUMNS[0]]
        return [row + [""] * (len(COLUMNS) - len(row)) for row in rows]

    def _numbers(self, word: str) -> list[int]:
        pattern = re.compile(re.escape(self.speaker + NOHASH) + r"(\d+)\.wav")
        folder = self.folder / word
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return [int(match[1]) for name in names if (match := pattern.fullmatch(name))]

    def _write(self, rows: list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
        write_atomic(self.folder / TABLE, text.getvalue())


def origin_of(audio: np.ndarray, start: int) -> str:
    """A name for the stretch of a recording, int16 [n], that begins at sample `start`: the same for the same sound."""
    return f"{hashlib.sha256(np.ascontiguousarray(audio).data).hexdigest()[:16]}:{start}"


def check_words(words: tuple[str, ...]) -> None:
    """Raise DataError for what cannot be the name of a word."""
    for word in words:
        if what := fault(word):
            raise DataError(what)
