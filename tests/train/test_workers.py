"""Training on several replicas: each learns from its share, together they are one training, and they end together."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from kws.bench import tones
from kws.cli import app
from kws.data.corpus import scan
from kws.errors import ModelError
from kws.model.dataset import Material, epoch_batches, prepare
from kws.model.examples import choose_examples
from kws.specfile import write_spec
from kws.train.interrupt import CtrlC
from kws.train.workers import Place, Workers, open_workers, others_gone, read_place
from kws.workspace import open_workspace
from tests.helpers.paths import ROOT
from tests.helpers.waiting import DEADLINE_S

pytestmark = [pytest.mark.slow, pytest.mark.train]

SPEC = replace(tones.SPEC, model=replace(tones.SPEC.model, name="linear"))
EPOCHS, SHARES = 2, 2


def write_workspace(folder, spec=SPEC):
    tones.write_recordings(folder / "recordings")
    (folder / "kws.toml").write_text(write_spec(spec))
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("tones"))


def material_of(folder):
    place = open_workspace(folder)
    spec = replace(place.spec, training=replace(place.spec.training, epochs=EPOCHS))
    corpus = scan(place.recordings)
    return prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=None)


class TestShares:
    def test_together_they_are_the_batch(self, workspace, monkeypatch):
        material, heard = material_of(workspace), []
        monkeypatch.setattr(Material, "heard", lambda self, rows, rng: (heard.append(rows),
                                                                        np.zeros((len(rows), 6_400), np.int16))[1])
        for index in (0, 3):
            labels = [epoch_batches(material, 1, share=share, shares=4)[index][1] for share in range(4)]
            whole = epoch_batches(material, 1)[index][1]
            assert [len(part) for part in labels] == [4] * 4 and (np.concatenate(labels) == whole).all()
            assert (np.concatenate(heard[:4]) == heard[4]).all()
            heard.clear()

    def test_each_draws_its_own_random_numbers(self, workspace, monkeypatch):
        material, drawn = material_of(workspace), []
        monkeypatch.setattr(Material, "sounds", lambda self, rows, rng: (drawn.append(rng.random()), ()))
        monkeypatch.setattr(Material, "seen", lambda *_: None)
        for share in range(3):
            epoch_batches(material, 0, share=share, shares=3)[0]
        assert len(set(drawn)) == 3


def compare_replicas(folder):
    """In a process with two devices: two replicas against this process alone with the same shares as whole batches."""
    import keras

    import kws.train.loop as module

    class Whole(keras.utils.PyDataset):
        def __init__(self, material, number):
            super().__init__()
            self.shares = [epoch_batches(material, number, share=share, shares=SHARES) for share in range(SHARES)]

        def __len__(self):
            return len(self.shares[0])

        def __getitem__(self, index):
            return tuple(np.concatenate(arrays) for arrays in zip(*(share[index] for share in self.shares),
                                                                  strict=True))

    workers, material = open_workers("mirrored", note=print), material_of(folder)
    assert (workers.replicas, workers.chief) == (SHARES, True)
    workers.agree("0123456789abcdef", 16)
    both, split = module.train(material, checkpoint=folder / "both.npz", note=print, workers=workers)
    module.epoch_batches = Whole
    alone, whole = module.train(material, checkpoint=folder / "alone.npz", note=print)
    furthest = max(np.abs(a - b).max() for a, b in zip(both.get_weights(), alone.get_weights(), strict=True))
    moved = np.abs(alone.get_weights()[0]).max()
    print(json.dumps({"furthest": float(furthest), "moved": float(moved),
                      "loss": [[epoch.loss for epoch in history] for history in (split, whole)],
                      "accuracy": [[epoch.accuracy for epoch in history] for history in (split, whole)]}))


def test_two_replicas_take_the_steps_of_one_process(workspace):
    """The linear network has no batch normalisation, so only rounding is left between them."""
    program = f"""if True:
        import sys
        from pathlib import Path
        import tensorflow as tf
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0],
                                                   [tf.config.LogicalDeviceConfiguration()] * {SHARES})
        from tests.train.test_workers import compare_replicas
        compare_replicas(Path({str(workspace)!r}))
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode in (0, 3), done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert "mirrored: 2 CPU devices" in done.stdout
    assert found["furthest"] < 1e-3 * found["moved"], found
    assert np.allclose(*found["loss"], rtol=1e-4) and np.allclose(*found["accuracy"], atol=1e-6), found


WORKERS = {"worker": ["a:1", "b:2"]}


class TestPlace:
    @pytest.mark.parametrize(("cluster", "kind", "index", "place"), [
        (WORKERS, "worker", 0, Place(0, 2)), (WORKERS, "worker", 1, Place(1, 2)),
        ({"chief": ["c:3"], **WORKERS}, "worker", 0, Place(1, 3)),
        ({"chief": ["c:3"], **WORKERS}, "chief", 0, Place(0, 3)),
    ])
    def test_the_chief_is_number_0(self, cluster, kind, index, place):
        assert read_place(json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})) == place

    @pytest.mark.parametrize("config", [
        "", "no json", "[]", "{}", {"cluster": WORKERS}, {"cluster": WORKERS, "task": {"type": "worker", "index": 2}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": -1}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": "0"}},
        {"cluster": WORKERS, "task": {"type": "chief", "index": 0}},
        {"cluster": {**WORKERS, "ps": ["d:4"]}, "task": {"type": "worker", "index": 0}},
        {"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}},
        {"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}},
        {"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}},
    ], ids=str)
    def test_anything_else_is_refused_with_an_example(self, config):
        text = config if isinstance(config, str) else json.dumps(config)
        with pytest.raises(ModelError, match=r"does not say which of the workers this is.*export TF_CONFIG=") as caught:
            read_place(text)
        example = str(caught.value).partition("export TF_CONFIG='")[2].removesuffix("'")
        assert read_place(example) == Place(0, 2)


def free_addresses(count):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = [f"localhost:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    return addresses


def start_workers(folders):
    """One process for each folder; the first is the chief."""
    cluster, children = {"worker": free_addresses(len(folders))}, []
    for index, folder in enumerate(folders):
        place = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        command = [sys.executable, "-m", "kws", "train", "-C", folder, "--run", "many", "--strategy", "multi-worker"]
        children.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TF_CONFIG": place}, text=True,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    return children


def test_two_workers_stop_go_on_and_reach_the_accuracy_of_one(tmp_path):
    """Two workspaces with the same recordings and nothing else in common, as on two machines.

    Batch normalisation sees half a batch, so the weights are not those of one process; on tones, which one process
    tells apart without a mistake (the fixture tone_run), two must too.
    """
    folders = [write_workspace(tmp_path / "first", tones.SPEC), tmp_path / "second"]
    shutil.copytree(*folders)
    children = start_workers(folders)
    assert next(line for line in children[1].stderr if line.startswith("epoch 2/8"))
    children[1].send_signal(signal.SIGINT)
    ends = [child.communicate(timeout=DEADLINE_S)[1] for child in children]
    assert children[1].returncode == 130 and ends[1].endswith("to continue\n"), ends
    assert children[0].returncode in (130, 1), ends  # 1: it noticed while it was waiting for the other's share
    assert ends[0].endswith("to continue\n") or "another worker has ended" in ends[0].splitlines()[-1]
    assert not any((folder / "models").exists() for folder in folders)

    children = start_workers(folders)
    outputs = [child.communicate(timeout=DEADLINE_S) for child in children]
    assert all(child.returncode in (0, 3) for child in children), outputs
    assert all("resuming after epoch " in err for _, err in outputs)
    lines = [[line.partition("%, ")[0] for line in err.splitlines() if line.startswith("epoch ")] for _, err in outputs]
    assert lines[0] == lines[1] and lines[0][-1].startswith("epoch 8/8"), "both hold the same weights"
    metrics = json.loads((folders[0] / "models" / "many" / "metrics.json").read_text())
    assert [metrics["splits"][split]["int8"]["accuracy"] for split in ("validation", "testing")] == [1.0, 1.0]
    command = json.loads((folders[0] / "models" / "many" / "manifest.json").read_text())["command"]
    assert command.endswith("--strategy multi-worker")
    assert outputs[1][0] == "" and "trained; the chief writes the run" in outputs[1][1]
    assert not (folders[1] / "models").exists() and not list((folders[1] / ".cache").rglob("training/*"))


class Fake(Workers):
    """Workers without TensorFlow: the others say what `total` makes of what this one says."""

    def __init__(self, total):
        self.place, self.total = Place(1, 2), total

    replicas = 2

    def sum(self, values):
        return self.total(values)


class TestAgreement:
    def test_workers_that_train_the_same_agree(self):
        Fake(lambda own: 2 * own).agree("0123456789abcdef", 16)

    def test_other_settings_on_another_worker_are_refused(self):
        with pytest.raises(ModelError, match=r"worker 1 of 2.*give every worker the same kws\.toml"):
            Fake(lambda own: 2 * own + [0, 0, 0, 1]).agree("0123456789abcdef", 16)

    def test_a_batch_without_equal_shares_is_refused(self):
        with pytest.raises(ModelError, match=r"\[training\] batch = 15 cannot be split into 2 .* a multiple of 2"):
            Fake(lambda own: 2 * own).agree("0123456789abcdef", 15)

    @pytest.mark.parametrize("others", [0, 1])
    def test_ctrl_c_on_one_stops_all(self, others):
        with CtrlC() as ctrl_c, pytest.raises(KeyboardInterrupt) if others else nullcontext():
            Fake(lambda own: own + others).check(ctrl_c)

    def test_another_worker_that_is_gone_is_one_line(self):
        import tensorflow as tf

        with pytest.raises(ModelError, match="another worker has ended or cannot be reached; start all workers again"):
            with others_gone():
                raise tf.errors.UnavailableError(None, None, "Socket closed")


def test_a_wrong_tf_config_is_one_line(workspace, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    result = CliRunner().invoke(app, ["train", "-C", str(workspace), "--strategy", "multi-worker"])
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: TF_CONFIG = '{}' does not say which of the workers this is; ")


def test_an_unknown_strategy_is_wrong_usage(workspace):
    result = CliRunner().invoke(app, ["train", "-C", str(workspace), "--strategy", "many"])
    assert result.exit_code == 2 and "'mirrored', 'multi-worker'" in result.stderr
