"""The loss of kws.model.stretches: what may be said at each hop, and what teachers said there."""

from kws.model.keras_types import Loss, Tensor
from kws.spec import TrainingSpec

LEAST = 1e-7  # of a probability, before its logarithm
SOFT_WEIGHT, OWN = -2, -1  # the last columns of the targets


def stretch_loss(spec: TrainingSpec, *, labels: int, clips: int, taught: bool) -> Loss:
    """A function of targets [n, decisions, 2 * labels + 3] and probabilities [n, decisions, labels] -> [].

    targets : permitted labels (1 or 0), their weight, soft targets, their weight, 1 where a clip's own window is
    clips   : in a batch; the loss is a sum over hops, per clip
    taught  : soft targets are teachers', softened by `distillation_temperature`; else they are smoothed labels
    """
    from keras import ops

    temperature = spec.distillation_temperature if taught else 1.0

    def loss(targets: Tensor, probabilities: Tensor) -> Tensor:
        permitted, weight = targets[..., :labels], targets[..., labels]
        soft, soft_weight = targets[..., labels + 1 : SOFT_WEIGHT], targets[..., SOFT_WEIGHT]
        hard = -ops.log(ops.sum(permitted * probabilities, axis=-1) + LEAST)
        said = ops.log_softmax(ops.log(ops.maximum(probabilities, LEAST)) / temperature, axis=-1)
        divergence = ops.sum(soft * (ops.log(ops.maximum(soft, LEAST)) - said), axis=-1)
        return ops.sum(weight * hard + soft_weight * temperature**2 * divergence) / clips

    return loss


def clip_accuracy(labels: int) -> Loss:
    """The share of the clips' own windows that get their label, of the same targets and probabilities -> []."""
    from keras import ops

    def accuracy(targets: Tensor, probabilities: Tensor) -> Tensor:
        own = ops.cast(targets[..., OWN], probabilities.dtype)
        right = ops.cast(ops.equal(ops.argmax(targets[..., :labels], axis=-1), ops.argmax(probabilities, axis=-1)),
                         probabilities.dtype)
        return ops.sum(own * right) / ops.maximum(ops.sum(own), 1)

    return accuracy
