"""Waiting for an event, never for a time: the deadline only ends a test that would hang."""

import time
from collections.abc import Callable

POLL_S = 0.02
DEADLINE_S = 900.0  # a machine that does ten other things at once is no failure
SILENCE_S = 60.0  # a command that should print something and prints nothing at all for so long hangs


def wait_until(happened: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
    """Look again and again until something is so."""
    end_s = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(POLL_S)
