"""Waiting for an event, never for a time: the deadline only ends a test that would hang."""

import time
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.02
DEADLINE_S = 900.0  # a machine that does ten other things at once is no failure


def wait_until(happened: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
    """Look again and again until something is so."""
    end_s = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(POLL_S)


def work_of(pid: int) -> tuple[str, int]:
    """What the system says of a process: its state (S: it sleeps), and the ticks that it has worked. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return fields[0], int(fields[11]) + int(fields[12])
