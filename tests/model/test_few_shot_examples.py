"""Few recordings: who trains, who tests, and what is made of them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from kws.data.corpus import Corpus
from kws.errors import DataError
from kws.features.frontend import Frontend
from kws.features.tables import Normalisation, build_tables
from kws.model import few_shot_examples as few
from kws.model.dataset import Material
from kws.model.few_shot_examples import choose_few, training_set
from kws.spec import FrontendSpec, Spec
from tests.helpers.corpora import corpus, full, speakers

SPEC = Spec(keywords=("yes",), frontend=FrontendSpec(clip_ms=300))


def words_of(part):
    return Counter(clip.word for clip in part.clips)


def test_validation_recordings_of_the_keyword_train_and_its_tests_test():
    examples = choose_few(full(["yes", "cat", "dog"], per_split=(5, 3, 4)), SPEC)
    assert words_of(examples.training) == {"yes": 8, "cat": 5, "dog": 5}
    assert words_of(examples.testing)["yes"] == 4 and {clip.split for clip in examples.testing.clips} == {"testing"}
    assert not examples.validation.clips and examples.validation.silence == 0
    assert {clip.split for clip in examples.others} == {"validation"} and len(examples.others) == 6
    assert examples.notes == ()


def test_recordings_that_would_all_test_train_instead():
    mine = corpus(*[("yes", name) for name in speakers("testing", 3)])
    examples = choose_few(Corpus(mine.clips + full(["cat"]).clips, mine.noise), SPEC)
    assert words_of(examples.training)["yes"] == 3 and not words_of(examples.testing)["yes"]
    assert any("testing split is empty" in line for line in examples.notes)


def test_synthesized_clips_of_the_keyword_train_beside_takes_and_judge_nothing():
    everything = full(["yes", "cat"], per_split=(5, 3, 4))
    spoken = [replace(clip, source="synth") for clip in everything.clips]
    for split, training, testing in (("training", 9 + 5 + 3, 0), ("testing", 9 + 5 + 3, 0)):
        takes = [replace(clip, source="own") for clip in corpus(*[("yes", name) for name in speakers(split, 9)]).clips]
        examples = choose_few(Corpus((*takes, *spoken), everything.noise), SPEC)
        assert words_of(examples.training) == {"yes": training, "cat": 5}
        assert words_of(examples.testing)["yes"] == testing
    alone = choose_few(Corpus(tuple(spoken), everything.noise), SPEC)
    assert words_of(alone.training)["yes"] == 5 + 3 and words_of(alone.testing)["yes"] == 4


def test_of_the_copies_a_fifth_is_synthesized_however_many_clips_there_are(monkeypatch):
    monkeypatch.setattr(few, "COPIES", 100)
    rows, rng = np.arange(7, 17), np.random.default_rng(0)
    for made in (np.arange(10) < 9, np.arange(10) < 2):
        drawn = few.versions(rows, made, rng)
        assert len(drawn) == 100 and np.isin(drawn, rows[made]).sum() == 20
    assert Counter(few.versions(rows, np.ones(10, bool), rng).tolist()) == {row: 10 for row in rows}


def test_what_is_missing_is_said_with_the_next_step():
    with pytest.raises(DataError, match=r"no training clips of yes.*kws data synth yes"):
        choose_few(full(["cat"]), SPEC)
    notes = choose_few(full(["yes"], per_split=(4, 0, 1)), SPEC).notes
    assert any("thresholds cannot be chosen" in line and "kws data synth" in line for line in notes)


def test_the_training_set_holds_as_much_as_it_says_and_all_recordings_equally(monkeypatch):
    for name, count in (("COPIES", 40), ("TOGETHER", 30), ("HALVES", 20), ("SILENT", 10)):
        monkeypatch.setattr(few, name, count)
    spec = replace(SPEC, keywords=("yes", "no"))
    examples = choose_few(full(["yes", "no", "cat"], per_split=(4, 0, 0)), spec)
    rng = np.random.default_rng(0)
    clips = rng.integers(-3_000, 3_000, (12, 4_800)).astype(np.int16)
    tables = build_tables(spec.frontend, Normalisation.identity(spec.frontend.features))
    material = Material(spec, examples, {"training": clips}, {"training": [clips.ravel().astype(np.float32)]},
                        Normalisation.identity(spec.frontend.features), Frontend(tables))
    lesson = training_set(material)
    assert lesson.features.shape == (len(lesson.labels), spec.frontend.frames, spec.frontend.features)
    assert Counter(lesson.labels.tolist()) == {0: 20, 1: 4 + 30 + 2 * 20, 2: 40, 3: 40}
    again = training_set(material)
    assert (again.features == lesson.features).all() and (again.labels == lesson.labels).all()
    assert 50 <= len(lesson.some(60)) <= 60 and len(lesson.some(1_000)) == len(lesson.labels)
    assert Counter(few.copied(np.array([3, 5, 8]), 9, rng).tolist()) == {3: 3, 5: 3, 8: 3}
