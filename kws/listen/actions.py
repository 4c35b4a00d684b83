"""Commands that detections start: never through a shell, at most one at a time per keyword, within a time limit."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO

from kws.detect.detector import Detection
from kws.errors import KwsError

EVERY = "*"  # stands for every keyword
LIMIT_S = 30.0
GRACE_S = 1.0  # for commands that still run at the end, and between asking to stop and killing
PLACEHOLDERS = ("keyword", "score", "time_s")


@dataclass(frozen=True)
class Action:
    """keyword : what starts it, or * for every keyword; arguments : program and arguments, with placeholders."""

    keyword: str
    arguments: tuple[str, ...]

    def filled(self, hit: Detection) -> list[str]:
        """The arguments for one detection: whatever a value holds, it stays within its argument."""
        values = {"keyword": hit.keyword, "score": f"{hit.score:.2f}", "time_s": f"{hit.time_s:.2f}"}
        return [re.sub(r"\{(\w+)\}", lambda match: values[match[1]], argument) for argument in self.arguments]


def parse_action(keyword: str, command: str, *, keywords: Iterable[str]) -> Action:
    """An action from the command line. keywords : what the model hears.

    Raises KwsError for a keyword that it does not hear, for a command that is empty, has an open quote, an unknown
    placeholder, or a program that cannot be found.
    """
    keywords = tuple(keywords)
    if keyword != EVERY and keyword not in keywords:
        raise KwsError(f"--on {keyword}: the model does not know this word; it knows {', '.join(keywords)}, "
                       f"and {EVERY} means all of them")
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise KwsError(f"--on {keyword} {command!r}: {str(error).lower()}; close the quotes") from error
    if not arguments:
        raise KwsError(f"--on {keyword}: the command is empty; name a program")
    for name in re.findall(r"\{(\w+)\}", command):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise KwsError(f"--on {keyword}: {{{name}}} is not a placeholder; there are {known} (put a command that "
                           "needs braces of its own into a script)")
    if "{" not in arguments[0] and shutil.which(arguments[0]) is None:
        raise KwsError(f"--on {keyword}: there is no program {arguments[0]!r}; give its path, or install it")
    return Action(keyword, tuple(arguments))


@dataclass
class Running:
    """A command at work. errors : what it writes to stderr; asked_s : when it was asked to end, or None."""

    keyword: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    started_s: float
    asked_s: float | None = None


class Actions:
    """Starts commands on detections and watches over them.

    started, failed, skipped : how many; a skipped one came while the last one of its keyword still ran
    """

    def __init__(self, actions: Iterable[Action], *, note: Callable[[str], None], limit_s: float = LIMIT_S,
                 clock: Callable[[], float] = time.monotonic):
        self._actions, self._note, self._limit_s, self._clock = tuple(actions), note, limit_s, clock
        self._running: dict[tuple[int, str], Running] = {}
        self.started = self.failed = self.skipped = 0

    def detected(self, hit: Detection) -> None:
        """Start what belongs to this keyword, unless it still runs."""
        self.poll()
        for index, action in enumerate(self._actions):
            if action.keyword not in (EVERY, hit.keyword):
                continue
            if (index, hit.keyword) in self._running:
                self.skipped += 1
                self._note(f"{hit.keyword}: its last command is still running; skipped this one")
            else:
                self._start((index, hit.keyword), action.filled(hit))

    def _start(self, key: tuple[int, str], arguments: list[str]) -> None:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the command has ended
        try:
            # A session of its own: Ctrl-C does not reach it, and its children end with it.
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                                       start_new_session=True)
        except (OSError, ValueError) as error:
            errors.close()
            self._fail(key[1], f"cannot be started ({getattr(error, 'strerror', None) or error})")
            return
        self.started += 1
        self._running[key] = Running(key[1], process, errors, self._clock())

    def poll(self) -> None:
        """Look after the commands at work; to be called now and then. Never waits."""
        for key, running in list(self._running.items()):
            status, now_s = running.process.poll(), self._clock()
            if status is None:
                self._limit(running, now_s)
                continue
            del self._running[key]
            if running.asked_s is not None:
                self._fail(running.keyword, f"was stopped after {self._limit_s:g} s")
            elif status:
                self._fail(running.keyword, f"failed with status {status}{last_line(running.errors)}")
            running.errors.close()

    def _limit(self, running: Running, now_s: float) -> None:
        """Ask a command that has run too long to end; kill it if it does not."""
        if running.asked_s is None:
            if now_s - running.started_s >= self._limit_s:
                running.asked_s = now_s
                send(running.process, signal.SIGTERM)
        elif now_s - running.asked_s >= GRACE_S:
            send(running.process, signal.SIGKILL)

    def _fail(self, keyword: str, what: str) -> None:
        self.failed += 1
        self._note(f"{keyword}: its command {what}")

    def close(self) -> None:
        """Give commands at work a last second, then end them."""
        deadline_s = self._clock() + GRACE_S
        while self._running and self._clock() < deadline_s:
            self.poll()
            time.sleep(0.02)
        for running in self._running.values():
            send(running.process, signal.SIGKILL)
            running.process.wait()
            running.errors.close()
            self._fail(running.keyword, "was stopped with everything else")
        self._running.clear()


def send(process: subprocess.Popen[bytes], number: int) -> None:
    """A signal to a command and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def last_line(errors: IO[bytes]) -> str:
    """": " and the last line of what a command wrote to stderr; nothing if it wrote nothing."""
    errors.seek(max(errors.seek(0, os.SEEK_END) - 500, 0))
    lines = errors.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1]}" if said else ""
