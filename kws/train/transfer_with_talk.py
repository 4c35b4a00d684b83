"""Transfer with talk: the whole base learns the new keyword beside hours of what is not the keyword.

Every step brings windows, the examples of kws.model.few_shot_examples, and stretches of talk some seconds long, at
every hop of which the network may say anything but a keyword (kws.model.stretches). Before each round but the first it
hears all the talk once, and half of the stretches then begin where it was most nearly deceived. All layers learn; batch
normalisation keeps the base's averages.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kws.errors import ModelError
from kws.features.frontend import network_input
from kws.model.dataset import EPOCH, Material, one_hot
from kws.model.examples import FIRST_KEYWORD, SILENCE_LABEL, UNKNOWN_LABEL
from kws.model.few_shot_examples import Lesson
from kws.model.keras_types import KerasNetwork, Tensor
from kws.model.stretch_loss import LEAST
from kws.model.stretches import Stretches
from kws.model.talk import hardest
from kws.model.unrolled import unrolled
from kws.run_metrics import Epoch
from kws.train.interrupt import CtrlC
from kws.train.loop import DECEIVED, HARD_APART_MS, HARD_PLACES, SCANNED_ROWS, restore, save, scan
from kws.train.progress import TrainingProgress


@dataclass(frozen=True)
class Course:
    """How much, and in which mixture. keywords, others, silent : windows of each step; talks : its stretches."""

    rounds: int = 4
    steps: int = 110
    rate: float = 1e-3
    keywords: int = 40
    others: int = 60
    silent: int = 10
    talks: int = 6

    @property
    def windows(self) -> int:
        return self.keywords + self.others + self.silent


COURSE = Course()
WARM_UP = 30  # steps


def learn_with_talk(network: KerasNetwork, lesson: Lesson, material: Material, course: Course, *, checkpoint: Path,
                    note: Callable[[str], None]) -> tuple[Epoch, ...]:
    """Train `network`, grafted on a base, on the windows of a lesson and on the stretches of `material`.

    checkpoint : file that is replaced after every round
    Raises ModelError if the training diverges.
    """
    assert material.stretches is not None
    pupil = Pupil(network, lesson, material, course)
    history = restore(pupil.both, checkpoint)
    with CtrlC() as ctrl_c:
        if history:
            note(f"resuming after round {len(history)} of {course.rounds} ({checkpoint})")
        with TrainingProgress(epochs=course.rounds, steps=course.steps, history=history) as progress:
            for number in range(len(history), course.rounds):
                start, results = time.perf_counter(), []
                stretches = pupil.told(number, note)
                rng = material.rng(EPOCH, number)
                for _ in range(course.steps):
                    results.append(pupil.step(stretches, rng))
                    progress.step(number + 1, {})
                    ctrl_c.check()
                loss = float(np.mean(results))
                if not np.isfinite(loss):
                    raise ModelError(f"the training diverged in round {number + 1} (loss {loss}); start from another "
                                     "base with --from, or without one")
                history.append(Epoch(loss, float("nan"), float("nan"), time.perf_counter() - start))
                save(pupil.both, history, checkpoint)
                progress.epoch_ended(number + 1, history[-1])
    return tuple(history)


class Pupil:
    """The network on windows and unrolled over stretches at once. both : compiled, with the network's variables."""

    def __init__(self, network: KerasNetwork, lesson: Lesson, material: Material, course: Course) -> None:
        import keras

        assert material.stretches is not None
        self.lesson, self.material, self.course = lesson, material, course
        self.stretches: Stretches = material.stretches
        self.labels = len(material.spec.labels)
        self.rows = [np.flatnonzero(lesson.labels == label) for label in range(self.labels)]
        self.window = material.spec.frontend.frames
        long = unrolled(network, self.stretches.frames)
        self.scanner = unrolled(network, SCANNED_ROWS + self.window - 1)
        inputs = [keras.Input(network.input_shape[1:]), keras.Input(long.input_shape[1:])]
        self.both = keras.Model(inputs, [network(inputs[0]), long(inputs[1])])
        training = material.spec.training
        schedule = keras.optimizers.schedules.CosineDecay(1e-6, course.rounds * course.steps - WARM_UP,
                                                          warmup_target=course.rate, warmup_steps=WARM_UP)
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=training.weight_decay)
        optimizer.build(self.both.trainable_variables)
        clips = keras.losses.CategoricalCrossentropy(label_smoothing=training.label_smoothing, reduction="sum")
        self.both.compile(optimizer, [clips, nothing_else_said],
                          loss_weights=[1 / course.windows, training.talk_weight / course.windows], jit_compile=False)

    def told(self, number: int, note: Callable[[str], None]) -> Stretches:
        """The stretches, from round 1 on with the places where the network is most nearly deceived."""
        if number == 0:
            return self.stretches
        frontend = self.material.spec.frontend
        places, found = hardest(self.stretches.talk, self.score, window=self.window, count=HARD_PLACES,
                                apart=HARD_APART_MS // frontend.hop_ms)
        hours = len(self.stretches.talk) * frontend.hop_ms / 3.6e6
        note(f"after round {number}: {int((found > DECEIVED).sum())} half seconds of {hours:.1f} hours of training "
             "talk are taken for a keyword")
        return replace(self.stretches, places=places)

    def score(self, rows: np.ndarray) -> np.ndarray:
        """int8 [n, features] -> probabilities of the keywords, float32 [n - window + 1, keywords]."""
        return scan(self.scanner, rows, self.window)

    def step(self, stretches: Stretches, rng: np.random.Generator) -> float:
        """One step: its loss."""
        chosen = np.concatenate([self.some(rng, share, labels) for share, labels in self.shares() if share])
        features = self.material.disguised(self.lesson.features[chosen], rng)
        talks = [stretches.of_talk(rng) for _ in range(self.course.talks)]
        inputs = [network_input(features), network_input(np.stack([rows for rows, _ in talks]))]
        permitted = np.stack([targets[..., : self.labels] for _, targets in talks])
        targets = [one_hot(self.lesson.labels[chosen], self.labels), permitted]
        result = self.both.train_on_batch(inputs, targets)
        return float(result[0] if isinstance(result, list | tuple) else result)

    def shares(self) -> list[tuple[int, list[int]]]:
        """How many windows come from which labels."""
        course = self.course
        return [(course.keywords, list(range(FIRST_KEYWORD, self.labels))), (course.others, [UNKNOWN_LABEL]),
                (course.silent, [SILENCE_LABEL])]

    def some(self, rng: np.random.Generator, count: int, labels: list[int]) -> np.ndarray:
        """Examples of some labels, each label as often as the others: int [count], fewer if there are none."""
        there = [self.rows[label] for label in labels if len(self.rows[label])]
        if not there:
            return np.zeros(0, np.int64)
        return np.concatenate([rng.choice(rows, part) for rows, part in
                               zip(there, np.bincount(np.arange(count) % len(there)), strict=True)])


def nothing_else_said(permitted: Tensor, probabilities: Tensor) -> Tensor:
    """Minus the logarithm of what the permitted labels have together, summed over all hops.

    permitted : 1 or 0 [n, decisions, labels]; probabilities : [n, decisions, labels]
    """
    from keras import ops

    return ops.sum(-ops.log(ops.sum(permitted * probabilities, axis=-1) + LEAST))
