"""A command behind a pseudo-terminal, as a person has it on the screen."""

import os
import pty
import re
import select
import subprocess
import sys
import time

from tests.helpers.paths import ROOT
from tests.helpers.waiting import DEADLINE_S, SILENCE_S


class Patience:
    """When to wait no longer for a terminal: DEADLINE_S have passed, or nothing has changed on it for SILENCE_S."""

    def __init__(self):
        self._end_s = time.monotonic() + DEADLINE_S
        self.changed()

    def changed(self):
        self._silent_s = time.monotonic() + SILENCE_S

    @property
    def ends(self):
        return time.monotonic() > min(self._end_s, self._silent_s)


def read_until(master, expected):
    """What a terminal shows until `expected` appears."""
    text, patience = b"", Patience()
    while expected.encode() not in text:
        assert not patience.ends, f"{expected!r} does not come: {text[-2_000:].decode(errors='replace')}"
        if select.select([master], [], [], 0.2)[0]:
            text += os.read(master, 65_536)
            patience.changed()
    return text.decode(errors="replace")


class Terminal:
    """A kws command behind a pseudo-terminal; `shown` is everything that it has written there."""

    def __init__(self, *arguments, environment=None):
        self.master, slave = pty.openpty()
        self.shown, self._done = "", 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kws", *map(str, arguments)], stdin=slave, stderr=slave,
            stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
            env={**os.environ, **(environment or {})})
        os.close(slave)

    def wait_for(self, pattern):
        """The next match of a regular expression in what is shown; None where the command ends before."""
        patience = Patience()
        while (match := re.compile(pattern).search(self.shown, self._done)) is None:
            if patience.ends:
                self.process.kill()
                raise AssertionError(f"{pattern!r} does not come: {self.shown[-2_000:]!r}")
            if not select.select([self.master], [], [], 0.2)[0]:
                continue
            try:
                self.shown += os.read(self.master, 65_536).decode()
                patience.changed()
            except OSError:
                return None
        self._done = match.end()
        return match

    def press(self, key):
        os.write(self.master, key.encode())

    def finish(self):
        """(exit status, stdout) when the command has ended."""
        self.wait_for("never shown")
        out, _ = self.process.communicate(timeout=SILENCE_S)
        os.close(self.master)
        return self.process.returncode, out
