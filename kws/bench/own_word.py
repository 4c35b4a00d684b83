"""What docs/own-word.md leads to, measured: its files, its commands' functions, then people who never trained.

    scripts/bench own_word BASE DATA OUT [--words alexa,computer,marvin] [--draws 2] [--count 20] [--only strangers,…]
                           [--side validation] [--with-words]

BASE  a run that was never taught the words of the test
DATA  the real recordings, unpacked: speech_commands/, wake_words/<word>/, sentences/, negatives/, noise/, rooms/
OUT   a workspace for each network, results.jsonl (a stopped bench goes on where it was)

Who trains, who chooses and who tests are different people. Talk to train with: accented sentences by the speakers of
the training split, seven of ten readers, ten of twenty languages. To choose the threshold on: the speakers of the
validation split, the other readers, orders to a machine. To test on: the speakers of the testing split, eight other
readers, French, the other ten languages. Scenarios:

    strangers  --count takes, each by somebody else, as they come; other people are heard
    synthetic  no takes: `kws data synth --count 300 --near-misses 10`
    own voice  words of Speech Commands only: ten people twice or more; other takes of these people are heard

Nothing is ever chosen on the people who test: --side validation splits those who may train once more, and hears the
talk that thresholds are chosen on.

Each row: recordings missed at the threshold that the training chose, and false alarms there; then misses at the lowest
threshold of the test itself with one false alarm per hour, which compares networks.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.bench.common import header, parser, print_table
from kws.bench.transfer import (
    Result,
    judged,
    miss_rate_at,
    quiet,
    read_results,
    recordings_of,
    sides,
    trains,
)
from kws.data.corpus import NOISE, Clip, folders, speaker_of, split_of
from kws.data.importer import import_path
from kws.detect.detector import load_detector
from kws.engine.decoder import SCORE_STEPS
from kws.errors import DataError
from kws.files import write_atomic
from kws.pipeline.new_word import SYNTH, TALK_SYNTH, prepare_word
from kws.pipeline.transfer import transfer_run
from kws.records import to_json
from kws.validate.metrics import poisson_interval, wilson_interval
from kws.workspace import open_workspace

TRAINING, TESTING = "training", "testing"
LEVELS = (*range(40, 256, 4), 255)
TRAINING_READERS, TRAINING_LANGUAGES = 7, 10
CLIPS_OF_WORD = 150  # of each word of Speech Commands that is not the keyword
MADE_ONCE = (SYNTH, TALK_SYNTH)  # sources that synthesizers fill, the same for every network of a word
PEOPLE, TAKES_OF_PERSON = 10, 2  # who train in the scenario "own voice"


@dataclass(frozen=True)
class Job:
    """One network to train and test."""

    word: str
    scenario: str
    count: int
    draw: int

    @property
    def key(self) -> str:
        return f"{self.word} {self.scenario} {self.count} {self.draw}"


def talk_folders(data: Path, out: Path) -> list[Path]:
    """What `kws new --talk` is given, as links: a folder of each kind, with the splits that training may hear."""
    if not (out / "talk").is_dir():
        for kind, split, name, paths in talk(data):
            link(out / "talk" / kind / split / name, paths)
        for table in (data / "sentences").glob("*/*.csv"):
            link(out / "talk" / table.parent.name, [table])
    return folders(out / "talk")


def add_speech_commands(recordings: Path, data: Path, keyword: str) -> None:
    """What `kws data download` brings beside: CLIPS_OF_WORD of each word that is not the keyword, and noise."""
    for folder in folders(data / "speech_commands"):
        paths = sorted(folder.glob("*.wav"))
        if folder.name == NOISE:
            link(recordings / "speech_commands" / NOISE, paths)
        elif folder.name != keyword:
            order = np.random.default_rng(1).permutation(len(paths))[:CLIPS_OF_WORD]
            link(recordings / "speech_commands" / folder.name, [paths[i] for i in sorted(order)])


def talk(data: Path) -> list[tuple[str, str, str, list[Path]]]:
    """Talk to train with and to choose on: source, split, speaker, recordings."""
    found = []
    for folder in folders(data / "sentences" / "accented_en"):
        if (split := split_of(folder.name)) != "testing":
            found.append(("accented_en", split, folder.name, sorted(folder.glob("*.wav"))))
    for place, folder in enumerate(folders(data / "sentences" / "read_en")):
        split = "training" if place < TRAINING_READERS else "validation"
        found.append(("read_en", split, folder.name, sorted(folder.glob("*.wav"))))
    for folder in folders(data / "negatives" / "languages")[:TRAINING_LANGUAGES]:
        found.append(("languages", "training", folder.name, sorted(folder.rglob("*.wav"))))
    found.append(("orders", "validation", "orders", sorted((data / "negatives" / "en").glob("*.wav"))))
    return found


def test_talk(data: Path, side: str) -> dict[str, list[np.ndarray]]:
    """Talk to count false alarms in, by kind, int16 [n] each: of the testing side nothing is ever chosen on."""
    if side != TESTING:
        kinds: dict[str, list[Path]] = {}
        for kind, split, _, paths in talk(data):
            if split == side:
                kinds.setdefault(kind, []).extend(paths)
        return {kind: [read_samples(path) for path in paths] for kind, paths in kinds.items()}
    accented = [path for folder in folders(data / "sentences" / "accented_en") if split_of(folder.name) == "testing"
                for path in sorted(folder.glob("*.wav"))]
    languages = [path for folder in folders(data / "negatives" / "languages")[TRAINING_LANGUAGES:]
                 for path in sorted(folder.rglob("*.wav"))]
    kinds = {"accented": accented, "read": sorted((data / "negatives" / "read_en").glob("*.wav")),
             "French": sorted((data / "negatives" / "fr").glob("*.wav")), "languages": languages}
    return {kind: [read_samples(path) for path in paths] for kind, paths in kinds.items()}


def link(folder: Path, paths: Sequence[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (folder / path.name).symlink_to(path.resolve())


def people(word: str, data: Path, side: str) -> tuple[list[Path], list[Path]]:
    """Recordings that training may draw from, and those of strangers."""
    pool, strangers = recordings_of(word, data)
    if side == TESTING:
        return pool, strangers
    if (data / "wake_words" / word).is_dir():
        return sides(pool)
    clips = sorted((data / "speech_commands" / word).glob("*.wav"))
    return pool, [path for path in clips if split_of(speaker_of(path.stem)) == side]


def chosen(job: Job, data: Path, side: str) -> tuple[list[Clip], list[Path]]:
    """The takes that train, each under its person's name, and the recordings that test."""
    pool, strangers = people(job.word, data, side)
    rng = np.random.default_rng([job.draw, *job.word.encode()])
    if job.scenario == "own voice":
        return own_voices(job.word, pool, rng)
    if job.scenario == "synthetic":
        return [], strangers
    drawn = [pool[i] for i in rng.permutation(len(pool))[: job.count]]
    return [trains(Clip(path, job.word, f"drawn-{i}", "own")) for i, path in enumerate(drawn)], strangers


def own_voices(word: str, pool: Sequence[Path], rng: np.random.Generator) -> tuple[list[Clip], list[Path]]:
    """TAKES_OF_PERSON takes each of PEOPLE who have more of them, and the rest of these people's."""
    of: dict[str, list[Path]] = {}
    for path in pool:
        of.setdefault(speaker_of(path.stem), []).append(path)
    several = sorted(speaker for speaker, paths in of.items() if len(paths) > TAKES_OF_PERSON)
    if len(several) < PEOPLE:
        raise DataError(f"{word}: {len(several)} people are known to have said it more than {TAKES_OF_PERSON} times, "
                        f"{PEOPLE} are needed; name a word of Speech Commands with --words")
    people = [several[i] for i in rng.permutation(len(several))[:PEOPLE]]
    takes = [trains(Clip(path, word, f"{person}-{i}", "own")) for person in people
             for i, path in enumerate(of[person][:TAKES_OF_PERSON])]
    return takes, [path for person in people for path in of[person][TAKES_OF_PERSON:]]


def run(job: Job, bench: "Bench") -> Result:
    """The page's commands, by their functions: kws new --word, takes, kws train --from; then the test."""
    root = bench.out / job.key.replace(" ", "-")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    (bench.out / "cache").mkdir(exist_ok=True)
    (root / ".cache").symlink_to((bench.out / "cache").resolve())
    synthesized = {root / "recordings" / source: bench.out / "spoken" / job.word / source for source in MADE_ONCE}
    for folder, spoken in synthesized.items():
        share_spoken(spoken, folder)
    made = prepare_word(root, job.word, base=str(bench.base.resolve()), talk=bench.talk, note=quiet)
    for folder, spoken in synthesized.items():
        if folder.is_dir() and not spoken.is_dir():
            shutil.copytree(folder, spoken)
    if bench.words:
        add_speech_commands(root / "recordings", bench.data, job.word)
    takes, tests = chosen(job, bench.data, bench.side)
    for clip in takes:
        import_path(clip.path, root / "recordings" / "own", word=job.word, speaker=clip.speaker, samples=SAMPLE_RATE_HZ)
    place, start = open_workspace(root), time.process_time()
    training = replace(place.spec.training, seed=job.draw)
    place = replace(place, spec=replace(place.spec, training=training))
    transfer_run(place, base=made.base, name="own", note=quiet)
    seconds = time.process_time() - start
    detector = load_detector(root / "models" / "own")
    return Result(job.key, job.word, job.scenario, len(takes), job.draw, seconds,
                  detector.plan.decoder.thresholds[-1] / SCORE_STEPS,
                  *judged(detector, tests, bench.speech, levels=LEVELS))


def share_spoken(spoken: Path, folder: Path) -> None:
    """Synthesized once for a word: links to what an earlier network's workspace made."""
    for path in sorted(spoken.rglob("*.wav")):
        target = folder / path.relative_to(spoken)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.resolve())


@dataclass(frozen=True, eq=False)
class Bench:
    """What all networks share. talk : folders to train with; speech : to count false alarms in; words : whether Speech
    Commands takes part
    """

    base: Path
    data: Path
    out: Path
    side: str
    words: bool
    talk: list[Path]
    speech: dict[str, list[np.ndarray]]


def row(some: Sequence[Result]) -> list[str]:
    """One line of the table: the mean of the draws, with the interval of one draw's recordings or hours."""
    tested, hours = some[0].tested, sum(some[0].hours.values())
    missed = float(np.mean([one.missed for one in some]))
    alarms = float(np.mean([sum(one.false_alarms.values()) for one in some]))
    low, high = wilson_interval(round(missed), tested)
    least, most = poisson_interval(round(alarms))
    there = miss_rate_at(list(some))
    return [some[0].word, some[0].how, str(some[0].count), str(len(some)), str(tested),
            f"{missed / tested:.1%} ({low:.1%} to {high:.1%})",
            f"{alarms / hours:.2f} ({least / hours:.2f} to {most / hours:.2f})",
            f"{there[0]:.1%} ({there[1]:.1%} to {there[2]:.1%})", f"{np.mean([one.seconds for one in some]):.0f}"]


def jobs(words: Sequence[str], scenarios: Sequence[str], count: int, draws: int, data: Path) -> list[Job]:
    """Every network to train; "own voice" only for words whose recordings name their speaker."""
    named = Counter(word for word in words if not (data / "wake_words" / word).is_dir())
    return [Job(word, scenario, count, draw) for draw in range(1, draws + 1) for scenario in scenarios for word in words
            if scenario != "own voice" or word in named]


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser(__doc__)
    for name in ("base", "data", "out"):
        options.add_argument(name, type=Path)
    options.add_argument("--words", default="alexa,computer,marvin")
    options.add_argument("--only", default="strangers,own voice,synthetic")
    options.add_argument("--count", type=int, default=20)
    options.add_argument("--draws", type=int, default=2)
    options.add_argument("--with-words", action="store_true")
    options.add_argument("--side", choices=("validation", TESTING), default=TESTING)
    asked = options.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    header(f"base {asked.base.name}, {asked.side}", *(["with Speech Commands"] if asked.with_words else []))
    bench = Bench(asked.base, asked.data, asked.out, asked.side, asked.with_words, talk_folders(asked.data, asked.out),
                  test_talk(asked.data, asked.side))
    path = asked.out / "results.jsonl"
    results = read_results(path)
    for job in jobs(asked.words.split(","), asked.only.split(","), asked.count, asked.draws, asked.data):
        if job.key not in results:
            results[job.key] = run(job, bench)
            write_atomic(path, "".join(json.dumps(to_json(result)) + "\n" for result in results.values()))
    groups = dict.fromkeys((one.word, one.how) for one in results.values())
    print_table(("word", "scenario", "takes", "draws", "recordings", "missed as calibrated", "false alarms per hour",
                 "missed at 1 per hour", "seconds"),
                [row([one for one in results.values() if (one.word, one.how) == group]) for group in groups])
