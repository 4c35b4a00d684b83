"""Recordings from elsewhere into recordings/<source>: folders of words, archives of them, single files.

Clips become 16 kHz mono WAV files of one length under names that hold the speaker; noise keeps its length. The name of
a file depends on its own name and content alone, so that importing again finds everything there.
"""

import hashlib
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from threading import Lock

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, fit, is_audio, is_readable, whole
from kws.audio.foreign import INSTALL, can_convert, is_foreign
from kws.audio.reading import open_sound
from kws.data.admission import Admission, admit, reason_of
from kws.data.archives import SUFFIXES, Member, contents, is_archive, members, refuse_others
from kws.data.choices import Layout
from kws.data.corpus import NOHASH, NOISE
from kws.data.import_report import LONG_CLIPS, Imported
from kws.data.layouts import Reading, is_noise, labels_of, read_layout
from kws.data.shelf import LONGEST_NAME, Job, Laid, Shelf, safe_name
from kws.errors import DataError
from kws.progress import progress
from kws.spec import SILENCE, UNKNOWN
from kws.words import as_arguments, fault, normal

TEST_LABELS = (SILENCE, UNKNOWN)
BATCH_FILES, BATCH_BYTES = 64, 100_000_000  # that are decoded at a time
COMPRESSED = (".mp3", ".mp2", ".ogg", ".oga", ".opus", ".m4a", ".webm", ".3gp", ".amr", ".aac", ".mp4")
LONG_S, ONE_LONG_FILE = 600, Lock()  # longer files are decoded one at a time
SPARE_BYTES = 50_000_000  # left free on the disk


@dataclass(frozen=True)
class Rules:
    """How recordings are filed.

    word, speaker : of everything, where a person says so; keywords : of kws.toml, which tell words from people
    layout        : of the folders, where a person says so; samples : length of a clip
    accept        : take what would be refused
    """

    word: str | None = None
    speaker: str | None = None
    keywords: tuple[str, ...] = ()
    layout: Layout | None = None
    samples: int = SAMPLE_RATE_HZ
    accept: bool = False


@dataclass(frozen=True, eq=False)
class Decoded:
    """A recording as it will be filed: int16 [n]; seconds of the file; what was found in it, and the check's answer."""

    audio: np.ndarray
    length: int
    notices: tuple[str, ...]
    admission: Admission


def import_path(path: Path, folder: Path, *, word: str | None = None, speaker: str | None = None,
                keywords: Sequence[str] = (), layout: Layout | None = None, samples: int = SAMPLE_RATE_HZ,
                accept: bool = False) -> Imported:
    """Import a folder of words, an archive of one or a single file into `folder`, a source under recordings/.

    word     : files everything under this word; `_background_noise_` files it as noise. Otherwise a folder's name is
               the word, in lower case; kws.data.layouts says which
    speaker  : who speaks; otherwise a folder's name, or the file name up to `_nohash_`, or all of it
    keywords : of kws.toml; layout : of the folders, where it is known
    samples  : length of a clip: shorter ones get zeros at the end, longer ones are cut to the stretch with the word
    accept   : take clips that hold no word or nothing but full scale; otherwise they are laid aside
    Files that cannot be read are listed and the rest is imported. Raises DataError if there is nothing to import,
    for hostile or damaged archives (before anything is written), for impossible words, and where the disk is too full.
    """
    rules = Rules(word, speaker, tuple(normal(name) for name in keywords), layout, samples, accept)
    check(path, folder, word=word, speaker=speaker)
    report = Imported()
    found = listing(path, report)
    jobs = sort_out(found, rules, report)
    if not jobs and not report.refused:
        tests = f"only {report.test_labels} files of test labels" if report.test_labels else "no audio files"
        raise DataError(f"{path}: {tests}; expected files such as {path}/yes/name.wav, or a file and --word yes"
                        + passed_over_words(report))
    check_room(folder, found, jobs, samples=samples)
    shelf = Shelf(folder)
    try:
        with progress(f"importing {path.name}", total=len(jobs)) as advance:
            seen = Sounds()
            for job, result in decoded(reading(path, jobs), rules, sizes(found)):
                lay(shelf, job, result, rules=rules, seen=seen, report=report)
                advance()
    finally:
        shelf.close()
    report.notes += seen.notes() + report.sentences()
    if not report.written and not report.kept and not report.aside:
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
        raise DataError(f"{path}: no such file or folder")
    here, recordings = path.resolve(), folder.parent.resolve()
    if here.is_relative_to(recordings) or recordings.is_relative_to(here):
        raise DataError(f"{path}: lies in {folder.parent} already, or contains it; import from somewhere else")
    if word is not None and word != NOISE and (what := fault(word)):
        raise DataError(f"word = {what}, or {NOISE}")
    if speaker is not None and (safe_name(speaker) != speaker or NOHASH in speaker):
        raise DataError(f"speaker = {speaker!r}: must be letters, digits, . - and _, at most {LONGEST_NAME} of them")
    if path.is_file() and not is_archive(path):
        refuse_others(path)
        if word is None:
            raise DataError(f"{path}: a single file needs its word: kws data import {as_arguments(path)} --word yes")
        if not is_audio(path.name) and not is_foreign(path.name):
            raise DataError(f"{path}: neither an audio file nor a known kind of archive (.tar.gz, .tgz, .tar, .zip)")


def listing(path: Path, report: Imported) -> tuple[Member, ...]:
    """Every file of a folder, an archive or a single file; hidden ones are left out of folders."""
    if path.is_file():
        if not is_archive(path):
            return (Member(PurePosixPath(path.name), path.stat().st_size),)
        with progress(f"looking through {path.name}", total=None) as advance:
            found = members(path)
            advance(total=len(found), completed=len(found))
            return found
    return tuple(Member(PurePosixPath(file.relative_to(path)), file.stat().st_size) for file in files_in(path, report))


def files_in(folder: Path, report: Imported) -> Iterator[Path]:
    """Every file below `folder` that is not hidden, sorted; links are followed, each folder once.

    Folders that cannot be read are noted in the report.
    """
    seen = set()

    def refuse(error: OSError) -> None:
        report.refused.append(f"{error.filename}: cannot be read ({error.strerror})")

    for place, subfolders, names in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(place)
        again = real in seen
        seen.add(real)
        subfolders[:] = [] if again else sorted(name for name in subfolders if name[0] != ".")
        files = [] if again else [Path(place) / name for name in sorted(names) if name[0] != "."]
        yield from (file for file in files if file.is_file())


def sort_out(found: Iterable[Member], rules: Rules, report: Imported) -> list[Job]:
    """The jobs; whatever is not imported is noted in the report."""
    paths = [path for path in (member.path for member in found) if is_wanted(path, report)]
    layout = read_layout(paths, keywords=rules.keywords, wanted=rules.layout)
    jobs = [job for path in paths if (job := job_of(path, layout, rules, report)) is not None]
    folders = defaultdict(set)
    for path in paths:
        if (word := labels_of(path, layout).word) is not None and not is_noise(word, rules.keywords):
            folders[normal(word)].add(word)
    for word, names in sorted(folders.items()):
        if len(names) > 1 and rules.word is None:
            listed = ", ".join(repr(name) for name in sorted(names))
            report.notes.append(f"the folders {listed} are filed as one word, {word!r}")
    return with_alike(jobs)


def is_wanted(path: PurePosixPath, report: Imported) -> bool:
    """Whether a file is sound that can be read here; others are counted by suffix."""
    folders = path.parts[:-1]
    if path.name.startswith(".") or "__MACOSX" in folders or any(part.startswith(".") for part in folders):
        return False
    if is_readable(path.name):
        return True
    report.passed_over[path.suffix.lower() or "no suffix"] += 1
    return False


def job_of(path: PurePosixPath, layout: Reading, rules: Rules, report: Imported) -> Job | None:
    """The job for a file; None, and noted in the report, for what is not imported."""
    labels = labels_of(path, layout)
    speaker = rules.speaker or (labels.speaker if NOHASH not in path.stem else None)
    if rules.word is not None:
        return Job(path, rules.word, rules.speaker)
    if any(is_noise(part, rules.keywords) for part in (*path.parts[:-1], labels.word or "")):
        return Job(path, NOISE)
    if labels.word is None:
        report.refused.append(f"{path}: is not in a word's folder; import it separately with --word")
        return None
    if labels.word in TEST_LABELS:
        report.test_labels += 1
        return None
    name = normal(labels.word)
    if what := fault(name):
        report.refused.append(f"{path}: its folder is {what}")
        return None
    return Job(path, name, speaker)


def with_alike(jobs: list[Job]) -> list[Job]:
    """The jobs; marked are names without a speaker that several folders have for one word: 1.wav of two people."""
    folders = defaultdict(set)
    for job in jobs:
        folders[job.word, job.path.stem].add(job.path.parent)
    return [replace(job, alike=True) if job.speaker is None and NOHASH not in job.path.stem
            and job.word != NOISE and len(folders[job.word, job.path.stem]) > 1 else job for job in jobs]


def passed_over_words(report: Imported) -> str:
    """What else was there, for an error: "; there are 12 .m4a: install ffmpeg…"."""
    if not report.passed_over:
        return ""
    listed = ", ".join(f"{number} {suffix}" for suffix, number in report.passed_over.most_common(5))
    foreign = any(is_foreign(f"a{suffix}") for suffix in report.passed_over)
    return f"; passed over: {listed}" + (f"; to read them, {INSTALL}" if foreign and not can_convert() else "")


def sizes(found: Iterable[Member]) -> dict[PurePosixPath, int]:
    """About how many bytes the sound of each file takes."""
    return {member.path: member.size * (12 if member.path.suffix.lower() in COMPRESSED else 1) for member in found}


def check_room(folder: Path, found: Iterable[Member], jobs: list[Job], *, samples: int) -> None:
    """Raise DataError if the disk that holds `folder` has no room for all of `jobs`."""
    size = sizes(found)
    needed = sum(size[job.path] if job.word == NOISE else 2 * samples + 44 for job in jobs)
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if needed + SPARE_BYTES > free:
        raise DataError(f"{place}: needs {(needed + SPARE_BYTES) / 1e6:,.1f} MB, {free / 1e6:,.1f} MB are free; free "
                        "some space on this disk")


def reading(path: Path, jobs: Sequence[Job]) -> Iterator[tuple[Job, bytes | Path]]:
    """Yield each job with its file's bytes, or with its path where it lies in the file system."""
    if path.is_dir():
        yield from ((job, path / job.path) for job in jobs)
    elif is_archive(path):
        wanted = {job.path: job for job in jobs}
        yield from ((wanted[name], data) for name, data in contents(path) if name in wanted)
    else:
        yield from ((job, path) for job in jobs)


def decoded(files: Iterator[tuple[Job, bytes | Path]], rules: Rules,
            size: dict[PurePosixPath, int]) -> Iterator[tuple[Job, Decoded | DataError]]:
    """Decode files on several threads, in order, never more at a time than fit into memory."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in batches(files, size):
            results = pool.map(lambda item: decode(item[0], item[1], rules), batch)
            yield from zip((job for job, _ in batch), results, strict=True)


def batches(files: Iterator[tuple[Job, bytes | Path]],
            size: dict[PurePosixPath, int]) -> Iterator[list[tuple[Job, bytes | Path]]]:
    """Lists of files, each of at most BATCH_FILES, and of BATCH_BYTES unless one file alone has more."""
    batch: list[tuple[Job, bytes | Path]] = []
    total = 0
    for job, data in files:
        own = size.get(job.path, 0)
        if batch and (len(batch) == BATCH_FILES or total + own > BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append((job, data))
        total += own
    if batch:
        yield batch


def decode(job: Job, data: bytes | Path, rules: Rules) -> Decoded | DataError:
    """One file as it will be filed, or why it cannot be; whatever a damaged file does, it does not end the import."""
    try:
        sound = open_sound(data) if isinstance(data, Path) else open_sound(Path(job.path), data)
        with ONE_LONG_FILE if sound.seconds > LONG_S else nullcontext():
            return as_filed(job, whole(sound), sound.remarks, rules)
    except DataError as error:
        return error
    except Exception as error:  # a decoder's fault in one file of many
        return DataError(f"{job.path}: cannot be read as audio ({type(error).__name__}: {error}); replace or remove it")


def as_filed(job: Job, audio: np.ndarray, remarks: tuple[str, ...], rules: Rules) -> Decoded:
    """The clip in a recording, int16 [n], judged; noise as it is."""
    if job.word == NOISE:
        return Decoded(audio, len(audio), remarks, Admission(None, None))
    clip = fit(audio, rules.samples)
    return Decoded(clip, len(audio), remarks, admit(clip if len(audio) >= rules.samples else audio))


class Sounds:
    """Which sound was filed under which word and speaker."""

    def __init__(self) -> None:
        self._first: dict[bytes, tuple[str, str, PurePosixPath]] = {}
        self._twice: list[str] = []

    def see(self, job: Job, speaker: str, audio: np.ndarray) -> None:
        """One clip; silence is the same everywhere."""
        if job.word == NOISE or not audio.any():
            return
        digest = hashlib.sha256(audio.tobytes()).digest()[:16]
        word, who, path = self._first.setdefault(digest, (job.word, speaker, job.path))
        if (word, who) != (job.word, speaker):
            self._twice.append(f"{path} and {job.path}")

    def notes(self) -> list[str]:
        """A line where one sound has two words or two speakers."""
        if not self._twice:
            return []
        shown = "; ".join(self._twice[:3]) + ("; …" if len(self._twice) > 3 else "")
        return [f"{len(self._twice)} times the same sound lies under two words or two speakers: {shown}"]


def lay(shelf: Shelf, job: Job, result: Decoded | DataError, *, rules: Rules, seen: Sounds, report: Imported) -> None:
    """File one recording, and count it."""
    if isinstance(result, DataError):
        report.refused.append(str(result))
        return
    report.notes += [f"{job.path}: {line}" for line in result.notices]
    admission = result.admission
    refused = None if rules.accept else admission.refused
    laid, speaker = shelf.lay(job, result.audio, refused=refused)
    seen.see(job, speaker, result.audio)
    if laid is Laid.REFUSED and admission.refused:
        report.aside[reason_of(admission.refused)] += 1
        return
    if job.word != NOISE:
        report.count(job.word, speaker)
    if laid is Laid.KEPT:
        report.kept += 1
        return
    report.written += 1
    if job.word != NOISE:
        report.padded += result.length < rules.samples
        report.cut += result.length > rules.samples
        report.long[job.word] += result.length > LONG_CLIPS * rules.samples
        report.own_speaker += job.speaker is None and NOHASH not in job.path.stem
        report.remarks.update([admission.remark] if admission.remark else [])
        report.faults.update(admission.faults)
