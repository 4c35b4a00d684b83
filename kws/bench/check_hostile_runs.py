"""Hostile run folders: every file damaged, cut, exchanged or missing, with right and wrong checksums.

    scripts/check hostile_runs [--count N] [--seed N]

Each damaged copy of a released run is opened as the commands open it. It must work, or be refused in one line. The last
line counts; the exit status is 1 if anything else came.
"""

import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import ROOT, counted_parser, header
from kws.detect.detector import load_detector
from kws.errors import KwsError
from kws.export.source import from_run
from kws.files import sha256_of
from kws.workspace import MANIFEST, find_run, list_runs, read_manifest, spec_of_run

COUNT = 35_000
FILES = (MANIFEST, "model.kws", "model.tflite", "metrics.json")
NONSENSE = (b"", b"[" * 200_000, b"{}", b"null", b'{"files": 3}', b"\xff" * 100, b"9" * 10_000)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """The content of a file with some bytes changed, a piece cut out or doubled, or none of it."""
    kind, place = rng.integers(5), int(rng.integers(len(data)))
    if kind == 0:
        return NONSENSE[rng.integers(len(NONSENSE))]
    if kind == 1:
        return data[:place]
    if kind == 2:
        return data[:place] + data[int(rng.integers(len(data))):]
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(data)))] = int(rng.integers(256))
    return bytes(changed)


def damage(run: Path, rng: np.random.Generator) -> None:
    """Damage one file; half of the time the manifest vouches for what is there then."""
    name = FILES[rng.integers(len(FILES))]
    if rng.random() < 0.05:
        (run / name).unlink()
        return
    (run / name).write_bytes(damaged((run / name).read_bytes(), rng))
    if name != MANIFEST and rng.random() < 0.5:
        manifest = json.loads((run / MANIFEST).read_bytes())
        manifest["files"][name] = sha256_of(run / name)
        (run / MANIFEST).write_text(json.dumps(manifest))


def opened(models: Path) -> str:
    """What opening the run brings, as the commands do it."""
    try:
        run = find_run("mine", models)
        list_runs(models), read_manifest(run), spec_of_run(run)
        load_detector(run).push(np.zeros(400, np.int16))
        from_run(run)
    except KwsError:
        return "refused"
    return "works"


def main(arguments: Sequence[str]) -> int:
    chosen = counted_parser(__doc__, count=COUNT).parse_args(arguments)
    header()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        for number in range(chosen.count):
            shutil.rmtree(models / "mine", ignore_errors=True)
            (models / "mine").mkdir()
            for name in FILES:
                shutil.copy(ROOT / "models" / "small" / name, models / "mine")
            damage(models / "mine", np.random.default_rng([chosen.seed, number]))
            try:
                counts[opened(models)] += 1
            except Exception as error:
                counts["otherwise"] += 1
                print(f"run {number}: {type(error).__name__}: {str(error)[:200]}")
            print(f"{number + 1}/{chosen.count}", end="\r", file=sys.stderr)
    print(f"{chosen.count:,} damaged run folders: {counts['works']:,} work, {counts['refused']:,} refused in words, "
          f"{counts['otherwise']:,} otherwise")
    return 1 if counts["otherwise"] else 0
