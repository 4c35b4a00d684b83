"""Are the labels wrong that `kws data check` suspects? What stronger judges hear, and what a person has seen.

    scripts/bench label_suspects [--run RUN] [--judge RUN]... [--sheets N] [--looked-at CSV] RECORDINGS OUT

The suspects among all clips of RECORDINGS, by RUN, are shown to judges that share nothing with it: runs that know some
of the words (--judge; lenient with clips that they were trained on), pocketsphinx with a grammar of all words, and a
linear discriminant on a speech embedding, made of clips by other speakers. As many clips that nobody suspects, of the
same words, show how far a judge is to be trusted. --sheets N draws N suspects at random into OUT/sheet-*.png, each
beside the clips of its own word and of the other word that are most like it. What was seen there goes into a file
(--looked-at; columns: clip, verdict), and is counted with 95 % intervals. OUT keeps what is slow; the same command goes
on.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.bench.common import ROOT, header, parser, print_table
from kws.bench.label_judges import ANOTHER, Ask, of_embedding, of_recognizer, of_run
from kws.bench.suspect_sheets import draw_sheets
from kws.data.check import wrong_labels
from kws.data.clip_faults import SILENCE_DB
from kws.data.clip_table import ClipTable, measure_clips
from kws.data.corpus import Clip, load_clips, scan
from kws.explore.embedding import embedding_of
from kws.validate.metrics import wilson_interval
from kws.workspace import find_run

LOOKED_AT = ROOT / "kws" / "bench" / "label_suspects.csv"
PER_WORD = 100  # clips that the embedding's classifier is made of
SEED = 1
OWN, OTHER, THIRD, NOTHING = "its own", "the other", "a third", "nothing"


@dataclass(frozen=True)
class Pair:
    """A clip, and the word that it may be instead of its own."""

    clip: Clip
    other: str

    @property
    def name(self) -> str:
        return f"{self.clip.word}/{self.clip.path.name}"


def suspects_of(table: ClipTable, run: Path, out: Path) -> list[Pair]:
    """What `kws data check` suspects, in random order."""
    kept, names = out / "suspects.json", {f"{clip.word}/{clip.path.name}": clip for clip in table.clips}
    if not kept.exists():
        usable = (table.column("samples") > 0) & (table.column("rms_db") >= SILENCE_DB)
        found, right = wrong_labels(table, usable, embedding_of(run))
        print(f"{run.name} recognised {right:.1%} of {int(usable.sum()):,} clips")
        kept.write_text(json.dumps([[f"{one.clip.word}/{one.clip.path.name}", one.word] for one in found]))
    found_pairs = [Pair(names[name], word) for name, word in json.loads(kept.read_text())]
    return [found_pairs[place] for place in np.random.default_rng(SEED).permutation(len(found_pairs))]


def controls_of(clips: Sequence[Clip], suspects: Sequence[Pair], rng: np.random.Generator) -> list[Pair]:
    """A clip that nobody suspects for each one that is suspected, of the same word."""
    taken = {pair.clip for pair in suspects}
    by_word: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip not in taken:
            by_word.setdefault(clip.word, []).append(clip)
    return [Pair(by_word[pair.clip.word][int(rng.integers(len(by_word[pair.clip.word])))], pair.other)
            for pair in suspects]


def others_of(clips: Sequence[Clip], speakers: set[str], rng: np.random.Generator) -> list[Clip]:
    """Up to PER_WORD clips of each word by people who are not among `speakers`."""
    some: dict[str, list[Clip]] = {}
    for place in rng.permutation(len(clips)):
        clip = clips[int(place)]
        if clip.speaker not in speakers and len(some.setdefault(clip.word, [])) < PER_WORD:
            some[clip.word].append(clip)
    return [clip for part in some.values() for clip in part]


def judges(runs: Sequence[str], clips: Sequence[Clip], asked: Sequence[Pair],
           rng: np.random.Generator) -> dict[str, Callable[[], Ask]]:
    """By name, each made when it is asked."""
    def embedding() -> Ask:
        known = others_of(clips, {pair.clip.speaker for pair in asked}, rng)
        return of_embedding(load_clips(known, samples=SAMPLE_RATE_HZ), np.array([clip.word for clip in known]))

    words = sorted({clip.word for clip in clips})
    named: dict[str, Callable[[], Ask]] = {
        Path(run).name: lambda run=run: of_run(find_run(run, ROOT / "models")) for run in runs}  # type: ignore[misc]
    return named | {"pocketsphinx": lambda: of_recognizer(words), "speech embedding": embedding}


def answers(name: str, judge: Callable[[], Ask], pairs: Sequence[Pair], out: Path) -> list[str | None]:
    """A judge's words, or what is known of them."""
    kept = out / f"{name.replace(' ', '-')}.json"
    if not kept.exists():
        samples = load_clips([pair.clip for pair in pairs], samples=SAMPLE_RATE_HZ)
        kept.write_text(json.dumps(judge()(samples)))
    return [None if word is None else str(word) for word in json.loads(kept.read_text())]


def verdict(pair: Pair, said: str | None, known: set[str]) -> str | None:
    """Which of the pair's words a judge heard that knows some words; None if it knows neither."""
    if not {pair.clip.word, pair.other} & known:
        return None
    if said == ANOTHER:  # a run that knows one of the two, and hears neither
        return OTHER if pair.other not in known else OWN if pair.clip.word not in known else THIRD
    return {pair.clip.word: OWN, pair.other: OTHER, None: NOTHING}.get(said, THIRD)


def counted(verdicts: Sequence[str | None]) -> list[str]:
    """asked, own, other, third, nothing."""
    told = [one for one in verdicts if one is not None]
    return [f"{len(told)}", *(f"{told.count(kind)} ({told.count(kind) / max(len(told), 1):.0%})"
                              for kind in (OWN, OTHER, THIRD, NOTHING))]


def together(verdicts: Sequence[Sequence[str | None]]) -> Counter[str]:
    """What the judges say of each clip: how many clips most of them give to which word."""
    found: Counter[str] = Counter()
    for of_clip in zip(*verdicts, strict=True):
        told = Counter(one for one in of_clip if one is not None)
        own, other = told[OWN], told[OTHER]
        found["all its own" if own == told.total() else "all the other" if other == told.total() else
              "more its own" if own > other else "more the other" if other > own else "undecided"] += 1
    return found


def seen(file: Path, pairs: Sequence[Pair], verdicts: Sequence[Sequence[str | None]]) -> None:
    """Print what was seen of the suspects, with intervals."""
    with open(file, newline="") as rows:
        looked = {row["clip"]: row["verdict"] for row in csv.DictReader(rows)}
    places = [place for place, pair in enumerate(pairs) if pair.name in looked]
    kinds = Counter(looked[pairs[place].name] for place in places)

    def row(kind: str) -> Sequence[str]:
        low, high = wilson_interval(kinds[kind], len(places))
        of_kind = [place for place in places if looked[pairs[place].name] == kind]
        votes = together([[one[place] for place in of_kind] for one in verdicts])
        return (kind, f"{kinds[kind]}", f"{kinds[kind] / len(places):.0%} ({low:.0%} to {high:.0%})",
                f"{low * len(pairs):.0f} to {high * len(pairs):.0f}",
                ", ".join(f"{count} {what}" for what, count in votes.most_common()))

    print(f"\nlooked at: {len(places)} of {len(pairs)}, drawn at random")
    print_table(("seen", "clips", "share (95 %)", f"of {len(pairs)}", "what the judges say"), map(row, sorted(kinds)))


def main(arguments: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("recordings", type=Path, help="a folder of sources")
    options.add_argument("out", type=Path, help="a folder for what is slow to make again")
    options.add_argument("--run", default=str(ROOT / "models" / "base"), help="judges the labels, as in kws data check")
    options.add_argument("--judge", action="append", metavar="RUN", help="by default large and wide")
    options.add_argument("--sheets", type=int, default=0, metavar="N")
    options.add_argument("--looked-at", type=Path, default=LOOKED_AT, metavar="CSV")
    given = options.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    table = measure_clips(scan(given.recordings).clips, cache=given.out)
    header(f"suspects by {Path(given.run).name}")
    pairs = suspects_of(table, find_run(given.run, None), given.out)
    clips, runs = table.clips, given.judge or ["large", "wide"]
    controls = controls_of(clips, pairs, np.random.default_rng(SEED))
    if given.sheets:
        draw_sheets([(pair.clip, pair.other) for pair in pairs[: given.sheets]], {pair.clip for pair in pairs}, table,
                    given.out)
    asked, verdicts, rows = [*pairs, *controls], [], []
    for name, judge in judges(runs, clips, asked, np.random.default_rng(SEED)).items():
        said = answers(name, judge, asked, given.out)
        known = {word for word in said if word not in (None, ANOTHER)}
        found = [verdict(pair, word, known) for pair, word in zip(asked, said, strict=True)]
        verdicts.append(found[: len(pairs)])
        strange = [one for pair, one in zip(pairs, found, strict=False) if pair.clip.split != "training"]
        rows += [(name, kind, *counted(some)) for kind, some in (
            ("suspected", found[: len(pairs)]), ("suspected, not for training", strange),
            ("not suspected", found[len(pairs) :]))]
    splits = Counter(pair.clip.split for pair in pairs)
    print(f"{len(pairs)} suspects among {len(clips):,} clips: {', '.join(f'{n} {one}' for one, n in splits.items())}")
    print_table(("judge", "clips", "asked", OWN, OTHER, THIRD, NOTHING), rows)
    print("\nall judges together: " + ", ".join(f"{count} {kind}" for kind, count in together(verdicts).most_common()))
    if given.looked_at.exists():
        seen(given.looked_at, pairs, verdicts)
