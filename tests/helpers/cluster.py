"""A real Dask cluster on this machine: a scheduler and workers, each a process; and work that can be watched."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kws.model.sound_jobs import SoundJob, Sounds, make_sounds
from tests.helpers.paths import ROOT

PATIENCE_S = 600
FREE = 4  # blocks of `watched` that wait for nothing


@contextmanager
def cluster(folder: Path, *, workers: int) -> Iterator[tuple[str, list["subprocess.Popen[bytes]"]]]:
    """(address of the scheduler, its workers), which stand in `folder` and know kws and these helpers."""
    known = folder / "scheduler.json"
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}
    started = []

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        with open(folder / f"dask-{len(started)}.log", "wb") as log:
            started.append(subprocess.Popen([sys.executable, "-m", "dask", *arguments], cwd=folder, env=surroundings,
                                            stdout=log, stderr=log))
        return started[-1]

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(known))
        wait_for(lambda: known.is_file() and known.read_text().endswith("}"))
        address = json.loads(known.read_text())["address"]
        hands = [start("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--name", str(n))
                 for n in range(workers)]
        wait_for(lambda: workers_of(address) == workers)
        yield address, hands
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def workers_of(address: str) -> int:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return len(client.scheduler_info(n_workers=-1)["workers"])


def wait_for(happened: Callable[[], bool]) -> None:
    """Until something has happened; AssertionError if it does not within PATIENCE_S."""
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def watched(block: tuple[Path, int]) -> int:
    """The square of a number. Says in a folder who works on it; all but the first wait until somebody was killed."""
    folder, number = block
    (folder / f"{number}-{os.getpid()}").touch()
    if number >= FREE:
        wait_for((folder / "killed").is_file)
    return number * number


def at_work(folder: Path, worker: "subprocess.Popen[bytes]") -> Sequence[int]:
    """The numbers that a worker has begun with and cannot have ended yet."""
    found = [path.name.split("-") for path in folder.glob(f"*-{worker.pid}")]
    return [int(number) for number, _ in found if int(number) >= FREE]


def running(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def watched_sounds(job: SoundJob) -> Sounds:
    """make_sounds; says in the worker's folder who works on the job, and waits as `watched` does."""
    *_, first, second = job.seed
    number = first * 100_000 + second
    Path(f"{number}-{os.getpid()}").touch()
    if number >= FREE:
        wait_for(Path("killed").is_file)
    return make_sounds(job)
