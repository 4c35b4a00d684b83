"""Hours of talk and noise as rows of features, computed once: any stretch of them is a slice."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.data.pool import map_blocks
from kws.data.talk import Talk, keywords_said, said_alone
from kws.features.frontend import Frontend
from kws.features.tables import FrontendTables

SPEAKERS = 8  # that are heard in one go: fewer in all, and no other process is started


@dataclass(frozen=True, eq=False)
class TalkRows:
    """Feature rows of recordings that follow each other; those of one speaker run on like a single recording.

    rows    : int8 [n, features]
    in_room : int8 [n, features], the same in some room; the rows themselves if no room is known
    said    : bool [n, keywords], whether a keyword may be heard in the recording that a row comes from
    sources : int [k + 1], where the rows of each source begin, and the end of the last one
    """

    rows: np.ndarray
    in_room: np.ndarray
    said: np.ndarray
    sources: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows, the same in a room, what may be said: of one speaker


def talk_rows(talk: Sequence[Talk], keywords: Sequence[str], frontend: Frontend, *, cache: Path | None,
              rooms: Sequence[np.ndarray] = (), scheduler: str | None = None) -> TalkRows:
    """The rows of recordings, in their order.

    rooms : impulse responses, float32 [n]; each speaker is heard in one of them, in turn
    cache : folder that keeps the rows, None if nothing is kept
    scheduler : of the Dask cluster that hears them, None if this machine does
    """
    speakers = [list(recordings) for _, recordings in groupby(talk, key=lambda one: (one.source, one.speaker))]
    heard = [Hearing(tuple(recordings), tuple(keywords), frontend.tables,
                     rooms[number % len(rooms)] if rooms else None, cache and cache / "talk")
             for number, recordings in enumerate(speakers)]
    blocks = [heard[at : at + SPEAKERS] for at in range(0, len(heard), SPEAKERS)]
    done = map_blocks(hear, blocks, scheduler=scheduler, title="hearing talk",
                      sizes=[sum(len(one.talk) for one in block) for block in blocks])
    parts = [part for block in done for part in block]
    lengths: dict[str, int] = {}
    for recordings, part in zip(speakers, parts, strict=True):
        lengths[recordings[0].source] = lengths.get(recordings[0].source, 0) + len(part[0])
    rows, in_room, said = (np.concatenate(kind) for kind in zip(*parts, strict=True))
    return TalkRows(rows, in_room, said, np.cumsum([0, *lengths.values()]))


@dataclass(frozen=True, eq=False)
class Hearing:
    """One speaker's recordings, for whoever hears them.

    room : impulse response, float32 [n], None if there is none; cache : folder that keeps the rows, or None
    """

    talk: tuple[Talk, ...]
    keywords: tuple[str, ...]
    tables: FrontendTables
    room: np.ndarray | None
    cache: Path | None


def hear(speakers: Sequence[Hearing]) -> list[Part]:
    """Some speakers' parts."""
    return [speaker_rows(one) for one in speakers]


def speaker_rows(hearing: Hearing) -> Part:
    """One speaker's recordings, end to end."""
    frontend, room = Frontend(hearing.tables), hearing.room
    audio = [read_samples(one.path) for one in hearing.talk]
    whole = np.concatenate(audio)
    rows = frontend.extract(whole[None], threads=1, cache=hearing.cache)[0]
    heard = rows if room is None else frontend.extract(in_room(whole, room)[None], threads=1, cache=hearing.cache)[0]
    spans = said_spans(hearing.talk, [len(samples) for samples in audio], hearing.keywords)
    return rows, heard, rows_within(spans, len(rows), frontend, len(hearing.keywords))


Span = tuple[int, float, float]  # a keyword's number, and the first sample of where it may be heard, and the one after


def said_spans(talk: Sequence[Talk], lengths: Sequence[int], keywords: Sequence[str]) -> list[Span]:
    """Where keywords may be heard in recordings of so many samples, end to end: in the whole one, or at their times."""
    spans: list[Span] = []
    start = 0
    for one, length in zip(talk, lengths, strict=True):
        for number, keyword in enumerate(keywords):
            if one.words is not None:
                spans += [(number, start + word.start_s * SAMPLE_RATE_HZ, start + word.end_s * SAMPLE_RATE_HZ)
                          for word in said_alone(one.words, keyword)]
            elif keyword in keywords_said(one.text, keywords):
                spans.append((number, start, start + length))
        start += length
    return spans


def rows_within(spans: Sequence[Span], count: int, frontend: Frontend, keywords: int) -> np.ndarray:
    """bool [count, keywords]: which rows of features hold a sample of which span."""
    said = np.zeros((count, keywords), bool)
    hop, window = frontend.tables.hop_samples, frontend.tables.window_samples
    for number, first, end in spans:
        said[max(0, int((first - window) // hop) + 1) : int(-(-end // hop)), number] = True
    return said


def in_room(samples: np.ndarray, room: np.ndarray) -> np.ndarray:
    """int16 [n] through an impulse response, float32 [m], of which the direct sound comes first: int16 [n], as loud."""
    size = 1 << (2 * len(room) - 1).bit_length()
    step, response = size - len(room) + 1, np.fft.rfft(room / np.sqrt((room**2).sum()), size)
    heard = np.zeros(len(samples) + size, np.float32)
    for start in range(0, len(samples), step):
        heard[start : start + size] += np.fft.irfft(np.fft.rfft(samples[start : start + step], size) * response, size)
    return np.clip(np.rint(heard[: len(samples)]), -32768, 32767).astype(np.int16)


def read_rooms(paths: Sequence[Path]) -> list[np.ndarray]:
    """Impulse responses from their direct sound on, float32 [n] each."""
    rooms = [read_samples(path).astype(np.float32) for path in paths]
    return [room[np.abs(room).argmax() :] for room in rooms if room.any()]


def noise_rows(noise: Iterable[np.ndarray], frontend: Frontend, *, least: int) -> np.ndarray:
    """Rows of noise, float32 [n] each in steps of int16 -> int8 [rows, features], at least `least` rows."""
    rows = np.concatenate([frontend.extract(np.clip(np.rint(sound), -32768, 32767).astype(np.int16)[None], threads=1)[0]
                           for sound in noise])
    return np.tile(rows, (-(-least // len(rows)), 1))


def hardest(talk: TalkRows, score: Callable[[np.ndarray], np.ndarray], *, window: int, count: int,
            apart: int) -> tuple[np.ndarray, np.ndarray]:
    """Where a network is most nearly deceived: rows at which its window ends, int [k], k <= count, the worst first.

    -> the rows, and the greatest probability of a keyword in every stretch of `apart` rows, float [stretches]
    score : rows int8 [n, features] -> probabilities of the keywords [n - window + 1, keywords], in order
    apart : rows; of each stretch of so many only the worst counts
    A keyword that may be heard there is no deception.
    """
    if len(talk) < window:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    found = score(talk.rows)
    said = np.lib.stride_tricks.sliding_window_view(talk.said, window, axis=0).any(axis=-1)
    worst = np.where(said, 0, found).max(axis=1)
    blocks = np.array([start + int(worst[start : start + apart].argmax()) for start in range(0, len(worst), apart)])
    chosen = blocks[np.argsort(-worst[blocks], kind="stable")[:count]]
    return chosen + window - 1, worst[blocks]
