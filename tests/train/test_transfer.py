"""kws train --from: a tone that the base never heard, from six recordings; where networks are cut; what cannot be."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

pytest.importorskip("tensorflow")

from kws import load
from kws.bench import tones
from kws.bench.tones import spoken_middle
from kws.data.corpus import split_of
from kws.engine.plan import Plan
from kws.errors import ModelError
from kws.model.zoo import build
from kws.spec import FrontendSpec, ModelSpec, Spec
from kws.specfile import write_spec
from kws.train.loop import save
from kws.train.transfer import cut_point, grafted, load_base, passages
from kws.workspace import read_artefact, read_manifest
from tests.helpers.small_workspace import run

pytestmark = [pytest.mark.slow, pytest.mark.train]


def make_workspace(folder):
    """A workspace for the word "middle" with six recordings, and the tones of the base as other words."""
    rng = np.random.default_rng(3)
    tones.write_recordings(folder / "recordings")
    (folder / "recordings" / "own" / "middle").mkdir(parents=True)
    for take in range(6):
        path = folder / "recordings" / "own" / "middle" / f"anna{take}_nohash_0.wav"
        soundfile.write(path, spoken_middle(rng), tones.RATE_HZ)
    (folder / "kws.toml").write_text(write_spec(replace(tones.SPEC, keywords=("middle",))))
    return folder


@pytest.fixture(scope="module")
def small():
    """Fewer copies than for speech: tones are easy."""
    with pytest.MonkeyPatch.context() as patch:
        for name, count in (("COPIES", 200), ("TOGETHER", 100), ("HALVES", 50), ("SILENT", 60)):
            patch.setattr(f"kws.model.few_shot_examples.{name}", count)
        yield


@pytest.fixture(scope="module")
def learnt(tone_run, small, tmp_path_factory):
    folder = make_workspace(tmp_path_factory.mktemp("transfer") / "w")
    result = run("train", "--from", tone_run, "--run", "middle", "-C", folder)
    assert result.exit_code in (0, 3), result.output
    return folder, result


def test_six_recordings_are_enough_on_a_base_and_false_alarms_stay_away(learnt):
    detector, rng = load(learnt[0] / "models" / "middle"), np.random.default_rng(9)
    said = [spoken_middle(rng, seconds=2, start_s=1) for _ in range(12)]
    assert [hit.keyword for audio in said for hit in detector.push(audio)] == ["middle"] * 12
    detector.reset()
    others = {1.5 * i + 1: word for i, word in enumerate(["low", "high", "other"] * 5)}
    assert len(detector.push(tones.spoken(others, seconds=24, rng=rng))) == 0


def test_the_run_names_its_base_and_hears_with_its_front_end(learnt, tone_run):
    made = learnt[0] / "models" / "middle"
    manifest, of_base = read_manifest(made), read_manifest(tone_run)
    assert manifest.content["base"] == {"run": tone_run.name, "command": of_base.command,
                                "model.keras": of_base.files["model.keras"]}
    assert manifest.command == f"kws train --from {tone_run.name} --run middle"
    base, own = (Plan.from_bytes(read_artefact(folder, "model.kws")) for folder in (tone_run, made))
    for name in ("offset_q16", "multiplier", "shift"):
        assert (getattr(base.frontend, name) == getattr(own.frontend, name)).all()
    metrics = json.loads((made / "metrics.json").read_text())
    assert metrics["operating_point"]["rule"].startswith("the most hits")
    assert metrics["splits"]["validation"] == {"float": None, "int8": None}
    assert "examples made of" in learnt[1].stderr and "nan" not in learnt[1].output


def stop_after_two(place, monkeypatch, folder, base):
    """Train the run "again", and stop after the second checkpoint. place : where the training finds `save`."""
    class Stop(Exception):
        pass

    def save_two(model, history, checkpoint):
        save(model, history, checkpoint)
        if len(history) == 2:
            raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(place, save_two)
        run("train", "--from", base, "--run", "again", "-C", folder)


def test_the_same_command_gives_the_same_network_also_after_an_interruption(learnt, tone_run, monkeypatch):
    stop_after_two("kws.train.transfer.save", monkeypatch, learnt[0], tone_run)
    assert not (learnt[0] / "models" / "again").exists()
    result = run("train", "--from", tone_run, "--run", "again", "-C", learnt[0])
    assert result.exit_code in (0, 3) and "resuming after epoch 2 of" in result.stderr
    first, second = (learnt[0] / "models" / name for name in ("middle", "again"))
    assert all(read_artefact(first, name) == read_artefact(second, name) for name in ("model.tflite", "model.kws"))
    assert not list((learnt[0] / ".cache" / "kws" / "training").iterdir())


@pytest.fixture(scope="module")
def talked(tone_run, small, tmp_path_factory):
    """The same with two minutes of talk for each split, and takes of somebody who tests."""
    folder = make_workspace(tmp_path_factory.mktemp("talk") / "w")
    rng, tester = np.random.default_rng(4), next(f"eve{n}" for n in range(99) if split_of(f"eve{n}") == "testing")
    for split in ("training", "validation", "testing"):
        said = {1.5 * i + 1: word for i, word in enumerate(["low", "high", "other"] * 26)}
        path = folder / "recordings" / "radio" / "_talk_" / split / "talker" / "one.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, tones.spoken(said, seconds=120, rng=rng), tones.RATE_HZ)
    for take in range(5):
        path = folder / "recordings" / "own" / "middle" / f"{tester}_nohash_{take}.wav"
        soundfile.write(path, spoken_middle(rng), tones.RATE_HZ)
    result = run("train", "--from", tone_run, "--run", "middle", "-C", folder)
    assert result.exit_code in (0, 3), result.output
    return folder, result


def test_with_talk_the_whole_base_learns_beside_it_and_other_people_judge(talked):
    folder, result = talked
    assert "talk: 0.0 hours to train with" in result.stderr and "after round 3: 0 half seconds" in result.stderr
    assert "5 words by people who did not train" in result.output and "missed (0.0% to" in result.output
    assert "0.00 false alarms per hour of talk" in result.output
    point = json.loads((folder / "models" / "middle" / "metrics.json").read_text())["operating_point"]
    assert point["clips"] == 0 and point["talk"] and point["test"]["events"] == 5
    detector, rng = load(folder / "models" / "middle"), np.random.default_rng(9)
    said = [spoken_middle(rng, seconds=2, start_s=1) for _ in range(12)]
    assert [hit.keyword for audio in said for hit in detector.push(audio)] == ["middle"] * 12


def test_without_talk_the_training_says_what_that_costs(learnt):
    assert "no talk to train with" in learnt[1].stderr and "recordings/talk/_talk_/" in learnt[1].stderr
    assert "nobody who tests says a keyword" in learnt[1].output


def test_a_training_with_talk_goes_on_where_it_was_stopped(talked, tone_run, monkeypatch):
    stop_after_two("kws.train.transfer_with_talk.save", monkeypatch, talked[0], tone_run)
    result = run("train", "--from", tone_run, "--run", "again", "-C", talked[0])
    assert result.exit_code in (0, 3) and "resuming after round 2 of 4" in result.stderr
    first, second = (talked[0] / "models" / name for name in ("middle", "again"))
    assert all(read_artefact(first, name) == read_artefact(second, name) for name in ("model.tflite", "model.kws"))


def refused(folder, base, *arguments):
    before = sorted((folder / "models").glob("*")) if (folder / "models").exists() else []
    result = run("train", "--from", base, "-C", folder, *arguments)
    assert sorted((folder / "models").glob("*")) == before
    return result


def test_a_base_that_does_not_fit_names_what_to_write_into_kws_toml(tone_run, tmp_path):
    spec = replace(tones.SPEC, keywords=("middle",), frontend=FrontendSpec(clip_ms=500))
    (tmp_path / "kws.toml").write_text(write_spec(spec))
    result = refused(tmp_path, tone_run)
    assert result.exit_code == 1 and "next: write [frontend] clip_ms = 400 into kws.toml" in result.output
    result = refused(tmp_path, tone_run, "--model", "linear")
    assert '[frontend] clip_ms = 400, [model] name = "cnn" into kws.toml' in result.output


def test_a_base_that_is_not_there_or_not_whole_is_named(learnt, tone_run, tmp_path):
    result = refused(learnt[0], "nobody")
    assert result.exit_code == 1 and "no run 'nobody'" in result.output
    broken = shutil.copytree(tone_run, tmp_path / "broken")
    (broken / "model.keras").unlink()
    result = refused(learnt[0], broken)
    assert result.exit_code == 1 and "holds no model.keras" in result.output


def test_base_and_teacher_exclude_each_other(learnt, tone_run):
    result = refused(learnt[0], tone_run, "--teacher", "middle")
    assert result.exit_code == 2 and "cannot be combined with --teacher" in result.output


def test_a_network_without_a_last_dense_layer_is_no_base(tone_run, monkeypatch):
    import keras

    image = keras.Input((4, 4, 1))
    network = keras.Model(image, keras.layers.Flatten()(image))
    monkeypatch.setattr("kws.train.transfer.load_network", lambda run: network)
    with pytest.raises(ModelError, match="ends in Flatten; a base must end in the Dense layer"):
        load_base(tone_run, tones.SPEC)


@pytest.mark.parametrize(("name", "kept", "learns"), [("linear", "flatten", 0), ("cnn", "re_lu_1", 2),
                                                      ("ds_cnn", "re_lu_3", 5)])
def test_networks_are_cut_where_about_half_of_their_layers_follow(name, kept, learns):
    import keras

    model = build(Spec(keywords=("yes",), model=ModelSpec(name=name)), seed=1)
    joint = cut_point(model)
    assert model.layers[joint].name == kept and joint in passages(model)
    window = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:])).astype(np.float32)
    before = keras.Model(model.input, model.layers[-2].output)(window)
    body, tail, whole = grafted(model, 5, seed=1)
    assert whole.output_shape == tail.output_shape == (None, 5)
    assert (np.asarray(tail(body(window))) == np.asarray(whole(window))).all()
    assert (np.asarray(keras.Model(whole.input, whole.layers[-2].output)(window)) == np.asarray(before)).all()
    kernels = [weight for weight in tail.trainable_weights if weight.name.endswith("kernel")]
    assert len(kernels) == learns + 1 and not body.trainable_weights


def test_a_shortcut_is_not_cut():
    model = build(Spec(keywords=("yes",), model=ModelSpec(name="ds_cnn")), seed=1)
    inside = [i for i, layer in enumerate(model.layers) if type(layer).__name__ in ("DepthwiseConv2D", "Cropping2D")]
    assert inside and not set(inside) & set(passages(model))

