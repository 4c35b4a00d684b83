"""Does the monitor lose or double an event if it is killed while it ingests?

    scripts/check monitor_kills [--count 1000]
"""

import os
import random
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from kws.bench.common import header, parser

LINES, BATCH_LINES = 4_000, 100
LONGEST_S = 0.12  # until the kill


def log_of(lines: int) -> bytes:
    """Two starts of a device, with a malformed line here and there."""
    text = []
    for session in range(2):
        text += ["ready 0", f"session 1 0123abcd 0000000{session}"]
        for number in range(lines // 2):
            text.append(f"detected {('yes', 'no')[number % 2]} {1_500 * number} {128 + number % 100}")
            if number % 97 == 0:
                text.append(f"detected damaged {number}")
    return ("\n".join(text) + "\n").encode()


def ingest_and_end(store: Path, log: Path) -> None:
    """In a child: never returns."""
    from kws.monitor.ingest import ingest_lines, lines_of
    from kws.monitor.store import Store

    try:
        with Store(store) as opened, open(log, "rb") as file:
            ingest_lines(opened, lines_of(file), device="kitchen", batch_lines=BATCH_LINES)
        os._exit(0)
    finally:
        os._exit(1)


def killed(store: Path, log: Path, rng: random.Random) -> bool:
    """Whether the child was killed before it had done everything."""
    child = os.fork()
    if child == 0:
        ingest_and_end(store, log)
    time.sleep(rng.uniform(0.0, LONGEST_S))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit("the child failed by itself")
    return os.WIFSIGNALED(status)


def found_in(store: Path) -> tuple[list[tuple[str, int, str]], int, str]:
    """Events, malformed lines, and what SQLite says of the file."""
    from kws.monitor.store import Store

    with Store(store) as opened:
        events = opened.db.execute("SELECT key, time_ms, word FROM events JOIN sessions ON session_id = sessions.id "
                                   "JOIN words ON word_id = words.id ORDER BY 1, 2, 3").fetchall()
        malformed = opened.db.execute("SELECT count(*) FROM quarantine").fetchone()[0]
        return events, malformed, opened.db.execute("PRAGMA integrity_check").fetchone()[0]


def main(arguments: Sequence[str]) -> int:
    import kws.monitor.ingest  # noqa: F401  before the forks, so that each child starts at once

    known = parser(__doc__)
    known.add_argument("--count", type=int, default=1_000, metavar="N")
    count, rng = known.parse_args(arguments).count, random.Random(1)
    header()
    wanted = sorted((f"0000000{session}", 1_500 * number, ("yes", "no")[number % 2])
                    for session in range(2) for number in range(LINES // 2))
    malformed = len(range(0, LINES // 2, 97))  # the same words in both sessions are one line
    kills = stores = wrong = between = 0
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "kitchen.log"
        log.write_bytes(log_of(LINES))
        store = Path(folder) / "0.db"
        while kills < count:
            if killed(store, log, rng):
                kills += 1
                events = found_in(store)[0]
                between += 0 < len(events) < len(wanted)
                wrong += events != sorted(set(events)) or not set(events) <= set(wanted)
            else:
                wrong += found_in(store) != (wanted, malformed, "ok")
                stores += 1
                store = Path(folder) / f"{stores}.db"
        finish = os.fork()
        if finish == 0:
            ingest_and_end(store, log)
        os.waitpid(finish, 0)
        wrong += found_in(store) != (wanted, malformed, "ok")
    print(f"{kills} kills, {between} of them with a part of the {len(wanted)} events stored, {stores + 1} stores "
          f"filled: {wrong} with an event lost or doubled")
    return 1 if wrong else 0

