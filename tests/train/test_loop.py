"""Training on a problem that a few clips can teach: a low tone, a high tone, noise."""

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras")

from kws.data.corpus import scan
from kws.errors import ModelError
from kws.model.dataset import epoch_batches, prepare
from kws.model.examples import choose_examples
from kws.train.loop import balance_keywords, predict, train
from tests.helpers.paths import ROOT
from tests.helpers.tone_clips import SPEC, make_material, write_clips
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.train]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="module")
def material(recordings):
    return make_material(recordings)


def ignore(message):
    pass


def test_a_batch_is_on_the_front_ends_grid(material):
    windows, labels = epoch_batches(material, 0)[0]
    assert windows.shape == (16, SPEC.frontend.frames, SPEC.frontend.features, 1) and windows.dtype == np.float32
    assert (windows * 32 == np.rint(windows * 32)).all() and windows.min() >= -4 and windows.max() <= 127 / 32
    assert labels.shape == (16, 4) and (labels.sum(axis=1) == 1).all()


def test_batches_depend_on_seed_epoch_and_number_alone(material, recordings):
    again = epoch_batches(make_material(recordings), 1)
    batches = epoch_batches(material, 1)
    assert len(batches) == len(again) > 3
    for index in (2, 0, 2):
        assert all((a == b).all() for a, b in zip(batches[index], again[index], strict=True))
    assert (batches[0][0] != epoch_batches(material, 2)[0][0]).any()


def test_it_learns_the_tones_and_gives_the_same_weights_again(material, tmp_path):
    first, history = train(material, checkpoint=tmp_path / "a.npz", note=ignore)
    second, _ = train(material, checkpoint=tmp_path / "b.npz", note=ignore)
    assert all((a == b).all() for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    assert len(history) == 4 and history[-1].loss < history[0].loss
    clips, labels = material.audio("testing")
    assert (predict(first, material.frontend.extract(clips)) == labels).mean() > 0.9


def test_a_stopped_training_ends_in_the_same_weights(material, tmp_path):
    whole, _ = train(material, checkpoint=tmp_path / "whole.npz", note=ignore)

    class Stop(Exception):
        pass

    def stop_after_two(model, history, checkpoint, save=sys.modules["kws.train.loop"].save):
        save(model, history, checkpoint)
        if len(history) == 2:
            raise Stop

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stop):
        patch.setattr("kws.train.loop.save", stop_after_two)
        train(material, checkpoint=tmp_path / "stopped.npz", note=ignore)
    notes = []
    resumed, history = train(material, checkpoint=tmp_path / "stopped.npz", note=notes.append)
    assert notes[0].startswith("resuming after epoch 2 of 4") and len(history) == 4
    assert all((a == b).all() for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True))


def test_a_checkpoint_survives_kill(recordings, tmp_path):
    """Killed without warning between two epochs, the file is whole."""
    checkpoint = tmp_path / "state.npz"
    program = ("from dataclasses import replace\nfrom pathlib import Path\nfrom kws.train.loop import train\n"
               "from tests.helpers.tone_clips import SPEC, make_material\n"
               "spec = replace(SPEC, training=replace(SPEC.training, epochs=2000))\n"
               f"material = make_material(Path({str(recordings)!r}), spec)\n"
               f"train(material, checkpoint=Path({str(checkpoint)!r}), note=print)\n")
    root = str(ROOT)
    child = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": root},
                             stderr=subprocess.PIPE, text=True)
    line = next(line for line in child.stderr if line.startswith("epoch"))
    wait_until(checkpoint.exists)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stderr.close()
    assert line.startswith("epoch 1/2000: loss ")
    with np.load(checkpoint) as arrays:
        assert "history" in arrays


def test_a_damaged_checkpoint_is_named(material, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK not really")
    with pytest.raises(ModelError, match=r"bad\.npz is damaged"):
        train(material, checkpoint=tmp_path / "bad.npz", note=ignore)


def test_a_training_that_diverges_says_what_to_lower(recordings, tmp_path, monkeypatch):
    import keras

    def no_number(spec, taught):
        return lambda targets, probabilities: math.nan * keras.ops.mean(targets - probabilities)

    monkeypatch.setattr("kws.train.loop.training_loss", no_number)
    with pytest.raises(ModelError, match=r"lower \[training\] learning_rate = 0\.004"):
        train(make_material(recordings), checkpoint=tmp_path / "c.npz", note=ignore)


def test_features_that_are_not_finite_are_refused_before_training(recordings, tmp_path, monkeypatch):
    monkeypatch.setattr("kws.model.dataset.network_input",
                        lambda features: np.full((*features.shape, 1), math.nan, np.float32))
    with pytest.raises(ModelError, match="not finite"):
        train(make_material(recordings), checkpoint=tmp_path / "c.npz", note=ignore)
    assert not (tmp_path / "c.npz").exists()


def test_the_first_ctrl_c_waits_for_a_check_and_the_second_does_not():
    from kws.train.interrupt import CtrlC

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), CtrlC() as ctrl_c:
        ctrl_c.check()
        signal.raise_signal(signal.SIGINT)
        ctrl_c.check()
    with pytest.raises(KeyboardInterrupt), CtrlC():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def with_versions(recordings, count, cache=None):
    spec = replace(SPEC, training=replace(SPEC.training, augmented_versions=count))
    corpus = scan(recordings)
    return prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=cache)


def sorted_rows(material, epoch):
    """What an epoch's batches hold, whatever their order; timbre and SpecAugment switched off."""
    still = replace(material.spec.training, equalization_db=0, time_mask_frames=0, band_mask_features=0)
    material = replace(material, spec=replace(material.spec, training=still))
    batches = epoch_batches(material, epoch)
    windows, targets = (np.concatenate(parts) for parts in zip(*(batches[i] for i in range(len(batches))), strict=True))
    return np.unique(np.concatenate([windows.reshape(len(windows), -1), targets], axis=1), axis=0)


def test_versions_take_turns_in_another_order(recordings):
    material = with_versions(recordings, 2)
    first, second = epoch_batches(material, 0)[0][0], epoch_batches(material, 2)[0][0]
    assert not np.array_equal(first, second)
    kept = material.versions[0][0]
    assert len(kept) == len(material.epoch_rows(material.rng(0)))
    whole = {row.tobytes() for row in sorted_rows(material, 0)}
    again, other = ({row.tobytes() for row in sorted_rows(material, epoch)} for epoch in (2, 1))
    assert len(whole & again) > 0.9 * len(whole)  # the last batch is left out where it is not full
    assert len(whole & other) < 0.1 * len(whole)


def test_versions_are_kept_and_made_anew_when_damaged(recordings, tmp_path):
    made = with_versions(recordings, 2, tmp_path).versions[1]
    file, = (tmp_path / "versions").iterdir()
    before = file.stat().st_mtime_ns
    kept = with_versions(recordings, 2, tmp_path).versions[1]
    assert file.stat().st_mtime_ns == before
    file.write_bytes(file.read_bytes()[:100])
    again = with_versions(recordings, 2, tmp_path).versions[1]
    for arrays in (kept, again):
        assert all(np.array_equal(a, b) for a, b in zip(arrays, made, strict=True))


def test_other_augmentation_is_another_version(recordings, tmp_path):
    spec = replace(SPEC, training=replace(SPEC.training, augmented_versions=2, gain_db=0))
    with_versions(recordings, 2, tmp_path).versions[0]
    corpus = scan(recordings)
    prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=tmp_path).versions[0]
    assert len(list((tmp_path / "versions").iterdir())) == 2


def test_a_clip_of_other_sound_and_the_same_size_is_another_version(recordings, tmp_path):
    material = with_versions(recordings, 1, tmp_path)
    before = material.versions[0]
    clips = material.clips["training"].copy()
    clips[0] = clips[0][::-1]
    noise = [piece[::-1] for piece in material.noise["training"]]
    for other in (replace(material, clips={**material.clips, "training": clips}),
                  replace(material, noise={**material.noise, "training": noise})):
        assert not np.array_equal(other.versions[0][0], before[0])


def test_balance_takes_the_keywords_frequencies_out_of_their_scores(material):
    from kws.model.zoo import build

    labels = np.repeat([0, 1, 2, 3], [5, 50, 40, 10])  # low comes four times as often as high
    network = build(SPEC, seed=1)
    before = network.layers[-1].bias.numpy()
    balance_keywords(network, labels, 0.0)
    assert np.array_equal(network.layers[-1].bias.numpy(), before)
    balance_keywords(network, labels, 0.5)
    moved = network.layers[-1].bias.numpy() - before
    assert moved == pytest.approx([0, 0, -math.log(2) / 2, math.log(2) / 2], abs=1e-6)
