"""What an import has done, counted, and in words."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

MOST_WORDS = 40  # in the table of words
LONG_CLIPS = 4  # times a clip's length: a wake word lies in up to three seconds, a sentence takes more


@dataclass
class Imported:
    """What an import has done.

    written, kept : files written, and files that were there with the same content
    padded, cut   : written clips that were shorter, or longer
    own_speaker   : written clips whose name held no speaker, so that each name counts as a speaker of its own
    test_labels   : files in `_silence_` and `_unknown_`, which are for testing and were left out
    refused       : every other audio file that was left out, and why
    aside         : reason -> clips that were read but not taken
    remarks       : what the recorder would have said of clips that were taken -> how many
    faults        : kinds that `kws data check` will report of clips that were taken -> how many
    clips, speakers : word -> clips that are there now, and who speaks them
    passed_over   : suffix -> files that are no sound, or none that can be read here
    long          : word -> clips out of recordings of more than LONG_CLIPS times a clip's length
    notes         : single lines that a person should read
    """

    written: int = 0
    kept: int = 0
    padded: int = 0
    cut: int = 0
    own_speaker: int = 0
    test_labels: int = 0
    refused: list[str] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter, compare=False)
    remarks: Counter[str] = field(default_factory=Counter, compare=False)
    faults: Counter[str] = field(default_factory=Counter, compare=False)
    clips: Counter[str] = field(default_factory=Counter, compare=False)
    speakers: dict[str, set[str]] = field(default_factory=dict, compare=False)
    long: Counter[str] = field(default_factory=Counter, compare=False)
    passed_over: Counter[str] = field(default_factory=Counter, compare=False)
    notes: list[str] = field(default_factory=list, compare=False)

    def count(self, word: str, speaker: str) -> None:
        """One clip of `word` is there."""
        self.clips[word] += 1
        self.speakers.setdefault(word, set()).add(speaker)

    def table(self) -> list[str]:
        """Words with their clips and speakers, a line each, the most frequent first."""
        rows = [f"  {word}: {counted(number, 'clip')} by {counted(len(self.speakers[word]), 'speaker')}"
                for word, number in sorted(self.clips.items(), key=lambda item: (-item[1], item[0]))]
        more = len(rows) - MOST_WORDS
        return rows[:MOST_WORDS] + ([f"  and {more} more words"] if more > 0 else [])

    def sentences(self) -> list[str]:
        """A line for each word whose recordings are mostly too long to be one word."""
        return [f"{word}: {number} of {self.clips[word]} recordings are several times longer than a word; if they "
                "are sentences, one second of each is now a clip: lay them below recordings/SOURCE/_talk_/ instead"
                for word, number in self.long.most_common() if 2 * number > self.clips[word]]

    def reasons(self, aside: Path) -> list[str]:
        """What was not taken and why, and what was taken although the recorder would not have."""
        lines = []
        if self.aside:
            listed = ", ".join(f"{reason} {number}" for reason, number in self.aside.most_common())
            lines.append(f"not taken: {listed}; they lie in {aside}, with their reasons; to take them: --accept")
        if self.remarks:
            listed = ", ".join(f"{remark} {number}" for remark, number in self.remarks.most_common())
            lines.append(f"taken, though `kws record` would have asked again: {listed}")
        if self.faults:
            listed = ", ".join(f"{fault} {number}" for fault, number in self.faults.most_common())
            lines.append(f"`kws data check` will report: {listed}")
        return lines


def counted(number: int, thing: str) -> str:
    """3 clips, 1 clip."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
