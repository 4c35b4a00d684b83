"""What is said in recordings of talk, if somebody wrote it down: which of them hold a keyword, and where.

Tables (.csv) beside the recordings, in their folder, in one above it up to the one that was named, or in its parent:
  file, text                    what is said
  file, word, start_s, end_s    when each word of interest is said, in seconds
`utterance`, `path` and `name` do for `file`, `transcript` and `sentence` for `text`. A file is a path from the table's
folder, with or without its suffix, or a name alone. A text may also lie beside its recording: talk.wav, talk.txt.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FILE_COLUMNS = ("file", "utterance", "path", "name")
TEXT_COLUMNS = ("text", "transcript", "sentence")
START_COLUMNS, END_COLUMNS = ("start_s", "start"), ("end_s", "end")
# Words that sound like another one; who hears only the sound cannot tell them apart.
HOMOPHONES = {
    "no": ("know",), "right": ("write", "wright", "rite"), "four": ("for", "fore"), "two": ("to", "too"),
    "one": ("won",), "eight": ("ate",), "red": ("read",), "blue": ("blew",), "hey": ("hay",), "hi": ("high",),
    "bye": ("by", "buy"), "see": ("sea",), "light": ("lite",), "lights": ("lites",), "marvin": ("marvyn",),
}


@dataclass(frozen=True, order=True)
class Stretch:
    """A word and when it is said, in seconds from the start of its recording."""

    start_s: float
    end_s: float
    word: str


@dataclass
class Transcripts:
    """What the tables say; keys are paths without suffix."""

    texts: dict[Path, str] = field(default_factory=dict)
    times: dict[Path, list[Stretch]] = field(default_factory=dict)
    timed: set[Path] = field(default_factory=set)

    def text_of(self, path: Path) -> str | None:
        """The words of a recording; None if nobody wrote them down."""
        beside = path.with_suffix(".txt")
        found = self.texts.get(path.with_suffix(""))
        if found is None and beside.is_file():
            found = beside.read_text(errors="replace")
        return found

    def times_of(self, path: Path) -> list[Stretch] | None:
        """The words of a recording with their times; None if no table of times covers its folder."""
        if path.with_suffix("") in self.times:
            return self.times[path.with_suffix("")]
        return [] if path.parent in self.timed else None


def sounds_like(keywords: Iterable[str]) -> frozenset[tuple[str, ...]]:
    """The keywords and their homophones, each as the words that it consists of."""
    same = defaultdict(set)
    for word, others in HOMOPHONES.items():
        for other in others:
            same[word].add(other)
            same[other].add(word)
    return frozenset(tuple(words_of(sound)) for keyword in keywords for sound in (keyword, *same[keyword]))


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation; apostrophes inside a word stay."""
    return [word.strip("'") for word in re.findall(r"[\w']+", text.lower().replace("’", "'").replace("_", " "))]


def holds(text: str, sounds: frozenset[tuple[str, ...]]) -> bool:
    """Whether one of the `sounds` is said in the text."""
    words = words_of(text)
    return any(tuple(words[i:i + len(sound)]) == sound for sound in sounds for i in range(len(words) - len(sound) + 1))


def read_transcripts(folder: Path, recordings: Sequence[Path]) -> Transcripts:
    """What the tables in and above the recordings' folders say about them; a table without such columns is passed over.

    folder : the highest folder whose tables count, together with those in its parent
    """
    found = Transcripts()
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in recordings:
        by_name[path.stem].append(path)
    places = {folder.parent, folder, *(above for path in recordings for above in path.parents
                                       if folder in (above, *above.parents))}
    for table in sorted(path for place in places for path in place.glob("*.csv")):
        read_table(table, by_name, found)
    return found


def read_table(table: Path, by_name: dict[str, list[Path]], found: Transcripts) -> None:
    """Add what one table says about these recordings to `found`."""
    with open(table, newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = csv.DictReader(file)
        names = [name.strip() for name in rows.fieldnames or []]
        rows.fieldnames = names
        column, text, start, end = (next((name for name in known if name in names), None) for known in
                                    (FILE_COLUMNS, TEXT_COLUMNS, START_COLUMNS, END_COLUMNS))
        timed = "word" in names and start is not None and end is not None
        if column is None or not (timed or text):
            return
        for row in rows:
            for path in named(table, row[column] or "", by_name):
                if timed:
                    found.times.setdefault(path.with_suffix(""), []).append(
                        Stretch(float(row[start]), float(row[end]), (row["word"] or "").lower()))
                    found.timed.add(path.parent)
                elif text:
                    found.texts[path.with_suffix("")] = row[text] or ""


def named(table: Path, name: str, by_name: dict[str, list[Path]]) -> list[Path]:
    """The recordings that a table means by `name`: those below its folder whose path ends so."""
    wanted = Path(name).parts
    found = []
    for path in [path for key in sorted({Path(name).stem, Path(name).name}) for path in by_name.get(key, [])]:
        own = (*path.parts[:-1], path.name if path.name == wanted[-1] else path.stem)
        last = (*wanted[:-1], own[-1])
        if own[-len(last):] == last and table.parent in path.parents:
            found.append(path)
    return found
