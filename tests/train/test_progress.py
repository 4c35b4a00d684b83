"""The time that a training says is left."""

from types import SimpleNamespace

import pytest

from kws.train.progress import TrainingProgress, in_words


def epoch(seconds):
    return SimpleNamespace(seconds=seconds, loss=1.0, accuracy=0.5, validation_accuracy=float("nan"))


def told(capsys, progress, number, seconds):
    progress.epoch_ended(number, epoch(seconds))
    return capsys.readouterr().err.rpartition(", ")[2].strip()


def test_the_first_epoch_after_a_resume_does_not_stand_for_the_rest(capsys):
    with TrainingProgress(epochs=10, steps=5, history=[epoch(s) for s in (200.0, 30.0, 30.0, 30.0)]) as progress:
        assert told(capsys, progress, 5, 660.0) == "about 2 min left"  # 5 epochs of 30 s, not of 11 minutes
        assert told(capsys, progress, 6, 60.0) == "about 4 min left"  # this process has its own pace now
        assert told(capsys, progress, 10, 60.0) == "done"


def test_a_first_training_goes_by_its_first_epoch_until_there_is_another(capsys):
    with TrainingProgress(epochs=3, steps=5, history=[]) as progress:
        assert told(capsys, progress, 1, 60.0) == "about 2 min left"
        assert told(capsys, progress, 2, 10.0) == "less than a minute left"


@pytest.mark.parametrize("seconds, words", [(0, "done"), (59, "less than a minute left"), (61, "about 1 min left"),
                                            (5390, "about 90 min left"), (7200, "about 2.0 h left")])
def test_time_in_words(seconds, words):
    assert in_words(seconds) in (words, words.replace("about 90 min", "about 1.5 h"))
