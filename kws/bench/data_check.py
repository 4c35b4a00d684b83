"""How well `kws data check` finds faults: 20 of each kind, put into copies of clips drawn at random.

    scripts/bench data_check [--clips N] [--each N] [--seeds N] [--run RUN] [--whole] RECORDINGS

For each kind: recall, the share of the injected faults that are reported as what they are; precision, the share of new
reports (not there before the injection) that are right; what another fault brings with it by its nature is not counted
(a piece of 0.3 s is cut off as well, or misses the word); and how many clips were reported before, which may be faults
of the recordings themselves. Faults are put into clips that had no finding. --whole checks all of RECORDINGS, with time
and memory, and then once more, when everything is known.
"""

import os
import resource
import secrets
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import encode, read_samples
from kws.bench.common import ROOT, header, parser
from kws.bench.injected_faults import CONSEQUENCES, SINGLE, near_duplicate
from kws.data.check import CheckReport, Embed, check_table
from kws.data.check_text import to_text
from kws.data.choices import Fault
from kws.data.clip_table import measure_clips
from kws.data.corpus import Clip, Corpus, scan
from kws.explore.embedding import embedding_of
from kws.workspace import find_run

# the same voice is a fault of speakers, not of clips: kws.bench.same_voice
KINDS: list[Fault] = [kind for kind in Fault if kind is not Fault.SAME_VOICE]
SAMPLES = 16_000


@dataclass
class Tally:
    """Of one kind, over all seeds."""

    injected: int = 0
    found: int = 0
    new: int = 0
    right: int = 0
    before: int = 0


class Injection:
    """A folder of clips and what was done to it."""

    def __init__(self, recordings: Path, clips: Sequence[Clip], rng: np.random.Generator):
        """clips : those that may get a fault."""
        self.recordings, self.rng = recordings, rng
        self.waiting = [clips[i] for i in rng.permutation(len(clips))]
        self.words = sorted({clip.word for clip in clips})
        self.truth: dict[str, list[set[Path]]] = defaultdict(list)

    def make(self, kind: Fault) -> None:
        """One fault of this kind; the paths that a right finding may name are noted."""
        clip = self.waiting.pop()
        audio = read_samples(clip.path)
        audio = np.pad(audio, (0, max(0, SAMPLES - len(audio))))
        if kind in SINGLE:
            clip.path.write_bytes(encode(SINGLE[kind](read_samples(clip.path), self.rng)))
            self.truth[kind].append({clip.path})
        elif kind is Fault.UNREADABLE:
            clip.path.write_bytes((b"", b"RIFF", self.rng.bytes(3_000))[int(self.rng.integers(3))])
            self.truth[kind].append({clip.path})
        elif kind is Fault.LABEL:
            target = self.beside(clip, word=self.other_word(clip))
            os.replace(clip.path, target)
            self.truth[kind].append({target})
        else:
            self.copy(kind, clip)

    def copy(self, kind: Fault, clip: Clip) -> None:
        target = self.beside(clip, word=self.other_word(clip) if kind is Fault.TWO_WORDS else clip.word,
                             speaker=secrets.token_hex(4) if kind is Fault.TWO_VOICES else clip.speaker)
        target.parent.mkdir(exist_ok=True)
        if kind is Fault.NEAR_DUPLICATE:
            target.write_bytes(encode(near_duplicate(read_samples(clip.path), self.rng)))
        else:
            shutil.copy(clip.path, target)
        self.truth[kind].append({clip.path, target})

    def other_word(self, clip: Clip) -> str:
        return str(self.rng.choice([word for word in self.words if word != clip.word]))

    def beside(self, clip: Clip, *, word: str, speaker: str | None = None) -> Path:
        name = f"{speaker or clip.speaker}_nohash_{int(self.rng.integers(1_000, 10_000_000))}.wav"
        return clip.path.parents[1] / word / name


def drawn(corpus: Corpus, folder: Path, count: int, rng: np.random.Generator) -> None:
    """Copies of `count` clips, words and names as they are."""
    for index in rng.choice(len(corpus.clips), count, replace=False):
        clip = corpus.clips[index]
        target = folder / "clips" / clip.word / clip.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip.path, target)


def trial(corpus: Corpus, embed: Embed | None, tallies: dict[Fault, Tally], *, count: int, each: int,
          seed: int) -> None:
    """One draw of clips and faults, added to the tallies."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        recordings = Path(folder)
        drawn(corpus, recordings, count, rng)
        before = reported(check(recordings, embed))
        clean = set().union(*before.values()) if before else set()
        words = [clip for clip in scan(recordings).clips if clip.path not in clean]
        sizes: defaultdict[str, int] = defaultdict(int)
        for clip in words:
            sizes[clip.word] += 1
        injection = Injection(recordings, [clip for clip in words if sizes[clip.word] >= each], rng)
        for kind in KINDS:
            for _ in range(each):
                injection.make(kind)
        after = reported(check(recordings, embed))
        for kind in KINDS:
            excused = {path for cause, kinds in CONSEQUENCES.items() if kind in kinds
                       for paths in injection.truth[cause] for path in paths}
            score(tallies[kind], injection.truth[kind], before[kind], after[kind] - excused)
            for path in after[kind] - excused - before[kind] - set().union(*injection.truth[kind]):
                what = [cause for cause, groups in injection.truth.items() if any(path in group for group in groups)]
                print(f"{kind} reported for {'/'.join(path.parts[-2:])}, which has {what or 'nothing'}",
                      file=sys.stderr)


def check(recordings: Path, embed: Embed | None, cache: Path | None = None) -> CheckReport:
    return check_table(measure_clips(scan(recordings).clips, cache=cache), samples=SAMPLES, embed=embed)


def reported(report: CheckReport) -> dict[str, set[Path]]:
    """Paths by kind."""
    result: dict[str, set[Path]] = defaultdict(set)
    for finding in report.findings:
        result[finding.kind].add(finding.clip.path)
    return result


def score(tally: Tally, truth: Sequence[set[Path]], before: set[Path], after: set[Path]) -> None:
    right = set().union(*truth)
    new = (after - before) | (after & right)
    tally.injected += len(truth)
    tally.found += sum(bool(paths & after) for paths in truth)
    tally.new += len(new)
    tally.right += len(new & right)
    tally.before += len(before)


def whole(recordings: Path, embed: Embed | None, judge: str) -> None:
    """Check everything there, twice, and hold the silent clips against a plain count."""
    with tempfile.TemporaryDirectory() as folder:
        for what in ("first run", "second run, from the cache"):
            wall, before = time.perf_counter(), processor_s()
            report = check(recordings, embed, cache=Path(folder))
            print(f"{what}: {len(report.table.clips):,} clips, {time.perf_counter() - wall:.0f} s, "
                  f"{processor_s() - before:.0f} s of processor time, at most {most_memory_mb():.0f} MB in one process",
                  flush=True)
    print(to_text(report, judge=judge))
    silent = {finding.clip.path for finding in report.findings if finding.kind is Fault.SILENT}
    plain = {clip.path for clip in report.table.clips if plain_rms(clip.path) < 0.001}
    print(f"RMS below 0.001 by a plain count: {len(plain)}, of them reported {len(plain & silent)}; reported besides: "
          f"{len(silent - plain)}")


def plain_rms(path: Path) -> float:
    audio = read_samples(path).astype(np.float64) / 32768
    return float(np.sqrt(np.mean((audio - audio.mean()) ** 2)))


def processor_s() -> float:
    return sum(part.ru_utime + part.ru_stime for part in map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def most_memory_mb() -> float:
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1_024


def main(argv: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("recordings", type=Path, help="a folder of sources")
    options.add_argument("--clips", type=int, default=2_000)
    options.add_argument("--each", type=int, default=20)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--first-seed", type=int, default=201)
    options.add_argument("--run", default=str(ROOT / "models" / "base"), help="judges labels")
    options.add_argument("--no-run", action="store_true", help="a small classifier on spectra judges them")
    options.add_argument("--whole", action="store_true")
    given = options.parse_args(argv)
    embed = None if given.no_run else embedding_of(find_run(given.run, None))
    judge = "spectra" if given.no_run else Path(given.run).name
    header(f"labels judged by {judge}")
    if given.whole:
        whole(given.recordings, embed, judge)
        return
    tallies: dict[Fault, Tally] = {kind: Tally() for kind in KINDS}
    corpus = scan(given.recordings)
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        trial(corpus, embed, tallies, count=given.clips, each=given.each, seed=seed)
        print(f"seed {seed} done", file=sys.stderr)
    print(f"{given.seeds} draws of {given.clips:,} clips, {given.each} faults of each kind\n")
    print("| kind | recall | precision | reported before |\n|---|---|---|---|")
    for kind, tally in tallies.items():
        print(f"| {kind} | {tally.found / tally.injected:.2f} | {tally.right / max(tally.new, 1):.2f} | "
              f"{tally.before / given.seeds:.0f} of {given.clips:,} |")
