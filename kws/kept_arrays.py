"""Arrays that were computed once and are kept in a file: a cache that may be lost or damaged at any time."""

import io
import zipfile
from pathlib import Path

import numpy as np

from kws.files import write_atomic


def kept_arrays(path: Path, *names: str) -> tuple[np.ndarray, ...] | None:
    """The arrays of these names that `keep_arrays` wrote; None if one is not there, or not whole."""
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            return tuple(arrays[name] for name in names)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def keep_arrays(path: Path, *, durable: bool = False, **arrays: np.ndarray) -> None:
    """Write the arrays, whole or not at all. durable : to be there after a power cut, which takes longer"""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    write_atomic(path, content.getbuffer(), durable=durable)
