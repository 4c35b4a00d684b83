"""Two workers on this machine against one process: the same accuracy?

    scripts/check workers [--epochs N] [--workers N] [WORKSPACE]      default: a workspace of tones, 8 epochs

Trains the settings of WORKSPACE (a folder with kws.toml and recordings, left as it is) both ways, from the same
seed, and compares the int8 accuracy on the validation split. Batch normalisation sees a share of a batch in one case,
all of it in the other, and the augmentation draws other numbers: the weights differ as those of two seeds do. So the
difference must lie within two standard errors of a difference of two such shares; exit status 1 where it does not.
"""

import json
import math
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kws.bench import tones
from kws.bench.common import header, parser
from kws.errors import KwsError
from kws.records import from_json
from kws.run_metrics import METRICS, Metrics
from kws.specfile import read_spec, write_spec


def make_workspace(folder: Path, source: Path | None, epochs: int | None) -> None:
    """The settings and recordings of `source`, or tones."""
    folder.mkdir()
    if source is None:
        tones.write_recordings(folder / "recordings")
        spec = tones.SPEC
    else:
        (folder / "recordings").symlink_to((source / "recordings").resolve())
        spec = read_spec(source / "kws.toml")
    if epochs:
        spec = replace(spec, training=replace(spec.training, epochs=epochs))
    (folder / "kws.toml").write_text(write_spec(spec))


def train(folders: list[Path]) -> Metrics:
    """Metrics of the run; one folder: one process, several: so many workers, the first of them the chief."""
    sockets = [socket.create_server(("localhost", 0)) for _ in folders]
    cluster = {"worker": [f"localhost:{one.getsockname()[1]}" for one in sockets]}
    for one in sockets:
        one.close()
    children = []
    for index, folder in enumerate(folders):
        place = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})}
        command = [sys.executable, "-m", "kws", "train", "--run", "it", "-C", str(folder)]
        strategy = ["--strategy", "multi-worker"] if len(folders) > 1 else []
        children.append(subprocess.Popen([*command, *strategy], env={**os.environ, **(place if strategy else {})},
                                         stdout=subprocess.DEVNULL, stderr=None if index == 0 else subprocess.DEVNULL))
    if any([child.wait() for child in children]):
        raise KwsError("a training failed; what it printed stands above")
    return from_json(Metrics, json.loads((folders[0] / "models" / "it" / METRICS).read_text()))


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("--epochs", type=int)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("workspace", nargs="?", type=Path)
    given = options.parse_args(arguments)
    found = {}
    for count in (1, given.workers):
        with tempfile.TemporaryDirectory() as work:
            folders = [Path(work) / str(index) for index in range(count)]
            for folder in folders:
                make_workspace(folder, given.workspace, given.epochs)
            found[count] = train(folders)
    header(f"{found[1].model}, {len(found[1].epochs)} epochs")
    shares = []
    for count, metrics in found.items():
        int8 = metrics.splits["validation"].int8
        if int8 is None or int8.accuracy is None:
            raise KwsError("there are no validation clips; record more speakers")
        shares.append((int8.accuracy, int8.n))
        print(f"{count} process{'es' if count > 1 else ''}: {int8.accuracy:.2%} of {int8.n:,} validation clips, "
              f"int8 in the C engine ({int8.interval[0]:.1%} to {int8.interval[1]:.1%}), last loss "
              f"{metrics.epochs[-1].loss:.3f}, {metrics.training_seconds:.0f} s")
    mean = sum(share for share, _ in shares) / 2
    tolerance = 2 * math.sqrt(mean * (1 - mean) * sum(1 / n for _, n in shares))
    difference = abs(shares[0][0] - shares[1][0])
    print(f"difference {100 * difference:.2f} points, tolerated {100 * tolerance:.2f} (two standard errors)")
    return int(difference > tolerance)

