"""kws train --backend jax: it takes the steps of TensorFlow, which makes the run of them."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("jax")

from kws.bench import tones
from kws.model.augment import equalize, mask, timbre_curves
from kws.pipeline.jax_epochs import train_epochs
from kws.pipeline.train import train_run
from kws.specfile import write_spec
from kws.train.jax_backend import disguise
from kws.train.progress import TrainingProgress
from kws.workspace import find_run, open_workspace
from tests.helpers.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.train]

EPOCHS, LEFT = 4, 2  # the script runs the first two
# Nothing is drawn: no shift, noise, gain, timbre or mask, and too few clips for one silent example.
PLAIN = replace(tones.SPEC.training, epochs=EPOCHS, quantization_aware_epochs=LEFT, shift_ms=0, noise_percent=0,
                gain_db=0, silence_percent=1)


def workspace(folder, *, training, speakers, network="ds_cnn"):
    tones.write_recordings(folder / "recordings", speakers=speakers)
    model = replace(tones.SPEC.model, name=network, width=0.3)
    (folder / "kws.toml").write_text(write_spec(replace(tones.SPEC, model=model, training=training)))
    return folder


def on_the_card(folder, *options):
    return subprocess.run([sys.executable, "-m", "kws", "train", "--backend", "jax", "-C", folder, *options], cwd=ROOT,
                          capture_output=True, text=True, check=False, env={**os.environ, "JAX_PLATFORMS": "cpu"})


def checkpoint(folder):
    (path,) = (folder / ".cache/kws/training").iterdir()
    with np.load(path) as arrays:
        variables = [arrays[f"variable_{i}"] for i in range(len(arrays.files) - 1)]
        return json.loads(str(arrays["history"])), [values for values in variables if values.dtype == np.float32]


def distance(ones, others):
    return np.sqrt(sum(np.square(one - other).sum() for one, other in zip(ones, others, strict=True)))


def stop_after_an_epoch(folder, monkeypatch):
    def interrupted(self, number, epoch):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(TrainingProgress, "epoch_ended", interrupted)
        train_run(open_workspace(folder), name="second", teachers=("first",), note=print)


def test_an_epoch_on_the_card_is_an_epoch_of_kws_train(tmp_path, monkeypatch):
    """From the same checkpoint to the same weights, with a teacher beside the labels."""
    here, there = workspace(tmp_path / "here", training=PLAIN, speakers=24), tmp_path / "there"
    train_run(open_workspace(here), name="first", note=print)
    stop_after_an_epoch(here, monkeypatch)
    _, before = checkpoint(here)
    shutil.copytree(here, there)
    stop_after_an_epoch(here, monkeypatch)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    place = open_workspace(there)
    train_epochs(place, [find_run("first", place.models)])
    (told, expected), (said, found) = checkpoint(here), checkpoint(there)
    assert len(told) == len(said) == EPOCHS - LEFT
    assert abs(told[-1]["loss"] - said[-1]["loss"]) < 1e-3 * told[-1]["loss"]
    assert distance(found, expected) < 0.001 * distance(expected, before)


def test_tensorflow_makes_the_run_of_it(tmp_path):
    """Ctrl-C in between: the script goes on where it stopped, and kws train after that."""
    training = replace(tones.SPEC.training, equalization_db=1.0, time_mask_frames=1, band_mask_features=1,
                       quantization_aware_epochs=1)
    folder = workspace(tmp_path / "w", training=training, speakers=80, network="cnn")
    command = [sys.executable, "-m", "kws", "train", "--backend", "jax", "-C", folder]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
                          env={**os.environ, "JAX_PLATFORMS": "cpu"}) as stopped:
        assert any(line.startswith("epoch 2/") for line in stopped.stderr)
        os.killpg(stopped.pid, signal.SIGINT)  # as a terminal does
        rest = stopped.communicate()[1]
    assert stopped.returncode == 130 and "Traceback" not in rest, rest
    assert 2 <= len(checkpoint(folder)[0]) < training.epochs - 1
    done = on_the_card(folder, "--run", "tones", "--json")
    assert done.returncode in (0, 3), done.stderr
    assert f"resuming after epoch {training.epochs - 1} of {training.epochs}" in done.stderr
    metrics = json.loads(done.stdout)
    assert metrics["epochs"][-1]["loss"] < metrics["epochs"][0]["loss"]
    assert metrics["splits"]["testing"]["int8"]["accuracy"] > 0.9


def test_timbre_and_gaps_are_drawn_as_the_loop_draws_them():
    """Other random numbers, the same distribution: how often each frame and band is hidden, how the bands vary."""
    import jax

    spec = replace(PLAIN, time_mask_frames=12, band_mask_features=7, equalization_db=0.0)
    sound, none = np.full((4_000, 49, 40), 90, np.int8), np.zeros((1, 40), np.float32)
    drawn = [mask(sound, spec, np.random.default_rng(1)), np.asarray(disguise(sound, none, spec, jax.random.key(1)))]
    assert all(set(np.unique(found)) == {0, 90} for found in drawn)
    hidden = [[(found == 0).all(axis=axis) for axis in (2, 1)] for found in drawn]
    for here, there in zip(*hidden, strict=True):  # frames, then bands
        lengths = [np.bincount(which.sum(axis=1), minlength=13) / len(sound) for which in (here, there)]
        assert np.abs(lengths[0] - lengths[1]).max() < 0.03
        assert np.abs(here.mean(axis=0) - there.mean(axis=0)).max() < 0.04

    spec = replace(PLAIN, equalization_db=5.0)
    curves = 32 * timbre_curves(tones.SPEC.frontend)
    sound = np.zeros((4_000, 2, curves.shape[1]), np.int8)
    drawn = [equalize(sound, curves, spec, np.random.default_rng(1)),
             np.asarray(disguise(sound, curves, spec, jax.random.key(1)))]
    assert all((found == found[:, :1]).all() for found in drawn), "one curve for all frames of a clip"
    here, there = (np.cov(found[:, 0].astype(float), rowvar=False) for found in drawn)
    assert np.abs(here - there).max() < 0.1 * np.abs(here).max()


def test_what_it_cannot_do_is_said(tmp_path):
    folder = workspace(tmp_path / "w", training=replace(PLAIN, augmented_versions=2), speakers=8)
    done = on_the_card(folder)
    assert done.returncode == 1 and done.stderr.endswith("set [training] augmented_versions = 0 in kws.toml\n")
    assert "Traceback" not in done.stderr
