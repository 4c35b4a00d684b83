"""Kills: a package is exported over another again and again, and the process is killed at any moment.

    scripts/check hostile_kills [--count N] [--seed N]

Two runs take turns in one folder. After each kill, and what the next start puts right, the folder must hold one of both
packages, to the byte. The last line counts, also the kills that came while files were being written; the exit status is
1 if the folder once held neither.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import ROOT, counted_parser, header
from kws.errors import KwsError
from kws.export.export import export_to
from kws.export.source import from_run
from kws.files import restore_interrupted, sha256_of

COUNT = 200
RUNS = ("small", "commands")
PROGRAM = """
import itertools, sys
from pathlib import Path
from kws.export.export import export_to
from kws.export.source import from_run
out, *runs = map(Path, sys.argv[1:])
for source in itertools.cycle([from_run(run) for run in runs]):
    export_to("c", source, out, force=True)
    print("done", flush=True)
"""


def exporting(out: Path) -> "subprocess.Popen[bytes]":
    """A process that exports both runs in turn into one folder, and says so after each."""
    return subprocess.Popen([sys.executable, "-c", PROGRAM, out, *(ROOT / "models" / run for run in RUNS)], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def await_done(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end of an export. Raises KwsError if there is none."""
    assert process.stdout is not None
    if process.stdout.readline() != b"done\n":
        raise KwsError(f"the export ended with status {process.wait()} before it was killed")


def content(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in it."""
    return {str(path.relative_to(folder)): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


def main(arguments: Sequence[str]) -> int:
    chosen = counted_parser(__doc__, count=COUNT).parse_args(arguments)
    header()
    rng, broken, amid = np.random.default_rng(chosen.seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "firmware"
        whole, pair_s = packages(out)
        for number in range(chosen.count):
            with exporting(out) as process:
                await_done(process)
                time.sleep(rng.uniform(0, 1.5 * pair_s))
                process.kill()
            amid += any(out.parent.glob(".*.tmp"))
            restore_interrupted(out.parent)
            if not out.is_dir() or content(out) not in whole:
                broken += 1
                print(f"kill {number}: {sorted(content(out)) if out.is_dir() else 'nothing'} is neither package")
            print(f"{number + 1}/{chosen.count}", end="\r", file=sys.stderr)
        restore_interrupted(out.parent, now_s=time.time() + 86_400)
        litter = sorted(path.name for path in out.parent.iterdir() if path != out)
    print(f"{chosen.count:,} kills, {amid:,} of them while files were written: {broken:,} times no whole package, "
          f"{len(litter)} files left over")
    return 1 if broken or litter else 0


def packages(out: Path) -> tuple[list[dict[str, str]], float]:
    """What both packages hold, and the seconds that the two exports take."""
    whole = []
    for run in RUNS:
        export_to("c", from_run(ROOT / "models" / run), out, force=True)
        whole.append(content(out))
    with exporting(out) as process:
        await_done(process)
        started_s = time.monotonic()
        for _ in RUNS:
            await_done(process)
        process.kill()
    return whole, time.monotonic() - started_s
