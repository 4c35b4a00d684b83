"""The same work on this machine's cores and on a cluster, of which a worker is killed half-way."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.audio.files import encode
from kws.cli import app
from kws.data.pool import map_blocks
from kws.errors import KwsError
from tests.helpers.cluster import FREE, at_work, cluster, running, wait_for, watched
from tests.helpers.paths import ROOT

pytest.importorskip("distributed")
ALONE = """
import sys
from pathlib import Path
from kws.data.pool import map_blocks
from tests.helpers.cluster import FREE, watched
if __name__ == "__main__":
    blocks = [(Path(sys.argv[1]), FREE + number) for number in range(2)]
    map_blocks(watched, blocks, scheduler=None, title="squares", sizes=[1, 1])
"""


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_an_address_at_which_nobody_answers_is_one_clear_line():
    with pytest.raises(KwsError, match="no Dask scheduler answers there; start one: dask scheduler"):
        map_blocks(abs, [1], scheduler="tcp://127.0.0.1:9", title="nothing", sizes=[1])


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core works without other processes")
def test_no_worker_outlives_a_command_that_is_killed(tmp_path):
    (tmp_path / "alone.py").write_text(ALONE)
    (tmp_path / "work").mkdir()
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, tmp_path / "alone.py", tmp_path / "work"], env=surroundings) as command:
        wait_for(lambda: len(list((tmp_path / "work").glob(f"{FREE}-*"))) == 1)
        worker = int(next((tmp_path / "work").glob(f"{FREE}-*")).name.split("-")[1])
        assert running(worker) and worker != command.pid
        command.kill()
    wait_for(lambda: not running(worker))


@pytest.mark.slow
def test_a_worker_that_is_killed_half_way_takes_nothing_with_it(tmp_path):
    blocks = [(tmp_path, number) for number in range(12)]
    with cluster(tmp_path, workers=2) as (address, (victim, other)):

        def kill() -> None:
            wait_for(lambda: bool(at_work(tmp_path, victim)) and bool(at_work(tmp_path, other)))
            victim.kill()
            victim.wait()
            (tmp_path / "killed").touch()

        killer = threading.Thread(target=kill)
        killer.start()
        found = map_blocks(watched, blocks, scheduler=address, title="squares", sizes=[1] * len(blocks))
        killer.join()
        lost = at_work(tmp_path, victim)
        assert lost and set(lost) <= set(at_work(tmp_path, other)), "what the victim had begun was done by the other"
    assert found == [number * number for _, number in blocks]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with 40 clips of noise."""
    run("new", tmp_path / "ws", "--keywords", "yes,no")
    rng = np.random.default_rng(0)
    shape = np.exp(-(((np.arange(16_000) - 8_000) / 2_000) ** 2))
    for n in range(40):
        path = tmp_path / f"ws/recordings/own/{('yes', 'no')[n % 2]}/s{n}_nohash_0.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(np.rint(3_000 * shape * rng.standard_normal(16_000)).astype(np.int16)))
    return tmp_path / "ws"


@pytest.mark.slow
def test_speech_clips_and_hours_come_out_the_same_on_a_cluster_that_loses_a_worker(place, tmp_path):
    synth = ("data", "synth", "yes", "--count", 90, "--unknown", 0, "--no-noise", "--engine", "espeak", "-C", place)
    validate = ("validate", "--run", ROOT / "models/commands", "--negatives", place / "recordings/own/yes",
                "--negatives", place / "recordings/own/no", "--clips", tmp_path / "clips", "--no-keep",
                "--json")
    for word in ("yes", "no"):
        (tmp_path / "clips").mkdir(exist_ok=True)
        (tmp_path / "clips" / word).symlink_to(place / "recordings/own" / word)
    run(*synth, "--source", "here")
    alone = [run("data", "check", "-C", place, "--json"), CliRunner().invoke(app, [*map(str, validate)]).stdout]
    with cluster(tmp_path, workers=2) as (address, (victim, _)):
        there = place / "recordings/there"

        def kill() -> None:
            wait_for(lambda: there.is_dir() and any(there.rglob("*.wav")))
            victim.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        run(*synth, "--source", "there", "--scheduler", address)
        killer.join()
        (place / ".cache").rename(place / ".cache-before")
        files = {path.relative_to(there): path.read_bytes() for path in there.rglob("*.wav")}
        for path in there.rglob("*.wav"):
            path.unlink()
        again = [run("data", "check", "-C", place, "--json", "--scheduler", address),
                 CliRunner().invoke(app, [*map(str, validate), "--scheduler", address]).stdout]
    here = place / "recordings/here"
    assert files == {path.relative_to(here): path.read_bytes() for path in here.rglob("*.wav")} and len(files) == 90
    assert [json.loads(text) for text in again] == [json.loads(text) for text in alone]
