"""Talk: people who do not speak to the device, which is what a detector hears all day.

    recordings/<source>/_talk_/<speaker>/...    recordings of any length and format; a file beside them: its own speaker
    recordings/<source>/_talk_/....csv          optional transcripts, with the columns file, text and perhaps speaker

Where a transcript holds a keyword or a word that sounds like one, that keyword is neither asked for nor forbidden in
the whole recording; every other keyword is forbidden. A recording without a transcript is taken to hold no keyword.

The speaker's name decides who trains, as with clips, unless a first folder called training, validation or testing does.

    recordings/<source>/_rooms_/...             impulse responses of rooms, in which part of the talk is heard
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.data.audio import is_audio
from kws.data.corpus import SPLITS, folders, speaker_of, split_of
from kws.errors import DataError

TALK, ROOMS = "_talk_", "_rooms_"
SOUND_ALIKE = (  # spellings that sound the same, or so nearly that a transcript cannot tell what was said
    ("no", "know", "knows"), ("right", "write", "rite", "wright", "rights", "writes"), ("four", "for", "fore"),
    ("two", "to", "too"), ("one", "won"), ("eight", "ate"), ("up", "ups"), ("stop", "stops"), ("left", "lefts"),
    ("on", "awn"), ("by", "buy", "bye"), ("hear", "here"), ("sea", "see"), ("son", "sun"))


@dataclass(frozen=True, order=True)
class Talk:
    """One recording of talk.

    source : its folder under recordings/
    text   : what is said in it, None where nobody wrote it down
    split  : "training", "validation" or "testing"; the same for everything of a speaker
    """

    source: str
    path: Path
    speaker: str
    text: str | None
    split: str


def find_talk(recordings: Path) -> tuple[Talk, ...]:
    """Every recording of talk under `recordings`, by source, speaker and name.

    Raises DataError for an unusable transcript.
    """
    found: list[Talk] = []
    for source in folders(recordings):
        folder = source / TALK
        if folder.is_dir():
            texts = read_transcripts(folder)
            found += [talk_of(path, folder, texts) for path in sorted(folder.rglob("*")) if is_audio(path.name)]
    return tuple(sorted(found, key=lambda talk: (talk.source, talk.speaker, talk.path)))


def talk_of(path: Path, folder: Path, texts: dict[str, tuple[str | None, str]]) -> Talk:
    """One file of a `_talk_` folder, with what the transcripts say about it."""
    name = path.relative_to(folder)
    speaker, text = texts.get(name.as_posix(), texts.get(name.with_suffix("").as_posix(), (None, None)))
    parts = name.parts[1:] if name.parts[0] in SPLITS else name.parts
    speaker = speaker or (parts[0] if len(parts) > 1 else speaker_of(name.stem))
    return Talk(folder.parent.name, path, speaker, text, name.parts[0] if parts != name.parts else split_of(speaker))


def find_rooms(recordings: Path) -> tuple[Path, ...]:
    """Every impulse response of a room under `recordings`."""
    return tuple(path for source in folders(recordings) if (source / ROOMS).is_dir()
                 for path in sorted((source / ROOMS).rglob("*")) if is_audio(path.name))


def read_transcripts(folder: Path) -> dict[str, tuple[str | None, str]]:
    """File, relative to the table's folder under `folder` -> (speaker or None, text)."""
    found: dict[str, tuple[str | None, str]] = {}
    for table in sorted(folder.rglob("*.csv")):
        try:
            with open(table, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{table}: cannot be read as a table of transcripts ({error})") from error
        if rows and not {"file", "text"} <= rows[0].keys():
            raise DataError(f"{table}: has the columns {', '.join(map(str, rows[0]))}; a table of transcripts has file "
                            "and text, and perhaps speaker; remove it or add a first line that names them")
        place = table.parent.relative_to(folder)
        for row in rows:
            found[(place / row["file"]).as_posix()] = (row.get("speaker") or None, row["text"] or "")
    return found


def keywords_said(text: str | None, keywords: Sequence[str]) -> frozenset[str]:
    """The keywords that somebody may hear in a text."""
    words = set(re.findall(r"[^\W_]+", (text or "").lower()))
    return frozenset(keyword for keyword in keywords if words & sounding_like(keyword))


def sounding_like(keyword: str) -> frozenset[str]:
    """A keyword and the other spellings of its sound."""
    return frozenset({keyword}.union(*(group for group in SOUND_ALIKE if keyword in group)))
