"""Talk: people who do not speak to the device, which is what a detector hears all day.

    recordings/<source>/_talk_/<speaker>/...   recordings of any length and format; a file beside them: its own speaker
    recordings/<source>/_talk_/....csv         transcripts, if there are any (kws.data.transcripts)
    recordings/<source>/_rooms_/...            impulse responses of rooms, in which part of the talk is heard

The speaker's name decides who trains, as with clips, unless a first folder called training, validation or testing does.
Where a transcript holds a keyword or a word that sounds like one, that keyword is neither asked for nor forbidden in
the whole recording; every other keyword is forbidden. A recording without a transcript is taken to hold no keyword.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.audio.files import is_audio
from kws.data.corpus import SPLITS, folders, speaker_of, split_of
from kws.data.transcripts import Transcripts, holds, read_transcripts, sounds_like

TALK, ROOMS = "_talk_", "_rooms_"


@dataclass(frozen=True, order=True)
class Talk:
    """One recording of talk.

    source : its folder under recordings/
    text   : what is said in it, None if nobody wrote it down
    split  : "training", "validation" or "testing"; the same for everything of a speaker
    """

    source: str
    speaker: str
    path: Path
    text: str | None
    split: str


def find_talk(recordings: Path) -> tuple[Talk, ...]:
    """Every recording of talk under `recordings`, by source, speaker and name."""
    found: list[Talk] = []
    for source in folders(recordings):
        folder = source / TALK
        if folder.is_dir():
            paths = [path for path in sorted(folder.rglob("*")) if is_audio(path.name)]
            said = read_transcripts(folder, paths)
            found += [talk_of(path, folder, said) for path in paths]
    return tuple(sorted(found, key=lambda talk: (talk.source, talk.speaker, talk.path)))


def talk_of(path: Path, folder: Path, said: Transcripts) -> Talk:
    """One file of a `_talk_` folder, with what the transcripts say about it."""
    name = path.relative_to(folder)
    parts = name.parts[1:] if name.parts[0] in SPLITS else name.parts
    speaker = parts[0] if len(parts) > 1 else speaker_of(name.stem)
    split = split_of(speaker) if parts == name.parts else name.parts[0]
    times = said.times_of(path)
    text = said.text_of(path)
    if text is None and times is not None:
        text = " ".join(word.word for word in times)
    return Talk(folder.parent.name, speaker, path, text, split)


def find_rooms(recordings: Path) -> tuple[Path, ...]:
    """Every impulse response of a room under `recordings`."""
    return tuple(path for source in folders(recordings) if (source / ROOMS).is_dir()
                 for path in sorted((source / ROOMS).rglob("*")) if is_audio(path.name))


def keywords_said(text: str | None, keywords: Sequence[str]) -> frozenset[str]:
    """The keywords that somebody may hear in a text, by their sound."""
    return frozenset(keyword for keyword in keywords if text and holds(text, sounds_like([keyword])))
