"""Going through findings with a person: play, keep, set aside, file under the word that it sounds like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from kws.data.check import Action, Finding

PLAY, KEEP, ASIDE, RELABEL, QUIT = "p", "k", "a", "r", "q"


class Screen(Protocol):
    """line : something to keep on the screen; ask : one of `keys`, waited for."""

    def line(self, text: str) -> None: ...
    def ask(self, text: str, keys: str) -> str: ...


@dataclass
class Decisions:
    """What the person said about each finding; relabelled : path to word, a part of `aside`."""

    kept: list[Finding] = field(default_factory=list)
    aside: list[Finding] = field(default_factory=list)
    relabelled: dict[Path, str] = field(default_factory=dict)


def review(findings: Sequence[Finding], screen: Screen, *, play: Callable[[Path], None]) -> Decisions:
    """Ask about each finding until the person quits; nothing is moved here."""
    decided = Decisions()
    for place, finding in enumerate(findings, 1):
        title = f"{place} of {len(findings)}: {finding.name}, {finding.kind}: {finding.detail}"
        choices = f"{PLAY} play, {KEEP} keep, {ASIDE} set aside"
        keys = PLAY + KEEP + ASIDE + QUIT
        if finding.word is not None:
            choices, keys = f"{choices}, {RELABEL} it is {finding.word}", keys + RELABEL
        screen.line(title)
        while (key := screen.ask(f"{choices}, {QUIT} quit", keys)) == PLAY:
            play(finding.clip.path)
        if key == QUIT:
            break
        if key == KEEP:
            decided.kept.append(finding)
            continue
        decided.aside.append(replace(finding, action=Action.ASIDE))
        if key == RELABEL and finding.word is not None:
            decided.relabelled[finding.clip.path] = finding.word
    return decided
