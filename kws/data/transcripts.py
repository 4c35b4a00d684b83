"""What is said in recordings of talk, if somebody wrote it down: which of them hold a keyword, and where.

Tables (.csv, .tsv) in the folder of the recordings, above it up to the one that was named, or in its parent:
  file, text                    what is said
  file, word, start_s, end_s    when each word of interest is said, in seconds
`utterance`, `path` and `name` do for `file`, `transcript` and `sentence` for `text`. A file is a path from the table's
folder, with or without its suffix, or a name alone. A text may also lie beside its recording: talk.wav, talk.txt.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kws.data.tables import Table, UnreadableTable, read_table
from kws.errors import DataError

TABLES = "*.[cCtT][sS][vV]"  # .csv, .tsv
FILE_COLUMNS = ("file", "utterance", "path", "name")
TEXT_COLUMNS = ("text", "transcript", "sentence")
START_COLUMNS, END_COLUMNS = ("start_s", "start"), ("end_s", "end")
# First and last sign of scripts whose words stand without spaces: Thai, Lao, Myanmar, Khmer, kana, Han.
WITHOUT_SPACES = (("\u0e00", "\u0eff"), ("\u1000", "\u109f"), ("\u1780", "\u17ff"), ("\u3005", "\u30ff"),
                  ("\u3400", "\u4dbf"), ("\u4e00", "\u9fff"), ("\uf900", "\ufaff"), ("\U00020000", "\U0003ffff"))
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
    """Lower-case words without punctuation; apostrophes inside a word stay.

    Of scripts that are written without spaces each sign is a word, so that one is found inside a sentence:

    >>> words_of("I don't. 请开灯"), words_of("GRU\u0308N!")
    (['i', "don't", '请', '开', '灯'], ['grün'])
    """
    plain = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    return [word.strip("'") for word in "".join(map(kept, plain)).split() if word.strip("'")]


def kept(letter: str) -> str:
    """A letter, mark or digit as it is, or apart from its neighbours; a space for all else."""
    if any(low <= letter <= high for low, high in WITHOUT_SPACES):
        return f" {letter} "
    return letter if letter == "'" or unicodedata.category(letter)[0] in "LMN" else " "


def holds(text: str, sounds: frozenset[tuple[str, ...]]) -> bool:
    """Whether one of the `sounds` is said in the text."""
    words = words_of(text)
    return any(tuple(words[i:i + len(sound)]) == sound for sound in sounds for i in range(len(words) - len(sound) + 1))


def read_transcripts(folder: Path, recordings: Sequence[Path], *, all_of_it: bool = True) -> Transcripts:
    """What the tables in and above the recordings' folders say about them; a table without such columns is passed over.

    folder : the highest folder whose tables count, together with those in its parent
    all_of_it : `recordings` are all that lie in it. Then DataError is raised if there are such tables in it and none of
    them names a recording: hours that hold keywords would count as hours without.
    """
    found = Transcripts()
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in recordings:
        by_name[path.stem].append(path)
    below = {folder, *(above for path in recordings for above in path.parents if folder in (above, *above.parents))}
    named_by: dict[Path, Sequence[Path] | None] = {}
    for path in sorted(path for place in {folder.parent, *below} for path in place.glob(TABLES)
                       if not path.name.startswith(".")):
        try:
            named_by[path] = add_table(read_table(path), by_name, found)
        except UnreadableTable:
            if path.parent in below:  # what lies beside the folder may be about anything
                raise
    idle = [path for path, meant in named_by.items() if meant == [] and path.parent in below]
    if all_of_it and recordings and idle and not any(named_by.values()):
        raise DataError(f"{idle[0]}: names no recording in {folder}; a file is its path from the "
                        "table's folder, or its name alone (move the table away if it is about others)")
    return found


def add_table(table: Table, by_name: Mapping[str, list[Path]], found: Transcripts) -> Sequence[Path] | None:
    """Add what one table says about recordings to `found`: those that it names; None if it is about something else.

    Raises DataError for times that are none.
    """
    column, text, start, end = (next((name for name in known if name in table.columns), None) for known in
                                (FILE_COLUMNS, TEXT_COLUMNS, START_COLUMNS, END_COLUMNS))
    timed = "word" in table.columns and start is not None and end is not None
    if column is None or not (timed or text):
        return None
    meant: list[Path] = []
    for number, row in table.rows:
        cells = dict(zip(table.columns, row, strict=False))
        recordings = named(table.path, cells[column], by_name)
        meant += recordings
        for recording in recordings:
            if timed and start and end:
                stretch = Stretch(*table.stretch(number, row, start, end), table.cells(number, row)["word"].lower())
                found.times.setdefault(recording.with_suffix(""), []).append(stretch)
                found.timed.add(recording.parent)
            elif text:
                found.texts[recording.with_suffix("")] = cells.get(text, "")
    return meant


def named(table: Path, name: str, by_name: Mapping[str, list[Path]]) -> list[Path]:
    """The recordings that a table means by `name`: those below its folder whose path ends so."""
    wanted = Path(name).parts
    found = []
    for path in [path for key in sorted({Path(name).stem, Path(name).name}) for path in by_name.get(key, [])]:
        own = (*path.parts[:-1], path.name if path.name == wanted[-1] else path.stem)
        last = (*wanted[:-1], own[-1])
        if own[-len(last):] == last and table.parent in path.parents:
            found.append(path)
    return found
