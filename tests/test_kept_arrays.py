"""Arrays in a cache: back as they were, or not at all."""

import numpy as np
import pytest

from kws.kept_arrays import keep_arrays, kept_arrays


def test_arrays_come_back_in_the_order_that_is_asked_for(tmp_path):
    numbers, flags = np.arange(6, dtype=np.int16).reshape(2, 3), np.array([True, False])
    keep_arrays(tmp_path / "a" / "b.npz", numbers=numbers, flags=flags)
    found = kept_arrays(tmp_path / "a" / "b.npz", "flags", "numbers")
    assert [one.dtype for one in found] == [bool, np.int16]
    assert np.array_equal(found[0], flags) and np.array_equal(found[1], numbers)


@pytest.mark.parametrize("damage", [lambda data: data[:len(data) // 2], lambda data: b"", lambda data: b"no archive"])
def test_what_is_damaged_or_lacks_a_name_is_not_there(tmp_path, damage):
    path = tmp_path / "a.npz"
    assert kept_arrays(path, "numbers") is None
    keep_arrays(path, numbers=np.arange(1_000))
    assert kept_arrays(path, "numbers", "others") is None and kept_arrays(path, "numbers") is not None
    path.write_bytes(damage(path.read_bytes()))
    assert kept_arrays(path, "numbers") is None
