"""Arrays out of a file that torch.save of 2019 wrote, without PyTorch; nothing in the file can run anything.

    read_torch(path, "model_state")["linear.weight"]
"""

import pickle
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kws.errors import DataError


@dataclass(frozen=True)
class Storage:
    """Numbers, float32, that follow later in the file."""

    key: str


@dataclass(frozen=True)
class Tensor:
    """A view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]


class Reader(pickle.Unpickler):
    """Knows tensors, dictionaries and numbers, and refuses everything else."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return tensor
        if (module, name) == ("torch", "FloatStorage"):
            return Storage
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, pid: Sequence[object]) -> Storage:
        return Storage(str(pid[2]))


def tensor(storage: Storage, offset: int, shape: tuple[int, ...], *_: object) -> Tensor:
    return Tensor(storage, offset, shape)


def read_torch(path: Path, part: str) -> dict[str, np.ndarray]:
    """The arrays of one dictionary in the file, by name. Raises DataError if the file is of another form."""
    try:
        with open(path, "rb") as file:
            for _ in range(3):  # a magic number, the protocol, the system
                pickle.Unpickler.load(Reader(file))
            tensors = Reader(file).load()[part]
            numbers = {key: file_part(file) for key in Reader(file).load()}
    except (pickle.UnpicklingError, KeyError, TypeError, EOFError, ValueError) as error:
        raise DataError(f"{path}: not the weights that this release of kws reads ({error}); next: "
                        "pip install --no-deps resemblyzer==0.1.4") from error
    return {name: view(one, numbers[one.storage.key]) for name, one in tensors.items()}


def file_part(file: BinaryIO) -> bytes:
    """What one storage holds."""
    return file.read(4 * int.from_bytes(file.read(8), "little"))


def view(one: Tensor, data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.float32, int(np.prod(one.shape)), 4 * one.offset).reshape(one.shape)
