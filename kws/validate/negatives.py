"""False alarms per hour on audio that holds no keyword: any files, any hours, heard once.

The recordings of a source follow each other without a pause, as talk in a room does; a false alarm belongs to the
recording that was being heard at the decision. Where transcripts say that a keyword or a word that sounds the same is
said, the recording is left out; where word times say so, only that stretch is, up to the latest moment at which its
detection could still be a hit.
"""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, is_readable, unread
from kws.audio.reading import open_sound
from kws.data.pool import map_blocks
from kws.data.transcripts import Transcripts, holds, read_transcripts, sounds_like, words_of
from kws.detect.detector import Detection, Detector
from kws.engine.decoder import DecoderTables
from kws.engine.plan import Plan
from kws.errors import DataError
from kws.progress import progress
from kws.validate.events import LATEST_S, Kind, bursts
from kws.validate.figures import NegativeFigures, SourceFigures, WorstAlarm
from kws.validate.intervals import rate_bound, rate_interval
from kws.validate.track import ScoreTrack, hear

WORST = 10  # moments that are told in full
BEFORE_S, AFTER_S = 1.5, 0.5  # of sound around a decision that is kept to be played


@dataclass(frozen=True)
class Piece:
    """One recording inside the sound of its source.

    ignored : stretches (start, end) in seconds of the source's sound in which a keyword is really said
    """

    path: Path
    start_s: float
    seconds: float
    ignored: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class NegativeSource:
    """The scores of one source: its recordings one after the other. left_out : recordings that hold a keyword."""

    name: str
    track: ScoreTrack
    pieces: tuple[Piece, ...]
    left_out: int

    @property
    def hours(self) -> float:
        """What is judged: without the stretches that hold a keyword."""
        ignored = sum(covered_s(piece.ignored) for piece in self.pieces)
        return (self.track.seconds - ignored) / 3600

    @property
    def starts(self) -> list[float]:
        return [piece.start_s for piece in self.pieces]

    def wrong(self, tables: DecoderTables) -> list[Detection]:
        """Detections outside the ignored stretches; times count from the start of the source's sound."""
        starts = self.starts
        return [hit for hit in self.track.detections(tables) if not self.ignores(hit.time_s, starts)]

    def ignores(self, time_s: float, starts: Sequence[float]) -> bool:
        """Whether a keyword is really said there; a stretch may reach into the recordings that follow."""
        last = bisect_right(starts, time_s)
        near = self.pieces[max(last - 3, 0):last]
        return any(start <= time_s <= end for piece in near for start, end in piece.ignored)

    def piece_at(self, time_s: float) -> Piece:
        return self.pieces[max(bisect_right(self.starts, time_s) - 1, 0)]

    def before(self, piece: Piece, time_s: float) -> tuple[Path, ...]:
        """The recordings in which the BEFORE_S seconds before a decision begin, up to the piece in which it fell."""
        return tuple(one.path for one in self.pieces
                     if one.start_s < piece.start_s and one.start_s + one.seconds > time_s - BEFORE_S)


@dataclass(frozen=True)
class FalseAlarm:
    """A false alarm: where it was heard. time_s counts from the start of the recording.

    before : the recordings before it of which the last BEFORE_S seconds belong to what was heard
    """

    source: str
    path: Path
    time_s: float
    keyword: str
    score: float
    before: tuple[Path, ...] = ()


@dataclass(frozen=True)
class SourceCount:
    """hours : judged; false_alarms : bursts; detections : all of them; left_out : recordings that hold a keyword."""

    hours: float
    false_alarms: int
    detections: int
    left_out: int = 0

    def figures(self) -> SourceFigures:
        return SourceFigures(
            self.hours, self.false_alarms, self.detections,
            per_hour=self.false_alarms / self.hours if self.hours else None,
            interval=rate_interval(self.false_alarms, self.hours) if self.hours else None, left_out=self.left_out)


@dataclass(frozen=True)
class NegativeResult:
    """False alarms over all sources, by source, by keyword, and the moments with the greatest scores."""

    total: SourceCount
    per_source: dict[str, SourceCount]
    per_keyword: dict[str, int]
    worst: tuple[FalseAlarm, ...]

    @property
    def per_hour(self) -> float:
        return self.total.false_alarms / self.total.hours

    @property
    def interval(self) -> tuple[float, float]:
        return rate_interval(self.total.false_alarms, self.total.hours)

    @property
    def upper_bound(self) -> float:
        return rate_bound(self.total.false_alarms, self.total.hours)

    def figures(self) -> NegativeFigures:
        worst = tuple(WorstAlarm(alarm.source, str(alarm.path), alarm.time_s, alarm.keyword, alarm.score)
                      for alarm in self.worst)
        return NegativeFigures(self.total.figures(), self.upper_bound, self.per_keyword,
                               {name: count.figures() for name, count in self.per_source.items()}, worst)


def gather(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Source -> its recordings in order of their names; each of `paths` is a source: an audio file or a folder.

    Raises DataError for a path that is missing, holds no audio or is given twice.
    """
    found: dict[str, list[Path]] = {}
    places: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such file or folder; name audio without keywords with --negatives")
        inside = [path] if path.is_file() else files_below(path)
        files = [one for one in inside if one == path or is_readable(one.name)]
        if left_out := unread(one.name for one in inside if one != path):
            raise DataError(f"{path}: some of it would not be heard: {left_out}")
        if not files:
            raise DataError(f"{path}: no audio in it; name files or folders of audio without keywords")
        place = path.resolve()
        if place in places:
            raise DataError(f"{path}: is given twice; its hours would count twice")
        places.add(place)
        names = (place.name, "/".join(place.parts[-2:]), str(place))
        found[next(name for name in names if name not in found)] = files
    return found


def files_below(folder: Path) -> list[Path]:
    """Every file in a folder and the folders in it, following links, sorted."""
    return sorted(Path(place) / name for place, _, names in os.walk(folder, followlinks=True) for name in names)


def hear_negatives(detector: Detector, paths: Sequence[Path], *, scheduler: str | None = None) -> list[NegativeSource]:
    """Scores of all recordings below `paths` that hold none of the detector's keywords.

    scheduler : address of a Dask scheduler whose workers hear one source each; they find it at the same path
    """
    if scheduler is not None:
        paths = [path.absolute() for path in paths]  # workers stand in other folders
    jobs = [(name, files, read_transcripts(path if path.is_dir() else path.parent, files, all_of_it=path.is_dir()))
            for (name, files), path in zip(gather(paths).items(), paths, strict=True)]
    sizes = [len(files) for _, files, _ in jobs]
    if scheduler is not None:
        plan = detector.plan.to_bytes()
        heard = map_blocks(hear_source_of, [(plan, *job) for job in jobs], scheduler=scheduler, title="negatives",
                           sizes=sizes)
    else:
        with progress("negatives", total=sum(sizes)) as advance:
            heard = [hear_source(detector, *job, advance) for job in jobs]
    if not any(source.hours > 0 for source in heard):
        raise DataError(f"{', '.join(map(str, paths))}: nothing left to hear: every recording holds a keyword")
    return heard


def hear_source_of(job: tuple[bytes, str, Sequence[Path], Transcripts]) -> NegativeSource:
    """What a worker of a cluster does: one source, with a detector made of the plan."""
    plan, name, files, said = job
    return hear_source(Detector(Plan.from_bytes(plan)), name, files, said, lambda: None)


def hear_source(detector: Detector, name: str, files: Sequence[Path], said: Transcripts,
                advance: Callable[[], None]) -> NegativeSource:
    """One source; `advance` is called after each recording."""
    sounds = sounds_like(detector.plan.spec.keywords)
    pieces: list[Piece] = []
    left_out = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal left_out
        samples = 0
        for path in files:
            text = said.text_of(path)
            times = said.times_of(path)
            if not times and text is not None and holds(text, sounds):
                left_out += 1
            else:
                start, at = samples, samples / SAMPLE_RATE_HZ
                for block in open_sound(path).blocks():
                    samples += len(block)
                    yield block
                ignored = tuple((at + word.start_s, at + word.end_s + LATEST_S) for word in times or ()
                                if tuple(words_of(word.word)) in sounds)
                pieces.append(Piece(path, at, (samples - start) / SAMPLE_RATE_HZ, ignored))
            advance()

    track = hear(detector, blocks())
    return NegativeSource(name, track, tuple(pieces), left_out)


def count_source(source: NegativeSource, tables: DecoderTables) -> tuple[SourceCount, list[FalseAlarm]]:
    """What a detector with these tables does wrong on one source."""
    wrong = source.wrong(tables)
    alarms = []
    for item in bursts(wrong):
        if item.kind is Kind.FALSE_ALARM and item.heard is not None:
            piece = source.piece_at(item.heard.time_s)
            alarms.append(FalseAlarm(source.name, piece.path, item.heard.time_s - piece.start_s, item.heard.keyword,
                                     item.heard.score, source.before(piece, item.heard.time_s)))
    return SourceCount(source.hours, len(alarms), len(wrong), source.left_out), alarms


def judge_negatives(sources: Iterable[NegativeSource], tables: DecoderTables) -> NegativeResult:
    """What a detector with these tables does wrong on all of them."""
    counted = {source.name: count_source(source, tables) for source in sources}
    alarms = [alarm for _, found in counted.values() for alarm in found]
    counts = [count for count, _ in counted.values()]
    total = SourceCount(sum(one.hours for one in counts), len(alarms), sum(one.detections for one in counts),
                        sum(one.left_out for one in counts))
    return NegativeResult(total, {name: count for name, (count, _) in counted.items()},
                          dict(Counter(alarm.keyword for alarm in alarms).most_common()),
                          tuple(sorted(alarms, key=worst_first)[:WORST]))


def worst_first(alarm: FalseAlarm) -> tuple[float, str, float]:
    return -alarm.score, str(alarm.path), alarm.time_s


def covered_s(stretches: Sequence[tuple[float, float]]) -> float:
    """Seconds in at least one of the stretches."""
    covered, done = 0.0, float("-inf")
    for start, end in sorted(stretches):
        covered += max(end - max(start, done), 0.0)
        done = max(done, end)
    return covered


def moment(alarm: FalseAlarm) -> tuple[np.ndarray, float]:
    """int16 [n]: the sound from BEFORE_S before a false alarm's decision to AFTER_S after it; the decision in it, s."""
    before = [block for path in alarm.before for block in open_sound(path).blocks()]
    samples = np.concatenate([*before, *open_sound(alarm.path).blocks()])
    at = sum(map(len, before)) + round(alarm.time_s * SAMPLE_RATE_HZ)
    first = max(at - round(BEFORE_S * SAMPLE_RATE_HZ), 0)
    return samples[first:at + round(AFTER_S * SAMPLE_RATE_HZ)], (at - first) / SAMPLE_RATE_HZ
