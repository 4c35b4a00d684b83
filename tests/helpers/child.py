"""A command in a process of its own, its lines read as they come: where it hangs, the test fails and says what came."""

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from tests.helpers.paths import ROOT
from tests.helpers.waiting import SILENCE_S


class Lines:
    """The lines of one pipe. `lines` are all that have come; `next` and `rest` go through them."""

    def __init__(self, child, pipe):
        self.lines, self.ended, self._child, self._place = [], False, child, 0
        self.reader = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self.reader.start()

    def _read(self, pipe):
        with pipe:
            for line in pipe:
                self._child.come(self.lines, line)
        with self._child.changed:
            self.ended = True
            self._child.changed.notify_all()

    def next(self, holds=""):
        """The next line that holds this text; lines before it are passed over. It fails if there is none: the command
        has closed the pipe, or has printed nothing at all for SILENCE_S."""
        with self._child.changed:
            while True:
                for line in self.lines[self._place:]:
                    self._place += 1
                    if holds in line:
                        return line
                if self.ended:
                    self._child.fail(f"it ended without a line with {holds!r}")
                self._child.wait_for_more(f"no line with {holds!r}")

    def rest(self):
        """What nobody has taken yet, as one text."""
        rest, self._place = self.lines[self._place:], len(self.lines)
        return "".join(rest)

    def __str__(self):
        return "".join(self.lines)


class Child:
    """python -m kws …; `out` and `errors` are the lines of its stdout and stderr."""

    def __init__(self, arguments: Sequence[object], *, environment: Mapping[str, str] | None = None):
        self.changed = threading.Condition()
        self._printed = 0
        self.process = subprocess.Popen([sys.executable, "-m", "kws", *map(str, arguments)], env=environment, cwd=ROOT,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.out, self.errors = Lines(self, self.process.stdout), Lines(self, self.process.stderr)

    def come(self, lines, line):
        """One of the readers has a line."""
        with self.changed:
            lines.append(line)
            self._printed += 1
            self.changed.notify_all()

    def wait_for_more(self, why):
        """With `changed` held, wait until something more is printed on either pipe, or one ends."""
        before = self._printed, self.out.ended, self.errors.ended
        if not self.changed.wait_for(lambda: before != (self._printed, self.out.ended, self.errors.ended), SILENCE_S):
            self.fail(f"{why}, and nothing else for {SILENCE_S:g} s")

    def fail(self, why):
        """End the command, and the test with all that was printed."""
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"{why}\nstdout:\n{self.out}\nstderr:\n{self.errors}")

    def wait(self):
        """Its exit status, when it has ended and every line has been read."""
        try:
            self.process.wait(SILENCE_S)
        except subprocess.TimeoutExpired:
            self.fail(f"it has not ended in {SILENCE_S:g} s")
        for lines in (self.out, self.errors):
            lines.reader.join(SILENCE_S)
        return self.process.returncode

    def end(self, number=signal.SIGINT):
        """Ctrl-C, or another signal. -> its exit status"""
        self.process.send_signal(number)
        return self.wait()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """A test that failed leaves nothing running."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
