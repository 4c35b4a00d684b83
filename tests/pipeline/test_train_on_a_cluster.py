"""kws train --scheduler: clips are read, and features made, by a cluster that loses a worker; the run is the same."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("distributed")
pytest.importorskip("keras")

from kws.data.corpus import scan
from kws.model.dataset import prepare
from kws.model.examples import choose_examples
from kws.model.sound_jobs import make_sounds
from kws.specfile import write_spec
from tests.helpers.cluster import at_work, cluster, wait_for, watched_sounds
from tests.helpers.small_workspace import SPEC, make_workspace, run

MADE = ("model.tflite", "model.kws")


@pytest.fixture
def place(tmp_path):
    return make_workspace(tmp_path / "ws")


def trained(place, name, *options):
    """The bytes of a run, what its metrics say of accuracy, and every kept version. The next training has no cache."""
    result = run("train", "-C", place, "--run", name, "--json", *options)
    assert result.exit_code in (0, 3), result.stderr
    folder, cache = place / "models" / name, place / ".cache"
    kept = {path.name: path.read_bytes() for path in cache.rglob("versions/*.npz")}
    cache.rename(place / f".cache-{name}")
    return {one: (folder / one).read_bytes() for one in MADE}, json.loads(result.stdout)["splits"], kept


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.parametrize("versions", [3, 0])
def test_a_training_is_the_same_on_a_cluster_that_loses_a_worker(place, tmp_path, monkeypatch, versions):
    training = replace(SPEC.training, augmented_versions=versions)
    (place / "kws.toml").write_text(write_spec(replace(SPEC, training=training)))
    monkeypatch.setattr("kws.model.versions.PART", 32)
    monkeypatch.setattr("kws.data.corpus.PER_BLOCK", 16)
    alone = trained(place, "alone")
    for user in ("versions", "afar"):
        monkeypatch.setattr(f"kws.model.{user}.make_sounds", watched_sounds)
    with cluster(tmp_path, workers=2) as (address, (victim, other)):

        def kill():
            wait_for(lambda: bool(at_work(tmp_path, victim)) and bool(at_work(tmp_path, other)))
            victim.kill()
            victim.wait()
            (tmp_path / "killed").touch()

        killer = threading.Thread(target=kill)
        killer.start()
        together = trained(place, "together", "--scheduler", address)
        killer.join()
        lost = at_work(tmp_path, victim)
        assert lost and set(lost) <= set(at_work(tmp_path, other)), "what the victim had begun was done by the other"
    assert len(together[2]) == versions
    assert together == alone


@pytest.mark.parametrize("option", [("--strategy", "mirrored"), ("--backend", "jax")])
def test_a_cluster_and_several_trainers_exclude_each_other(place, option):
    result = run("train", "-C", place, "--scheduler", "tcp://127.0.0.1:9", *option)
    assert result.exit_code == 2 and "cannot be combined with" in result.stderr


def test_a_cluster_that_does_not_answer_leaves_no_run(place):
    result = run("train", "-C", place, "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 1 and "no Dask scheduler answers there" in result.stderr
    assert not list((place / "models").glob("*"))


def test_a_job_hears_what_the_training_hears(place):
    """Silence is among the examples."""
    corpus = scan(place / "recordings")
    material = prepare(SPEC, choose_examples(corpus, SPEC), corpus.noise, cache=None)
    rows = material.epoch_rows(material.rng(1))[:40]
    assert (rows < 0).any() and (rows >= 0).any()
    done = make_sounds(material.job(rows, 5, 6))
    features, taught = material.sounds(rows, np.random.default_rng([5, 6]))
    assert done.features.tobytes() == features.tobytes() and done.taught == taught == ()
