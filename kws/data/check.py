"""What is wrong with the recordings: faults of single clips, duplicates, wrong labels, imbalance.

    report = check_corpus(scan(workspace.recordings), samples=16_000, cache=workspace.cache)
    for finding in report.findings: finding.clip.path, finding.kind, finding.detail, finding.action
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from kws.data.choices import Fault
from kws.data.clip_faults import clip_faults
from kws.data.clip_table import ClipTable
from kws.data.corpus import Clip
from kws.data.fingerprints import find_twins, groups
from kws.data.label_suspects import REPEATS, find_suspects, picture_vectors
from kws.data.voices import same_voices
from kws.progress import progress
from kws.records import Json

REPAIRABLE_SAMPLES = 320  # 20 ms: what lies between can be guessed; longer gaps hold sound of their own
Embed = Callable[[Sequence[Clip]], np.ndarray]


class Action(StrEnum):
    """What `--fix` does about a finding; what is only reported, a person may set aside in the review."""

    ASIDE = "set aside"
    REPAIR = "repair"
    REPORT = "report"


ACTIONS = dict.fromkeys(Fault, Action.REPORT) | dict.fromkeys(
    (Fault.UNREADABLE, Fault.SILENT, Fault.DUPLICATE, Fault.NEAR_DUPLICATE, Fault.TWO_WORDS, Fault.TWO_VOICES),
    Action.ASIDE)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one clip.

    word : for a suspected label the word that the clip sounds like, else None
    """

    clip: Clip
    kind: Fault
    detail: str
    action: Action
    word: str | None = None

    @property
    def name(self) -> str:
        """source/word/file."""
        return "/".join(self.clip.path.parts[-3:])

    def to_json(self) -> dict[str, str | None]:
        return {"file": str(self.clip.path), "source": self.clip.source, "word": self.clip.word, "kind": self.kind,
                "detail": self.detail, "action": self.action.value, "sounds_like": self.word}


@dataclass(frozen=True, eq=False)
class CheckReport:
    """findings : sorted by kind and name; imbalance : lines; recognised : share of clips whose word the judge of labels
    found without having seen them; table : what was measured
    """

    table: ClipTable
    findings: tuple[Finding, ...]
    imbalance: tuple[str, ...]
    recognised: float

    @property
    def counts(self) -> dict[str, int]:
        """Findings of each kind, those without left out."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in Fault if found[kind]}

    def to_json(self) -> dict[str, Json]:
        """The shape that `kws data check --json` prints."""
        return {"clips": len(self.table.clips), "counts": self.counts,
                "findings": [finding.to_json() for finding in self.findings], "imbalance": list(self.imbalance),
                "labels_recognised": round(self.recognised, 4)}


def check_table(table: ClipTable, *, samples: int, embed: Embed | None = None, voices: Embed | None = None,
                scheduler: str | None = None) -> CheckReport:
    """Check clips that were measured.

    samples : length that a clip shall have
    voices  : what tells speakers apart: unit vectors of clips by a speaker encoder; None: they are not compared
    embed   : what judges the labels: vectors of clips, float [n, d], by a trained network; None: by their spectra
    """
    faults = single_faults(table, samples=samples)
    bad = {finding.clip for finding in faults if finding.kind in (Fault.UNREADABLE, Fault.SILENT)}
    usable = np.array([clip not in bad for clip in table.clips], bool)
    copies = duplicates(table, usable, scheduler=scheduler)
    suspects, recognised = wrong_labels(table, usable, embed)
    alike = voices_alike(table, usable, voices) if voices else []
    found = sorted((*faults, *copies, *alike, *suspects),
                   key=lambda finding: (tuple(Fault).index(finding.kind), finding.name))
    return CheckReport(table, tuple(found), tuple(imbalance(table, usable)), recognised)


def single_faults(table: ClipTable, *, samples: int) -> list[Finding]:
    """What is wrong with clips by themselves."""
    found = []
    for index, clip in enumerate(table.clips):
        measures = table.measures(index)
        for fault in clip_faults(measures, samples=samples):
            action = ACTIONS[fault.fault]
            if fault.fault is Fault.DROPPED:
                longest = max(measures.gap_samples, measures.repeat_samples)
                action = Action.REPAIR if longest <= REPAIRABLE_SAMPLES else Action.ASIDE
            found.append(Finding(clip, fault.fault, fault.detail, action))
    return found


def duplicates(table: ClipTable, usable: np.ndarray, *, scheduler: str | None) -> list[Finding]:
    """Clips that hold the recording of another one: all but the first of each group, or all where words differ."""
    sounds: dict[bytes, int] = {}
    first_of = {index: sounds.setdefault(bytes(table.rows["sound"][index]), index)
                for index in np.flatnonzero(usable).tolist()}
    single = usable.copy()
    single[[index for index, first in first_of.items() if first != index]] = False
    twins = find_twins(table.rows["picture"], table.rows["sketch"], table.rows["scale"], single, scheduler=scheduler)
    pairs = [(first, index) for index, first in first_of.items() if first != index]
    pairs += [(twin.first, twin.second) for twin in twins]
    how = {twin.second: f"shifted by {twin.shift / 16:+.0f} ms, {twin.gain_db:+.1f} dB, correlation "
                        f"{twin.correlation:.2f}" for twin in twins}
    found = []
    for group in groups(pairs):
        found += of_group([table.clips[index] for index in group],
                          ["same samples" if first_of[index] in group[:place] else how.get(index, "one recording")
                           for place, index in enumerate(group)])
    return found


def of_group(clips: Sequence[Clip], how: Sequence[str]) -> list[Finding]:
    """The findings of clips that hold one recording."""
    words = sorted({clip.word for clip in clips})
    if len(words) > 1:
        return [Finding(clip, Fault.TWO_WORDS, f"the same recording as {other_than(clip, clips)}: one of "
                                               f"{', '.join(words)} is wrong", ACTIONS[Fault.TWO_WORDS])
                for clip in clips]
    found, first = [], clips[0]
    for clip, way in zip(clips[1:], how[1:], strict=True):
        of = f"of {first.source}/{first.word}/{first.path.name}"
        if clip.speaker != first.speaker:
            splits = "" if clip.split == first.split else f", in {first.split} and in {clip.split}"
            found.append(Finding(clip, Fault.TWO_VOICES, f"{way}, {of}: one voice under two names{splits}",
                                 ACTIONS[Fault.TWO_VOICES]))
        else:
            kind = Fault.DUPLICATE if way == "same samples" else Fault.NEAR_DUPLICATE
            found.append(Finding(clip, kind, f"{way}, {of}", ACTIONS[kind]))
    return found


def other_than(clip: Clip, clips: Sequence[Clip]) -> str:
    other = next(one for one in clips if one.word != clip.word)
    return f"{other.source}/{other.word}/{other.path.name}"


def voices_alike(table: ClipTable, usable: np.ndarray, voices: Embed) -> list[Finding]:
    """Two names that one voice seems to have: the first clip of the second name stands for them."""
    clips = [table.clips[index] for index in np.flatnonzero(usable)]
    first: dict[str, Clip] = {}
    for clip in clips:
        first.setdefault(clip.speaker, clip)
    found = []
    for pair in same_voices(voices(clips), [clip.speaker for clip in clips]):
        one, other = first[pair.first], first[pair.second]
        splits = "" if one.split == other.split else f", in two splits: {one.split} and {other.split}"
        found.append(Finding(other, Fault.SAME_VOICE, f"speakers {pair.first} and {pair.second} sound like one voice "
                                                      f"(similarity {pair.similarity:.2f}){splits}",
                             ACTIONS[Fault.SAME_VOICE]))
    return found


def wrong_labels(table: ClipTable, usable: np.ndarray, embed: Embed | None) -> tuple[list[Finding], float]:
    """Suspected labels, and the share of clips whose word was recognised."""
    places = np.flatnonzero(usable)
    clips = [table.clips[index] for index in places]
    if not clips:
        return [], 1.0
    vectors = picture_vectors(table.rows["picture"][places]) if embed is None else embed(clips)
    with progress("judging labels", total=REPEATS * len(clips)) as advance:
        suspects, recognised = find_suspects(vectors, np.array([clip.word for clip in clips]),
                                             np.array([clip.speaker for clip in clips]), advance=advance)
    return [Finding(clips[suspect.clip], Fault.LABEL, f"sounds like {suspect.word} ({suspect.other:.0%}; "
                                                      f"{clips[suspect.clip].word} {suspect.own:.0%})",
                    ACTIONS[Fault.LABEL], suspect.word) for suspect in suspects], recognised


def imbalance(table: ClipTable, usable: np.ndarray) -> list[str]:
    """What there is too much or too little of, one line each."""
    by_word: dict[str, list[int]] = defaultdict(list)
    by_source: dict[str, list[int]] = defaultdict(list)
    for index in np.flatnonzero(usable).tolist():
        by_word[table.clips[index].word].append(index)
        by_source[table.clips[index].source].append(index)
    if not by_word:
        return []
    level, usual = table.column("level_db"), float(np.median([len(places) for places in by_word.values()]))
    overall = float(np.median(level[usable]))
    lines = []
    for word, places in sorted(by_word.items()):
        if len(places) < usual / 3:
            lines.append(f"{word}: {len(places)} clips, the median of all words is {usual:.0f}")
        speaker, most = Counter(table.clips[index].speaker for index in places).most_common(1)[0]
        if most > max(0.2 * len(places), 5):
            lines.append(f"{word}: {most} of {len(places)} clips are by one speaker, {speaker}")
    for what, parts, limit in (("", by_word, 6.0), ("source ", by_source, 6.0)):
        for name, places in sorted(parts.items()):
            apart = float(np.median(level[places])) - overall
            if abs(apart) > limit:
                lines.append(f"{what}{name}: its clips are {abs(apart):.0f} dB {'louder' if apart > 0 else 'softer'} "
                             "than all others")
    return lines
