"""Which clips train and judge a network: the 12-label protocol of Speech Commands, for any keywords.

Keyword clips go by the speaker split. Every other word is `_unknown_`; `_silence_` is cut from background noise. For
each 100 keyword clips of a split there are so many unknown and silent ones as the settings say.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kws.data.corpus import SPLITS, Clip, Corpus
from kws.errors import DataError
from kws.spec import Spec
from kws.words import as_arguments

SILENCE_LABEL, UNKNOWN_LABEL, FIRST_KEYWORD = 0, 1, 2  # places in Spec.labels
HELD_OUT = 10  # every tenth speaker, where the split by name leaves none for validation
FEW_SPEAKERS = 3  # of the keywords, below which their takes are split instead
PROTOCOL_PERCENT = 10.0  # unknown and silence in validation and testing, whatever the training takes
WORD_BALANCE = 0.5  # an unknown word with k clips is drawn k**(1 - WORD_BALANCE) times as often as one with 1


@dataclass(frozen=True)
class Part:
    """The examples of one split.

    clips   : keywords and unknown words (training: every unknown word there is; each epoch draws from them)
    labels  : int [clips], places in Spec.labels
    silence : number of silent examples beside the clips
    """

    clips: tuple[Clip, ...]
    labels: np.ndarray
    silence: int

    @property
    def all_labels(self) -> np.ndarray:
        """int [clips + silence]: the silent examples come last."""
        return np.concatenate([self.labels, np.full(self.silence, SILENCE_LABEL)])


@dataclass(frozen=True)
class Examples:
    """The three splits, and what a person should know about the data before the training starts.

    others : more validation clips of unknown words, up to as many as there are of keywords in all: the protocol's few
             are enough to measure accuracy, but not to choose thresholds that hold against everything else that is said
    """

    training: Part
    validation: Part
    testing: Part
    others: tuple[Clip, ...]
    notes: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 (first 16 digits) of the list of clips: split, label, name and size of each."""
        digest = hashlib.sha256()
        for split in SPLITS:
            part = getattr(self, split)
            for clip, label in zip(part.clips, part.labels, strict=True):
                name = "/".join(clip.path.parts[-3:])
                digest.update(f"{split} {label} {name} {clip.path.stat().st_size}\n".encode(errors="surrogateescape"))
            digest.update(f"{split} silence {part.silence}\n".encode())
        for clip in self.others:
            line = f"others {'/'.join(clip.path.parts[-3:])} {clip.path.stat().st_size}\n"
            digest.update(line.encode(errors="surrogateescape"))
        return digest.hexdigest()[:16]


def choose_examples(corpus: Corpus, spec: Spec) -> Examples:
    """Sort the recordings into the three splits; the same recordings give the same examples.

    Raises DataError if no network can be trained: a keyword without training clips.
    """
    splits, notes = split_clips(corpus, spec.keywords)
    refuse_missing(spec, splits["training"])
    parts: dict[str, Part] = {}
    others: tuple[Clip, ...] = ()
    for split in SPLITS:
        keyword = [clip for clip in splits[split] if clip.word in spec.keywords]
        unknown = [clip for clip in splits[split] if clip.word not in spec.keywords]
        if split == "training":
            silent = spec.training.silence_percent
        else:
            silent = PROTOCOL_PERCENT
            ranked, count = in_turns(unknown, len(keyword)), round(len(keyword) * PROTOCOL_PERCENT / 100)
            unknown = ranked[:count]
            if split == "validation":
                others = tuple(ranked[count:])
        clips = tuple(keyword + unknown)
        labels = np.array([label_of(clip.word, spec) for clip in clips], np.int64)
        parts[split] = Part(clips, labels, round(len(keyword) * silent / 100))
    return Examples(**parts, others=others, notes=tuple([*notes, *find_faults(parts, corpus)]))


def label_of(word: str, spec: Spec) -> int:
    """A word's place in Spec.labels."""
    return FIRST_KEYWORD + spec.keywords.index(word) if word in spec.keywords else UNKNOWN_LABEL


def split_clips(corpus: Corpus, keywords: Sequence[str]) -> tuple[dict[str, list[Clip]], list[str]]:
    """Clips by split, by the rule of the corpus where that leaves no split without keywords, and what was done instead.

    A keyword whose speakers all fall outside of training, or keywords by so few speakers that a split has none, are
    split by take: of ten takes eight train, one validates and one tests. If only validation lacks keywords, every tenth
    training speaker is held out for it.
    """
    splits = {split: [clip for clip in corpus.clips if clip.split == split] for split in SPLITS}
    notes = []
    for words in lone(splits, keywords):
        takes = sorted((clip for clip in corpus.clips if clip.word in words), key=take_order)
        speakers = len({clip.speaker for clip in takes})
        for split, clips in splits.items():
            splits[split] = [clip for clip in clips if clip.word not in words]
        for clip, split in by_take(takes):
            splits[split].append(clip)
        whom = "this voice" if speakers == 1 else "these voices"
        notes.append(f"{', '.join(words)}: too few speakers ({speakers}), so takes are split instead; accuracy and "
                     f"misses hold for {whom}, not for other people")
    if any(clip.word in keywords for clip in splits["validation"]):
        return splits, notes
    training = splits["training"]
    kinds: tuple[Callable[[Clip], str], ...] = ((lambda clip: clip.speaker), (lambda clip: clip.path.name))
    for kind, what in zip(kinds, ("speakers", "clips"), strict=True):
        groups = sorted({kind(clip) for clip in training}, key=sha1)
        if len(groups) > 1:
            held = set(groups[::HELD_OUT])
            splits["validation"] += [clip for clip in training if kind(clip) in held]
            splits["training"] = [clip for clip in training if kind(clip) not in held]
            return splits, [*notes, f"no keyword falls into the validation split by its speaker's name: {len(held)} of "
                            f"{len(groups)} training {what} are held out for validation instead"]
    return splits, notes


def lone(splits: Mapping[str, Sequence[Clip]], keywords: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups of keywords that must be split by take: all of them, those that no training speaker says, or none."""
    spoken = [clip for clips in splits.values() for clip in clips if clip.word in keywords]
    reached = {split for split, clips in splits.items() if any(clip.word in keywords for clip in clips)}
    if spoken and len({clip.speaker for clip in spoken}) < FEW_SPEAKERS and len(reached) < len(SPLITS):
        return [tuple(word for word in keywords if any(clip.word == word for clip in spoken))]
    trained, said = {clip.word for clip in splits["training"]}, {clip.word for clip in spoken}
    return [(word,) for word in keywords if word in said and word not in trained]


def by_take(takes: Sequence[Clip]) -> Iterator[tuple[Clip, str]]:
    """Each word's takes with a split: of every ten the second validates and the third tests, if there are so many."""
    seen: Counter[str] = Counter()
    for clip in takes:
        place = seen[clip.word] % HELD_OUT
        seen[clip.word] += 1
        yield clip, {1: "validation", 2: "testing"}.get(place, "training")


def take_order(clip: Clip) -> bytes:
    """Takes in an order that does not depend on when they were recorded."""
    return sha1(f"{clip.word}/{clip.path.name}")


def sha1(name: str) -> bytes:
    return hashlib.sha1(name.encode(errors="surrogateescape"), usedforsecurity=False).digest()


def refuse_missing(spec: Spec, training: Sequence[Clip]) -> None:
    """Raise DataError if a keyword has nothing to train on."""
    counts = Counter(clip.word for clip in training)
    missing = [word for word in spec.keywords if not counts[word]]
    if missing:
        words = as_arguments(*missing)
        raise DataError(f"no training clips of {', '.join(missing)}: each keyword needs some, hundreds if possible; "
                        f"next: kws data import FOLDER, kws data download, or kws data synth {words} --count 300")


def in_turns(clips: Sequence[Clip], count: int) -> list[Clip]:
    """`count` of the clips, at most, one of each word in turn, in an order that looks random but never changes."""
    seen: Counter[str] = Counter()
    ranked = []
    for clip in sorted(clips, key=take_order):
        ranked.append((seen[clip.word], clip))
        seen[clip.word] += 1
    return [clip for _, clip in sorted(ranked)[:count]]


def find_faults(parts: dict[str, Part], corpus: Corpus) -> list[str]:
    """What will make the network worse than it could be, each with the next step."""
    notes = []
    keyword = {split: [clip for clip, label in zip(part.clips, part.labels, strict=True) if label >= FIRST_KEYWORD]
               for split, part in parts.items()}
    if len({clip.speaker for clip in keyword["training"]}) == 1:
        notes.append("all keywords are spoken by one speaker: other people will not be understood; "
                     "record more people, or add voices: kws data synth")
    if not (parts["training"].labels == UNKNOWN_LABEL).any():
        notes.append("no words besides the keywords: any speech will be taken for a keyword; "
                     "add other words: kws data download, or kws data synth")
    if not corpus.noise:
        notes.append("no background noise in recordings/*/_background_noise_/: generated noise is used instead; "
                     "record a few minutes where the device will be, or: kws data download")
    for split in ("validation", "testing"):
        if not keyword[split]:
            notes.append(f"the {split} split is empty: the {split} accuracy cannot be measured; record more speakers")
    missing = {clip.word for clip in keyword["training"]} - {clip.word for clip in keyword["validation"]}
    if keyword["validation"] and missing:
        notes.append(f"no validation clips of {', '.join(sorted(missing))}: misses cannot be counted when "
                     "the threshold is chosen; record more speakers")
    return notes


def draw_epoch(part: Part, *, unknown_percent: float, rng: np.random.Generator) -> np.ndarray:
    """One epoch's examples in random order: places in part.clips, and -1 for silence, int [n].

    Every keyword clip once; of the unknown words a fresh draw, rarer words more often than their number says.
    """
    keyword, unknown = np.flatnonzero(part.labels != UNKNOWN_LABEL), np.flatnonzero(part.labels == UNKNOWN_LABEL)
    count = min(round(len(keyword) * unknown_percent / 100), len(unknown))
    drawn = unknown[:0]
    if count:
        words = [part.clips[i].word for i in unknown]
        totals = Counter(words)
        weights = np.array([totals[word] ** -WORD_BALANCE for word in words])
        drawn = rng.choice(unknown, count, replace=False, p=weights / weights.sum())
    return rng.permutation(np.concatenate([keyword, drawn, np.full(part.silence, -1)]))
