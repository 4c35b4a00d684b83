"""Keras without its noise: what TensorFlow's libraries print while they load concerns nobody who trains a network."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from kws.errors import ModelError
from kws.model.keras_types import KerasNetwork
from kws.workspace import read_artefact


@contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Hide whatever Python or a library writes to stdout and stderr inside the block, unless the block raises.

    sys.stderr itself stays in place: a logger that is set up inside the block keeps writing to it afterwards.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as drawer:
        try:
            with descriptors_moved(drawer.fileno()), redirect_stdout(drawer):
                yield
        except Exception:
            drawer.seek(0)
            sys.stderr.write(drawer.read())
            raise


@contextmanager
def descriptors_moved(target: int) -> Iterator[None]:
    """File descriptors 1 and 2 lead to `target` inside the block: this reaches libraries that are not Python."""
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    flush()
    for descriptor in kept:
        os.dup2(target, descriptor)
    try:
        yield
    finally:
        flush()
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)


def flush() -> None:
    """What Python has buffered goes where the descriptors lead now."""
    sys.stdout.flush()
    sys.stderr.flush()


def load_keras(backend: str = "tensorflow") -> None:
    """Import Keras quietly, with the settings that the networks need, whatever the user's own are.

    backend : tensorflow or jax; a process keeps the first one
    Raises ModelError if it, or a backend for it, is not installed.
    """
    if "keras" in sys.modules:
        return
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # TensorFlow's default on new processors only
    try:
        with native_messages_hidden():
            import keras

        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        keras.config.set_epsilon(1e-7)
    except ImportError as error:
        raise ModelError(f"training needs {error.name}, which is not installed; next: "
                         "pip install 'kws[train]', in a clone: pip install '.[train]'") from error


def load_network(run: Path) -> KerasNetwork:
    """The Keras network of a run. Raises ModelError if it is missing, damaged or no network."""
    read_artefact(run, "model.keras")
    load_keras()
    import keras

    try:
        with native_messages_hidden():
            return keras.models.load_model(run / "model.keras", compile=False)
    except Exception as error:  # whatever a foreign file makes the reader do
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(f"{run / 'model.keras'} cannot be read as a network ({reason}); train again with: kws train"
                         ) from error
