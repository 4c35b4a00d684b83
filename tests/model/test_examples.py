"""The choice of clips, on corpora small enough to count."""


import numpy as np
import pytest

from kws.data.corpus import Corpus, scan
from kws.errors import DataError
from kws.model.examples import choose_examples, draw_epoch
from kws.spec import Spec
from tests.helpers.corpora import corpus, full, speakers

SPEC = Spec(keywords=("yes", "no"))


def test_each_clip_lands_in_the_split_of_its_speaker():
    examples = choose_examples(full(["yes", "no", "cat", "dog"]), SPEC)
    for split in ("training", "validation", "testing"):
        assert {clip.split for clip in getattr(examples, split).clips} == {split}
    assert examples.notes == ()


def test_labels_follow_the_order_of_the_keywords():
    part = choose_examples(full(["yes", "no", "cat"]), SPEC).training
    assert {(clip.word, int(label)) for clip, label in zip(part.clips, part.labels, strict=True)} == {
        ("yes", 2), ("no", 3), ("cat", 1)}


def test_validation_and_testing_have_ten_percent_of_unknown_and_silence():
    examples = choose_examples(full(["yes", "no", "cat", "dog"]), SPEC)
    for part in (examples.validation, examples.testing):  # 20 speakers, 2 keywords: 40 clips
        assert (part.labels >= 2).sum() == 40
        assert (part.labels == 1).sum() == 4 and part.silence == 4
        assert list(part.all_labels[-4:]) == [0, 0, 0, 0]


def test_unknown_words_take_turns():
    clips = full(["yes", "no", "cat", "dog", "owl", "pig"])
    words = [clip.word for clip in choose_examples(clips, SPEC).validation.clips if clip.word not in SPEC.keywords]
    assert sorted(words) == ["cat", "dog", "owl", "pig"]


def test_thresholds_meet_as_many_unknown_words_as_keywords():
    examples = choose_examples(full(["yes", "no", "cat", "dog", "owl"]), SPEC)  # 40 keyword clips, 60 others
    assert {(clip.split, clip.word in SPEC.keywords) for clip in examples.others} == {("validation", False)}
    assert len(examples.others) == 40 - 4
    assert set(examples.others).isdisjoint(examples.validation.clips)
    assert choose_examples(full(["yes", "no"]), SPEC).others == ()


def test_the_choice_does_not_change():
    clips = full(["yes", "no", "cat", "dog"])
    first, second = (choose_examples(clips, SPEC) for _ in range(2))
    assert first.validation.clips == second.validation.clips and first.testing.clips == second.testing.clips


def test_a_keyword_without_clips_is_refused_by_name():
    with pytest.raises(DataError, match=r"no training clips of no: .*kws data synth no --count"):
        choose_examples(full(["yes", "cat"]), SPEC)


def test_one_speaker_is_noted():
    (name,) = speakers("training", 1)
    notes = choose_examples(corpus(("yes", name), ("no", name), ("cat", name)), SPEC).notes
    assert any("one speaker" in note for note in notes)


def test_no_other_words_and_no_noise_are_noted():
    clips = full(["yes", "no"])
    notes = choose_examples(Corpus(clips.clips, ()), SPEC).notes
    assert any("no words besides the keywords" in note for note in notes)
    assert any("no background noise" in note for note in notes)


def test_where_no_speaker_falls_into_validation_some_are_held_out():
    names = speakers("training", 20)
    examples = choose_examples(corpus(*[(word, name) for name in names for word in ("yes", "no", "cat")]), SPEC)
    held = {clip.speaker for clip in examples.validation.clips}
    assert len(held) == 2 and not held & {clip.speaker for clip in examples.training.clips}
    assert any("2 of 20 training speakers are held out" in note for note in examples.notes)
    assert any("testing split is empty" in note for note in examples.notes)


def test_a_keyword_without_validation_clips_is_noted():
    (training,), (validation,) = speakers("training", 1), speakers("validation", 1)
    notes = choose_examples(corpus(("yes", training), ("no", training), ("yes", validation)), SPEC).notes
    assert any("no validation clips of no:" in note for note in notes)


def test_an_epoch_has_every_keyword_once_and_fresh_unknown_words():
    part = choose_examples(full(["yes", "no", "cat", "dog"]), SPEC).training  # 80 keyword clips, 80 unknown
    draws = [draw_epoch(part, unknown_percent=10, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    for rows in draws:
        keywords = rows[(rows >= 0) & (part.labels[rows] >= 2)]
        assert sorted(keywords) == list(np.flatnonzero(part.labels >= 2))
        assert (rows == -1).sum() == 8 and len(rows) == 80 + 8 + 8
        assert len(set(rows[rows >= 0])) == 88
    assert (draws[0] == draws[1]).all() and set(draws[0]) != set(draws[2])


def test_rare_unknown_words_are_drawn_more_often_than_their_number_says():
    names = speakers("training", 100)
    part = choose_examples(corpus(*[("yes", name) for name in names], *[("no", name) for name in names],
                                  *[("cat", name) for name in names], ("dog", names[0])), SPEC).training
    rng = np.random.default_rng(0)
    rows = np.concatenate([draw_epoch(part, unknown_percent=5, rng=rng) for _ in range(200)])
    words = [part.clips[i].word for i in rows[rows >= 0]]
    assert 4 < words.count("cat") / words.count("dog") < 30  # 100 clips against 1: 10 times as often, not 100


def test_more_unknown_than_there_are_takes_all():
    part = choose_examples(full(["yes", "no", "cat"]), SPEC).training
    rows = draw_epoch(part, unknown_percent=200, rng=np.random.default_rng(0))
    assert (part.labels[rows[rows >= 0]] == 1).sum() == 40


def test_the_fingerprint_follows_the_recordings(tmp_path):
    for speaker in [*speakers("training", 3), *speakers("validation", 2)]:
        for word in SPEC.keywords:
            path = tmp_path / "own" / word / f"{speaker}_nohash_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"12")
    first = choose_examples(scan(tmp_path), SPEC).fingerprint
    assert first == choose_examples(scan(tmp_path), SPEC).fingerprint
    path.write_bytes(b"123")
    assert first != choose_examples(scan(tmp_path), SPEC).fingerprint


def test_real_recordings(real_data, tmp_path):
    (tmp_path / "speech_commands").symlink_to(real_data / "speech_commands")
    spec = Spec(keywords=("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"))
    examples = choose_examples(scan(tmp_path), spec)
    assert set(examples.training.labels) == set(range(1, 12))
    assert {clip.split for clip in examples.testing.clips} == {"testing"}
