"""A recording session: prompts in random order, takes that are checked at once, undo, pause, nothing lost.

Time is counted in samples, so that a session runs the same on a microphone and on an array. Terminal, playback, clock
and disk are arguments.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from kws.arguments import Samples, check_array, check_number
from kws.audio.endpoint import background, find_utterances, finished, levels, noise_level
from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.quality import Fault, Verdict, check, judge
from kws.errors import DeviceError
from kws.record.takes import Takes

ROOM_S = 1.0  # how long the room is listened to
BEFORE_S = 0.3  # sound before the prompt that belongs to the take
SKIP, UNDO, PAUSE, REPLAY, QUIT = "s", "u", "p", "r", "q"
KEYS = "s skip, u undo, p pause, r replay, q quit"


class Source(Protocol):
    """Where samples come from: a Microphone, or an array in a test."""

    @property
    def overflows(self) -> int: ...
    def read(self) -> np.ndarray: ...


class Screen(Protocol):
    """What the person sees and presses.

    line : something to keep; live : a line that the next one replaces, level_db for the meter; clear : take it away;
    key  : pressed or None;
    ask  : one of `keys`, waited for; the first of them where nobody can press one
    """

    def line(self, text: str) -> None: ...
    def live(self, text: str, level_db: float) -> None: ...
    def clear(self) -> None: ...
    def key(self) -> str | None: ...
    def ask(self, text: str, keys: str) -> str: ...


class Session:
    """Which word is next. A word that is refused stays; one that is undone comes again at once."""

    def __init__(self, have: dict[str, int], *, count: int, rng: np.random.Generator):
        """have : takes that there are of each word; count : how many there shall be."""
        missing = [word for word, number in have.items() for _ in range(count - number)]
        self.waiting = [missing[i] for i in rng.permutation(len(missing))]
        self.done: list[tuple[str, Path]] = []
        self.refused: Counter[Fault] = Counter()

    @property
    def word(self) -> str | None:
        """The word to say; None at the end."""
        return self.waiting[0] if self.waiting else None

    def accept(self, path: Path) -> None:
        """The word was said and written to `path`."""
        self.done.append((self.waiting.pop(0), path))

    def skip(self) -> None:
        """This word later."""
        self.waiting.append(self.waiting.pop(0))

    def undo(self) -> Path | None:
        """The last accepted take is taken back and its word comes again; None if there is none."""
        if not self.done:
            return None
        word, path = self.done.pop()
        self.waiting.insert(0, word)
        return path


class Recorder:
    """Runs a session on a source of sound."""

    def __init__(self, source: Source, screen: Screen, takes: Takes, *, samples: int, countdown_s: float,
                 clock: Callable[[], datetime], play: Callable[[np.ndarray], None]):
        """samples : length of a clip; countdown_s : from one take to the next prompt; play : int16 [n] to the ears."""
        self.source, self.screen, self.takes = source, screen, takes
        self.samples, self.countdown_s = samples, countdown_s
        self.clock, self.play = clock, play
        self.room_db = 0.0
        self.last: np.ndarray | None = None

    def measure_room(self) -> float:
        """Listen for a second in which nobody speaks; the level of the noise in dB of full scale."""
        self.screen.line("listening to the room: please be quiet")
        self.room_db = noise_level(self.record("quiet please", seconds=ROOM_S, any_key_ends=False))
        self.screen.line(f"room noise: {self.room_db:.0f} dB of full scale")
        return self.room_db

    def record(self, text: str, *, seconds: float | None, any_key_ends: bool) -> np.ndarray:
        """Everything that comes for so long, or until a key or Ctrl-C, or until the device is gone; int16 [n]."""
        parts: list[np.ndarray] = []
        heard, wanted = 0, float("inf") if seconds is None else seconds * SAMPLE_RATE_HZ
        try:
            while heard < wanted:
                block, key = self.step(f"{text} {heard / SAMPLE_RATE_HZ:.0f} s")
                parts.append(block)
                heard += len(block)
                if key is not None and any_key_ends:
                    break
        except KeyboardInterrupt:
            if not any_key_ends:
                raise
        except DeviceError as error:
            if not parts or not any_key_ends:
                raise
            self.screen.line(f"{error}; continuing with the {heard / SAMPLE_RATE_HZ:.1f} s that were recorded")
        audio = np.concatenate(parts) if parts else np.zeros(0, np.int16)
        return audio if seconds is None else audio[: round(wanted)]

    def run(self, session: Session) -> None:
        """Prompt until every word is said or the person quits."""
        while session.word is not None:
            key, audio, lost = self.prompt(session)
            if key == QUIT:
                return
            if key is not None:
                self.obey(key, session)
                continue
            verdict = check(audio, room_db=self.room_db, samples=self.samples)
            if lost:
                verdict = Verdict(Fault.LOST, "this machine was too busy; close other programs", 0.0, 0.0)
            self.settle(session, verdict)

    def prompt(self, session: Session) -> tuple[str | None, np.ndarray, bool]:
        """Count down, show the word, record: (key that was pressed, the take int16 [n], whether sound was lost)."""
        countdown = round(self.countdown_s * SAMPLE_RATE_HZ)
        before = np.zeros(0, np.int16)
        while len(before) < countdown:
            left_s = (countdown - len(before)) / SAMPLE_RATE_HZ
            block, key = self.step(f"get ready: {left_s:.0f}")
            before = np.concatenate((before, block))
            if key is not None:
                return key, before, False
        place, overflows = len(session.done) + 1, self.source.overflows
        self.screen.line(f"say: {session.word}   ({place} of {place - 1 + len(session.waiting)})")
        audio = before[max(len(before) - round(BEFORE_S * SAMPLE_RATE_HZ), 0) :]
        while not finished(audio, room_db=self.room_db, samples=self.samples):
            block, key = self.step(f"say: {session.word}")
            audio = np.concatenate((audio, block))
            if key is not None:
                return key, audio, False
        return None, audio, self.source.overflows > overflows

    def step(self, text: str) -> tuple[np.ndarray, str | None]:
        """The next block of sound, int16 [n], with the meter moved, and the key that was pressed."""
        block = self.source.read()
        found = levels(block)
        if len(found):
            self.screen.live(text, float(found.max()))
        return block, self.screen.key()

    def settle(self, session: Session, verdict: Verdict) -> None:
        """Keep a take, or say why it must be said again."""
        word = session.word
        assert word is not None
        if verdict.clip is None:
            assert verdict.fault is not None
            session.refused[verdict.fault] += 1
            self.screen.line(f"again: {verdict.fault.value} - {verdict.advice}")
            return
        path = self.takes.add(word, verdict.clip, level_db=verdict.level_db, noise_db=verdict.noise_db,
                              now=self.clock())
        self.last = verdict.clip
        session.accept(path)
        remarks = "".join(f"; {found.fault}: {found.detail}" for found in verdict.remarks)
        self.screen.line(f"good: {word}, {verdict.level_db:.0f} dB, "
                         f"{verdict.level_db - verdict.noise_db:.0f} dB above the noise{remarks}")

    def obey(self, key: str, session: Session) -> None:
        """Do what a key asks for."""
        if key == SKIP:
            session.skip()
        elif key == UNDO:
            path = session.undo()
            if path is not None:
                self.takes.remove(path)
            self.screen.line("nothing to undo" if path is None else f"undone: {path.parent.name}, say it again")
        elif key == REPLAY:
            if self.last is not None:
                self.play(self.last)
                self.source.read()  # what came meanwhile belongs to no take
            self.screen.line("nothing to replay" if self.last is None else "replayed")
        elif key == PAUSE:
            self.screen.line("paused; press any key to continue")
            while self.step("paused")[1] is None:
                pass
        else:
            self.screen.line(KEYS)


def cut_apart(audio: Samples, *, samples: int) -> list[Verdict]:
    """Every utterance of a long recording, int16 [n], judged by itself, in order; good ones hold their clip.

    The noise is that of the recording's quietest tenth.
    """
    check_array("audio", audio, np.int16, "n")
    check_number("samples", samples, low=1)
    noise_db = background(audio, -90.0)
    return [judge(audio, utterance, noise_db=noise_db, samples=samples)
            for utterance in find_utterances(audio, noise_db=noise_db)]


def review(found: list[Verdict], screen: Screen, words: tuple[str, ...], *,
           play: Callable[[np.ndarray], None]) -> list[tuple[str, Verdict]]:
    """Go through what was cut apart; the person keeps each as one of up to nine `words`, or drops it.

    Bad utterances are shown with their reason and dropped. Where nobody can press a key, good ones count as words[0].
    """
    kept = []
    choices = ", ".join(f"{i} {word}" for i, word in enumerate(words, 1))
    numbers = "".join(str(i) for i in range(1, len(words) + 1))
    for place, verdict in enumerate(found, 1):
        assert verdict.utterance is not None  # it was cut apart there
        title = (f"{place} of {len(found)}: {verdict.utterance.start / SAMPLE_RATE_HZ:.1f} s, "
                 f"{verdict.level_db:.0f} dB")
        if verdict.clip is None:
            assert verdict.fault is not None
            screen.line(f"{title}, dropped: {verdict.fault.value} - {verdict.advice}")
            continue
        while (key := screen.ask(f"{title}: {choices}, d drop, r replay", f"{numbers}d{REPLAY}")) == REPLAY:
            play(verdict.clip)
        if key != "d":
            kept.append((words[int(key) - 1], verdict))
        screen.line(f"{title}, {'dropped' if key == 'd' else kept[-1][0]}")
    return kept
