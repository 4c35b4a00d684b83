"""Teachers that have heard talk: what they say at every hop of a stretch, where other teachers know single clips only.

"None of the keywords" is all that a label says of a hop of talk. A larger network that learnt from talk says how near
to a keyword it was, and at the hops around a word how much of it there is to hear. It may name what is permitted there
and none of the keywords, and what it says weighs `distillation_weight` of the hop, the labels the rest; at the clips'
own windows clips' teachers answer, if there are any.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kws.errors import DataError, ModelError
from kws.features.frontend import network_input
from kws.features.tables import Normalisation, normalisation_of
from kws.model.distill import Teacher, softened
from kws.model.examples import FIRST_KEYWORD
from kws.model.log_mel import dequantized, quantized
from kws.model.stretch_loss import OWN, SOFT_WEIGHT
from kws.model.stretches import Stretches
from kws.model.unrolled import unrolled
from kws.spec import Spec

Listener = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class TalkTeaching:
    """listeners : of each teacher, from int8 [n, frames, features] as the student sees them to float [n, hops, labels]
    weight, temperature : `distillation_weight` and `distillation_temperature`
    clips : whether clips' teachers answer at the clips' own windows
    """

    teachers: tuple[Teacher, ...]
    listeners: tuple[Listener, ...]
    weight: float
    temperature: float
    clips: bool

    def taught(self, rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The targets of stretches, as kws.model.stretch_loss takes them, with what the teachers say of the rows.

        rows : int8 [n, frames, features]; targets : float32 [n, hops, 2 * labels + 3]
        """
        said = np.mean([softened(listen(rows), self.temperature) for listen in self.listeners], axis=0)
        labels = said.shape[-1]
        allowed = targets[..., :labels].copy()
        allowed[..., :FIRST_KEYWORD] = 1
        own = targets[..., OWN] > 0
        said *= np.where(own[..., None], 1, allowed)
        weight = np.where(own, targets[..., labels] + targets[..., SOFT_WEIGHT], targets[..., labels])
        here = ~own if self.clips else np.ones_like(own)
        taught = targets.copy()
        taught[here, labels] = (1 - self.weight) * weight[here]
        taught[here, labels + 1 : 2 * labels + 1] = said[here] / said[here].sum(axis=-1, keepdims=True)
        taught[here, SOFT_WEIGHT] = self.weight * weight[here]
        return taught


def refuse_deaf(teachers: Sequence[Teacher], spec: Spec, *, talk: bool) -> None:
    """Raise DataError if there is no talk to teach on, ModelError for a teacher with another front end.

    talk : whether the training has any
    """
    if teachers and not talk:
        raise DataError("--talk-teacher teaches on talk, and there is none to train with: put hours of it into "
                        "recordings/<source>/_talk_/, with [training] talk_percent above 0, or leave the teacher out")
    for teacher in teachers:
        if not teacher.shares_features(spec):
            raise ModelError(f"teacher {teacher.name} has another [frontend] than kws.toml, and stretches of talk are "
                             "made of features: take a teacher with this front end")


def make_talk_teaching(teachers: Sequence[Teacher], stretches: Stretches, *, clips: bool) -> TalkTeaching | None:
    """The teachers on stretches; None if there is no teacher. clips : as in TalkTeaching.

    Raises ModelError for a teacher that cannot answer at every hop.
    """
    training = stretches.spec.training
    if not teachers:
        return None
    return TalkTeaching(tuple(teachers), tuple(listener(teacher, stretches) for teacher in teachers),
                        training.distillation_weight, training.distillation_temperature, clips)


def listener(teacher: Teacher, stretches: Stretches) -> Listener:
    """The teacher's network unrolled over a stretch."""
    try:
        network = unrolled(teacher.model, stretches.frames)
    except ModelError as error:
        raise ModelError(f"teacher {teacher.name} cannot answer at every hop of talk ({error})") from error
    network.predict_on_batch(np.zeros((1, *network.input_shape[1:]), np.float32))  # made here, not by two threads
    own = normalisation_of(teacher.plan.frontend)

    def listen(rows: np.ndarray) -> np.ndarray:
        return np.asarray(network.predict_on_batch(network_input(in_range(rows, stretches.normalisation, own))))

    return listen


def in_range(rows: np.ndarray, source: Normalisation, target: Normalisation) -> np.ndarray:
    """int8 features in one range -> the same in another."""
    return rows if source == target else quantized(dequantized(rows, source), target)
