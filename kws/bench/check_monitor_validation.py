"""How often is the alarm false that holds a device against its run's validation sound, and what does it hear?

    scripts/check monitor_validation DATA [--run small] [--part testing] [--homes 40] [--weeks 200]

The baseline is what kws train stores: validation talkers, words, noise and two rooms. The homes are others: each has
talkers, noise, a room and a microphone of its own, and minutes of quiet, talk, words and noise that a real detector
hears. Weeks are drawn from a home's minutes, by the time of the day, some days more than others, and looked at once a
day. In a quiet week nothing is wrong; in the others something is. DATA : the unpacked recordings.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
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
from kws.monitor.mixture import MATTERS
from kws.monitor.validation_sound import ValidationSound
from kws.validate.metrics import wilson_interval

MINUTE = 60 * SAMPLE_RATE_HZ
KINDS = {"quiet": 3, "talk": 4, "noise": 3, "words": 1}  # minutes of each in a home
AWAKE, ASLEEP = (0.55, 0.28, 0.12, 0.05), (0.97, 0.01, 0.02, 0.0)
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
    """

    gain_db: float = 0.0
    speed: float = 1.0
    hum_db: float = -200.0
    rising: int = 0


FAULTS = {
    "nothing": Fault(), "microphone 24 dB too quiet": Fault(gain_db=-24.0),
    "gain 24 dB too high": Fault(gain_db=24.0),
    "samples at twice the rate": Fault(speed=0.5), "samples at half the rate": Fault(speed=2.0),
    "a hum of -25 dB": Fault(hum_db=-25.0), "scores two steps higher": Fault(rising=2),
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
    """

    sound: dict[str, np.ndarray]
    tilt: float
    gain_db: float
    floor_db: float
    seed: int


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
    return Home(sound, rng.uniform(-0.5, 0.5), rng.normal(0, 5.0), rng.uniform(-82.0, -58.0), seed)


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


def heard(home: Home, kind: str, fault: Fault) -> np.ndarray:
    """What the microphone makes of a kind of sound, int16 [n]."""
    rng = np.random.default_rng([home.seed, sum(map(ord, kind))])
    sound = home.sound[kind]
    if fault.speed != 1.0:
        places = np.arange(0, len(sound) - 1, fault.speed)
        sound = np.resize(np.interp(places, np.arange(len(sound)), sound), len(sound))
    tilted = sound - home.tilt * np.concatenate([[0.0], sound[:-1]])
    own = 32_768 * 10 ** (home.floor_db / 20) * rng.standard_normal(len(sound))
    hum = 32_768 * 10 ** (fault.hum_db / 20) * np.sin(2 * np.pi * 100 / SAMPLE_RATE_HZ * np.arange(len(sound)))
    made = 10 ** ((home.gain_db + fault.gain_db) / 20) * (tilted + own) + hum
    return np.clip(np.rint(made), -32_768, 32_767).astype(np.int16)


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
    """A home's minutes by kind: of each histogram and count int [minutes, ...]."""

    kinds: tuple[dict[str, np.ndarray], ...]

    def week(self, rng: np.random.Generator) -> Hours:
        """An hour a row; days differ in how much goes on, homes too."""
        home = np.exp(rng.normal(0, 0.5, len(KINDS)))
        rows: dict[str, list[np.ndarray]] = {name: [] for name in self.kinds[0]}
        for hour in range(7 * 24):
            if hour % 24 == 0:
                day = home * np.exp(rng.normal(0, 0.3, len(KINDS)))
            weights = np.array(AWAKE if 7 <= hour % 24 < 22 else ASLEEP) * day
            counts = rng.multinomial(60, weights / weights.sum())
            drawn = [rng.integers(len(kind["levels"]), size=count) for kind, count in
                     zip(self.kinds, counts, strict=True)]
            for name, found in rows.items():
                found.append(np.sum([kind[name][places].sum(axis=0) for kind, places in
                                     zip(self.kinds, drawn, strict=True)], axis=0))
        whole = {name: np.array(found) for name, found in rows.items()}
        n = len(whole["levels"])
        return Hours(3_600_000 * np.arange(1, n + 1), np.full(n, 3_600.0), whole["detections"], whole["near_misses"],
                     np.zeros(n, np.int64), np.zeros(n, np.int64), whole["levels"], whole["scores"], whole["features"])


def pool_of(plan: Plan, home: Home, fault: Fault) -> Pool:
    found = []
    for kind in KINDS:
        reports = minutes_of(plan, heard(home, kind, fault))
        counts = {name: np.array([getattr(report, name) for report in reports], np.int64)
                  for name in ("levels", "scores", "features", "detections", "near_misses")}
        if fault.rising:
            counts["scores"] = risen(counts["scores"], fault.rising)
        found.append(counts)
    return Pool(tuple(found))


def risen(scores: np.ndarray, steps: int) -> np.ndarray:
    """int [n, bins]: what is not at rest, so many bins higher."""
    moved = np.zeros_like(scores)
    moved[:, 0] = scores[:, 0]
    for place in range(1, scores.shape[1]):
        moved[:, min(place + steps, scores.shape[1] - 1)] += scores[:, place]
    return moved


# ---- the judgement

def largest(week: Hours, known: Reference) -> tuple[set[str], dict[str, float]]:
    """What raises an alarm on any day of the week, and the largest distance of each histogram."""
    alarms: set[str] = set()
    distances: dict[str, float] = {}
    for day in range(1, 8):
        for drift in drifts(week.first(24 * day), known):
            distances[drift.name] = max(distances.get(drift.name, 0.0), drift.distance)
            alarms |= {drift.name} if drift.alarm else set()
    return alarms, distances


def main(arguments: Sequence[str]) -> int:
    known = parser(__doc__)
    known.add_argument("data", type=Path, metavar="DATA")
    known.add_argument("--run", default="small", metavar="NAME", help="of models/")
    known.add_argument("--part", choices=SPLITS, default="testing", help="of talkers, noise and rooms the homes have")
    known.add_argument("--homes", type=int, default=40, metavar="N")
    known.add_argument("--weeks", type=int, default=200, metavar="N", help="quiet ones; of each fault one per home")
    known.add_argument("--faults", type=int, default=12, metavar="N", help="in how many homes each is tried")
    options = known.parse_args(arguments)
    plan = load_detector(ROOT / "models" / options.run).plan
    header(options.run, f"{options.part} talkers")
    keywords = plan.spec.keywords
    rng = np.random.default_rng(11)
    baseline = measure_validation(plan, validation_sound(material(options.data, "validation", keywords), rng), rng)
    print(f"baseline: {baseline.hours:.2f} hours of {', '.join(baseline.what())}", flush=True)
    reference = of_baseline(baseline)
    sound = material(options.data, options.part, keywords)
    homes = [home_of(sound, seed + 1_000 * SPLITS.index(options.part)) for seed in range(options.homes)]
    quiet_low = 0.0
    for name, fault in FAULTS.items():
        chosen = homes if fault == Fault() else homes[:options.faults]
        weeks = max(options.weeks // len(chosen), 1) if fault == Fault() else 1
        low = judged(name, [pool_of(plan, home, fault) for home in chosen], weeks, reference)
        quiet_low = low if fault == Fault() else quiet_low
    return int(quiet_low > WEEK_ALPHA)


def judged(name: str, pools: Sequence[Pool], weeks: int, reference: Reference) -> float:
    """Prints how many weeks are flagged, by what; returns the lower end of the interval."""
    rng = np.random.default_rng(21)
    found = [largest(pool.week(rng), reference) for pool in pools for _ in range(weeks)]
    count = sum(bool(alarms) for alarms, _ in found)
    low, high = wilson_interval(count, len(found))
    homes = sum(any(alarms for alarms, _ in found[i * weeks:(i + 1) * weeks]) for i in range(len(pools)))
    by = {one: sum(one in alarms for alarms, _ in found) for one in MATTERS}
    seen = {one: [distances[one] for _, distances in found] for one in by}
    distances = "; ".join(f"{one} {np.median(values):.2f}, {np.quantile(values, 0.95):.2f}, {max(values):.2f}"
                          for one, values in seen.items())
    print(f"{name}: {count} of {len(found)} weeks flagged, {100 * count / len(found):.1f} % ({100 * low:.1f} to "
          f"{100 * high:.1f}), in {homes} of {len(pools)} homes; by scores {by['scores']}, features "
          f"{by['features']}; distances (middle, 95 %, largest): {distances}", flush=True)
    return low
