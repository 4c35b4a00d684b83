"""Chooses smoothing and thresholds at the end of training, on validation clips set into background noise.

The stream. Validation clips in random order, about as many unknown words as keyword clips, are added to one long track
of background noise with gaps in which a late detection cannot be taken for the next clip's. The noise changes every
20 s or so, and its level with it: 5 to 30 dB below the clips' median level. The streaming engine scores this stream
once; then the decoder alone is run for every candidate. A keyword without validation clips takes part with its false
alarms alone.

The count. A keyword clip is hit if its keyword is detected from its first sample to LATE_MS after its last. Every other
detection is a false alarm: a wrong keyword, an unknown word, noise, the same clip a second time.

The rule. For each smoothing time, each keyword gets the threshold with the greatest hits - FALSE_ALARM_COST * false
alarms; of thresholds that are equally good, the middle one, which has the most room on both sides. Of the smoothing
times, the one with the greatest total is taken, with all keywords decoded together; of equals the one whose ranges of
equally good thresholds are the widest, then the shortest. What kws.toml fixes (smoothing_ms, threshold above 0) is not
touched.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detector
from kws.engine.decoder import SCORE_STEPS, Decoder, DecoderTables, build_decoder_tables
from kws.spec import UNKNOWN, Spec

FALSE_ALARM_COST = 3
SMOOTHING_MS = (60, 100, 160, 220, 300, 400)
LEVELS = tuple(range(52, 253, 8))  # thresholds that are tried, in steps of 1/256: 0.20 to 0.98
CLIPS_PER_KEYWORD = 80
GAP_MS = (900, 1_500)
LATE_MS = 800
NOISE_MS = (10_000, 30_000)
SNR_DB = (5.0, 30.0)
NO_CLIPS_RMS = 1_000.0  # stands in for the clips' level where there are none
QUIET_RMS = 3.0  # of the noise where the corpus has none, in steps of int16
RULE = (f"per keyword the threshold with the greatest hits - {FALSE_ALARM_COST} * false alarms on validation clips in "
        "background noise, the middle of equals; then the smoothing with the greatest total")


@dataclass(frozen=True)
class Stream:
    """Validation clips in background noise.

    samples : int16 [n]; starts, ends : int [clips], samples; labels : int [clips], indices into spec.labels.
    """

    samples: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray

    @property
    def hours(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ / 3600


@dataclass(frozen=True)
class Count:
    """hits : keyword clips that were detected; misses : those that were not; false_alarms : all other detections."""

    hits: int
    misses: int
    false_alarms: int

    @property
    def value(self) -> int:
        return self.hits - FALSE_ALARM_COST * self.false_alarms

    @classmethod
    def total(cls, counts: Sequence["Count"]) -> "Count":
        return cls(sum(c.hits for c in counts), sum(c.misses for c in counts), sum(c.false_alarms for c in counts))


@dataclass(frozen=True)
class OperatingPoint:
    """What was chosen, and what it does on the stream it was chosen on (so: rather too good).

    smoothing_ms : time over which scores are averaged; thresholds : keyword -> 0..1; counts : keyword -> Count;
    rule : by which it was chosen, in words.
    """

    tables: DecoderTables
    smoothing_ms: float
    thresholds: dict[str, float]
    counts: dict[str, Count]
    hours: float
    rule: str = RULE

    def to_json(self) -> dict[str, Any]:
        """For the run's metrics: the rule, the choice and its figures."""
        whole = Count.total(list(self.counts.values()))
        return {"rule": self.rule, "smoothing_ms": self.smoothing_ms, "thresholds": self.thresholds,
                "hours": self.hours, "clips": whole.hits + whole.misses, **asdict(whole),
                "per_keyword": {keyword: asdict(count) for keyword, count in self.counts.items()}}


def choose_operating_point(spec: Spec, detector: Detector, *, clips: np.ndarray, labels: np.ndarray,
                           noise: Sequence[np.ndarray], rng: np.random.Generator) -> OperatingPoint:
    """Choose smoothing and thresholds by the rule above.

    detector : of the trained network, whatever its thresholds
    clips    : int16 [n, samples], validation clips; labels : int [n], indices into spec.labels
    noise    : arrays of any length in steps of int16, background recordings; may be empty
    """
    chosen = choose_clips(spec, labels, rng)
    stream = build_stream(clips[chosen], labels[chosen], noise, rng)
    detector.reset()
    scores, decided_at = detector.scores(stream.samples)
    detector.reset()
    every = detector.decide_every
    fixed, best = spec.detector, None
    for smoothing_ms in (fixed.smoothing_ms,) if fixed.smoothing_ms else SMOOTHING_MS:
        thresholds, room = dict.fromkeys(spec.keywords, fixed.threshold), 0
        if not fixed.threshold:
            thresholds, room = choose_thresholds(spec, stream, scores, decided_at, smoothing_ms=smoothing_ms,
                                                 every=every)
        tables = build_decoder_tables(spec, thresholds=thresholds, smoothing_ms=smoothing_ms, decide_every=every)
        counts = count(spec, tables, stream, scores, decided_at)
        quality = Count.total(list(counts.values())).value, room
        if best is None or quality > best[0]:
            best = quality, OperatingPoint(tables, float(smoothing_ms), thresholds, counts, stream.hours)
    assert best is not None
    return best[1]


def choose_thresholds(spec: Spec, stream: Stream, scores: np.ndarray, decided_at: np.ndarray, *, smoothing_ms: float,
                      every: int) -> tuple[dict[str, float], int]:
    """Each keyword's best threshold, 0..1, and the number of equally good levels of all keywords.

    All keywords have the same threshold while levels are compared.
    """
    values: dict[str, list[int]] = {keyword: [] for keyword in spec.keywords}
    for level in LEVELS:
        thresholds = dict.fromkeys(spec.keywords, level / SCORE_STEPS)
        tables = build_decoder_tables(spec, thresholds=thresholds, smoothing_ms=smoothing_ms, decide_every=every)
        for keyword, found in count(spec, tables, stream, scores, decided_at).items():
            values[keyword].append(found.value)
    runs = {keyword: longest_best(found) for keyword, found in values.items()}
    thresholds = {keyword: LEVELS[start + length // 2] / SCORE_STEPS for keyword, (start, length) in runs.items()}
    return thresholds, sum(length for _, length in runs.values())


def longest_best(values: Sequence[int]) -> tuple[int, int]:
    """(start, length) of the longest run of the greatest value; the later of two that are equally long."""
    best, start, runs = max(values), None, []
    for i, value in enumerate([*values, None]):
        if value == best and start is None:
            start = i
        elif value != best and start is not None:
            runs.append((i - start, start))
            start = None
    length, start = max(runs)
    return start, length


def count(spec: Spec, tables: DecoderTables, stream: Stream, scores: np.ndarray,
          decided_at: np.ndarray) -> dict[str, Count]:
    """Hits, misses and false alarms per keyword.

    scores : int8 [decisions, labels]; decided_at : int [decisions], the sample at which each fell
    """
    late = SAMPLE_RATE_HZ * LATE_MS // 1000
    hit = np.zeros(len(stream.labels), bool)
    false_alarms = np.zeros(len(spec.labels), int)
    for decision, label, _ in Decoder(tables).push(scores):
        clip = int(np.searchsorted(stream.starts, decided_at[decision], side="right")) - 1
        inside = clip >= 0 and decided_at[decision] <= stream.ends[clip] + late
        if inside and stream.labels[clip] == label and not hit[clip]:
            hit[clip] = True
        else:
            false_alarms[label] += 1
    found = {}
    for keyword in spec.keywords:
        label = spec.labels.index(keyword)
        clips, hits = int((stream.labels == label).sum()), int(hit[stream.labels == label].sum())
        found[keyword] = Count(hits, clips - hits, int(false_alarms[label]))
    return found


def choose_clips(spec: Spec, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices in random order: up to CLIPS_PER_KEYWORD of each keyword, and as many unknown words as keyword clips."""
    chosen = []
    for keyword in spec.keywords:
        mine = np.flatnonzero(labels == spec.labels.index(keyword))
        chosen.append(rng.permutation(mine)[:CLIPS_PER_KEYWORD])
    unknown = np.flatnonzero(labels == spec.labels.index(UNKNOWN))
    chosen.append(rng.permutation(unknown)[:sum(map(len, chosen))])
    return rng.permutation(np.concatenate(chosen))


def build_stream(clips: np.ndarray, labels: np.ndarray, noise: Sequence[np.ndarray],
                 rng: np.random.Generator) -> Stream:
    """Set clips (int16 [n, samples]) with random gaps into background noise."""
    least, most = (SAMPLE_RATE_HZ * ms // 1000 for ms in GAP_MS)
    gaps = rng.integers(least, most, size=len(clips) + 1)
    starts = np.cumsum(gaps[:-1]) + clips.shape[1] * np.arange(len(clips))
    ends = starts + clips.shape[1]
    level = np.median(np.sqrt(np.mean(np.square(clips, dtype=np.float64), axis=1))) if len(clips) else NO_CLIPS_RMS
    track = background(int(gaps.sum() + clips.size), noise, level=level, rng=rng)
    for clip, start, end in zip(clips, starts, ends, strict=True):
        track[start:end] += clip
    return Stream(np.clip(np.rint(track), -32768, 32767).astype(np.int16), starts, ends, np.asarray(labels))


def background(samples: int, noise: Sequence[np.ndarray], *, level: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [samples] of noise in stretches; level : RMS of the speech that the signal-to-noise ratio refers to."""
    track = np.empty(samples, np.float32)
    done = 0
    while done < samples:
        length = min(int(rng.integers(*NOISE_MS)) * SAMPLE_RATE_HZ // 1000, samples - done)
        if noise:
            recording = noise[int(rng.integers(len(noise)))]
            first = int(rng.integers(len(recording)))
            stretch = recording.take(np.arange(first, first + length), mode="wrap").astype(np.float32)
            wanted = level * 10 ** (-rng.uniform(*SNR_DB) / 20)
        else:
            stretch, wanted = rng.standard_normal(length, np.float32), QUIET_RMS
        rms = float(np.sqrt(np.mean(np.square(stretch))))
        track[done:done + length] = stretch * (wanted / rms if rms > 0 else 0.0)
        done += length
    return track
