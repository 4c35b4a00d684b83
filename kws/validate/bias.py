"""Whom a run understands worse: its accuracy by source (the device), level, noise, voice and speaker.

    rows = bias_of(run, table)
    for row in rows: print(row.by, row.group, row.accuracy, row.interval, row.rest)

Only clips that no run by the speaker rule was trained on are heard; where there are few, all of them are.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, fit, read_samples
from kws.data.clip_faults import SILENCE_DB
from kws.data.clip_table import ClipTable
from kws.data.corpus import Clip
from kws.data.pool import map_blocks
from kws.engine.graph import read_graph
from kws.engine.network import Network
from kws.engine.plan import Plan
from kws.engine.streaming import lower
from kws.features.frontend import Frontend
from kws.records import Json
from kws.validate.metrics import Share
from kws.workspace import read_artefact

PER_BLOCK = 256
LEAST_STRANGE = 100  # clips by speakers that nothing was trained on; where there are fewer, all clips are heard
LEAST_CLIPS, LEAST_OF_SPEAKER = 20, 5  # of a group, of a speaker
NAMED = 5  # speakers that are named
PITCH_HZ = (70, 400)
DEEP_HZ, HIGH_HZ = 150.0, 220.0  # of a voice: below and above the other
VOICED = 0.5  # correlation with itself one period later


@dataclass(frozen=True, kw_only=True)
class Group(Share):
    """Some clips of all. by : what they have in common; rest : accuracy of the other clips."""

    by: str
    group: str
    rest: float

    @property
    def worse(self) -> bool:
        """Beyond chance: the whole interval lies below the accuracy of the others."""
        return self.interval[1] < self.rest

    def to_json(self) -> dict[str, Json]:
        low, high = self.interval
        return {"by": self.by, "group": self.group, "clips": self.clips, "accuracy": round(self.accuracy, 4),
                "low": round(low, 4), "high": round(high, 4), "rest": round(self.rest, 4), "worse": self.worse}


@dataclass(frozen=True)
class Heard:
    """Clips for whoever hears them. plan, tflite : of the run."""

    plan: bytes
    tflite: bytes
    clips: tuple[Clip, ...]


def bias_of(run: Path, table: ClipTable, *, scheduler: str | None = None) -> list[Group]:
    """Accuracy of a run by group, on clips that can be used. Raises ModelError if the run is damaged."""
    usable = np.flatnonzero((table.column("samples") > 0) & (table.column("rms_db") >= SILENCE_DB)).tolist()
    strange = [place for place in usable if table.clips[place].split != "training"]
    places = strange if len(strange) >= LEAST_STRANGE else usable
    plan, tflite = read_artefact(run, "model.kws"), read_artefact(run, "model.tflite")
    if not set(Plan.from_bytes(plan).spec.keywords) & {table.clips[place].word for place in places}:
        return []  # a run of other words has nothing to be right about
    blocks = [Heard(plan, tflite, tuple(table.clips[place] for place in places[at : at + PER_BLOCK]))
              for at in range(0, len(places), PER_BLOCK)]
    done = map_blocks(hear, blocks, scheduler=scheduler, title="hearing groups",
                      sizes=[len(one.clips) for one in blocks])
    if not done:
        return []
    right, pitch = np.concatenate([one for one, _ in done]), np.concatenate([one for _, one in done])
    return groups_of(table, places, right, pitch)


def hear(block: Heard) -> tuple[np.ndarray, np.ndarray]:
    """bool [clips]: whether the run gives a clip its word, and float [clips]: the pitch of its voice in Hz, or 0."""
    plan = Plan.from_bytes(block.plan)
    keywords, samples = set(plan.spec.keywords), plan.spec.frontend.clip_samples
    audio = [read_samples(clip.path) for clip in block.clips]
    features = Frontend(plan.frontend).extract(np.stack([fit(one, samples) for one in audio]), threads=1)
    network = Network(lower(read_graph(block.tflite)))
    said = [plan.labels[int(np.argmax(network.window(rows)))] for rows in features]
    right = [label == clip.word if clip.word in keywords else label not in keywords
             for label, clip in zip(said, block.clips, strict=True)]
    return np.array(right, bool), np.array([pitch_hz(one) for one in audio])


def groups_of(table: ClipTable, places: Sequence[int], right: np.ndarray, pitch: np.ndarray) -> list[Group]:
    """Every group of LEAST_CLIPS and more, and the speakers who are understood worst.

    places : of the clips in the table; right : bool, pitch : float, both [places]
    """
    clips = [table.clips[place] for place in places]
    level, noise = (table.column(name)[places] for name in ("level_db", "noise_db"))
    speakers = np.array([clip.speaker for clip in clips])
    voices = voices_of(speakers, pitch)
    found = []
    for by, names in (("source", np.array([clip.source for clip in clips])),
                      ("level", thirds(level, "dB of full scale")), ("word above noise", thirds(level - noise, "dB")),
                      ("voice", voices)):
        found += [group for group in each(by, names, right) if group.clips >= LEAST_CLIPS]
    worst = [group for group in each("speaker", speakers, right) if group.clips >= LEAST_OF_SPEAKER and group.worse]
    return found + sorted(worst, key=lambda group: group.interval[1])[:NAMED]


def each(by: str, names: np.ndarray, right: np.ndarray) -> Iterator[Group]:
    """One group for each name, in their order; none if there is but one."""
    unique = [name for name in dict.fromkeys(sorted(names.tolist())) if name]
    for name in unique if len(unique) > 1 else []:
        inside = names == name
        others = right[~inside]
        yield Group(right=int(right[inside].sum()), clips=int(inside.sum()), by=by, group=str(name),
                    rest=float(others.mean()) if len(others) else 0.0)


def thirds(values: np.ndarray, unit: str) -> np.ndarray:
    """Which third of all values each belongs to, in words that sort: str [n]."""
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    names = np.array([f"1: up to {low:.0f} {unit}", f"2: up to {high:.0f} {unit}", f"3: above {high:.0f} {unit}"])
    return np.asarray(names[(values > low).astype(int) + (values > high)])


def voices_of(speakers: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Deep, middle or high by the median pitch of each speaker; "" if it is not known: str [n]."""
    heard = defaultdict(list)
    for speaker, hz in zip(speakers.tolist(), pitch.tolist(), strict=True):
        if hz:
            heard[speaker].append(hz)
    names = {speaker: (f"1: deep, below {DEEP_HZ:.0f} Hz", "2: between", f"3: high, above {HIGH_HZ:.0f} Hz")[
        int(np.median(found) >= DEEP_HZ) + int(np.median(found) > HIGH_HZ)] for speaker, found in heard.items()}
    return np.array([names.get(speaker, "") for speaker in speakers.tolist()])


def pitch_hz(audio: np.ndarray) -> float:
    """Of the voice in int16 [n]: the median over its loudest frames of 40 ms; 0 where none is voiced."""
    length, hop = SAMPLE_RATE_HZ // 25, SAMPLE_RATE_HZ // 50
    if len(audio) < length:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float32), length)[::hop]
    loudest = np.argsort(-np.square(frames).sum(axis=1))[:8]
    frames = frames[loudest] - frames[loudest].mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(frames, 2 * length, axis=1)
    alike = np.fft.irfft(np.square(np.abs(spectrum)), axis=1)[:, :length] / np.arange(length, 0, -1)
    shortest, longest = SAMPLE_RATE_HZ // PITCH_HZ[1], SAMPLE_RATE_HZ // PITCH_HZ[0]
    part = alike[:, shortest : longest + 1] / np.maximum(alike[:, :1], 1e-9)
    best = part.max(axis=1, keepdims=True)
    period = (part >= 0.9 * best).argmax(axis=1) + shortest  # the first that is nearly the best: no octave too deep
    voiced = best[:, 0] >= VOICED
    return float(np.median(SAMPLE_RATE_HZ / period[voiced])) if voiced.any() else 0.0


def bias_lines(groups: Sequence[Group], *, judge: str) -> list[str]:
    """A table for a person; what is worse beyond chance is marked."""
    if not groups:
        return []
    lines = [f"accuracy of {judge} by group, 95 % interval, and of the other clips:"]
    for group in groups:
        low, high = group.interval
        mark = "   worse" if group.worse else ""
        lines.append(f"    {group.by:<17}{group.group:<28}{group.clips:>6,} clips  {group.accuracy:6.1%} "
                     f"({low:.1%} to {high:.1%}), others {group.rest:.1%}{mark}")
    return lines
