"""Keeping the sound around detections, and around what was nearly one.

    DIR/<keyword>/<date>-<time>_<score>.wav               detections
    DIR/near-misses/<keyword>/<date>-<time>_<score>.wav   what came close to the threshold
    DIR/kept.jsonl                                        one line per file
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, write_audio
from kws.detect.detector import Detection, Detector, Hop
from kws.engine.decoder import NEVER, SCORE_STEPS

BEFORE_S, AFTER_S = 1.5, 0.5  # of the decision, which falls at the end of a word or soon after
NEAR = 38 / 256  # this far below its threshold a score is a near miss, as KWS_FIELD_NEAR in csrc/field.h
NEAR_FOLDER, INDEX = "near-misses", "kept.jsonl"


class NearMisses:
    """Scores that come within NEAR of their threshold and stay below it, once per rise.

    A rise that ends in a detection, or begins in the second after one, is no near miss.
    """

    def __init__(self, detector: Detector):
        self._labels = detector.labels
        never = np.array([threshold == NEVER for threshold in detector.plan.decoder.thresholds])
        thresholds = np.array(detector.plan.decoder.thresholds) / SCORE_STEPS
        self._near = np.where(never, np.inf, np.maximum(thresholds - NEAR, thresholds / 2))
        self.reset()

    def reset(self) -> None:
        """Forget what has risen."""
        self._best: dict[int, Detection] = {}  # of each label whose score has risen and not fallen yet
        self._blocked: set[int] = set()
        self._quiet_until_s = 0.0

    def push(self, hop: Hop) -> list[Detection]:
        """Near misses that have ended at this step, with the time and the score of their highest point."""
        if hop.averages is None:
            return []
        if hop.hit is not None:
            self._quiet_until_s = hop.time_s + 1.0
        risen = set(np.flatnonzero(hop.averages >= self._near).tolist())
        if hop.time_s < self._quiet_until_s:
            self._blocked |= risen | set(self._best)
        ended = [self._best.pop(label) for label in set(self._best) - risen if label not in self._blocked]
        self._best = {label: best for label, best in self._best.items() if label in risen}
        self._blocked &= risen
        for label in risen - self._blocked:
            score = float(hop.averages[label])
            if label not in self._best or score > self._best[label].score:
                self._best[label] = Detection(self._labels[label], hop.time_s, score)
        return sorted(ended, key=lambda near: near.time_s)


@dataclass(frozen=True)
class Wanted:
    """A piece of sound to keep: samples start..end of the stream, for what was heard and when that was."""

    hit: Detection
    near: bool
    start: int
    end: int
    at: datetime


class Keeper:
    """Remembers the last seconds and writes the pieces that were asked for, each when its end has been heard.

    kept, failed : how many files; a file that cannot be written is reported, and listening goes on
    """

    def __init__(self, folder: Path, *, note: Callable[[str], None], now: Callable[[], datetime] = datetime.now,
                 before_s: float = BEFORE_S, after_s: float = AFTER_S, about: Mapping[str, str] | None = None):
        """about : what each line of the index says besides, such as the model"""
        self._folder, self._note, self._now = folder, note, now
        self._before, self._after = round(before_s * SAMPLE_RATE_HZ), round(after_s * SAMPLE_RATE_HZ)
        self._ring = np.zeros(0, np.int16)
        self._about = dict(about or {})
        self._heard = 0  # samples, and so the end of the ring
        self._wanted: list[Wanted] = []
        self.kept = self.failed = 0

    def push(self, samples: np.ndarray) -> None:
        """The next samples : int16 [n]; writes what they complete."""
        self._heard += len(samples)
        first = min((wanted.start for wanted in self._wanted), default=self._heard)
        # Near misses are known only when the score has fallen: twice the time before covers that.
        keep = max(2 * self._before + len(samples), self._heard - first)
        self._ring = np.concatenate((self._ring, samples))[-keep:]
        self._write(wanted for wanted in list(self._wanted) if wanted.end <= self._heard)

    def want(self, hit: Detection, *, ago_s: float, near: bool = False) -> None:
        """Keep the sound around a decision that fell `ago_s` seconds before the last sample."""
        decided = self._heard - round(ago_s * SAMPLE_RATE_HZ)
        self._wanted.append(Wanted(hit, near, max(decided - self._before, self._heard - len(self._ring), 0),
                                   decided + self._after, self._now() - timedelta(seconds=ago_s)))

    def flush(self) -> None:
        """Write what was asked for as far as it was heard: the stream has ended, or is about to jump."""
        self._write(list(self._wanted))
        self._ring = self._ring[:0]

    def _write(self, pieces: Iterable[Wanted]) -> None:
        for wanted in pieces:
            self._wanted.remove(wanted)
            first = self._heard - len(self._ring)
            samples = self._ring[max(wanted.start - first, 0):wanted.end - first]
            try:
                self._write_one(wanted, samples)
            except OSError as error:
                self.failed += 1
                self._note(f"{wanted.hit.keyword}: the sound cannot be kept ({error.strerror or error})")
            else:
                self.kept += 1

    def _write_one(self, wanted: Wanted, samples: np.ndarray) -> None:
        hit = wanted.hit
        folder = self._folder / NEAR_FOLDER / hit.keyword if wanted.near else self._folder / hit.keyword
        path = folder / f"{wanted.at:%Y%m%d-%H%M%S-%f}_{round(hit.score * 100):02d}.wav"
        write_audio(path, samples)
        line = {"file": path.relative_to(self._folder).as_posix(), "keyword": hit.keyword, "near_miss": wanted.near,
                "time_s": round(hit.time_s, 4), "score": round(hit.score, 4),
                "at": wanted.at.isoformat(), **self._about}
        with open(self._folder / INDEX, "a", encoding="utf-8") as index:
            index.write(json.dumps(line, ensure_ascii=False) + "\n")
