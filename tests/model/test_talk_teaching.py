"""Teachers at every hop of talk: what becomes of the targets, what a teacher hears, and the command."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

pytest.importorskip("tensorflow")

from kws.data.corpus import scan
from kws.data.talk import find_talk
from kws.engine.plan import Plan
from kws.errors import DataError, ModelError
from kws.features.frontend import network_input
from kws.features.tables import Normalisation
from kws.model.dataset import prepare
from kws.model.distill import Teacher
from kws.model.examples import choose_examples
from kws.model.log_mel import dequantized
from kws.model.stretch_loss import stretch_loss
from kws.model.talk_teaching import TalkTeaching, in_range, make_talk_teaching, refuse_deaf
from kws.model.zoo import build
from kws.spec import TrainingSpec
from kws.specfile import read_spec, write_spec
from kws.train.loop import train
from kws.workspace import read_artefact
from tests.helpers.small_workspace import make_workspace, run

pytestmark = [pytest.mark.slow, pytest.mark.train]
LABELS = 4
SAYS = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
BESIDE, NEAR, OWN = range(3)  # hops of the targets below


def targets():
    """Beside words, around a word (label 3 alone is right), and a clip's own window that has other teachers."""
    rows = np.zeros((1, 3, 2 * LABELS + 3), np.float32)
    rows[0, BESIDE, : LABELS + 1] = 1, 1, 0, 0, 0.2
    rows[0, NEAR, : LABELS + 1] = 0, 0, 0, 1, 0.05
    rows[0, OWN] = 0, 0, 0, 1, 0.25, 0, 0, 0.5, 0.5, 0.75, 1
    return rows


def taught(**settings):
    teaching = TalkTeaching((), (lambda rows: np.tile(SAYS, (1, 3, 1)),), temperature=1.0, **settings)
    return teaching.taught(np.zeros((1, 5, 2), np.int8), targets())[0]


def test_a_teacher_names_what_is_permitted_or_none_and_has_its_share_of_the_weight():
    found = taught(weight=0.75, clips=True)
    assert found[BESIDE] == pytest.approx([1, 1, 0, 0, 0.05, 1 / 3, 2 / 3, 0, 0, 0.15, 0])
    assert found[NEAR] == pytest.approx([0, 0, 0, 1, 0.0125, 1 / 7, 2 / 7, 0, 4 / 7, 0.0375, 0])
    assert np.array_equal(found[OWN], targets()[0, OWN])  # clips' teachers answered there


def test_without_clips_teachers_it_answers_at_the_clips_own_windows_too():
    assert taught(weight=0.75, clips=False)[OWN] == pytest.approx([0, 0, 0, 1, 0.25, *SAYS, 0.75, 1])


def test_the_loss_counts_what_a_teacher_says_beside_the_label():
    spec = TrainingSpec(distillation_temperature=1.0)
    loss = stretch_loss(spec, labels=LABELS, clips=1, taught=True)
    said = np.full((1, 3, LABELS), 0.25, np.float32)
    found = taught(weight=0.75, clips=True)[None]
    divergence = 1 / 3 * np.log(4 / 3) + 2 / 3 * np.log(8 / 3)
    assert float(loss(found[:, :1], said[:, :1])) == pytest.approx(0.05 * np.log(2) + 0.15 * divergence, rel=1e-5)


def test_features_in_another_range_are_the_same_sounds():
    rows = np.arange(-100, 100, dtype=np.int8).reshape(100, 2)
    first, second = Normalisation((1.0, 2.0), (0.1, 0.2)), Normalisation((0.5, 2.5), (0.2, 0.4))
    assert np.array_equal(in_range(rows, first, first), rows)
    there = dequantized(in_range(rows, first, second), second)
    assert np.abs(there - dequantized(rows, first)).max() <= 0.2 + 1e-6  # half a step


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A workspace with talk, and a run "big" that has heard it."""
    folder, rng = make_workspace(tmp_path_factory.mktemp("taught") / "w"), np.random.default_rng(0)
    spec = read_spec(folder / "kws.toml")
    training = replace(spec.training, talk_percent=50, quantization_aware_epochs=0, epochs=2, augmented_versions=0)
    (folder / "kws.toml").write_text(write_spec(replace(spec, training=training)))
    tones = [5_000 * np.sin(2 * np.pi * hz * np.arange(1_200) / 16_000) for _ in range(150) for hz in (300, 3_000)]
    path = folder / "recordings" / "radio" / "_talk_" / "training" / "anna.wav"
    path.parent.mkdir(parents=True)
    soundfile.write(path, (np.concatenate(tones) + rng.normal(0, 20, 360_000)).astype(np.int16), 16_000)
    assert run("train", "--model", "cnn", "--run", "big", "-C", folder).exit_code in (0, 3)
    return folder


def material_of(place, model, **changed):
    """Material that a made teacher, "big" with another network, teaches; `changed` are settings of the training."""
    spec, corpus = read_spec(place / "kws.toml"), scan(place / "recordings")
    spec = replace(spec, training=replace(spec.training, **changed))
    plan = Plan.from_bytes(read_artefact(place / "models" / "big", "model.kws"))
    teacher = Teacher("made", {"model.keras": "0"}, plan, model or build(spec, seed=1))
    return prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=None, talk_teachers=[teacher],
                   talk=find_talk(place / "recordings"))


def test_a_network_learns_what_its_teacher_says(place, tmp_path):
    """With all the weight on a teacher to whom every sound is "low", the labels of "high" do not count."""
    import keras

    window = keras.Input((None, 40, 1))
    pooled = keras.layers.AveragePooling2D((read_spec(place / "kws.toml").frontend.frames, 40), strides=1)(window)
    model = keras.Model(window, keras.layers.Dense(LABELS, activation="softmax")(pooled))
    model.layers[-1].set_weights([np.zeros((1, LABELS), np.float32), np.array([0, 0, 5, 0], np.float32)])
    for weight, low in ((0.0, 0.0), (1.0, 1.0)):
        material = material_of(place, model, distillation_weight=weight, epochs=4)
        network, _ = train(material, checkpoint=tmp_path / f"{weight}.npz", note=lambda line: None)
        clips, labels = material.audio("testing")
        said = np.asarray(network(network_input(material.frontend.extract(clips[labels == 3]))))
        assert (said[:, 2] > said[:, 3]).mean() == pytest.approx(low, abs=0.2), weight


def test_the_command_names_its_teacher_and_the_run_says_how_to_build_it_again(place):
    shown = run("train", "--model", "cnn", "--run", "small", "--talk-teacher", "big", "-C", place)
    assert shown.exit_code in (0, 3), shown.output
    assert "teacher big" in shown.output and "for every hop of talk" in shown.output
    manifest = json.loads((place / "models" / "small" / "manifest.json").read_text())
    assert "--talk-teacher big" in manifest["command"]
    assert [teacher["run"] for teacher in manifest["talk_teachers"]] == ["big"]


def test_a_teacher_that_cannot_teach_talk_is_refused(place):
    with pytest.raises(DataError, match="talk_percent above 0"):
        material_of(place, None, talk_percent=0)
    spec = read_spec(place / "kws.toml")
    material = material_of(place, None)
    plan = Plan.from_bytes(read_artefact(place / "models" / "big", "model.kws"))
    linear = build(replace(spec, model=replace(spec.model, name="linear")), seed=1)
    with pytest.raises(ModelError, match="teacher flat cannot answer at every hop"):
        make_talk_teaching([Teacher("flat", {}, plan, linear)], material.stretches, clips=False)
    other = replace(plan, spec=replace(plan.spec, frontend=replace(spec.frontend, low_hz=100.0)))
    with pytest.raises(ModelError, match=r"teacher far has another \[frontend\]"):
        refuse_deaf([Teacher("far", {}, other, linear)], spec, talk=True)
    assert run("train", "--from", "big", "--talk-teacher", "big", "-C", place).exit_code == 2
    assert run("train", "--backend", "jax", "--talk-teacher", "big", "-C", place).exit_code == 2
