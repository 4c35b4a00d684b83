"""Keras without its noise: what TensorFlow's libraries print while they load concerns nobody who trains a network."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Hide what is written to file descriptors 1 and 2 inside the block, unless the block raises."""
    flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as drawer:
        os.dup2(drawer.fileno(), 1)
        os.dup2(drawer.fileno(), 2)
        try:
            yield
        except Exception:
            restore(kept)
            drawer.seek(0)
            sys.stderr.write(drawer.read().decode(errors="replace"))
            raise
        finally:
            restore(kept)
            for descriptor in kept:
                os.close(descriptor)


def flush() -> None:
    """Empty Python's own buffers, so that no text lands where a later block points."""
    sys.stdout.flush()
    sys.stderr.flush()


def restore(kept: list[int]) -> None:
    """Descriptors 1 and 2 as they were."""
    flush()
    os.dup2(kept[0], 1)
    os.dup2(kept[1], 2)


def load_keras() -> None:
    """Import Keras quietly. Raises ModelError where it, or a backend for it, is not installed."""
    from kws.errors import ModelError

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with native_messages_hidden():
            import keras  # noqa: F401
    except ImportError as error:
        raise ModelError(f"training needs {error.name}, which is not installed; next: "
                         "pip install 'kws[train]', in a clone: pip install '.[train]'") from error
