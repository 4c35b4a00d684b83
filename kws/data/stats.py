"""How much there is: clips, speakers and splits of each word, and whether that meets the requirements."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from kws.audio.decoding import open_file
from kws.audio.reading import open_sound
from kws.data.corpus import Corpus
from kws.errors import DataError
from kws.records import Json
from kws.requirements import Requirement, at_least
from kws.spec import Spec


@dataclass(frozen=True)
class WordStats:
    """The recordings of one word: their number, in each split and of each source, and who speaks them."""

    clips: int
    speakers: int
    training: int
    validation: int
    testing: int
    sources: dict[str, int]


@dataclass(frozen=True)
class CorpusStats:
    """words: the keywords first, in their order, even those without a clip; then the others by name.

    unreadable : why files of noise could not be read, a line each
    """

    words: dict[str, WordStats]
    noise_files: int
    noise_minutes: float
    requirements: tuple[Requirement, ...]
    unreadable: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """The shape that `kws data stats --json` prints."""
        return {"words": {word: asdict(stats) for word, stats in self.words.items()},
                "noise": {"files": self.noise_files, "minutes": round(self.noise_minutes, 2)},
                "requirements": [requirement.to_json() for requirement in self.requirements]}


def measure(corpus: Corpus, spec: Spec) -> CorpusStats:
    """Count what `corpus` holds and hold it against the requirements of `spec`. Opens the noise files only."""
    others = [word for word in corpus.words if word not in spec.keywords]
    by_word = {word: word_stats(corpus, word) for word in (*spec.keywords, *others)}
    minutes, unreadable = noise_minutes(corpus.noise)
    return CorpusStats(by_word, len(corpus.noise), minutes, measure_words(corpus, spec), unreadable)


def measure_words(corpus: Corpus, spec: Spec) -> tuple[Requirement, ...]:
    """Clips and speakers of each keyword against the requirements."""
    required, held = spec.requirements, []
    for word in spec.keywords:
        found = word_stats(corpus, word)
        held += [at_least(f"clips_per_word {word}", limit=required.clips_per_word, measured=found.clips),
                 at_least(f"speakers_per_word {word}", limit=required.speakers_per_word, measured=found.speakers)]
    return tuple(held)


def word_stats(corpus: Corpus, word: str) -> WordStats:
    """The counts of one word."""
    clips = corpus.of(word=word)
    splits = Counter(clip.split for clip in clips)
    return WordStats(len(clips), len({clip.speaker for clip in clips}), splits["training"], splits["validation"],
                     splits["testing"], dict(Counter(clip.source for clip in clips)))


def minutes_of(path: Path) -> float:
    """Length of an audio file in minutes. Raises DataError if it is not audio."""
    parts = open_file(path).parts
    if all(part.frames for part in parts):
        return sum(part.frames / part.rate_hz for part in parts) / 60
    return open_sound(path).seconds / 60


def noise_minutes(paths: Iterable[Path]) -> tuple[float, tuple[str, ...]]:
    """(minutes of noise, why files of it cannot be read)."""
    minutes, unreadable = 0.0, []
    for path in paths:
        try:
            minutes += minutes_of(path)
        except DataError as error:
            unreadable.append(str(error))
    return minutes, tuple(unreadable)


def to_text(stats: CorpusStats, keywords: tuple[str, ...]) -> str:
    """The table that `kws data stats` prints, with a star at each keyword, and the requirements that are not met."""
    width = max(map(len, stats.words), default=4) + 2
    lines = [f"{'word':<{width}} {'clips':>7} {'speakers':>9} {'training':>9} {'validation':>11} {'testing':>8}  "
             "sources"]
    for word, row in stats.words.items():
        sources = ", ".join(f"{source} {count}" for source, count in row.sources.items())
        name = f"{word} *" if word in keywords else word
        lines.append(f"{name:<{width}} {row.clips:>7} {row.speakers:>9} {row.training:>9} {row.validation:>11} "
                     f"{row.testing:>8}  {sources}".rstrip())
    rows = stats.words.values()
    lines.append(f"{'total':<{width}} {sum(r.clips for r in rows):>7} {'':>9} {sum(r.training for r in rows):>9} "
                 f"{sum(r.validation for r in rows):>11} {sum(r.testing for r in rows):>8}")
    lines.append(f"noise: {stats.noise_files} files, {stats.noise_minutes:.1f} minutes")
    lines += [str(requirement) for requirement in stats.requirements if not requirement.holds]
    return "\n".join(lines)
