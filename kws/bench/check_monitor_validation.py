"""How often is the alarm false beside a run's validation sound and a device's own week, and what does it hear?

    scripts/check monitor_validation DATA [--run small] [--part testing] [--homes 10] [--weeks 200]

The baseline is what kws train stores: validation talkers, words, noise and two rooms. The homes are others: each has
talkers, noise, a room and a microphone of its own, and minutes of quiet, talk, words and noise that a real detector
hears. In turn it is a family's, one person's, one with the television on all day, a workshop, and empty. Two weeks are
drawn from a home's minutes, by the time of the day, some days more than others; the second one is looked at once a day,
beside the validation sound and beside the first. In a quiet one nothing is wrong; in the others something is, from the
second week on. DATA : the unpacked recordings.
"""

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.bench.common import ROOT, header, parser
from kws.data.corpus import SPLITS, speaker_of, split_of
from kws.data.scene import KEYWORD, Sound
from kws.data.simulated_device import direct_first, in_room
from kws.detect.detector import Detector, load_detector
from kws.engine.plan import Plan
from kws.listen.field_counter import FieldCounter
from kws.listen.field_report import FieldReport
from kws.monitor.baseline import measure_validation
from kws.monitor.drift import WEEK_ALPHA
from kws.monitor.field_data import Hours, Reference, drifts, of_baseline
from kws.monitor.judge import CLIPPED_PERCENT
from kws.monitor.validation_sound import ValidationSound
from kws.validate.metrics import wilson_interval

MINUTE = 60 * SAMPLE_RATE_HZ
KINDS = {"quiet": 3, "talk": 4, "noise": 3, "words": 1}  # minutes of each in a home
# Shares of the minutes of each kind, awake and asleep.
HABITS = (("family", (0.57, 0.30, 0.12, 0.01), (0.97, 0.01, 0.02, 0.0)),
          ("one person", (0.90, 0.04, 0.055, 0.005), (0.985, 0.0, 0.015, 0.0)),
          ("television", (0.27, 0.60, 0.12, 0.01), (0.90, 0.07, 0.03, 0.0)),
          ("workshop", (0.45, 0.10, 0.44, 0.01), (0.90, 0.0, 0.10, 0.0)),
          ("empty", (0.985, 0.0, 0.015, 0.0), (0.985, 0.0, 0.015, 0.0)))
COUNTS = ("levels", "scores", "features", "detections", "near_misses", "clipped")
AGC_DB, AGC_MOST_DB, AGC_S = -20.0, 30.0, 1.0  # level it brings everything to, its largest gain, its time
REAL_ROOMS = {"validation": slice(0, 2), "training": slice(2, 4), "testing": slice(4, None)}
FILES = 60  # of talk and of noise that a home has


@dataclass(frozen=True, eq=False)
class Material:
    """What one part of the recordings has: paths, and impulse responses."""

    talk: Sequence[Path]
    noise: Sequence[Path]
    words: Sequence[tuple[str, Path]]
    rooms: Sequence[np.ndarray]


@dataclass(frozen=True)
class Fault:
    """What may be wrong. gain_db : of the microphone; speed : of its clock; hum_db : of 100 Hz, in dB of full scale

    rising : by how many bins of the histogram of scores the network rises higher than it would
    triggered : further detections an hour, of a sound that nobody thought of
    agc_before : whether the first week had an automatic gain control, which is gone
    """

    gain_db: float = 0.0
    speed: float = 1.0
    hum_db: float = -200.0
    rising: int = 0
    triggered: float = 0.0
    agc_before: bool = False


FAULTS = {
    "nothing": Fault(), "microphone 20 dB too quiet": Fault(gain_db=-20.0),
    "gain 24 dB too high": Fault(gain_db=24.0), "automatic gain control gone": Fault(agc_before=True),
    "100 more detections an hour": Fault(triggered=100.0), "dead microphone": Fault(gain_db=-200.0),
    "microphone 35 dB too quiet": Fault(gain_db=-35.0), "a hum of -25 dB": Fault(hum_db=-25.0),
    "scores two steps higher": Fault(rising=2), "samples at half the rate": Fault(speed=2.0),
}


# ---- the recordings

def material(data: Path, part: str, keywords: Sequence[str]) -> Material:
    folder = data / "sentences" / "accented_en"
    with open(folder / "speech_sentences_accented_en.csv", newline="", encoding="utf-8") as file:
        talk = [folder / f"{row['file']}.wav" for row in csv.DictReader(file) if split_of(row["speaker"]) == part]
    noise = [path for path in sorted((data / "noise").rglob("*.wav")) if split_of(path.stem) == part]
    words = [(word, path) for word in keywords for path in sorted((data / "speech_commands" / word).glob("*.wav"))
             if split_of(speaker_of(path.stem)) == part]
    rooms = sorted((data / "rooms").glob("*.wav"))[REAL_ROOMS[part]]
    return Material([path for path in talk if path.is_file()], noise, words, [read_samples(path) for path in rooms])


def some(paths: Sequence[Path], count: int, rng: np.random.Generator) -> list[np.ndarray]:
    return [read_samples(paths[i]) for i in rng.permutation(len(paths))[:count]]


def validation_sound(known: Material, rng: np.random.Generator) -> ValidationSound:
    """As much of it as a workspace with an hour of talk has."""
    words = [Sound(read_samples(path), KEYWORD, word) for word, path in
             (known.words[i] for i in rng.permutation(len(known.words))[:500])]
    return ValidationSound(words, some(known.talk, 400, rng), some(known.noise, 100, rng), known.rooms)


# ---- a home

@dataclass(frozen=True, eq=False)
class Home:
    """Sound of each kind, float [n], as it is in the room, and the microphone that hears it.

    tilt : of its response; gain_db : beside the usual one; floor_db : of its own noise, in dB of full scale
    habits : which of HABITS
    """

    sound: dict[str, np.ndarray]
    tilt: float
    gain_db: float
    floor_db: float
    seed: int
    habits: int


def home_of(known: Material, seed: int) -> Home:
    rng = np.random.default_rng([seed, 5])
    room = known.rooms[int(rng.integers(len(known.rooms)))] if rng.random() < 0.4 else made_room(rng)
    talk, noise = some(known.talk, FILES, rng), some(known.noise, FILES // 10, rng)
    words = [read_samples(known.words[int(i)][1]) for i in rng.integers(len(known.words), size=30)]
    length = {kind: minutes * MINUTE for kind, minutes in KINDS.items()}
    sound = {"quiet": np.zeros(length["quiet"], np.float32),
             "talk": in_place(talk, length["talk"], room, gap_s=1.0, level_db=(-40.0, -25.0), rng=rng),
             "noise": in_place(noise, length["noise"], None, gap_s=0.1, level_db=(-50.0, -28.0), rng=rng),
             "words": in_place(words, length["words"], room, gap_s=1.5, level_db=(-40.0, -25.0), rng=rng)}
    return Home(sound, rng.uniform(-0.5, 0.5), rng.normal(0, 5.0), rng.uniform(-82.0, -58.0), seed, seed % len(HABITS))


def in_place(pieces: Sequence[np.ndarray], samples: int, room: np.ndarray | None, *, gap_s: float,
             level_db: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Recordings one after the other with gaps, each at a level of its own: float32 [samples], full scale 32768."""
    track, place = np.zeros(samples, np.float32), 0
    while place < samples:
        piece = pieces[int(rng.integers(len(pieces)))].astype(np.float32)
        rms = float(np.sqrt(np.mean(np.square(piece)))) or 1.0
        piece *= np.float32(32_768 * 10 ** (rng.uniform(*level_db) / 20) / rms)
        piece = piece[:samples - place]
        track[place:place + len(piece)] += piece
        place += len(piece) + round(rng.exponential(gap_s) * SAMPLE_RATE_HZ)
    return track if room is None else in_room(track, direct_first(room))[:samples]


def made_room(rng: np.random.Generator) -> np.ndarray:
    """Decaying noise behind the direct sound: float32 [n]; a small or a middling room, near or far."""
    seconds, far = rng.uniform(0.15, 0.7), rng.uniform(0.02, 0.2)
    samples = round(seconds * SAMPLE_RATE_HZ)
    tail = far * rng.standard_normal(samples) * 10 ** (-3 * np.arange(samples) / samples)
    tail[0] = 1.0
    made: np.ndarray = tail.astype(np.float32)
    return made


def heard(home: Home, kind: str, fault: Fault, *, agc: bool = False) -> np.ndarray:
    """What the microphone makes of a kind of sound, int16 [n]. agc : with an automatic gain control"""
    rng = np.random.default_rng([home.seed, sum(map(ord, kind))])
    sound = home.sound[kind]
    if fault.speed != 1.0:
        places = np.arange(0, len(sound) - 1, fault.speed)
        sound = np.resize(np.interp(places, np.arange(len(sound)), sound), len(sound))
    tilted = sound - home.tilt * np.concatenate([[0.0], sound[:-1]])
    own = 32_768 * 10 ** (home.floor_db / 20) * rng.standard_normal(len(sound))
    hum = 32_768 * 10 ** (fault.hum_db / 20) * np.sin(2 * np.pi * 100 / SAMPLE_RATE_HZ * np.arange(len(sound)))
    made = 10 ** ((home.gain_db + fault.gain_db) / 20) * (tilted + own) + hum
    made *= control(made) if agc else 1.0
    return np.clip(np.rint(made), -32_768, 32_767).astype(np.int16)


def control(sound: np.ndarray) -> np.ndarray:
    """The gain at each sample that brings the last seconds to AGC_DB, float [n]."""
    step = SAMPLE_RATE_HZ // 10
    power = np.square(sound.astype(np.float64)).reshape(-1, step).mean(axis=1) + 1.0
    keep, slow = math.exp(-0.1 / AGC_S), np.empty(len(power))
    state = power[0]
    for i, one in enumerate(power):
        state = slow[i] = keep * state + (1 - keep) * one
    gain_db = np.minimum(AGC_DB - 10 * np.log10(slow / 32_768**2), AGC_MOST_DB)
    gain: np.ndarray = np.repeat(10 ** (gain_db / 20), step)
    return gain


# ---- what the detector counts there

def minutes_of(plan: Plan, sound: np.ndarray) -> list[FieldReport]:
    """A report of each minute."""
    detector, counter, found = Detector(plan), FieldCounter(plan, session="0" * 8), []
    for start in range(0, len(sound) - MINUTE + 1, MINUTE):
        piece = sound[start:start + MINUTE]
        counter.push(piece, detector.watch(piece))
        found.append(counter.take())
    return found


@dataclass(frozen=True, eq=False)
class Pool:
    """A home's minutes by kind: of each histogram and count int [minutes, ...]. more : of each kind than in HABITS"""

    kinds: tuple[dict[str, np.ndarray], ...]
    habits: int
    more: np.ndarray
    triggered: float = 0.0

    def week(self, rng: np.random.Generator) -> Hours:
        """An hour a row; days differ in how much goes on."""
        _, awake, asleep = HABITS[self.habits]
        rows: dict[str, list[np.ndarray]] = {name: [] for name in COUNTS}
        for hour in range(7 * 24):
            if hour % 24 == 0:
                day = self.more * np.exp(rng.normal(0, 0.3, len(KINDS)))
            weights = np.array(awake if 7 <= hour % 24 < 22 else asleep) * day
            counts = rng.multinomial(60, weights / weights.sum())
            drawn = [rng.integers(len(kind["levels"]), size=count) for kind, count in
                     zip(self.kinds, counts, strict=True)]
            for name, found in rows.items():
                found.append(np.sum([kind[name][places].sum(axis=0) for kind, places in
                                     zip(self.kinds, drawn, strict=True)], axis=0))
        whole = {name: np.array(found) for name, found in rows.items()}
        n = len(whole["levels"])
        return Hours(3_600_000 * np.arange(1, n + 1), np.full(n, 3_600.0),
                     whole["detections"] + rng.poisson(self.triggered, n), whole["near_misses"], whole["clipped"],
                     np.zeros(n, np.int64), whole["levels"], whole["scores"], whole["features"])


def pool_of(plan: Plan, home: Home, fault: Fault, *, agc: bool = False) -> Pool:
    found = []
    for kind in KINDS:
        reports = minutes_of(plan, heard(home, kind, fault, agc=agc))
        counts = {name: np.array([getattr(report, name) for report in reports], np.int64) for name in COUNTS}
        if fault.rising:
            counts["scores"] = risen(counts["scores"], fault.rising)
        found.append(counts)
    more = np.exp(np.random.default_rng([home.seed, 6]).normal(0, 0.5, len(KINDS)))
    return Pool(tuple(found), home.habits, more, fault.triggered)


def risen(scores: np.ndarray, steps: int) -> np.ndarray:
    """int [n, bins]: what is not at rest, so many bins higher."""
    moved = np.zeros_like(scores)
    moved[:, 0] = scores[:, 0]
    for place in range(1, scores.shape[1]):
        moved[:, min(place + steps, scores.shape[1] - 1)] += scores[:, place]
    return moved


# ---- the judgement

@dataclass(frozen=True)
class Week:
    """What raised an alarm on any day of a week. validated, own : beside validation sound, beside the first week

    distances : the largest of each quantity beside validation sound
    """

    validated: frozenset[str]
    own: frozenset[str]
    clipped: bool
    distances: dict[str, float]


def look(week: Hours, validation: Reference, first: Hours) -> Week:
    """A look a day, the last one at the whole week; the first week is what came before."""
    found: dict[str, set[str]] = {"validated": set(), "own": set()}
    distances: dict[str, float] = {}
    for day in range(1, 8):
        for which, reference in (("validated", validation), ("own", Reference("the first week", False, first))):
            for drift in drifts(week.first(24 * day), reference):
                found[which] |= {drift.name} if drift.alarm else set()
                if which == "validated":
                    distances[drift.name] = max(distances.get(drift.name, 0.0), drift.distance)
    clipped = 100 * week.clipped.sum() / (week.seconds.sum() * SAMPLE_RATE_HZ)
    return Week(frozenset(found["validated"]), frozenset(found["own"]), bool(clipped > CLIPPED_PERCENT), distances)


def main(arguments: Sequence[str]) -> int:
    known = parser(__doc__)
    known.add_argument("data", type=Path, metavar="DATA")
    known.add_argument("--run", default="small", metavar="NAME", help="of models/")
    known.add_argument("--part", choices=SPLITS, default="testing", help="of talkers, noise and rooms the homes have")
    known.add_argument("--homes", type=int, default=10, metavar="N")
    known.add_argument("--weeks", type=int, default=200, metavar="N", help="quiet ones; of each fault one per home")
    known.add_argument("--faults", type=int, default=5, metavar="N", help="in how many homes each is tried")
    options = known.parse_args(arguments)
    plan = load_detector(ROOT / "models" / options.run).plan
    header(options.run, f"{options.part} talkers")
    keywords = plan.spec.keywords
    rng = np.random.default_rng(11)
    baseline = measure_validation(plan, validation_sound(material(options.data, "validation", keywords), rng), rng)
    print(f"baseline: {baseline.hours:.2f} hours of {', '.join(baseline.what())}", flush=True)
    sound = material(options.data, options.part, keywords)
    homes = [home_of(sound, seed + 1_000 * SPLITS.index(options.part)) for seed in range(options.homes)]
    well = [pool_of(plan, home, Fault()) for home in homes]
    lows: tuple[float, float] = (0.0, 0.0)
    for name, fault in FAULTS.items():
        each, count = (max(options.weeks // len(homes), 1), len(homes)) if fault == Fault() else (1, options.faults)
        if not count:
            continue
        told = told_of(name, weeks_of(plan, homes, well, fault, of_baseline(baseline), each=each, count=count))
        lows = told if fault == Fault() else lows
    return int(max(lows) > WEEK_ALPHA)


def weeks_of(plan: Plan, homes: Sequence[Home], well: Sequence[Pool], fault: Fault, validation: Reference, *,
             each: int, count: int) -> list[list[Week]]:
    """Of some homes so many weeks with the fault, each after one without."""
    rng, found = np.random.default_rng(21), []
    for home, before in zip(homes[:count], well, strict=False):
        same_sound = replace(fault, agc_before=False, triggered=0.0) == Fault()
        after = replace(before, triggered=fault.triggered) if same_sound else pool_of(plan, home, fault)
        before = pool_of(plan, home, Fault(), agc=True) if fault.agc_before else before
        found.append([look(after.week(rng), validation, before.week(rng)) for _ in range(each)])
    return found


def told_of(name: str, homes: Sequence[Sequence[Week]]) -> tuple[float, float]:
    """Prints how many weeks and homes are flagged, by what; returns the lower ends of both intervals."""
    weeks = [week for home in homes for week in home]
    lows, parts = [], []
    for which, title in (("validated", "beside validation sound"), ("own", "beside the first week")):
        count = sum(bool(getattr(week, which)) for week in weeks)
        low, high = wilson_interval(count, len(weeks))
        lows.append(low)
        by = Counter(one for week in weeks for one in getattr(week, which))
        flagged = sum(any(getattr(week, which) for week in home) for home in homes)
        parts.append(f"{title} {count} of {len(weeks)} weeks ({100 * low:.1f} to {100 * high:.1f} %) in {flagged} of "
                     f"{len(homes)} homes" + (f", by {', '.join(f'{one} {n}' for one, n in by.items())}" if by else ""))
    clipped = sum(week.clipped for week in weeks)
    largest = ", ".join(f"{one} {max(week.distances[one] for week in weeks):.2f}" for one in weeks[0].distances)
    print(f"{name}: {'; '.join(parts)}; clipped {clipped}; largest distances: {largest}", flush=True)
    return lows[0], lows[1]
