"""Issue 14, section 3: of two trainings that begin at once, each has a name of its own from the start."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kws.errors import KwsError
from kws.files import reserved, write_new
from kws.pipeline.data_notes import unfit_notes
from kws.pipeline.run_names import new_run
from kws.spec import Spec
from kws.specfile import write_spec
from kws.workspace import Workspace, open_workspace


@pytest.fixture
def place(tmp_path) -> Workspace:
    (tmp_path / "kws.toml").write_text(write_spec(Spec(keywords=("yes",))))
    return open_workspace(tmp_path)


def test_the_name_of_a_run_is_held_while_it_is_made(place):
    with new_run(place, "k1") as folder, pytest.raises(KwsError, match="another process is making it"):
        with new_run(place, "k1"):
            pass
    with new_run(place, "k1") as again:
        assert again == folder
    assert list(place.models.iterdir()) == []


def test_trainings_without_a_name_take_the_next_one(place):
    network = place.spec.model.name
    (place.models / f"{network}-1").mkdir(parents=True)
    with new_run(place, None) as first, new_run(place, None) as second:
        assert [first.name, second.name] == [f"{network}-2", f"{network}-3"]


def test_a_name_that_is_taken_is_refused_before_the_training(place):
    (place.models / "k1").mkdir(parents=True)
    with pytest.raises(KwsError, match=r"k1 already exists; choose another name with --run"):
        with new_run(place, "k1"):
            pass


def test_a_process_that_dies_leaves_the_name_free(tmp_path):
    script = "import os, sys; from kws.files import reserved\nwith reserved(sys.argv[1]): os._exit(9)"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "k1")], check=False)
    assert done.returncode == 9 and (tmp_path / ".k1.lock").exists()
    with reserved(tmp_path / "k1"):
        pass
    assert not (tmp_path / ".k1.lock").exists()


def test_a_new_file_is_written_by_one_alone(tmp_path):
    assert write_new(tmp_path / "a/b", b"first") and not write_new(tmp_path / "a/b", b"second")
    assert (tmp_path / "a/b").read_bytes() == b"first" and len(list((tmp_path / "a").iterdir())) == 1


def test_training_says_how_many_clips_of_a_keyword_are_empty_or_clipped():
    class Part:
        labels = np.array([2, 2, 2, 1])

    class Examples:
        training = Part()

    rng, clips = np.random.default_rng(1), np.zeros((4, 16_000), np.int16)
    clips[0] = rng.integers(-9_000, 9_000, 16_000)
    clips[1] = np.tile(np.array([32_767, -32_768], np.int16), 8_000)

    class Material:
        def __init__(self):
            self.spec, self.examples, self.clips = Spec(keywords=("yes",)), Examples(), {"training": clips}

    assert [line.partition(";")[0] for line in unfit_notes(Material())] == [
        "1 of 3 training clips of 'yes' are empty", "1 of 3 training clips of 'yes' are clipped"]


def test_two_processes_that_train_at_once_get_two_runs(place):
    script = ("import sys; from pathlib import Path; from kws.pipeline.run_names import new_run\n"
              "from kws.workspace import open_workspace\n"
              "with new_run(open_workspace(Path(sys.argv[1])), None) as folder:\n"
              "    print(folder.name, flush=True); sys.stdin.read(); folder.mkdir()")
    command = [sys.executable, "-c", script, str(place.models.parent)]
    runs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    names = [run.stdout.readline().strip() for run in runs]
    for run in runs:
        run.communicate()
    assert len(set(names)) == 3 and all((Path(place.models) / name).is_dir() for name in names)
