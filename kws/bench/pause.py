"""How long a pause a word needs: words missed right behind talk, and after pauses, with the rule about talk or without.

    scripts/bench pause [--count N] [--seed N] RUN WORDS TALK

RUN    a run, by name in models/ or by path
WORDS  a folder with one folder of recordings for each of the run's keywords; speakers of the testing split are heard,
       or everybody where the names of the files do not say who speaks
TALK   a folder of sentences without these words

Each word follows a sentence at the same loudness, from where its own sound begins: leading silence is cut off. Counted
is whether it is detected between its beginning and a second after its end. Both columns have the run's thresholds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, is_audio, read_samples
from kws.bench.common import ROOT, header, parser, print_table
from kws.data.corpus import folders, speaker_of, split_of
from kws.detect.detector import Detector, load_detector
from kws.engine.decoder import Decoder
from kws.validate.metrics import wilson_interval
from kws.workspace import find_run

PAUSES_S = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
AFTER_S = 1.0
ONSET = 0.1  # of the peak: where a word's own sound begins
BEFORE_ONSET = SAMPLE_RATE_HZ // 20
HEAD = ("pause, seconds", "missed", "without the rule")


def cut(word: np.ndarray) -> np.ndarray:
    """The recording from where its sound begins. word : int16 [n]"""
    loud = np.flatnonzero(np.abs(word.astype(np.int32)) > ONSET * np.abs(word.astype(np.int32)).max(initial=1))
    return word[max(int(loud[0]) - BEFORE_ONSET, 0):] if len(loud) else word


def behind(sentence: np.ndarray, word: np.ndarray, pause_s: float, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """(int16 [n]: a sentence, the pause, the word, a second; where the word begins)."""
    talk = sentence * min(float(np.abs(word).max()) / max(float(np.abs(sentence).max()), 1.0), 8.0)
    quiet = [rng.normal(0, 5, round(time * SAMPLE_RATE_HZ)) for time in (pause_s, AFTER_S)]
    sound = np.concatenate([talk, quiet[0], word, quiet[1]])
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16), len(talk) + len(quiet[0])


def rows(detector: Detector, words: Sequence[tuple[str, np.ndarray]], talk: Sequence[np.ndarray],
         seed: int) -> Iterator[Sequence[str]]:
    """Misses for each pause."""
    with_rule = detector.plan.decoder
    tables = (with_rule, replace(with_rule, talk_hops=0, talk_lag_hops=0, talk_limit=0))
    for pause_s in PAUSES_S:
        rng, missed = np.random.default_rng(seed), [0, 0]
        for keyword, word in words:
            sound, start = behind(talk[int(rng.integers(len(talk)))], word, pause_s, rng)
            detector.reset()
            scores, ends = detector.scores(sound)
            for which, table in enumerate(tables):
                found = Decoder(table).push(scores)
                missed[which] += not any(ends[row] >= start and detector.labels[label] == keyword
                                         for row, label, _ in found)
        yield f"{pause_s:.2f}", *(share(count, len(words)) for count in missed)


def share(count: int, total: int) -> str:
    low, high = wilson_interval(count, total)
    return f"{count / total:.1%} ({low:.1%} to {high:.1%})"


def heard(folder: Path, keywords: Sequence[str], count: int, rng: np.random.Generator) -> list[tuple[str, np.ndarray]]:
    """`count` recordings of keywords by people of the testing split, drawn at random."""
    found = [(one.name, path) for one in folders(folder) if one.name in keywords
             for path in sorted(one.iterdir()) if is_audio(path.name)]
    tested = [(word, path) for word, path in found if split_of(speaker_of(path.stem)) == "testing"] or found
    return [(tested[i][0], cut(read_samples(tested[i][1]))) for i in rng.permutation(len(tested))[:count]]


def main(arguments: Sequence[str]) -> None:
    options = parser(__doc__)
    for name in ("run", "words", "talk"):
        options.add_argument(name)
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args(arguments)
    detector = load_detector(find_run(asked.run, ROOT / "models"))
    rng = np.random.default_rng(asked.seed)
    words = heard(Path(asked.words), detector.plan.spec.keywords, asked.count, rng)
    talk = [read_samples(path) for path in sorted(Path(asked.talk).rglob("*")) if is_audio(path.name)]
    header(asked.run, f"{len(words)} words", f"{len(talk)} sentences")
    print_table(HEAD, rows(detector, words, talk, asked.seed))
