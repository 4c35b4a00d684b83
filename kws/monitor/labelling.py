"""One clip after the other: what the terminal and the page have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kws.errors import DataError
from kws.monitor.clips import Clip, check_label, clips, set_label
from kws.monitor.judge import FALSE, SKIPPED, TRUE
from kws.monitor.store import Store

KEYS = "p play, t true, f false, o other word, s skip, u undo, q quit"
LABELS = {"t": TRUE, "f": FALSE, "s": SKIPPED}


class Screen(Protocol):
    """What the terminal must do."""

    def line(self, text: str) -> None: ...
    def ask(self, text: str, keys: str) -> str: ...


class Labeller:
    """The clips that have no label yet. done : how many were labelled, undone ones not counted."""

    def __init__(self, store: Store, *, device: str | None = None):
        self._store = store
        self.waiting = clips(store, unlabelled=True, device=device)
        self._history: list[Clip] = []

    @property
    def current(self) -> Clip | None:
        return self.waiting[0] if self.waiting else None

    @property
    def done(self) -> int:
        return len(self._history)

    def label(self, label: str) -> None:
        """The current clip's; it is stored at once. Raises DataError for what is no label."""
        check_label(label)
        if self.waiting:
            set_label(self._store, self.waiting[0].id, label)
            self._history.append(self.waiting.pop(0))

    def undo(self) -> None:
        """Take the last label back, and come back to its clip."""
        if self._history:
            self.waiting.insert(0, self._history.pop())
            set_label(self._store, self.waiting[0].id, None)


def described(clip: Clip) -> str:
    """In a line."""
    kind = "nearly" if clip.near else "detected"
    return f"{clip.device}: {kind} {clip.word} ({clip.score:.2f})"


def label_in_terminal(labeller: Labeller, screen: Screen, *, play: Callable[[Path], None],
                      read_word: Callable[[], str]) -> None:
    """Until no clip is left, or q. read_word : asks for the word that was said."""
    screen.line(KEYS)
    heard = None
    while (clip := labeller.current) is not None:
        if heard != clip.id:
            heard = clip.id
            play(clip.path)
        place = f"{labeller.done + 1} of {labeller.done + len(labeller.waiting)}"
        key = screen.ask(f"{place}  {described(clip)}  ", "ptfosuq")
        if key == "q":
            return
        if key == "p":
            play(clip.path)
        elif key == "u":
            labeller.undo()
            heard = None
        elif key == "o":
            try:
                labeller.label(read_word())
            except DataError as error:
                screen.line(str(error))
        else:
            labeller.label(LABELS[key])
            screen.line(f"{described(clip)}: {LABELS[key]}")
