"""Where things lie: the repository, the real recordings, folders that all processes of a test run share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PER_WORD = 30


def recordings_folder() -> Path:
    """The folder with real recordings, whether it is there or not."""
    return Path(os.environ.get("KWS_TEST_DATA") or ROOT.parent / "shared" / "data")


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all processes of one test run share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(target: Path, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, unless another process of this test run has made it or is making it."""
    import fcntl

    with open(target.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            partial = target.with_suffix(".partial")
            make(partial)
            partial.rename(target)
    return target


def unpack(script: Path, target: Path) -> None:
    """Run unpack.py into `target`."""
    subprocess.run([sys.executable, script, target, "--only", "speech_commands", "--limit", str(PER_WORD)],
                   check=True, stdout=subprocess.DEVNULL)
