"""Distillation: what the loss is in numbers, that a network learns what its teacher says, and the command."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kws.data.corpus import scan
from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.features.frontend import Frontend
from kws.model.dataset import prepare
from kws.model.distill import Teacher, distillation_loss, label_accuracy, load_teachers, make_teaching, softened
from kws.model.examples import choose_examples
from kws.pipeline.manifest import training_fingerprint
from kws.pipeline.train import teaching_notes
from kws.spec import Spec, TrainingSpec
from kws.specfile import read_spec, write_spec
from kws.train.loop import predict, train
from kws.workspace import read_artefact, read_manifest
from tests.helpers.small_workspace import make_workspace, run

pytestmark = [pytest.mark.slow, pytest.mark.train]


class Says:
    """A network that always says the same; it keeps the windows that it was shown."""

    def __init__(self, *probabilities):
        self.row = np.array(probabilities, np.float32)
        self.seen = []

    def predict_on_batch(self, windows):
        self.seen.append(windows)
        return np.tile(self.row, (len(windows), 1))

    def count_params(self):
        return 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A workspace with a run "big" to learn from."""
    folder = make_workspace(tmp_path_factory.mktemp("distill") / "w")
    assert run("train", "--model", "linear", "--run", "big", "-C", folder).exit_code in (0, 3)
    return folder


def change(folder, **training):
    """Other training settings in kws.toml; returns the spec."""
    spec = read_spec(folder / "kws.toml")
    spec = replace(spec, training=replace(spec.training, **training))
    (folder / "kws.toml").write_text(write_spec(spec))
    return spec


def teacher_that(model, folder):
    plan = Plan.from_bytes(read_artefact(folder / "models" / "big", "model.kws"))
    return Teacher("made", {"model.keras": "0"}, plan, model)


def material_of(folder, spec, *teachers):
    corpus = scan(folder / "recordings")
    return prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=None, teachers=teachers)


def test_softening_takes_roots_and_normalises():
    assert softened(np.array([[0.64, 0.36]]), 2.0) == pytest.approx(np.array([[8 / 14, 6 / 14]]))
    assert softened(np.array([[0.64, 0.36]]), 1.0) == pytest.approx(np.array([[0.64, 0.36]]))
    assert np.isfinite(softened(np.array([[1.0, 0.0]]), 4.0)).all()


def loss_of(targets, probabilities, **settings):
    spec = TrainingSpec(label_smoothing=0.0, **settings)
    return float(np.asarray(distillation_loss(spec)(np.array([targets], "f4"), np.array([probabilities], "f4")))[0])


def test_the_loss_is_the_mixture_that_the_settings_say():
    targets, said = [1, 0, 8 / 14, 6 / 14], [0.64, 0.36]
    assert loss_of(targets, said, distillation_weight=0.0) == pytest.approx(-np.log(0.64), abs=1e-5)
    assert loss_of(targets, said, distillation_weight=1.0) == pytest.approx(0, abs=1e-6)
    divergence = 8 / 14 * np.log(8 / 7) + 6 / 14 * np.log(6 / 7)
    assert loss_of(targets, [0.5, 0.5], distillation_weight=0.25) == pytest.approx(
        0.75 * np.log(2) + 0.25 * 4 * divergence, abs=1e-5)
    assert np.isfinite(loss_of(targets, [1, 0], distillation_weight=1.0))


def test_accuracy_counts_the_label_and_not_the_teacher():
    targets = np.array([[1, 0, 0, 1], [0, 1, 0, 1]], "f4")
    assert np.asarray(label_accuracy(targets, np.array([[0.9, 0.1], [0.9, 0.1]], "f4"))).tolist() == [1, 0]


def test_teachers_are_averaged_and_share_what_the_network_sees(place):
    spec = read_spec(place / "kws.toml")
    first, second = Says(1, 0, 0, 0), Says(0, 0, 0, 1)
    material = material_of(place, spec, teacher_that(first, place), teacher_that(second, place))
    windows, targets = material.batch(np.arange(6), np.random.default_rng(0))
    assert targets.shape == (6, 8) and (targets[:, :4].sum(axis=1) == 1).all()
    assert targets[:, 4:] == pytest.approx(np.tile([0.5, 0, 0, 0.5], (6, 1)), abs=1e-6)
    assert np.array_equal(first.seen[0], windows) and np.array_equal(second.seen[0], windows)
    assert material.teaching.frontends == (None, None)


def test_a_teacher_with_another_front_end_hears_the_same_samples(place):
    spec = read_spec(place / "kws.toml")
    spec = replace(spec, frontend=replace(spec.frontend, hop_ms=10),
                   training=replace(spec.training, time_mask_frames=20))
    model = Says(0.25, 0.25, 0.25, 0.25)
    teacher = teacher_that(model, place)
    material = material_of(place, spec, teacher)
    rows = np.arange(6)
    windows, _ = material.batch(rows, np.random.default_rng(0))
    heard = Frontend(teacher.plan.frontend).extract(material.heard(rows, np.random.default_rng(0)))
    assert windows.shape[1] > model.seen[0].shape[1]
    assert (model.seen[0][..., 0] * 32 == heard).all()


def test_the_network_learns_what_the_teacher_says(place, tmp_path):
    """With all the weight on the teacher the labels do not count."""
    spec = read_spec(place / "kws.toml")
    spec = replace(spec, training=replace(spec.training, distillation_weight=1.0, distillation_temperature=1.0))
    material = material_of(place, spec, teacher_that(Says(0.05, 0.8, 0.1, 0.05), place))
    model, history = train(material, checkpoint=tmp_path / "c.npz", note=lambda line: None)
    clips, _ = material.audio("testing")
    assert (predict(model, material.frontend.extract(clips)) == 1).mean() > 0.9
    assert history[-1].accuracy < 0.6


def test_a_taught_training_is_the_same_again(place, tmp_path):
    """Two threads ask the teacher; resuming relies on the same answers."""
    spec = read_spec(place / "kws.toml")
    weights = []
    for name in ("a", "b"):
        material = material_of(place, spec, *load_teachers([place / "models" / "big"], spec))
        model, _ = train(material, checkpoint=tmp_path / f"{name}.npz", note=lambda line: None)
        weights.append(model.get_weights())
    assert all((a == b).all() for a, b in zip(*weights, strict=True))


def test_the_teacher_is_part_of_the_fingerprint(place):
    spec = read_spec(place / "kws.toml")
    big, = load_teachers([place / "models" / "big"], spec)
    alone, taught = material_of(place, spec), material_of(place, spec, big)
    other = replace(taught, teaching=make_teaching([replace(big, sha256={"model.keras": "1"})], spec, taught.frontend))
    assert len({training_fingerprint(material) for material in (alone, taught, other)}) == 3


def test_rare_keywords_raised_once_need_no_note(place):
    spec = read_spec(place / "kws.toml")
    teaching = material_of(place, spec, *load_teachers([place / "models" / "big"], spec)).teaching
    assert [len(teaching_notes(teaching, balance=balance)) for balance in (0.0, 1.0)] == [1, 2]


def test_the_command_names_its_teacher_and_shares_its_front_end(place):
    """Other augmentation would measure another range of the features: the teacher's is taken."""
    change(place, gain_db=30.0)
    result = run("train", "--model", "linear", "--run", "small", "--teacher", "big", "-C", place)
    assert result.exit_code in (0, 3), result.output
    assert "teacher big: " in result.stderr and "shares its front end with the network" in result.stderr
    assert "note: big raised rare keywords already, and this training will again; " in result.stderr
    manifests = {name: read_manifest(place / "models" / name) for name in ("big", "small")}
    assert manifests["small"].command == "kws train --like small --run small-again --teacher big"
    assert manifests["small"].content["teachers"] == [
        {"run": "big", "files": {name: manifests["big"].files[name] for name in ("model.keras", "model.kws")}}]
    assert manifests["big"].content["teachers"] == []
    plans = [Plan.from_bytes(read_artefact(place / "models" / name, "model.kws")) for name in ("big", "small")]
    for name in ("offset_q16", "multiplier", "shift"):
        assert (getattr(plans[0].frontend, name) == getattr(plans[1].frontend, name)).all()


def test_a_teacher_of_other_words_is_refused(place, tmp_path):
    other = make_workspace(tmp_path / "other")
    (other / "kws.toml").write_text(write_spec(Spec(keywords=("high", "low"))))
    result = run("train", "--teacher", place / "models" / "big", "-C", other)
    assert result.exit_code == 1
    assert "teacher big knows the keywords low, high, and kws.toml asks for high, low" in result.stderr
    assert run("train", "--teacher", "nobody", "-C", other).exit_code == 1
    assert not list(other.glob("models/*"))


def test_a_damaged_teacher_is_named(place, tmp_path):
    copy = shutil.copytree(place / "models" / "big", tmp_path / "big")
    (copy / "model.keras").write_bytes(b"?")
    with pytest.raises(ModelError, match=r"model\.keras is damaged"):
        load_teachers([copy], read_spec(place / "kws.toml"))
