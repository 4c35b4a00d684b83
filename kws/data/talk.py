"""Talk: people who do not speak to the device, which is what a detector hears all day.

    recordings/<source>/_talk_/<speaker>/...   recordings of any length and format; a file beside them: its own speaker
    recordings/<source>/_talk_/....csv         transcripts, if there are any (kws.data.transcripts)
    recordings/<source>/_rooms_/...            impulse responses of rooms, in which part of the talk is heard

The speaker's name decides who trains, as with clips, unless a first folder called training, validation or testing does.
Where a transcript holds a keyword or a word that sounds like one, that keyword is neither asked for nor forbidden in
the whole recording; every other keyword is forbidden. Where the times of its words are known (`kws data align`), this
goes for that word's time alone, and only if it stands alone: a keyword that runs on into its sentence is not meant for
the device, and is forbidden like everything else. A recording without a transcript is taken to hold no keyword.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.audio.files import is_audio
from kws.data.corpus import SPLITS, folders, speaker_of, split_of
from kws.data.transcripts import Stretch, Transcripts, holds, read_transcripts, sounds_like, words_of

TALK, ROOMS = "_talk_", "_rooms_"
PAUSE_S = 0.1  # before and after a word that stands alone


@dataclass(frozen=True, order=True)
class Talk:
    """One recording of talk.

    source : its folder under recordings/
    text   : what is said in it, None if nobody wrote it down
    split  : "training", "validation" or "testing"; the same for everything of a speaker
    words  : when each word is said, in order; None if nobody knows
    """

    source: str
    speaker: str
    path: Path
    text: str | None
    split: str
    words: tuple[Stretch, ...] | None = None


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
    own = said.times.get(path.with_suffix(""))
    return Talk(folder.parent.name, speaker, path, text, split, tuple(sorted(own)) if own else None)


def find_rooms(recordings: Path) -> tuple[Path, ...]:
    """Every impulse response of a room under `recordings`."""
    return tuple(path for source in folders(recordings) if (source / ROOMS).is_dir()
                 for path in sorted((source / ROOMS).rglob("*")) if is_audio(path.name))


def keywords_said(text: str | None, keywords: Sequence[str]) -> frozenset[str]:
    """The keywords that somebody may hear in a text, by their sound."""
    return frozenset(keyword for keyword in keywords if text and holds(text, sounds_like([keyword])))


def said_alone(words: Sequence[Stretch], keyword: str) -> tuple[Stretch, ...]:
    """Where the keyword, or what sounds like it, is said with a pause of PAUSE_S before and after it.

    words : of one recording, in order
    """
    sounds = sounds_like([keyword])
    ends = [-PAUSE_S, *(word.end_s for word in words)]
    starts = [*(word.start_s for word in words[1:]), float("inf")]
    return tuple(word for word, before, after in zip(words, ends, starts, strict=False)
                 if tuple(words_of(word.word)) in sounds
                 and word.start_s - before >= PAUSE_S and after - word.end_s >= PAUSE_S)
