"""Misses and false alarms of a new keyword against the number of its recordings: from a base, and from scratch.

    scripts/bench transfer BASE DATA OUT [--words computer,alexa,marvin] [--counts 5,10,20,50] [--draws 2] [--limit N]

BASE  a run that was never taught the words of the test, as unknown words neither
DATA  a folder with speech_commands/, wake_words/<word>/, read_speech/ (two readers) and negatives/<kind>/
OUT   results.jsonl, one line per network (a stopped bench goes on where it was), table.txt, transfer.svg

Who trains never tests. Clips of Speech Commands name their speaker: the training split gives the recordings, the
testing split tests. The recordings of wake words name nobody: those that sound alike, by voice and microphone, stay on
one side. Every network gets the same other words and running speech of one reader; another reader and other speakers
choose its threshold. Tested is int8 in the streaming engine: whole recordings for misses, hours of speech for false
alarms. Networks whose thresholds let different numbers of false alarms pass cannot be compared by their misses: "missed
at 1/h" is what each misses at the lowest threshold that lets one false alarm per hour of that speech pass.
"""

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples, write_audio
from kws.bench.common import parser
from kws.data.corpus import NOISE, Clip, Corpus, folders, scan, speaker_of, split_of
from kws.detect.detector import Detector
from kws.engine.decoder import SCORE_STEPS, Decoder, DecoderTables, build_decoder_tables
from kws.engine.plan import Plan
from kws.errors import DataError
from kws.files import write_atomic
from kws.model.dataset import REPRESENTATIVE_CLIPS, Material, prepare
from kws.model.few_shot_examples import choose_few, training_set
from kws.pipeline.calibration import calibrated_few
from kws.pipeline.train import engine_plan
from kws.quantize.convert import convert
from kws.records import from_json, to_json
from kws.spec import Spec
from kws.speech.synthesis import make_clips
from kws.train.transfer import SCRATCH, Base, from_scratch, load_base, transfer
from kws.validate.metrics import poisson_interval, wilson_interval
from kws.workspace import locate_run, read_artefact

LEVELS = range(64, 256)  # thresholds of the curve, in steps of 1/256
POOL_SHARE = 0.4  # of a wake word's recordings, that training may draw from
PIECES = 100  # one-second pieces of running speech in a folder, so that they are drawn like a word's clips
SYNTHETIC = 120  # clips by the synthesizer's training voices
LEAD = np.rint(np.random.default_rng(0).normal(0, 5, SAMPLE_RATE_HZ)).astype(np.int16)  # fills the window before a word
READERS = {"training": "reader-0", "validation": "reader-2"}  # speaker names that fall into these splits


@dataclass(frozen=True)
class Job:
    """One network to train and test. count : recordings of the word; how : "transfer", "scratch" or with synthesis."""

    word: str
    how: str
    count: int
    draw: int

    @property
    def key(self) -> str:
        return f"{self.word} {self.how} {self.count} {self.draw}"


def recordings_of(word: str, data: Path) -> tuple[list[Path], list[Path]]:
    """What training may draw from, and what tests, by other speakers."""
    folder = data / "wake_words" / word
    if folder.is_dir():
        return sides(sorted(folder.glob("*.wav")))
    clips = sorted((data / "speech_commands" / word).glob("*.wav"))
    if not clips:
        raise DataError(f"{data}: no recordings of {word}; name other --words, or another folder")
    by_split = {split: [path for path in clips if split_of(speaker_of(path.stem)) == split]
                for split in ("training", "testing")}
    return by_split["training"], by_split["testing"]


def sides(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """Recordings without names in two parts; those of a cluster of similar voices and microphones stay together."""
    from scipy.cluster.hierarchy import fcluster, linkage

    prints = np.stack([voice_print(read_samples(path)) for path in paths])
    prints = (prints - prints.mean(axis=0)) / (prints.std(axis=0) + 1e-9)
    groups = fcluster(linkage(prints, "average"), max(2, len(paths) // 8), "maxclust")
    order = sorted(set(groups), key=lambda group: hashlib.sha1(str(group).encode()).digest())
    pool: list[Path] = []
    for group in order:
        members = [path for path, mine in zip(paths, groups, strict=True) if mine == group]
        if len(pool) + len(members) <= POOL_SHARE * len(paths):
            pool += members
    return sorted(pool), [path for path in paths if path not in set(pool)]


def voice_print(audio: np.ndarray) -> np.ndarray:
    """Mean spectrum of the loudest and of the softest third of the frames, in dB of 24 bands: float [48]."""
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), 512)[::256] * np.hanning(512)
    power = np.abs(np.fft.rfft(frames)[:, 1:241]).reshape(len(frames), 24, 10).mean(axis=2)
    level = 20 * np.log10(power + 1)
    ranked = level[np.argsort(level.mean(axis=1))]
    third = max(1, len(ranked) // 3)
    return np.concatenate([ranked[-third:].mean(axis=0), ranked[:third].mean(axis=0)])


def write_talk(data: Path, folder: Path) -> None:
    """Running speech in one-second pieces, PIECES to a word's folder: the first reader trains, the second validates."""
    readers = sorted({path.name.split("-")[0] for path in (data / "read_speech").glob("*.wav")})[:2]
    for reader, (split, name) in zip(readers, READERS.items(), strict=True):
        assert split_of(name) == split
        audio = np.concatenate([read_samples(path) for path in sorted((data / "read_speech").glob(f"{reader}-*.wav"))])
        pieces = audio[: len(audio) // SAMPLE_RATE_HZ * SAMPLE_RATE_HZ].reshape(-1, SAMPLE_RATE_HZ)
        for i, piece in enumerate(pieces):
            write_audio(folder / f"talk-{split}-{i // PIECES}" / f"{name}_nohash_{i}.wav", piece)


Curve = tuple[tuple[float, int, int], ...]  # threshold, missed, false alarms
Tested = tuple[int, int, dict[str, int], dict[str, float], Curve]  # as in Result


@dataclass(frozen=True)
class Result:
    """One network. missed : of so many tested recordings; false_alarms, hours : by the kind of speech.

    curve : the same at other thresholds
    """

    key: str
    word: str
    how: str
    count: int
    draw: int
    seconds: float
    threshold: float
    missed: int
    tested: int
    false_alarms: Mapping[str, int]
    hours: Mapping[str, float]
    curve: Curve


class Bench:
    """Everything that the networks share."""

    def __init__(self, base: Path, data: Path, out: Path, words: list[str]) -> None:
        self.plan = Plan.from_bytes(read_artefact(base, "model.kws"))
        if known := set(words) & set(self.plan.spec.keywords):
            raise DataError(f"the base {base.name} was taught {', '.join(sorted(known))}; test other --words, or train "
                            "a base without them")
        self.base_folder, self.data, self.out = base, data, out
        talk = out / "recordings" / "talk"
        if not talk.is_dir():
            write_talk(data, talk)
        self.others = [clip for clip in scan(out / "recordings").clips if clip.source == "talk"]
        spoken = [path for path in folders(data / "speech_commands") if not path.name.startswith("_")]
        self.others += [Clip(path, folder.name, speaker_of(path.stem), "words")
                        for folder in spoken for path in sorted(folder.glob("*.wav"))]
        self.noise = tuple(sorted((data / "speech_commands" / NOISE).glob("*.wav")))
        self.speech = {folder.name: [read_samples(path) for path in sorted(folder.glob("*.wav"))]
                       for folder in folders(data / "negatives")}
        self.sides: dict[str, tuple[list[Path], list[Path]]] = {}

    def run(self, job: Job, left_out: tuple[str, ...]) -> Result:
        """Train and test one network. left_out : words that no network is trained on, because they are tests."""
        if job.word not in self.sides:
            self.sides[job.word] = recordings_of(job.word, self.data)
        pool, tests = self.sides[job.word]
        spec = replace(self.plan.spec, keywords=(job.word,), training=replace(self.plan.spec.training, seed=job.draw))
        base = load_base(self.base_folder, spec)
        start, material = time.process_time(), self.material(spec, job, pool, base, left_out)
        checkpoint, lesson = self.out / "checkpoint.npz", training_set(material)
        checkpoint.unlink(missing_ok=True)
        if job.how == "scratch":
            model, _ = from_scratch(material, lesson, SCRATCH, checkpoint=checkpoint, note=quiet)
        else:
            model, _ = transfer(material, base, lesson, checkpoint=checkpoint, note=quiet)
        tflite = convert(model, lesson.some(REPRESENTATIVE_CLIPS))
        plan = engine_plan(material, tflite)
        point = calibrated_few(material, Detector(plan), Path("without-talk"))
        detector = Detector(replace(plan, decoder=point.tables))
        seconds = time.process_time() - start
        return Result(job.key, job.word, job.how, job.count, job.draw, seconds,
                      detector.plan.decoder.thresholds[-1] / 256, *judged(detector, tests, self.speech, levels=LEVELS))

    def material(self, spec: Spec, job: Job, pool: list[Path], base: Base, left_out: tuple[str, ...]) -> Material:
        """The recordings of a draw with everything else that a network learns from."""
        rng = np.random.default_rng([job.draw, *job.word.encode()])
        drawn = [pool[i] for i in rng.permutation(len(pool))[: job.count]]
        clips = [Clip(path, job.word, f"drawn-{i}", "own") for i, path in enumerate(drawn)]
        clips = list(map(trains, clips))
        if "synth" in job.how:
            folder = self.out / "recordings" / "synth"
            make_clips(folder, (job.word,), count=SYNTHETIC, seed=1)
            clips += [Clip(path, job.word, speaker_of(path.stem), "synth")
                      for path in sorted((folder / job.word).glob("*.wav"))]
        others = [clip for clip in self.others if clip.word not in (*left_out, job.word)]
        examples = choose_few(Corpus(tuple(clips + others), self.noise), spec)
        return prepare(spec, examples, self.noise, cache=None, normalisation=base.normalisation)


def judged(detector: Detector, tests: Sequence[Path], speech: Mapping[str, list[np.ndarray]], *,
           levels: Sequence[int]) -> Tested:
    """Recordings missed, of how many, and false alarms in how many hours of each kind of speech.

    curve : the same at other thresholds, `levels` in steps of 1/256: [threshold, missed, false alarms] each
    """
    said = [decisions(detector, [LEAD, read_samples(path), LEAD]) for path in tests]
    heard = {kind: decisions(detector, recordings) for kind, recordings in speech.items()}

    def counts(tables: DecoderTables) -> tuple[int, dict[str, int]]:
        return (sum(not Decoder(tables).push(rows) for rows in said),
                {kind: len(Decoder(tables).push(rows)) for kind, rows in heard.items()})

    plan, curve = detector.plan, []
    smoothing_ms = plan.decoder.smoothing_hops * detector.decide_every * plan.spec.frontend.hop_ms
    for level in levels:
        thresholds = dict.fromkeys(plan.spec.keywords, level / SCORE_STEPS)
        there = build_decoder_tables(plan.spec, thresholds=thresholds, smoothing_ms=smoothing_ms,
                                     decide_every=detector.decide_every)
        missed, alarms = counts(replace(plan.decoder, thresholds=there.thresholds, releases=there.releases))
        curve.append((level / SCORE_STEPS, missed, sum(alarms.values())))
    missed, alarms = counts(plan.decoder)
    hours = {kind: sum(map(len, recordings)) / SAMPLE_RATE_HZ / 3600 for kind, recordings in speech.items()}
    return missed, len(tests), alarms, hours, tuple(curve)


def decisions(detector: Detector, pieces: list[np.ndarray]) -> np.ndarray:
    """Scores int8 [decisions, labels] of int16 [n] each, heard one after the other."""
    detector.reset()
    return np.concatenate([detector.scores(piece)[0] for piece in pieces])


def trains(clip: Clip) -> Clip:
    """The clip under a speaker's name that falls into the training split."""
    number = next(n for n in range(100) if split_of(f"{clip.speaker}-{n}") == "training")
    return replace(clip, speaker=f"{clip.speaker}-{number}")


def quiet(message: str) -> None:
    """Notes of a single training are of no interest here."""


def jobs_for(words: list[str], counts: list[int], draws: int) -> list[Job]:
    """The most telling networks first, so that a bench that is stopped has a table to show."""
    found = []
    for draw in range(1, draws + 1):
        found += [Job(word, "transfer", count, draw) for count in counts for word in words]
        if draw == 1:
            found += [Job(word, "synth", 0, 1) for word in words]
            found += [Job(word, "recordings and synth", counts[0], 1) for word in words]
            found += [Job(word, "scratch", count, 1) for count in reversed(counts) for word in words]
    return found


def read_results(path: Path) -> dict[str, Result]:
    """What is known, by key; a result of before there were curves is measured again."""
    lines = path.read_text().splitlines() if path.exists() else []
    known = (from_json(Result, result) for result in map(json.loads, lines) if "curve" in result)
    return {result.key: result for result in known}


def table(results: list[Result]) -> str:
    """One line for each word, way and number of recordings, over its draws."""
    rows = [f"{'word':10}{'trained':22}{'recordings':>10}{'draws':>6}{'missed':>9}  {'95 %':17}{'range of draws':18}"
            f"{'false alarms/h':>14}  {'95 %':14}{'missed at 1/h':>13}  {'95 %':17}{'seconds':>8}"]
    for word, how, count in dict.fromkeys((one.word, one.how, one.count) for one in results):
        some = [one for one in results if (one.word, one.how, one.count) == (word, how, count)]
        miss, low, high = miss_rate(some)
        rate, fewest, most = alarm_rate(some)
        there, least, greatest = miss_rate_at(some)
        shares = [one.missed / one.tested for one in some]
        rows.append(f"{word:10}{how:22}{count:10}{len(some):6}{miss:9.1%}  {f'{low:.1%} to {high:.1%}':17}"
                    f"{f'{min(shares):.1%} to {max(shares):.1%}':18}{rate:14.1f}  {f'{fewest:.1f} to {most:.1f}':14}"
                    f"{there:13.1%}  {f'{least:.1%} to {greatest:.1%}':17}"
                    f"{np.mean([one.seconds for one in some]):8.0f}")
    return "\n".join(rows)


def miss_rate(some: list[Result]) -> tuple[float, float, float]:
    """Mean over draws, with Wilson's interval for the recordings of one: all draws are tested on the same ones."""
    tested = some[0].tested
    missed = float(np.mean([one.missed for one in some]))
    return (missed / tested, *wilson_interval(round(missed), tested))


def miss_rate_at(some: list[Result], per_hour: float = 1.0) -> tuple[float, float, float]:
    """As miss_rate, at the lowest threshold with so many false alarms; everything is missed if there is none."""
    allowed = per_hour * sum(some[0].hours.values())
    missed = [min((missed for _, missed, alarms in one.curve if alarms <= allowed), default=one.tested)
              for one in some]
    return miss_rate([replace(one, missed=fewest) for one, fewest in zip(some, missed, strict=True)])


def alarm_rate(some: list[Result]) -> tuple[float, float, float]:
    """False alarms per hour, mean over draws, with the exact Poisson interval for the hours of one."""
    hours = sum(some[0].hours.values())
    alarms = float(np.mean([sum(one.false_alarms.values()) for one in some]))
    low, high = poisson_interval(round(alarms))
    return alarms / hours, low / hours, high / hours


def plot(results: list[Result], path: Path) -> None:
    """Misses, false alarms, and misses at one per hour, against the number of recordings; one column per word."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    words = list(dict.fromkeys(one.word for one in results))
    figure, axes = plt.subplots(3, len(words), figsize=(4 * len(words), 9), squeeze=False, sharex=True)
    for column, word in enumerate(words):
        for how, colour in (("transfer", "#06c"), ("scratch", "#c40"), ("synth", "#080")):
            mine = [one for one in results if one.word == word and one.how == how]
            counts = sorted({one.count for one in mine})
            if not counts:
                continue
            for row, measure in enumerate((miss_rate, alarm_rate, miss_rate_at)):
                values = np.array([measure([one for one in mine if one.count == count]) for count in counts])
                errors = np.abs(values[:, 1:] - values[:, :1]).T
                axes[row][column].errorbar(counts, values[:, 0], errors, color=colour, label=how, capsize=3, marker="o")
        axes[0][column].set(title=word, ylim=(0, 1.02))
        axes[1][column].set(yscale="symlog", ylim=(0, None))
        axes[2][column].set(xlabel="recordings", ylim=(0, 1.02))
    for row, text in enumerate(("missed", "false alarms per hour", "missed at 1 false alarm per hour")):
        axes[row][0].set_ylabel(text)
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path)


def main(arguments: Sequence[str]) -> None:
    parse = parser(__doc__)
    for name in ("base", "data", "out"):
        parse.add_argument(name, type=Path)
    parse.add_argument("--words", default="computer,alexa,marvin")
    parse.add_argument("--counts", default="5,10,20,50")
    parse.add_argument("--draws", type=int, default=2)
    parse.add_argument("--limit", type=int, help="train this many networks at most, then print the table")
    options = parse.parse_args(arguments)
    words = options.words.split(",")
    jobs = jobs_for(words, [int(count) for count in options.counts.split(",")], options.draws)
    log = options.out / "results.jsonl"
    done = read_results(log)
    missing = [job for job in jobs if job.key not in done][: options.limit]
    bench = Bench(locate_run(options.base), options.data, options.out, words) if missing else None
    for job in missing:
        assert bench is not None
        result = bench.run(job, tuple(words))
        done[job.key] = result
        write_atomic(log, "".join(json.dumps(to_json(one)) + "\n" for one in done.values()))
        print(f"{job.key}: {result.missed} of {result.tested} missed, {sum(result.false_alarms.values())} "
              f"false alarms, {result.seconds:.0f} s of one core", file=sys.stderr, flush=True)
    results = [done[job.key] for job in jobs if job.key in done]
    write_atomic(options.out / "table.txt", table(results) + "\n")
    plot(results, options.out / "transfer.svg")
    print(table(results))

