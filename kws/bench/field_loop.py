"""Does the loop from the field back into training make a better detector?

    scripts/bench field_loop DATA WORKSPACE [--seed 1] [--weeks 200]

A run that heard neither talk nor a crying child is put into a home. Minutes of that home are real sound, heard by the
real detector; weeks are drawn from them. In the second week talk and a crying child come in, which the monitor must
notice from counts alone. Then clips are kept, labelled by what was played, promoted; a second run learns from them,
is exported, and both are judged on other talkers, another child and words of other speakers: at their own thresholds,
and each at the one threshold for every word at which it misses a quarter of validation words.

DATA : the unpacked recordings. Who is heard when: talkers and noise by the official speaker split, "training" in the
home, "testing" in the judgement. --seed is of both trainings, and of what the home hears when; the judgement is the
same for every seed.
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.bench.common import header, parser
from kws.data.corpus import speaker_of, split_of
from kws.detect.detector import Detector, load_detector
from kws.engine.decoder import NEVER
from kws.engine.plan import Plan
from kws.export.export import export_to
from kws.export.source import from_run
from kws.listen.field_counter import FieldCounter
from kws.listen.field_report import LEVELS, SCORES, FieldReport
from kws.listen.listener import Listener, Sound
from kws.listen.session import Status
from kws.listen.sound_keeper import Keeper
from kws.monitor.clips import clips, promote, set_label
from kws.monitor.field_data import Hours, Reference, drifts
from kws.monitor.ingest import ingest_file, ingest_lines
from kws.monitor.judge import judge
from kws.monitor.reading import now_ms
from kws.monitor.store import FOLDER, NAME, Store
from kws.pipeline.train import train_run
from kws.spec import DetectorSpec, ModelSpec, Requirements, Spec, TrainingSpec
from kws.specfile import write_spec
from kws.validate.metrics import poisson_interval, wilson_interval
from kws.workspace import Workspace, open_workspace

KEYWORDS, OTHERS = ("yes", "stop"), ("up", "left", "eight", "cat", "house", "happy", "zero", "bird")
HOMOPHONES = {"yes", "yeah", "stop", "stops", "stopped"}
CLIPS_PER_WORD, CHILD = 1_200, "crying_baby"
MISSES, STEPS = 0.25, tuple(range(40, 256, 12))  # of validation words; thresholds, of 256, that are tried
MINUTE, FLOOR = 60 * SAMPLE_RATE_HZ, 20.0  # samples; RMS of the noise under everything
LATEST_S = 1.5  # a detection belongs to a word this long after its start
SPEC = Spec(keywords=KEYWORDS, model=ModelSpec(name="cnn", width=0.75),
            requirements=Requirements(false_alarms_per_hour=5.0), detector=DetectorSpec(),
            training=TrainingSpec(epochs=12, batch=64, unknown_percent=60.0))
SUMS = ("samples", "decisions", "detections", "near_misses", "clipped", "lost")
# How many of a minute's kinds there are, awake and asleep.
KINDS = ("quiet", "words", "noise", "talk", "child")
AWAKE = {"before": (0.80, 0.06, 0.14, 0.0, 0.0), "after": (0.53, 0.06, 0.14, 0.22, 0.05)}
ASLEEP = (0.98, 0.0, 0.02, 0.0, 0.0)


# ---- the recordings

def prepare(data: Path, root: Path, *, seed: int) -> Workspace:
    """A workspace with a part of the words and of the noise, and no talk at all."""
    root.mkdir(parents=True)
    (root / "kws.toml").write_text(write_spec(replace(SPEC, training=replace(SPEC.training, seed=seed))))
    words = data / "speech_commands"
    for word in (*KEYWORDS, *OTHERS):
        kept = sorted((words / word).glob("*.wav"))[:CLIPS_PER_WORD if word in KEYWORDS else CLIPS_PER_WORD // 3]
        link(root / "recordings" / "words" / word, kept)
    link(root / "recordings" / "words" / "_background_noise_", sorted((words / "_background_noise_").glob("*.wav")))
    return open_workspace(root)


def link(folder: Path, paths: Sequence[Path]) -> None:
    folder.mkdir(parents=True)
    for path in paths:
        (folder / path.name).symlink_to(path)


def talk(data: Path, split: str) -> list[Path]:
    """Sentences of one part's speakers that hold no keyword and nothing that sounds like one."""
    folder = data / "sentences" / "accented_en"
    with open(folder / "speech_sentences_accented_en.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if split_of(row["speaker"]) == split]
    found = [folder / f"{row['file']}.wav" for row in rows if not HOMOPHONES & set(row["text"].lower().split())]
    return [path for path in found if path.is_file()]


def child(data: Path, split: str) -> list[Path]:
    """Half of the recordings for the home, the others for the judgement."""
    found = sorted((data / "noise" / CHILD).glob("*.wav"))
    return found[::2] if split == "training" else found[1::2]


def words(data: Path, split: str) -> list[tuple[str, Path]]:
    return [(word, path) for word in KEYWORDS for path in sorted((data / "speech_commands" / word).glob("*.wav"))
            if split_of(speaker_of(path.stem)) == split]


# ---- sound

def spaced(pieces: Sequence[Path], rng: np.random.Generator, *, samples: int,
           gap_s: float) -> tuple[np.ndarray, list[float]]:
    """Recordings in random order, with gaps, over soft noise: int16 [samples], and when each one starts."""
    sound, starts, place = FLOOR * rng.standard_normal(samples), [], 0
    for turn in range(10 * len(pieces)):
        piece = read_samples(pieces[turn % len(pieces)]).astype(float)
        place += round(rng.exponential(gap_s) * SAMPLE_RATE_HZ) + SAMPLE_RATE_HZ // 4
        if place + len(piece) > samples:
            break
        sound[place:place + len(piece)] += 10 ** (rng.uniform(-10, 0) / 20) * piece
        starts.append(place / SAMPLE_RATE_HZ)
        place += len(piece)
    return np.clip(np.rint(sound), -32_768, 32_767).astype(np.int16), starts


def home(data: Path, rng: np.random.Generator, *, minutes: int) -> dict[str, np.ndarray]:
    """Sound of each kind, int16 [minutes * MINUTE]."""
    samples = minutes * MINUTE
    noise = sorted((data / "speech_commands" / "_background_noise_").glob("*.wav"))
    known = np.concatenate([read_samples(path) for path in noise])
    sources = {"words": ([path for _, path in words(data, "validation")], 8.0), "talk": (talk(data, "training"), 2.0),
               "child": (child(data, "training"), 1.0)}
    found = {"quiet": np.rint(FLOOR * rng.standard_normal(samples)).astype(np.int16),
             "noise": (0.2 * np.resize(known, samples)).astype(np.int16)}
    for kind, (paths, gap_s) in sources.items():
        chosen = [paths[i] for i in rng.permutation(len(paths))]
        found[kind], _ = spaced(chosen, rng, samples=samples, gap_s=gap_s)
    return found


# ---- what a detector counts there

def minutes_of(run: Path, sound: np.ndarray) -> np.ndarray:
    """int64 [minutes, numbers], a report of each minute."""
    detector = load_detector(run)
    counter, found = FieldCounter(detector.plan, session="0" * 8), []
    for start in range(0, len(sound) - MINUTE + 1, MINUTE):
        piece = sound[start:start + MINUTE]
        counter.push(piece, detector.watch(piece))
        found.append(as_row(counter.take()))
    return np.array(found)


def as_row(report: FieldReport) -> list[int]:
    """Its numbers, so that rows can be added."""
    return [getattr(report, name) for name in SUMS] + [*report.levels, *report.scores, *report.features]


def as_report(row: np.ndarray, *, model: str, session: str, uptime_s: int) -> FieldReport:
    """The inverse of as_row."""
    counts = dict(zip(SUMS, map(int, row), strict=False))
    bins = [tuple(map(int, part)) for part in np.split(row[len(SUMS):], (LEVELS, LEVELS + SCORES))]
    return FieldReport(model=model, session=session, uptime_s=uptime_s, levels=bins[0], scores=bins[1],
                       features=bins[2], **counts)


@dataclass(frozen=True)
class Pool:
    """The minutes of a home by their kind, int64 [minutes, numbers], and weeks drawn from them."""

    minutes: dict[str, np.ndarray]

    def week(self, when: str, rng: np.random.Generator) -> np.ndarray:
        """int64 [168, numbers], an hour a row, "before" or "after"; days differ in how much goes on."""
        days = np.exp(rng.normal(0, 0.3, (7, len(KINDS))))
        return np.array([self.hour(when, hour, day, rng) for day in days for hour in range(24)])

    def hour(self, when: str, hour: int, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        weights = np.array(AWAKE[when] if 7 <= hour < 22 else ASLEEP) * day
        counts = rng.multinomial(60, weights / weights.sum())
        drawn = [rows[rng.integers(len(rows), size=count)].sum(axis=0)
                 for rows, count in zip((self.minutes[kind] for kind in KINDS), counts, strict=True)]
        total: np.ndarray = np.sum(drawn, axis=0)
        return total


def as_hours(rows: np.ndarray) -> Hours:
    bins = np.split(rows[:, len(SUMS):], (LEVELS, LEVELS + SCORES), axis=1)
    samples, _, detections, near, clipped, lost = rows[:, :len(SUMS)].T
    return Hours(3_600_000 * np.arange(1, len(rows) + 1), samples / SAMPLE_RATE_HZ, detections, near, clipped, lost,
                 *bins)


def flagged(pool: Pool, when: str, rng: np.random.Generator) -> bool:
    """Whether any daily look at a second week raises an alarm, beside a first week as it was before."""
    first = Reference("the first week", False, as_hours(pool.week("before", rng)))
    second = as_hours(pool.week(when, rng))
    return any(drift.alarm for day in range(1, 8) for drift in drifts(second.first(24 * day), first))


def lines_of_two_weeks(pool: Pool, model: str, rng: np.random.Generator) -> Iterator[bytes]:
    """As a device prints them: a week as before, and the week after, which ends now."""
    start = datetime.now(UTC) - timedelta(days=14)
    for number, row in enumerate([*pool.week("before", rng), *pool.week("after", rng)], start=1):
        line = as_report(row, model=model, session="0000beef", uptime_s=3_600 * number)
        yield f"{(start + timedelta(hours=number)).isoformat()} {line.line()}".encode()


# ---- clips, and the second run

class Nobody:
    """A View that shows nothing."""

    def hops(self, hops: object) -> None: ...
    def hit(self, hit: object) -> None: ...
    def note(self, message: str) -> None: ...
    def status(self, status: Status) -> None: ...


def keep(run: Path, sound: np.ndarray, folder: Path) -> None:
    """What kws listen --save keeps, of detections and near misses."""
    detector = load_detector(run)
    about = {"device": "home", "model": detector.plan.fingerprint}
    keeper = Keeper(folder, note=print, about=about)
    listener = Listener(detector, Nobody(), keeper=keeper, near_misses=True)
    listener.run(Sound(piece) for piece in np.array_split(sound, max(len(sound) // 8_000, 1)))


def label_and_promote(workspace: Workspace, store: Store, folder: Path) -> dict[str, int]:
    """Nothing of what was played held a keyword: every clip is a false alarm, or the near miss of one."""
    ingest_file(store, folder / "kept.jsonl")
    for clip in clips(store, unlabelled=True):
        set_label(store, clip.id, "false")
    return promote(store, workspace.recordings).words


# ---- the judgement

@dataclass(frozen=True)
class Verdict:
    """Of one run, on sound that neither home nor training has heard."""

    false_alarms: int
    hours: float
    misses: int
    events: int

    def __str__(self) -> str:
        low, high = (bound / self.hours for bound in poisson_interval(self.false_alarms))
        miss_low, miss_high = (100 * bound for bound in wilson_interval(self.misses, self.events))
        return (f"{self.false_alarms / self.hours:.1f} false alarms per hour ({low:.1f} to {high:.1f}) of talk and "
                f"crying, {100 * self.misses / self.events:.1f} % of the words missed ({miss_low:.1f} to "
                f"{miss_high:.1f})")


@dataclass(frozen=True)
class Words:
    """Said over soft noise : int16 [n]; each word and when it starts."""

    sound: np.ndarray
    said: tuple[tuple[str, float], ...]

    def missed(self, detector: Detector) -> int:
        detector.reset()
        hits = [(hit.keyword, hit.time_s) for hit in detector.push(self.sound)]
        return sum(not any(word == said and start <= time_s <= start + LATEST_S for word, time_s in hits)
                   for said, start in self.said)


def said_words(data: Path, split: str, rng: np.random.Generator) -> Words:
    known = words(data, split)
    chosen = [known[i] for i in rng.permutation(len(known))[:400]]
    sound, starts = spaced([path for _, path in chosen], rng, samples=20 * MINUTE, gap_s=2.0)
    return Words(sound, tuple((chosen[i % len(chosen)][0], start) for i, start in enumerate(starts)))


def judged(data: Path, detector: Detector, *, minutes: int) -> Verdict:
    """The same sound for every detector."""
    rng = np.random.default_rng(99)
    parts = [spaced(paths, rng, samples=length * MINUTE, gap_s=2.0)[0]
             for paths, length in ((talk(data, "testing"), minutes), (child(data, "testing"), minutes // 5))]
    found = 0
    for part in parts:
        detector.reset()
        found += len(detector.push(part))
    test = said_words(data, "testing", rng)
    return Verdict(found, sum(map(len, parts)) / SAMPLE_RATE_HZ / 3_600, test.missed(detector), len(test.said))


def at_misses(plan: Plan, known: Words) -> Detector:
    """With the highest threshold for every word that misses at most MISSES of known words, or the lowest of STEPS."""
    for step in reversed(STEPS):
        thresholds = tuple(NEVER if one == NEVER else step for one in plan.decoder.thresholds)
        tables = replace(plan.decoder, thresholds=thresholds,
                         releases=tuple(max(threshold - 13, 1) for threshold in thresholds))
        detector = Detector(replace(plan, decoder=tables))
        if known.missed(detector) <= MISSES * len(known.said):
            break
    return detector


# ---- the loop

def main(arguments: Sequence[str]) -> int:
    known = parser(__doc__)
    known.add_argument("data", type=Path, metavar="DATA")
    known.add_argument("workspace", type=Path, metavar="WORKSPACE", help="a folder that is not there yet")
    known.add_argument("--seed", type=int, default=1, metavar="N", help="of the trainings and of the home")
    known.add_argument("--weeks", type=int, default=200, metavar="N", help="simulated ones of either kind")
    known.add_argument("--minutes", type=int, default=40, metavar="N", help="of each kind of sound in the home")
    options = known.parse_args(arguments)
    header(f"seed {options.seed}")
    data, rng = options.data, np.random.default_rng([options.seed, 7])
    place = prepare(data, options.workspace, seed=options.seed)
    first = train_run(place, name="first", note=tell)
    sound = home(data, rng, minutes=options.minutes)
    assert first is not None
    pool = Pool({kind: minutes_of(first.folder, sound[kind]) for kind in KINDS})
    for kind in KINDS:
        per_hour = 60 * pool.minutes[kind][:, SUMS.index("detections")].mean()
        print(f"{kind}: {per_hour:.1f} detections per hour", flush=True)
    alarms = weeks_flagged(pool, options.weeks, rng)
    with Store(place.root / FOLDER / NAME) as store:
        noticed = notice(store, place, pool, load_detector(first.folder).plan.fingerprint, rng)
        for kind in ("talk", "child"):
            keep(first.folder, sound[kind], place.root / FOLDER / "kept")
        filed = label_and_promote(place, store, place.root / FOLDER / "kept")
    print(f"promoted: {json.dumps(filed)}", flush=True)
    second = train_run(open_workspace(place.root), name="second", note=tell)
    assert second is not None
    export_to("c", from_run(second.folder), place.root / "export", force=True)
    better = compare(data, [first.folder, second.folder], minutes=options.minutes)
    return 0 if noticed and better and alarms else 1


def compare(data: Path, runs: Sequence[Path], *, minutes: int) -> bool:
    """Prints what each run does; whether the second is better at equal misses, beyond chance."""
    known = said_words(data, "validation", np.random.default_rng(98))
    rates = []
    for run in runs:
        own = load_detector(run)
        equal = judged(data, at_misses(own.plan, known), minutes=minutes)
        print(f"{run.name}, its own thresholds: {judged(data, own, minutes=minutes)}", flush=True)
        print(f"{run.name}, at equal misses: {equal}", flush=True)
        rates.append([bound / equal.hours for bound in poisson_interval(equal.false_alarms)])
    return rates[1][1] < rates[0][0]


def weeks_flagged(pool: Pool, weeks: int, rng: np.random.Generator) -> bool:
    """Prints how many; whether quiet ones are flagged no more often than stated."""
    from kws.monitor.drift import WEEK_ALPHA

    lows = {}
    for when in AWAKE:
        count = sum(flagged(pool, when, rng) for _ in range(weeks))
        low, high = wilson_interval(count, weeks)
        lows[when] = low
        print(f"a second week as {when}: {count} of {weeks} flagged ({100 * low:.1f} to {100 * high:.1f} %)",
              flush=True)
    return lows["before"] <= WEEK_ALPHA


def notice(store: Store, place: Workspace, pool: Pool, model: str, rng: np.random.Generator) -> bool:
    """Two weeks of lines through ingest and check; prints what it finds."""
    ingest_lines(store, lines_of_two_weeks(pool, model, rng), device="home")
    wrong = [one for one in judge(store, place.spec.requirements, now_ms=now_ms(), baselines={}) if not one.holds]
    for finding in wrong:
        print(f"check: {finding.text}", flush=True)
    return bool(wrong)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

