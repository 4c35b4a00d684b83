"""Recordings from elsewhere into recordings/<source>: folders of words, archives of them, single files.

Clips become 16 kHz mono WAV files of one length under names that hold the speaker; noise keeps its length. The name of
a file depends on its own name and content alone, so that importing again finds everything there.
"""

import hashlib
import itertools
import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, encode, fit, is_audio, read_samples
from kws.data.archives import SUFFIXES, Member, contents, is_archive, members
from kws.data.corpus import NOISE, speaker_of
from kws.errors import DataError
from kws.files import write_atomic
from kws.progress import progress
from kws.spec import SILENCE, UNKNOWN, WORD_PATTERN

TEST_LABELS = (SILENCE, UNKNOWN)
LONGEST_NAME = 80
WINDOW = 64  # files that are decoded at a time
COMPRESSED = (".mp3", ".ogg", ".oga", ".opus")
SPARE_BYTES = 50_000_000  # left free on the disk


@dataclass
class Imported:
    """What an import has done.

    written, kept : files written, and files that were there with the same content
    padded, cut   : written clips that were shorter, or longer
    own_speaker   : written clips whose name held no speaker, so that each counts as a speaker of its own
    test_labels   : files in `_silence_` and `_unknown_`, which are for testing and were left out
    refused       : every other audio file that was left out, and why
    """

    written: int = 0
    kept: int = 0
    padded: int = 0
    cut: int = 0
    own_speaker: int = 0
    test_labels: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """An audio file to import: its place in folder or archive, and the word, or NOISE, that it is to be filed under."""

    path: PurePosixPath
    word: str


def import_path(path: Path, folder: Path, *, word: str | None = None, speaker: str | None = None,
                samples: int = SAMPLE_RATE_HZ) -> Imported:
    """Import a folder of words, an archive of one or a single file into `folder`, a source under recordings/.

    word    : files everything under this word; `_background_noise_` files it as noise. Otherwise the folder that
              a file lies in is its word, in lower case.
    speaker : who speaks; otherwise the file name up to `_nohash_`, or all of it
    samples : length of a clip: shorter ones get zeros at the end, longer ones are cut to the loudest stretch
    Files that cannot be read are listed and the rest is imported. Raises DataError where there is nothing to import,
    for hostile or damaged archives (before anything is written), for impossible words, and where the disk is too full.
    """
    check(path, folder, word=word, speaker=speaker)
    report = Imported()
    found = listing(path)
    jobs = [job for member in found if (job := sort_out(member.path, word, report)) is not None]
    if not jobs and not report.refused:
        tests = f"only {report.test_labels} files of test labels" if report.test_labels else "no audio files"
        raise DataError(f"{path}: {tests}; needed are files such as {path}/yes/name.wav, or a file and --word yes")
    check_room(folder, found, jobs, samples=samples)
    wanted = {job.path: job for job in jobs}
    picked = ((wanted[name], data) for name, data in reading(path, wanted))
    with progress(f"importing {path.name}", total=len(jobs)) as advance:
        for job, result in decoded(picked, samples=samples):
            if isinstance(result, DataError):
                report.refused.append(str(result))
            else:
                store(folder, job, result, speaker=speaker, samples=samples, report=report)
            advance()
    if not report.written and not report.kept:
        raise DataError(f"nothing imported; {report.refused[0]}")
    return report


def source_name(path: Path) -> str:
    """The name of a source for what is imported from `path`: its own without suffix; "own" for single audio files."""
    name = path.resolve().name
    if path.is_file():
        suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)
        name = name[: -len(suffix)] if suffix else "own"
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-") or "own"


def check(path: Path, folder: Path, *, word: str | None, speaker: str | None) -> None:
    """Refuse what cannot be imported, by name."""
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    here, recordings = path.resolve(), folder.parent.resolve()
    if here.is_relative_to(recordings) or recordings.is_relative_to(here):
        raise DataError(f"{path}: lies in {folder.parent} already, or holds it; import from another place")
    if word is not None and word != NOISE and not WORD_PATTERN.fullmatch(word):
        raise DataError(f"word = {word!r}: must be a lower-case word of letters, digits, ' - and _, or {NOISE}")
    if speaker is not None and (safe_name(speaker) != speaker or "_nohash_" in speaker):
        raise DataError(f"speaker = {speaker!r}: must be letters, digits, . - and _, at most {LONGEST_NAME} of them")
    if path.is_file() and not is_archive(path):
        if word is None:
            raise DataError(f"{path}: a single file needs its word: kws data import {path} --word yes")
        if not is_audio(path.name):
            raise DataError(f"{path}: neither an audio file nor an archive that is known (.tar.gz, .tgz, .tar, .zip)")


def listing(path: Path) -> tuple[Member, ...]:
    """Every file of a folder, an archive or a single file; hidden ones are left out of folders."""
    if path.is_file():
        if not is_archive(path):
            return (Member(PurePosixPath(path.name), path.stat().st_size),)
        with progress(f"looking through {path.name}", total=None) as advance:
            found = members(path)
            advance(total=len(found), completed=len(found))
            return found
    return tuple(Member(PurePosixPath(file.relative_to(path)), file.stat().st_size) for file in audio_files(path))


def audio_files(folder: Path) -> Iterator[Path]:
    """Every audio file below `folder` that is not hidden, sorted; links are followed, each folder once."""
    seen = set()

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from error

    for place, subfolders, names in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(place)
        again = real in seen
        seen.add(real)
        subfolders[:] = [] if again else sorted(name for name in subfolders if name[0] != ".")
        files = [] if again else [Path(place) / name for name in sorted(names) if is_audio(name)]
        yield from (file for file in files if file.is_file())


def sort_out(path: PurePosixPath, word: str | None, report: Imported) -> Job | None:
    """The job for a file; None, and noted in the report where it is audio, for what is not imported."""
    folders = path.parts[:-1]
    if not is_audio(path.name) or "__MACOSX" in folders or any(part.startswith(".") for part in folders):
        return None
    if word is not None:
        return Job(path, word)
    if NOISE in folders:
        return Job(path, NOISE)
    if not folders:
        report.refused.append(f"{path}: lies in no word's folder; import it by itself with --word")
        return None
    if folders[-1] in TEST_LABELS:
        report.test_labels += 1
        return None
    name = folders[-1].lower().replace(" ", "_")
    if not WORD_PATTERN.fullmatch(name):
        report.refused.append(f"{path}: its folder {folders[-1]!r} is no word of letters, digits, ' - and _")
        return None
    return Job(path, name)


def check_room(folder: Path, found: Iterable[Member], jobs: list[Job], *, samples: int) -> None:
    """Raise DataError where the disk that holds `folder` has no room for all of `jobs`."""
    size = {member.path: member.size * (12 if member.path.suffix.lower() in COMPRESSED else 1) for member in found}
    needed = sum(size[job.path] if job.word == NOISE else 2 * samples + 44 for job in jobs)
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if needed + SPARE_BYTES > free:
        raise DataError(f"{place}: needs {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free; make room on this disk")


def reading(path: Path, wanted: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, bytes | Path]]:
    """Yield each wanted file with its bytes, or with its path where it lies in the file system."""
    if path.is_dir():
        yield from ((name, path / name) for name in wanted)
    elif is_archive(path):
        chosen = set(wanted)
        yield from ((name, data) for name, data in contents(path) if name in chosen)
    else:
        yield from ((name, path) for name in wanted)


def decoded(files: Iterator[tuple[Job, bytes | Path]], *,
            samples: int) -> Iterator[tuple[Job, tuple[np.ndarray, int] | DataError]]:
    """Decode files on several threads, in order: clip or whole noise int16 [n] and its length before, or the error."""

    def decode(item: tuple[Job, bytes | Path]) -> tuple[np.ndarray, int] | DataError:
        job, data = item
        try:
            if isinstance(data, Path):
                audio = read_samples(data)
            else:
                audio = read_samples(Path(job.path), data=data)
        except DataError as error:
            return error
        return (audio if job.word == NOISE else fit(audio, samples)), len(audio)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while batch := list(itertools.islice(files, WINDOW)):
            for (job, _), result in zip(batch, pool.map(decode, batch), strict=True):
                yield job, result


def store(folder: Path, job: Job, result: tuple[np.ndarray, int], *, speaker: str | None, samples: int,
          report: Imported) -> None:
    """Write one file under the first name that is free, unless a name that it could have holds it already."""
    audio, length = result
    data = encode(audio)
    for name in names(job, data, speaker):
        target = folder / job.word / f"{name}.wav"
        if not target.exists():
            break
        if target.read_bytes() == data:
            report.kept += 1
            return
    write_atomic(target, data)
    report.written += 1
    if job.word != NOISE:
        report.padded += length < samples
        report.cut += length > samples
        report.own_speaker += speaker is None and "_nohash_" not in job.path.stem


def names(job: Job, data: bytes, speaker: str | None) -> Iterator[str]:
    """Names that a file may have, without suffix, best first: its own, then one with a number out of its content."""
    number = int.from_bytes(hashlib.sha256(data).digest()[:4])
    stem = safe_name(job.path.stem)
    if job.word == NOISE:
        yield stem
        yield from (f"{stem}_{number + i}" for i in itertools.count())
    if speaker is None and "_nohash_" in stem:
        yield stem
    who = speaker or safe_name(speaker_of(job.path.stem))
    yield from (f"{who}_nohash_{number + i}" for i in itertools.count())


def safe_name(name: str) -> str:
    """`name` as every file system takes it: letters, digits, . ' - and _, not hidden, at most LONGEST_NAME of them."""
    plain = re.sub(r"[^\w.'-]+", "_", unicodedata.normalize("NFC", name)).lstrip(".") or "unnamed"
    if len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
