"""Word times for the talk of a workspace: a table beside each source's recordings."""

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from kws.data.talk import find_talk
from kws.files import write_atomic
from kws.speech.alignment import align_all

TABLE = "words.csv"


@dataclass(frozen=True)
class Aligned:
    """What was found in one source. left_out : recordings that could not be aligned."""

    table: Path
    recordings: int
    words: int
    left_out: int


def align_talk(recordings: Path) -> list[Aligned]:
    """Write recordings/<source>/words.csv for every source whose talk has transcripts.

    Raises DataError if there is such talk and no aligner is installed.
    """
    texts: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for one in find_talk(recordings):
        if one.text:
            texts[one.source].append((one.path, one.text))
    return [align_source(recordings / source, known) for source, known in texts.items()]


def align_source(folder: Path, known: list[tuple[Path, str]]) -> Aligned:
    """One source's table."""
    found = align_all(known)
    content = io.StringIO()
    table = csv.writer(content, lineterminator="\n")
    table.writerow(("file", "word", "start_s", "end_s"))
    for path, words in found.items():
        name = path.relative_to(folder).as_posix()
        table.writerows((name, one.word, f"{one.start_s:.2f}", f"{one.end_s:.2f}") for one in words)
    write_atomic(folder / TABLE, content.getvalue())
    return Aligned(folder / TABLE, len(found), sum(map(len, found.values())), len(known) - len(found))
