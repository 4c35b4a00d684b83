"""Kills: kws export replaces a package again and again and is killed at any moment; what lies there must be whole.

    scripts/check hostile_kills [--count N] [--seed N]

Two runs take turns in one folder. After each kill, and what the next start puts right, the folder must hold one of both
packages, to the byte. The last line counts; the exit status is 1 if it once did not.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import ROOT, counted_parser, header
from kws.files import restore_interrupted, sha256_of

COUNT = 200
RUNS = ("small", "commands")
LONGEST_S = 1.5


def export(run: str, out: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "kws", "export", "c", "--run", str(ROOT / "models" / run), "--out",
                             str(out), "--force"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def content(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in it."""
    return {str(path.relative_to(folder)): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


def main(arguments: Sequence[str]) -> int:
    chosen = counted_parser(__doc__, count=COUNT).parse_args(arguments)
    header()
    rng, broken, killed = np.random.default_rng(chosen.seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        out, whole = Path(folder) / "firmware", []
        for run in RUNS:
            export(run, out).wait()
            whole.append(content(out))
        for number in range(chosen.count):
            process = export(RUNS[number % 2], out)
            time.sleep(rng.uniform(0, LONGEST_S))
            killed += process.poll() is None
            process.kill()
            process.wait()
            restore_interrupted(out.parent)
            if not out.is_dir() or content(out) not in whole:
                broken += 1
                print(f"kill {number}: {sorted(content(out)) if out.is_dir() else 'nothing'} is neither package")
            print(f"{number + 1}/{chosen.count}", end="\r", file=sys.stderr)
        restore_interrupted(out.parent, now_s=time.time() + 86_400)
        litter = sorted(path.name for path in out.parent.iterdir() if path != out)
    print(f"{chosen.count:,} exports, {killed:,} of them killed on the way: {broken:,} times no whole package, "
          f"{len(litter)} files left over")
    return 1 if broken or litter else 0
