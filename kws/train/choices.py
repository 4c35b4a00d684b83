"""What kws train lets a person choose. Nothing heavy is imported here, so that help is quick."""

from enum import StrEnum


class Strategy(StrEnum):
    """How TensorFlow's tf.distribute spreads a training; kws.train.workers does it."""

    MIRRORED = "mirrored"
    MULTI_WORKER = "multi-worker"


class Backend(StrEnum):
    """What runs the epochs."""

    TENSORFLOW = "tensorflow"
    JAX = "jax"
