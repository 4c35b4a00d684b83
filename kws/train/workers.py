"""Training on several devices or machines, handed to TensorFlow's tf.distribute; imported only where it is asked for.

    mirrored      every GPU of this machine
    multi-worker  the processes that TF_CONFIG names, each started with its own place in it

Every replica holds the whole network and learns from its share of each batch; their gradients are summed before every
step, so all of them hold the same weights all the time. Batch normalisation sees a replica's share at a time.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from kws.errors import ModelError
from kws.model.dataset import AHEAD, LOADERS, Material, epoch_batches
from kws.model.distill import label_accuracy
from kws.model.keras_loading import load_keras, native_messages_hidden
from kws.model.keras_types import Distribution, KerasNetwork, Logs, Tensor, Tree, Variable
from kws.train.choices import Strategy
from kws.train.interrupt import CtrlC, signals_at_once

EXAMPLE = '{"cluster": {"worker": ["host0:9876", "host1:9876"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Place:
    """Where this process stands among the workers; number 0 is the chief, which writes what is to stay."""

    number: int
    count: int


class Workers:
    """Everything that training with a strategy does otherwise than training without."""

    def __init__(self, strategy: Distribution, place: Place) -> None:
        self.strategy, self.place = strategy, place
        self._alone: KerasNetwork | None = None  # the one network that these workers train, outside of the strategy
        self._step: Callable[..., Tree] | None = None  # its compiled step
        self._total = self.compiled_total()

    @property
    def chief(self) -> bool:
        return self.place.number == 0

    @property
    def replicas(self) -> int:
        """Copies of the network, over all workers."""
        return self.strategy.num_replicas_in_sync

    def __str__(self) -> str:
        return f"worker {self.place.number} of {self.place.count}, {self.replicas} replicas in all"

    def scope(self) -> AbstractContextManager[object]:
        """Context in which whatever has variables must be made."""
        return self.strategy.scope()

    def replicate(self, model: KerasNetwork) -> KerasNetwork:
        """The same network once more, as one copy per replica: what is trained."""
        import keras

        with self.scope():
            replicated = keras.models.clone_model(model)
            replicated.set_weights(model.get_weights())
        self._alone = model
        return replicated

    def alone(self, model: KerasNetwork) -> KerasNetwork:
        """The network that `replicate` got, with the weights of now: to judge, to convert, to save."""
        assert self._alone is not None, "replicate comes first"
        self._alone.set_weights(model.get_weights())
        return self._alone

    def agree(self, fingerprint: str, batch: int) -> None:
        """Raise ModelError unless all workers train the same (hex digits) and a batch has an equal share for each."""
        if batch % self.replicas:
            raise ModelError(f"[training] batch = {batch} cannot be split into {self.replicas} equal shares; "
                             f"make it a multiple of {self.replicas}")
        own = np.array([int(fingerprint[start:start + 4], 16) for start in range(0, 16, 4)], float)
        if (self.sum(own) != own * self.replicas).any():
            raise ModelError(f"{self}: the others train with other settings, recordings or another version of kws; "
                             "give every worker the same kws.toml and the same recordings")

    def sum(self, values: np.ndarray) -> np.ndarray:
        """float [n] of each replica, summed over all of them. Every worker must call it, with the same n."""
        with others_gone():
            return self._total(np.asarray(values, np.float64)).numpy()

    def compiled_total(self) -> Callable[..., Tree]:
        """What `sum` calls: float64 [n] -> float64 [n]."""
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float64)])
        def total(own: Tree) -> Tree:
            return self.strategy.reduce("SUM", self.strategy.run(tf.identity, args=(own,)), axis=None)

        return total

    def check(self, ctrl_c: CtrlC) -> None:
        """Raise KeyboardInterrupt on every worker where Ctrl-C has been pressed on one."""
        if self.sum(np.array([pressed(ctrl_c.check)], float))[0]:
            raise KeyboardInterrupt

    def spread(self, variables: Sequence[Variable], epochs: Sequence[Sequence[float]]) -> list[list[float]]:
        """Bring every worker's `variables` to the values that the chief has, and return the chief's `epochs`."""
        known = np.array(epochs, float) if self.chief else np.zeros((0, 0))
        rows, columns = (round(n) for n in self.of_chief(np.array([*known.shape, 0][:2], float)))
        if not rows:
            return []
        values = [np.asarray(variable) for variable in variables]
        own = np.concatenate([value.astype(float).ravel() for value in (*values, known)])
        missing = rows * columns - known.size
        whole = self.of_chief(np.pad(own, (0, missing)))
        for variable, value in zip(variables, values, strict=True):
            part, whole = whole[:value.size], whole[value.size:]
            variable.assign(part.reshape(value.shape).astype(value.dtype))
        return whole.reshape(rows, columns).tolist()

    def of_chief(self, values: np.ndarray) -> np.ndarray:
        """float [n] as the chief has it."""
        return self.sum(values if self.chief else np.zeros_like(values)) / (self.replicas // self.place.count)

    def run_epoch(self, model: KerasNetwork, material: Material, number: int,
                  step: Callable[[Logs], None]) -> tuple[float, float]:
        """One pass over the training clips: its loss and accuracy.

        step : is told the loss and accuracy so far after every batch. Where it raises KeyboardInterrupt on one worker,
        all of them take one more step and raise it together.
        """
        train_step = self.train_step(model)
        seen, stop = np.zeros(2), False
        with others_gone():
            for count, batch in enumerate(self.batches(material, number), start=1):
                loss, accuracy, stopping = train_step(batch, stop).numpy()
                if stopping:
                    raise KeyboardInterrupt
                seen += loss, accuracy
                mean = dict(zip(("loss", "accuracy"), (float(total) for total in seen / count), strict=True))
                stop = pressed(partial(step, mean))
        model.optimizer.finalize_variable_values(model.trainable_weights)
        return mean["loss"], mean["accuracy"]

    def batches(self, material: Material, number: int) -> Tree:
        """This worker's shares of an epoch's batches, prepared ahead by threads."""
        import tensorflow as tf

        local = self.replicas // self.place.count
        first = self.place.number * local
        shares = [epoch_batches(material, number, share=first + k, shares=self.replicas) for k in range(local)]
        window, label = (tf.TensorSpec((None, *array.shape[1:]), tf.float32) for array in shares[0][0])

        def load(index: Tensor) -> list[Tensor]:
            pair = tf.numpy_function(lambda i: shares[i % local][i // local], [index], [tf.float32, tf.float32])
            return [tf.ensure_shape(array, spec.shape) for array, spec in zip(pair, (window, label), strict=True)]

        def pipeline(context: Tree) -> Tree:
            numbers = tf.data.Dataset.range(len(shares[0]) * local)
            return numbers.map(load, num_parallel_calls=LOADERS, deterministic=True).prefetch(AHEAD)

        return self.strategy.distribute_datasets_from_function(pipeline)

    def train_step(self, model: KerasNetwork) -> Callable[..., Tree]:
        """The compiled step of `model`: batch, whether to stop -> [loss, accuracy, how many want to stop]."""
        import tensorflow as tf

        def replica_step(windows: Tensor, labels: Tensor, stop: Tensor) -> Tree:
            with tf.GradientTape() as tape:
                scores = model(windows, training=True)
                loss = model.compute_loss(windows, labels, scores)  # Keras divides it by the number of replicas
            gradients = tape.gradient(loss, model.trainable_weights)
            model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
            accuracy = tf.reduce_mean(label_accuracy(labels, scores))
            return tf.stack([loss, accuracy / self.replicas, stop])

        @tf.function(reduce_retracing=True)
        def step(batch: Tree, stop: Tensor) -> Tree:
            return self.strategy.reduce("SUM", self.strategy.run(replica_step, args=(*batch, stop)), axis=None)

        if self._step is None:
            self._step = lambda batch, stop: step(batch, tf.constant(float(stop)))
        return self._step


def pressed(check: Callable[[], None]) -> bool:
    """Whether `check` raises KeyboardInterrupt."""
    try:
        check()
    except KeyboardInterrupt:
        return True
    return False


@contextmanager
def others_gone() -> Iterator[None]:
    """What TensorFlow says when another worker has ended, as a ModelError."""
    import tensorflow as tf

    errors = tf.errors
    try:
        yield
    except (errors.UnavailableError, errors.CancelledError, errors.AbortedError, errors.DeadlineExceededError,
            errors.InternalError) as error:
        raise ModelError("another worker has ended or cannot be reached; start all workers again: the training goes on "
                         "after its last whole epoch") from error


def open_workers(kind: Strategy, *, note: Callable[[str], None]) -> Workers:
    """The strategy `kind`, before TensorFlow has done anything else; waits until all workers are there.

    Raises ModelError if TF_CONFIG is wrong.
    """
    load_keras()
    import tensorflow as tf

    if kind == Strategy.MIRRORED:
        with native_messages_hidden():
            devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
            workers = Workers(tf.distribute.MirroredStrategy([device.name for device in devices]), Place(0, 1))
        note(f"{kind}: {workers.replicas} {devices[0].device_type} device{'s' if len(devices) > 1 else ''}")
        return workers
    place = read_place(os.environ.get("TF_CONFIG", ""))
    note(f"worker {place.number} of {place.count}: waiting until all of them are there")
    try:
        with signals_at_once(), native_messages_hidden():
            workers = Workers(tf.distribute.MultiWorkerMirroredStrategy(), place)
    except (tf.errors.OpError, RuntimeError) as error:
        raise ModelError(f"TensorFlow cannot join the workers of TF_CONFIG ({str(error).splitlines()[0]}); "
                         "is the address of this worker free, and can the others be reached?") from error
    note(str(workers))
    return workers


def read_place(text: str) -> Place:
    """The place that TF_CONFIG gives this process: {"cluster": {type: [address, …]}, "task": {"type", "index"}}.

    The chief is the task of type chief, or else worker 0, as in TensorFlow. Raises ModelError for anything else.
    """
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        kind, index = task["type"], task["index"]
        chiefs, workers = cluster.get("chief", []), cluster["worker"]
        addresses = [*chiefs, *workers]
        known = {"chief": len(chiefs), "worker": len(workers)}
        ok = (set(cluster) <= set(known) and len(chiefs) <= 1 and type(index) is int and 0 <= index < known[kind]
              and all(isinstance(address, str) and address.rpartition(":")[2].isdigit() for address in addresses)
              and len(set(addresses)) == len(addresses))
    except (ValueError, KeyError, TypeError, AttributeError):
        ok = False
    if not ok:
        raise ModelError(f"TF_CONFIG = {text!r} does not say which of the workers this is; set it for each of "
                         f"them, with its own index: export TF_CONFIG='{EXAMPLE}'")
    return Place(index + (len(chiefs) if kind == "worker" else 0), len(addresses))
