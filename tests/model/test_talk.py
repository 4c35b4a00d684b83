"""Training on stretches of talk: what may be said where, and that a network learns to be silent in talk."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from kws.data.talk import find_rooms, find_talk, keywords_said
from kws.errors import ModelError
from kws.features.frontend import Frontend
from kws.features.tables import Normalisation, build_tables
from kws.model.log_mel import at_pace, mixed, rows_needed, with_voice
from kws.model.stretches import CLIPS, Stretches
from kws.model.talk import TalkRows, hardest, in_room, talk_rows
from kws.spec import FrontendSpec, ModelSpec, Spec, TrainingSpec

SPEC = Spec(keywords=("low", "high"), frontend=FrontendSpec(clip_ms=300), model=ModelSpec(name="cnn", width=0.5),
            training=TrainingSpec(epochs=6, batch=16, shift_ms=20, noise_percent=30, unknown_percent=50, snr_low_db=20,
                                  snr_high_db=30, talk_percent=50, talk_weight=0.25, equalization_db=0,
                                  quantization_aware_epochs=0))
WINDOW, BANDS, LABELS = SPEC.frontend.frames, SPEC.frontend.bands, len(SPEC.labels)


def write(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.astype(np.int16), 16_000)


def made(talk, spec=SPEC):
    """Stretches over talk rows, a front end of identity scales."""
    normalisation = Normalisation((0.0,) * BANDS, (0.1,) * BANDS)
    noise = np.full((2_000, BANDS), -100, np.int8)
    return Stretches(spec, talk, noise, normalisation, np.zeros((4, BANDS), np.float32))


def talk_of(rows, said):
    """Talk of a single source that was never in a room."""
    return TalkRows(rows, rows, said, np.array([0, len(rows)]))


@pytest.fixture
def quiet_talk():
    return talk_of(np.full((1_000, BANDS), 20, np.int8), np.zeros((1_000, 2), bool))


def test_a_transcript_frees_the_keywords_that_it_holds_by_sound_too():
    assert keywords_said("I know, turn LEFT!", ("no", "left", "go")) == {"no", "left"}
    assert keywords_said("nobody goes", ("no", "go")) == keywords_said(None, ("no",)) == frozenset()


def test_talk_is_found_with_its_speakers_and_texts(tmp_path):
    folder = tmp_path / "radio" / "_talk_"
    for name in ("anna/one.wav", "anna/two.wav", "evening.wav"):
        write(folder / name, np.zeros(100))
    (folder / "texts.csv").write_text("file,text\nanna/one,go away\n")
    (folder / "anna" / "more.csv").write_text("file,text\ntwo.wav,well\n")
    write(folder / "testing" / "anna" / "late.wav", np.zeros(100))
    assert {talk.split for talk in find_talk(tmp_path) if talk.path.name == "late.wav"} == {"testing"}
    assert [(talk.path.name, talk.speaker, talk.text) for talk in find_talk(tmp_path)] == [
        ("one.wav", "anna", "go away"), ("two.wav", "anna", "well"), ("late.wav", "anna", None),
        ("evening.wav", "evening", None)]


def test_rows_of_a_speaker_run_on_and_know_what_was_said(tmp_path):
    folder = tmp_path / "radio" / "_talk_" / "anna"
    rng = np.random.default_rng(0)
    for name, text in (("a", "low"), ("b", "something else")):
        write(folder / f"{name}.wav", rng.normal(0, 1_000, 3_200))
        (folder / f"{name}.csv").write_text(f"file,text\n{name},{text}\n")
    frontend = Frontend(build_tables(SPEC.frontend, Normalisation.identity(BANDS)))
    found = talk_rows(find_talk(tmp_path), SPEC.keywords, frontend, cache=tmp_path / "cache")
    assert len(found) == 1 + (6_400 - 480) // 320 == 19
    assert found.said[:, 0].tolist() == [True] * 10 + [False] * 9 and not found.said[:, 1].any()


def test_speakers_are_heard_by_other_processes_as_by_this_one(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for speaker in range(4):
        write(tmp_path / "radio" / "_talk_" / f"s{speaker}" / "a.wav", rng.normal(0, 1_000, 3_200 + 800 * speaker))
    frontend = Frontend(build_tables(SPEC.frontend, Normalisation.identity(BANDS)))
    rooms = [rng.normal(0, 1, 50).astype(np.float32)]
    here = talk_rows(find_talk(tmp_path), SPEC.keywords, frontend, cache=None, rooms=rooms)
    monkeypatch.setattr("kws.model.talk.SPEAKERS", 1)
    there = talk_rows(find_talk(tmp_path), SPEC.keywords, frontend, cache=None, rooms=rooms)
    for name in ("rows", "in_room", "said", "sources"):
        assert np.array_equal(getattr(here, name), getattr(there, name))


def test_a_keyword_with_a_time_may_be_heard_there_only_if_it_stands_alone(tmp_path):
    folder = tmp_path / "radio" / "_talk_" / "anna"
    for name in ("a", "b"):
        write(folder / f"{name}.wav", np.zeros(32_000))
    (folder / "texts.csv").write_text("file,text\na,low so high up low\nb,high\n")
    (folder / "times.csv").write_text("file,word,start_s,end_s\na,so,0.5,0.7\na,low,0.1,0.35\na,high,0.7,0.9\n"
                                      "a,up,0.95,1.2\na,low,1.29,1.5\n")
    frontend = Frontend(build_tables(SPEC.frontend, Normalisation.identity(BANDS)))
    found = talk_rows(find_talk(tmp_path), SPEC.keywords, frontend, cache=None)
    alone = [row for row in range(len(found)) if row * 320 + 480 > 1_600 and row * 320 < 5_600]
    assert found.said[:, 0].nonzero()[0].tolist() == alone  # not the second "low", 0.09 s after "up"
    second = [row for row in range(len(found)) if row * 320 + 480 > 32_000]
    assert found.said[:, 1].nonzero()[0].tolist() == second  # "b" has no times: all of it


def test_a_room_delays_by_its_echo_and_keeps_the_level():
    click = np.zeros(5_000, np.int16)
    click[4_000] = 10_000
    heard = in_room(click, np.array([0.6, 0, 0, 0.8], np.float32))
    assert heard.nonzero()[0].tolist() == [4_000, 4_003] and heard[[4_000, 4_003]].tolist() == [6_000, 8_000]


def test_rooms_are_found_beside_the_talk(tmp_path):
    write(tmp_path / "radio" / "_rooms_" / "hall.wav", np.ones(10))
    assert [path.name for path in find_rooms(tmp_path)] == ["hall.wav"]


def test_hops_of_talk_permit_no_keyword_but_the_ones_that_may_be_heard(quiet_talk):
    said = np.zeros((1_000, 2), bool)
    said[:, 1] = True
    _, targets = made(talk_of(quiet_talk.rows, said)).of_talk(np.random.default_rng(0))
    assert (targets[:, :LABELS] == [1, 1, 0, 1]).all() and (targets[:, LABELS] == 0.25).all()
    assert (targets[:, LABELS + 1 :] == 0).all()


def test_around_a_keyword_it_or_none_is_permitted_and_at_its_window_it_alone(quiet_talk):
    stretches = made(quiet_talk)
    permitted = stretches.permitted(np.zeros((stretches.frames, 2), bool))
    labels = np.eye(LABELS, dtype=np.float32)[[3]]
    targets = stretches.targets_with(permitted, np.array([20]), labels)
    rules = ["".join("01"[int(v)] for v in row[:LABELS]) for row in targets]
    half = WINDOW // 2
    assert rules[20 - half - 1] == rules[20 + half + 1] == "1100"
    assert rules[20 - half] == rules[13] == rules[27] == rules[20 + half] == "1101"
    assert set(rules[14:27]) == {"0001"}
    assert targets[:, -1].nonzero()[0].tolist() == [20]


def test_a_batch_holds_every_clip_once_and_its_share_of_talk(quiet_talk):
    stretches = made(quiet_talk)
    features = np.zeros((2 * CLIPS, WINDOW, BANDS), np.int8)
    targets = np.eye(LABELS, dtype=np.float32)[[2, 3, 1, 0, 2, 3, 1, 0]]
    rows, said = stretches.batch(features, targets, np.random.default_rng(1))
    assert rows.shape == (4, stretches.frames, BANDS) and rows.dtype == np.int8
    assert said.shape == (4, stretches.decisions, 2 * LABELS + 3)
    own = said[said[..., -1] > 0][:, :LABELS].argmax(axis=1)
    assert own.tolist() == [2, 3, 1, 0, 2, 3, 1, 0]


def test_the_hardest_places_are_where_a_keyword_scores_and_was_not_said():
    rows = np.zeros((100, 1), np.int8)
    said = np.zeros((100, 2), bool)
    said[75:, 0] = True
    scores = np.zeros((91, 2), np.float32)
    scores[[20, 22, 50, 80], [0, 1, 1, 0]] = [0.5, 0.9, 0.7, 1.0]
    places, found = hardest(talk_of(rows, said), lambda _: scores, window=10, count=2, apart=10)
    assert places.tolist() == [22 + 9, 50 + 9] and np.allclose(found, [0, 0, 0.9, 0, 0, 0.7, 0, 0, 0, 0])


def test_sounds_at_once_add_their_powers_and_pace_and_voice_keep_what_does_not_change():
    rows = np.random.default_rng(0).normal(8, 1, (60, BANDS)).astype(np.float32)
    assert np.allclose(mixed(rows, rows, 0), rows + np.log(2) / 2, atol=1e-4)
    assert np.allclose(mixed(rows, rows, 200), rows, atol=1e-4)
    assert rows_needed(20, 1.5) == 31 and np.allclose(at_pace(rows, 1.5, 20)[[0, 2, 4]], rows[[0, 3, 6]])
    assert np.allclose(with_voice(rows, 1.0), rows) and np.allclose(with_voice(rows, 2.0)[:, 3], rows[:, 6])


def test_an_unrolled_network_answers_each_hop_as_its_window():
    pytest.importorskip("keras")
    from kws.model.unrolled import unrolled
    from kws.model.zoo import build

    rng = np.random.default_rng(0)
    for name in ("cnn", "ds_cnn", "tc_resnet", "bc_resnet"):
        spec = replace(SPEC, model=ModelSpec(name=name, width=0.5))
        network, rows = build(spec, seed=1), rng.normal(size=(2, WINDOW + 4, BANDS, 1)).astype(np.float32)
        whole = np.asarray(unrolled(network, WINDOW + 4)(rows))
        windows = np.stack([np.asarray(network(rows[:, hop : hop + WINDOW])) for hop in range(5)], axis=1)
        assert np.abs(whole - windows).max() < 1e-5, name
    with pytest.raises(ModelError, match="talk_percent = 0"):
        unrolled(build(replace(SPEC, model=ModelSpec(name="linear")), seed=1), WINDOW + 4)


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Low and high tones of 200 ms as keywords, and talk of both that run into each other without a pause."""
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)

    def tone(hz, samples):
        return 5_000 * np.sin(2 * np.pi * hz * rng.uniform(0.95, 1.05) * np.arange(samples) / 16_000)

    for word, hz in (("low", 300), ("high", 3_000), ("other", 1_000)):
        for speaker in range(40):
            clip = rng.normal(0, 20, 4_800)
            clip[800:4_000] += tone(hz, 3_200)
            write(folder / "made" / word / f"s{speaker}_nohash_0.wav", clip)
    talk = np.concatenate([tone(hz, 1_200) for _ in range(200) for hz in (300, 3_000)]) + rng.normal(0, 20, 480_000)
    write(folder / "radio" / "_talk_" / "training" / "anna.wav", talk)
    return folder, talk


@pytest.mark.train
@pytest.mark.slow
def test_a_network_learns_the_words_and_is_silent_in_talk_made_of_them(tones, tmp_path):
    pytest.importorskip("keras")
    from kws.data.corpus import scan
    from kws.model.dataset import prepare
    from kws.model.examples import choose_examples
    from kws.model.unrolled import unrolled
    from kws.train.loop import predict, train

    folder, samples = tones
    corpus = scan(folder)
    keyword = {}
    for share in (0, 50):
        spec = replace(SPEC, training=replace(SPEC.training, talk_percent=share, epochs=24))
        material = prepare(spec, choose_examples(corpus, spec), corpus.noise, cache=None, talk=find_talk(folder))
        network, _ = train(material, checkpoint=tmp_path / f"{share}.npz", note=lambda line: None)
        clips, labels = material.audio("validation")
        assert (predict(network, material.frontend.extract(clips)) == labels).mean() > 0.9
        rows = material.frontend.extract(samples.astype(np.int16)[None])
        said = np.asarray(unrolled(network, rows.shape[1])((rows / 32)[..., None].astype(np.float32)))[0]
        keyword[share] = float((said[:, 2:].max(axis=1) > 0.5).mean())
    assert keyword[50] < 0.02 < keyword[0]


def test_the_balance_between_keywords_and_none_is_taken_back_on_validation_clips():
    keras = pytest.importorskip("keras")
    from kws.train.loop import balance_none

    window = keras.Input((1, 1, 1))
    scores = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(window))
    network = keras.Model(window, scores)
    network.layers[-1].set_weights([np.array([[0, 0, 32]], np.float32), np.array([1.1, 0, 0], np.float32)])
    features = np.array([-1, 1, 1, 2], np.int8).reshape(4, 1, 1)  # logits of the keyword: -1, 1, 1, 2; of silence: 1.1
    line = balance_none(network, features, np.array([0, 2, 2, 2]))
    assert line.endswith("from 50.0% to 100.0%") and "silence weighs 0.8 times" in line and "words 1.0 times" in line
    assert np.allclose(network.layers[-1].bias.numpy(), [0.85, 0, 0])
