"""How long checking and exploring a workspace takes, and how much memory: the two commands as a user starts them.

    scripts/bench curate -C WORKSPACE [--run RUN]

Each is run twice, the second time with the cache that the first has filled; the cache of the workspace is set aside
before and put back afterwards. Seconds of the wall and of the processor, and the most memory that all processes of the
command have at once (their resident sets added up, looked at ten times a second, so what they share counts twice).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from kws.bench.common import header, parser, print_table
from kws.data.corpus import scan
from kws.workspace import open_workspace

LOOK_S = 0.1
HEAD = ("command", "run", "wall", "processor", "memory of all its processes")


def resident_mb(root: int) -> float:
    """Of a process and all that it started, in MB; those that end meanwhile have none."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family, total = {root}, 0
    while found := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= found
    for pid in family:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total / 1e6


def timed(command: Sequence[str]) -> tuple[float, float, float]:
    """(seconds, seconds of the processor, most memory in MB) of a command that must succeed."""
    before, start, most = os.times(), time.perf_counter(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, resident_mb(process.pid))
            time.sleep(LOOK_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, spent, most


def main(arguments: Sequence[str]) -> None:
    parse = parser(__doc__)
    parse.add_argument("-C", dest="directory", type=Path)
    parse.add_argument("--run")
    options = parse.parse_args(arguments)
    place = open_workspace(options.directory)
    run = ("--run", options.run) if options.run else ()
    header(f"{len(scan(place.recordings).clips):,} clips")
    with tempfile.TemporaryDirectory(dir=place.root) as aside:
        page = Path(aside) / "page.html"
        kept = Path(aside) / "cache"
        if place.cache.is_dir():
            place.cache.rename(kept)

        def rows() -> Iterator[Sequence[str]]:
            commands = {"kws data check": ("data", "check"), "kws explore": ("explore", "--out", str(page))}
            for name, command in commands.items():
                for number in (1, 2):
                    wall, spent, most = timed([sys.executable, "-m", "kws", *command, "-C", str(place.root), *run])
                    yield name, str(number), f"{wall:.0f} s", f"{spent:.0f} s", f"{most:,.0f} MB"

        try:
            print_table(HEAD, rows())
            print(f"\nThe page has {page.stat().st_size / 1e6:.1f} MB.")
        finally:
            shutil.rmtree(place.cache, ignore_errors=True)
            if kept.is_dir():
                kept.rename(place.cache)
