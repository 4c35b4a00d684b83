"""Files under recordings/ that are no clips, because they lie in the wrong place or have the wrong form.

What a clip is, kws.data.corpus says. Hidden files, folders that begin with an underscore and the tables of this house
are left out on purpose.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from kws.audio.files import is_audio
from kws.audio.foreign import is_foreign
from kws.data.corpus import NOISE, folders
from kws.data.talk import ROOMS, TALK

OUR_TABLES = ("takes.csv", "README.md", "README", "LICENSE", "LICENSE.txt")
UNREAD = "this form is not read here; convert them to WAV, or import clips: kws data import FOLDER"
SHOWN = 3


def stray_notes(recordings: Path) -> list[str]:
    """A line for each kind of file that is passed over, with the first of them and what to do."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path, kind in strays(recordings):
        found[kind].append(path)
    notes = []
    for kind, paths in sorted(found.items()):
        listed = ", ".join(str(path.relative_to(recordings)) for path in paths[:SHOWN])
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        notes.append(f"passed over in {recordings}: {listed}{more}: {kind}")
    return notes + twin_notes(recordings)


def strays(recordings: Path) -> Iterator[tuple[Path, str]]:
    """(file, why it is no clip)."""
    yield from ((path, "a clip lies in recordings/SOURCE/WORD/") for path in files_of(recordings) if is_sound(path))
    for source in folders(recordings):
        yield from ((path, "a clip lies in recordings/SOURCE/WORD/") for path in files_of(source) if is_sound(path))
        for word in folders(source):
            if word.name in (TALK, ROOMS):
                yield from ((path, UNREAD) for path in sorted(word.rglob("*")) if is_foreign(path.name))
            elif word.name == NOISE or not word.name.startswith("_"):
                yield from in_word(word)


def in_word(word: Path) -> Iterator[tuple[Path, str]]:
    """What lies in a word's folder, or in the folder of noise, and is not heard."""
    for path in files_of(word):
        if is_audio(path.name) or path.name in OUR_TABLES:
            continue
        if is_foreign(path.name):
            yield path, UNREAD
        else:
            yield path, "no sound"
    if word.name == NOISE:
        return
    for below in folders(word):
        yield from ((path, "a folder in a word's folder is not looked into; import them: kws data import FOLDER")
                    for path in sorted(below.rglob("*")) if is_sound(path) and path.is_file())


def files_of(folder: Path) -> list[Path]:
    """Files in `folder` itself that are not hidden."""
    if not folder.is_dir():
        return []
    return [folder / name for name in sorted(os.listdir(folder)) if name[0] != "." and (folder / name).is_file()]


def is_sound(path: Path) -> bool:
    return is_audio(path.name) or is_foreign(path.name)


def twin_notes(recordings: Path) -> list[str]:
    """Words that differ in nothing but capitals are different words; hardly anybody means that."""
    names = {word.name for source in folders(recordings) for word in folders(source) if not word.name.startswith("_")}
    count = Counter(name.casefold() for name in names)
    return [f"{' and '.join(repr(name) for name in sorted(names) if name.casefold() == twin)} are two words here; "
            "name their folders alike" for twin, number in sorted(count.items()) if number > 1]
