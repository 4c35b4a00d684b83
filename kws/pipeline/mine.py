"""What a detector takes for its keywords, cut out of hours of sound and filed as talk for the next training.

The network hears the sound as the device would. Where the average of a keyword's scores comes near its threshold, the
seconds around are written to recordings/<source>/_talk_/training/, and mined.csv there says where each came from.
Sound that is mined trains: it can no longer judge.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, write_audio
from kws.audio.reading import open_sound
from kws.data.corpus import source_folder
from kws.data.talk import TALK
from kws.detect.detector import load_detector
from kws.engine.decoder import SCORE_STEPS, DecoderTables
from kws.files import write_atomic
from kws.validate.negatives import NegativeSource, hear_negatives
from kws.workspace import Workspace

APART_S = 1.0  # of two finds in one recording
BEFORE_S, AFTER_S = 3.0, 1.5  # of sound around the decision that is kept
TABLE = "mined.csv"


@dataclass(frozen=True)
class Find:
    """A moment that (nearly) triggered. share : of the threshold that the smoothed score reached; file : its copy."""

    file: str
    origin: Path
    time_s: float
    keyword: str
    share: float
    run: str


@dataclass(frozen=True)
class Mined:
    """hours : that were heard; finds : what was kept, the worst first; written : of them, new files."""

    folder: Path
    hours: float
    finds: tuple[Find, ...]
    written: int

    @property
    def fired(self) -> int:
        return sum(find.share >= 1 for find in self.finds)


def mine(workspace: Workspace, run: Path, paths: Sequence[Path], *, source: str, nearly: float, count: int) -> Mined:
    """Hear files and folders without keywords and keep what triggers the run, or nearly does.

    source : folder under recordings/; nearly : share of the threshold from which a moment counts; count : at most kept
    Recordings whose transcript holds a keyword are left out. Files that are there stay as they are.
    """
    folder = source_folder(workspace.recordings, source) / TALK
    detector = load_detector(run)
    heard = hear_negatives(detector, paths)
    tables = detector.plan.decoder
    found = sorted((find for one in heard for find in finds(one, tables, run.name, nearly)), key=worst_first)
    kept = tuple(found[:count])
    written = write_finds(folder, kept)
    write_table(folder / TABLE, kept)
    return Mined(folder, sum(one.hours for one in heard), kept, written)


def worst_first(find: Find) -> tuple[float, str, float]:
    return -find.share, str(find.origin), find.time_s


def finds(source: NegativeSource, tables: DecoderTables, run: str, nearly: float) -> Iterator[Find]:
    """Moments of one source at which a smoothed score reaches `nearly` of its threshold, at most one per APART_S."""
    labels, starts = source.track.labels, source.starts
    shares = shares_of_threshold(source.track.scores, tables)
    near = np.flatnonzero(shares.max(axis=1, initial=0) >= nearly)
    times = source.track.heard / SAMPLE_RATE_HZ
    for _, hops in groupby(near.tolist(), key=lambda hop: int(times[hop] / APART_S)):
        hop = max(hops, key=lambda hop: shares[hop].max())
        if not source.ignores(times[hop], starts):
            piece = source.piece_at(times[hop])
            at = float(times[hop] - piece.start_s)
            name = f"training/{piece.path.parent.name}/{piece.path.stem}-{round(1000 * at)}ms.wav"
            yield Find(name, piece.path, round(at, 3), labels[int(shares[hop].argmax())],
                       round(float(shares[hop].max()), 3), run)


def shares_of_threshold(scores: np.ndarray, tables: DecoderTables) -> np.ndarray:
    """int8 [hops, labels] -> float [hops, labels]: the smoothed score over the threshold; 0 if nothing triggers."""
    hops = tables.smoothing_hops
    sums = np.cumsum(np.pad(scores.astype(np.int64) + SCORE_STEPS // 2, ((hops, 0), (0, 0))), axis=0)
    averages = (sums[hops:] - sums[:-hops]) / hops
    thresholds = np.array(tables.thresholds)
    return np.where(thresholds < SCORE_STEPS, averages / thresholds, 0.0)


def write_finds(folder: Path, found: Sequence[Find]) -> int:
    """Cut the sound around each find out of its recording; the number of files that were not there before."""
    written = 0
    for origin, group in groupby(sorted(found, key=lambda find: str(find.origin)), key=lambda find: find.origin):
        missing = [find for find in group if not (folder / find.file).exists()]
        if missing:
            samples = np.concatenate(list(open_sound(origin).blocks()))
            for find in missing:
                (folder / find.file).parent.mkdir(parents=True, exist_ok=True)
                first, last = (round((find.time_s + s) * SAMPLE_RATE_HZ) for s in (-BEFORE_S, AFTER_S))
                write_audio(folder / find.file, samples[max(first, 0) : last])
                written += 1
    return written


def write_table(path: Path, found: Sequence[Find]) -> None:
    """Where every file came from, with the rows of earlier rounds."""
    rows: dict[str, dict[str, str]] = {}
    if path.is_file():
        with open(path, newline="", encoding="utf-8") as file:
            rows = {row["file"]: row for row in csv.DictReader(file)}
    rows |= {find.file: {name: str(value) for name, value in asdict(find).items()} for find in found}
    if rows:
        text = io.StringIO()
        table = csv.DictWriter(text, list(next(iter(rows.values()))), lineterminator="\n")
        table.writeheader()
        table.writerows(rows[name] for name in sorted(rows))
        write_atomic(path, text.getvalue())
