"""Clips, their labels and the official speaker split.

    recordings/<source>/<word>/<speaker>_nohash_<n>.wav     a clip; any format that soundfile reads
    recordings/<source>/_background_noise_/...              noise of any length
"""

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.files import is_audio, read_samples
from kws.data.choices import Split
from kws.data.pool import done_blocks
from kws.errors import DataError

SYNTHESIZED = ".synthesized"  # a file in a source whose voices are synthesizers
NOISE = "_background_noise_"
NOHASH = "_nohash_"  # in a file's name: before it the speaker, behind it a number
SPLITS = tuple(split.value for split in Split)
VALIDATION_PERCENT, TESTING_PERCENT = 10, 10
LARGEST = 2**27 - 1
SOURCE_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
PER_BLOCK = 256  # clips that are read by one thread, or worker, at a time
CACHE_BYTES = 6_000_000_000  # least recently used arrays make way beyond this


@dataclass(frozen=True, order=True)
class Clip:
    """One recording of one word.

    speaker : file name up to `_nohash_`; a file without it is its own speaker
    source  : the folder under recordings/ that it lies in
    """

    path: Path
    word: str
    speaker: str
    source: str

    @property
    def split(self) -> str:
        """"training", "validation" or "testing"; the same for all clips of a speaker."""
        return split_of(self.speaker)


@dataclass(frozen=True)
class Corpus:
    """All recordings of a workspace, in an order that depends on their names alone."""

    clips: tuple[Clip, ...]
    noise: tuple[Path, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that has clips, sorted."""
        return tuple(sorted({clip.word for clip in self.clips}))

    def of(self, *, word: str | None = None, split: str | None = None) -> tuple[Clip, ...]:
        """The clips of one word, of one split, or both."""
        return tuple(clip for clip in self.clips
                     if (word is None or clip.word == word) and (split is None or clip.split == split))


def split_of(speaker: str) -> str:
    """The official rule of Speech Commands: SHA-1 of the speaker's name decides, about 80/10/10."""
    digest = hashlib.sha1(speaker.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
    percent = int(digest, 16) % (LARGEST + 1) * (100.0 / LARGEST)
    if percent < VALIDATION_PERCENT:
        return "validation"
    return "testing" if percent < VALIDATION_PERCENT + TESTING_PERCENT else "training"


def speaker_of(stem: str) -> str:
    """The speaker in a file name without its suffix."""
    return stem.partition(NOHASH)[0]


def source_folder(recordings: Path, source: str) -> Path:
    """Where the recordings of `source` lie. Raises DataError for a name that is no plain folder name."""
    if not SOURCE_PATTERN.fullmatch(source):
        raise DataError(f"source = {source!r}: must be a name of letters, digits, . - and _, at most 80 of them")
    return recordings / source


def scan(recordings: Path) -> Corpus:
    """Find every clip under `recordings`, following links; nothing is opened.

    Hidden files, files without an audio suffix, files outside a word's folder and word folders whose name starts
    with an underscore (the `_silence_` and `_unknown_` of test archives) are not clips.
    Raises DataError if there is nothing at all.
    """
    clips: list[Clip] = []
    noise: list[Path] = []
    for source in folders(recordings):
        for folder in folders(source):
            if folder.name == NOISE:
                noise += [path for path in sorted(folder.rglob("*")) if is_audio(path.name)]
            elif not folder.name.startswith("_"):
                clips += [Clip(folder / name, folder.name, speaker_of(os.path.splitext(name)[0]), source.name)
                          for name in sorted(os.listdir(folder)) if is_audio(name)]
    if not clips and not noise:
        raise DataError(f"{recordings}: no recordings here; get some with `kws data download`, "
                        f"`kws data import PATH` or `kws data synth WORD...`")
    return Corpus(tuple(clips), tuple(noise))


def has_recordings(recordings: Path) -> bool:
    """Whether `scan` would find anything."""
    try:
        scan(recordings)
    except DataError:
        return False
    return True


def folders(path: Path) -> list[Path]:
    """Folders in `path` that are not hidden, sorted by name; none where `path` does not exist."""
    if not path.is_dir():
        return []
    return [path / name for name in sorted(os.listdir(path)) if name[0] != "." and (path / name).is_dir()]


def load_clips(clips: tuple[Clip, ...] | list[Clip], *, samples: int, cache: Path | None = None,
               scheduler: str | None = None) -> np.ndarray:
    """Samples of many clips, row i for clips[i]: int16 [clips, samples], read-only where it comes from the cache.

    scheduler : address of a Dask scheduler whose workers read the clips; None reads them here
    cache : folder for memory-mapped arrays, which make the next call fast; a clip that was changed is read again
    Raises DataError that names the clips that cannot be read, or where the disk has no room for the cache.
    """
    if cache is None or not clips:
        rows = np.zeros((len(clips), samples), np.int16)
        fill(rows, clips, scheduler)
        return rows
    path = cache / "clips" / f"{contents_key(clips, samples)}.npy"
    try:
        os.utime(path)
        return np.load(path, mmap_mode="r")
    except FileNotFoundError:  # never there, or removed by a process that needs room
        return write_cache(path, clips, samples, scheduler)


def contents_key(clips: tuple[Clip, ...] | list[Clip], samples: int) -> str:
    """Equal only for the same files in the same order, untouched since, by size and time of change."""
    digest = hashlib.sha256(f"1 {samples}\n".encode(errors="surrogateescape"))
    for clip in clips:
        try:
            state = os.stat(clip.path)
        except OSError as error:
            raise DataError(f"{clip.path}: cannot be read ({error.strerror}); "
                            f"check the recordings with `kws data stats`") from error
        digest.update(f"{os.path.abspath(clip.path)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def write_cache(path: Path, clips: tuple[Clip, ...] | list[Clip], samples: int, scheduler: str | None) -> np.ndarray:
    """Write the array of `clips` to `path`, whole or not at all, and map it, whatever becomes of the file."""
    import shutil

    path.parent.mkdir(parents=True, exist_ok=True)
    needed, free = len(clips) * samples * 2, shutil.disk_usage(path.parent).free
    if needed > free:
        raise DataError(f"{path.parent}: the samples of {len(clips)} clips need {needed / 1e6:.0f} MB, "
                        f"{free / 1e6:.0f} MB are free; free some space on this disk")
    make_room(path.parent, needed)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        rows = np.lib.format.open_memmap(part, mode="w+", dtype=np.int16, shape=(len(clips), samples))
        fill(rows, clips, scheduler)
        rows.flush()
        made = np.load(part, mmap_mode="r")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return made


def make_room(folder: Path, needed: int) -> None:
    """Remove the least recently used arrays until `needed` more bytes stay within CACHE_BYTES."""
    found = []
    for path in folder.glob("*.npy"):
        with suppress(FileNotFoundError):  # another process makes room, too
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    total = needed + sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= CACHE_BYTES:
            break
        total -= size
        path.unlink(missing_ok=True)


def fill(rows: np.ndarray, clips: tuple[Clip, ...] | list[Clip], scheduler: str | None) -> None:
    """Read clips[i] into rows[i], int16 [clips, samples], on several threads or on a cluster."""
    paths = [clip.path for clip in clips]
    blocks = [Unread(tuple(paths[at : at + PER_BLOCK]), rows.shape[1]) for at in range(0, len(paths), PER_BLOCK)]
    unreadable: list[str] = []
    for place, (samples, faults) in done_blocks(read_block, blocks, scheduler=scheduler, title="reading clips",
                                                sizes=[len(block.paths) for block in blocks], threads=True):
        rows[place * PER_BLOCK : place * PER_BLOCK + len(samples)] = samples
        unreadable += faults
    if unreadable:
        more = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
        raise DataError(f"{min(unreadable)}{more}")


@dataclass(frozen=True)
class Unread:
    """Clips that a thread, or a worker, shall read."""

    paths: tuple[Path, ...]
    samples: int


def read_block(block: Unread) -> tuple[np.ndarray, list[str]]:
    """int16 [paths, samples], and what is wrong with those that cannot be read."""
    rows, faults = np.zeros((len(block.paths), block.samples), np.int16), []
    for row, path in zip(rows, block.paths, strict=True):
        try:
            row[:] = read_samples(path, samples=block.samples)
        except DataError as error:
            faults.append(str(error))
    return rows, faults
