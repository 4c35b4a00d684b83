"""What was measured of every clip, kept on the disk, so that a clip is read again only when it has changed.

    table = measure_clips(corpus.clips, cache=workspace.cache, scheduler=None)
    table.measures(i), table.rows["picture"], table.rows["sound"]
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, fit, read_samples
from kws.data.clip_faults import MEASURES, ClipMeasures, measure_clip, sounding_part
from kws.data.corpus import Clip
from kws.data.fingerprints import SKETCH, sketch
from kws.data.pool import map_blocks
from kws.data.spectra import BANDS, FRAMES, mel_picture
from kws.errors import DataError
from kws.files import temporary_sibling

VERSION = 2  # raise it when a measurement changes: what is kept is measured anew
PER_BLOCK = 128
# key: the file, its size and its time of change; file, sound: digests of its bytes, and of its samples without padding
ROW = np.dtype([("key", "V16"), ("file", "V16"), ("sound", "V16"), ("measures", "<f4", (len(MEASURES),)),
                ("picture", "u1", (FRAMES, BANDS)), ("sketch", "i1", (SKETCH,)), ("scale", "<f4")])


@dataclass(frozen=True, eq=False)
class ClipTable:
    """rows : ROW [clips], row i belongs to clips[i]."""

    clips: tuple[Clip, ...]
    rows: np.ndarray

    def measures(self, index: int) -> ClipMeasures:
        return ClipMeasures.from_row(self.rows["measures"][index])

    def column(self, name: str) -> np.ndarray:
        """float32 [clips]: one number of every clip, by its name in ClipMeasures."""
        return np.asarray(self.rows["measures"][:, MEASURES.index(name)])


def measure_clips(clips: Sequence[Clip], *, cache: Path | None, scheduler: str | None = None) -> ClipTable:
    """Measure clips that are not known yet; nothing about one that cannot be read is raised, its row says so."""
    keys = np.array([state_key(clip.path) for clip in clips], "V16")
    store = cache / f"clips-{VERSION}.npy" if cache else None
    rows = np.zeros(len(clips), ROW)
    missing = take_known(store, keys, rows)
    blocks = [[clips[i].path for i in missing[at : at + PER_BLOCK]] for at in range(0, len(missing), PER_BLOCK)]
    done = map_blocks(measure_block, blocks, scheduler=scheduler, title="measuring clips", sizes=list(map(len, blocks)))
    if done:
        rows[missing] = np.concatenate(done)
    rows["key"] = keys
    if store is not None and len(missing):
        keep(store, rows)
    return ClipTable(tuple(clips), rows)


def state_key(path: Path) -> bytes:
    """16 bytes that are equal only for the same file, untouched; zeros where it is not there."""
    try:
        state = os.stat(path)
    except OSError:
        return bytes(16)
    return hashlib.blake2b(f"{os.path.abspath(path)}\0{state.st_size}\0{state.st_mtime_ns}".encode(),
                           digest_size=16).digest()


def take_known(store: Path | None, keys: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Fill `rows` with what the store knows; returns the places of what it does not know, int [n]."""
    known: dict[bytes, int] = {}
    kept = np.zeros(0, rows.dtype)
    if store is not None:
        with suppress(OSError, ValueError, EOFError):  # not there, cut off or something else: measured anew
            found = np.load(store, mmap_mode="r")
            if found.dtype == rows.dtype and found.ndim == 1:
                kept = found
                known = {bytes(key): i for i, key in enumerate(kept["key"])}
    places = np.array([known.get(bytes(key), -1) for key in keys], np.int64)
    have = np.flatnonzero(places >= 0)
    rows[have] = kept[places[have]]
    return np.flatnonzero(places < 0)


def keep(store: Path, rows: np.ndarray) -> None:
    """Write the store, whole or not at all. It holds what the last call asked for, and nothing older.

    Where nothing can be written it is left: it only saves the next call's time.
    """
    sibling = temporary_sibling(store)
    with suppress(OSError):
        store.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(sibling, "wb") as file:
                np.save(file, rows)
            os.replace(sibling, store)
        finally:
            sibling.unlink(missing_ok=True)


def measure_block(paths: Sequence[Path]) -> np.ndarray:
    """ROW [paths]; the measures of a file that cannot be read say 0 samples."""
    rows = np.zeros(len(paths), ROW)
    for row, path in zip(rows, paths, strict=True):
        row["measures"] = ClipMeasures().to_row()
        with suppress(DataError, OSError):
            data = path.read_bytes()
            row["file"] = hashlib.blake2b(data, digest_size=16).digest()
            audio = read_samples(path, data=data)
            first, last = sounding_part(audio)
            row["sound"] = hashlib.blake2b(audio[first:last].tobytes(), digest_size=16).digest()
            row["measures"] = measure_clip(audio).to_row()
            second = fit(audio, SAMPLE_RATE_HZ)
            row["picture"] = mel_picture(second)
            row["sketch"], row["scale"] = sketch(second)
    return rows
