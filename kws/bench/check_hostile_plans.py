"""Hostile plans: damaged fields under right checksums; what is accepted must run within its memory.

    scripts/check hostile_plans [--count N] [--seed N]

The engine is compiled under AddressSanitizer and UndefinedBehaviorSanitizer and reads the released plans with one field
or several changed. The last line counts; the exit status is not 0 if a sanitizer found something.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kws.bench.common import ROOT, counted_parser, header
from kws.native.build import include_folders, sources

COUNT = 200_000
RUNS = ("commands", "small", "base")
FLAGS = ("-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def main(arguments: Sequence[str]) -> int:
    chosen = counted_parser(__doc__, count=COUNT).parse_args(arguments)
    header()
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "fuzz_plan"
        subprocess.run(["gcc", *FLAGS, *(f"-I{place}" for place in include_folders()),
                        str(Path(__file__).parent / "fuzz_plan.c"), *map(str, sources("*.c").values()),
                        "-o", str(binary)], check=True)
        plans = [str(ROOT / "models" / run / "model.kws") for run in RUNS]
        return subprocess.run([str(binary), str(chosen.count), str(chosen.seed), *plans]).returncode
