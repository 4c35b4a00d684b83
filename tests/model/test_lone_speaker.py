"""Who records alone can train: takes are split where speakers cannot be."""

from collections import Counter

import pytest

from kws.data.corpus import SPLITS, Clip, Corpus
from kws.model.examples import choose_examples
from kws.spec import Spec
from tests.helpers.corpora import speakers

SPEC = Spec(keywords=("on", "off"))


def corpus(*people, takes=10, others=()):
    """Takes of both keywords by each of `people`, and another word by each of `others`."""
    from pathlib import Path

    clips = [Clip(Path(f"r/own/{word}/{who}_nohash_{i}.wav"), word, who, "own")
             for who in people for word in SPEC.keywords for i in range(takes)]
    clips += [Clip(Path(f"r/sc/cat/{who}_nohash_0.wav"), "cat", who, "sc") for who in others]
    return Corpus(tuple(sorted(clips)), ())


def keyword_clips(examples):
    return {split: Counter(clip.word for clip in getattr(examples, split).clips if clip.word in SPEC.keywords)
            for split in SPLITS}


@pytest.mark.parametrize("split", SPLITS)
def test_one_speaker_of_any_split_trains_validates_and_tests(split):
    examples = choose_examples(corpus(*speakers(split, 1)), SPEC)
    assert keyword_clips(examples) == {"training": {"on": 8, "off": 8}, "validation": {"on": 1, "off": 1},
                                       "testing": {"on": 1, "off": 1}}
    (note,) = [note for note in examples.notes if "takes are split" in note]
    assert note.startswith("on, off: too few speakers (1)") and "this voice, not for other people" in note


def test_takes_are_in_one_split_only_and_always_in_the_same():
    first, again = (choose_examples(corpus("anna"), SPEC) for _ in range(2))
    paths = [clip.path for split in SPLITS for clip in getattr(first, split).clips]
    assert len(paths) == len(set(paths)) == 20
    assert first.training.clips == again.training.clips


def test_other_words_keep_the_split_of_their_speakers():
    others = [name for split in SPLITS for name in speakers(split, 5)]
    examples = choose_examples(corpus("anna", others=others), SPEC)
    for split in SPLITS:
        assert {clip.speaker for clip in getattr(examples, split).clips if clip.word == "cat"} <= set(others)


def test_a_keyword_that_nobody_in_training_says_is_split_by_take():
    outside = speakers("testing", 1)[0]
    many = [name for split in SPLITS for name in speakers(split, 8)]
    clips = [clip for clip in corpus(*many).clips if clip.word == "on"]
    clips += [clip for clip in corpus(outside).clips if clip.word == "off"]
    examples = choose_examples(Corpus(tuple(sorted(clips)), ()), SPEC)
    counted = keyword_clips(examples)
    assert counted["training"]["off"] == 8 and counted["validation"]["off"] == counted["testing"]["off"] == 1
    assert counted["training"]["on"] == 80


def test_with_speakers_in_every_split_nothing_is_changed():
    people = [name for split in SPLITS for name in speakers(split, 1)]
    examples = choose_examples(corpus(*people), SPEC)
    assert not any("takes are split" in note for note in examples.notes)
    assert all({clip.speaker for clip in getattr(examples, split).clips} == {who}
               for split, who in zip(SPLITS, people, strict=True))
