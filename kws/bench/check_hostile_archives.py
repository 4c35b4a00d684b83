"""Hostile archives: each is imported whole or refused in words, and nothing is written outside its place.

    scripts/check hostile_archives [--count N] [--seed N]

Tar, gzip, bzip2, xz and zip with names that lead out or steer a terminal, links, devices, sparse files, absurd lengths,
endless descriptions, repeated members, flipped bits, cuts, and what lies behind the end. Each is imported in a process
with 1 GB of address space. The last line counts; the exit status is 1 if one ended otherwise, and that archive is kept.
"""

import bz2
import gzip
import io
import lzma
import resource
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kws.bench.common import ROOT, counted_parser, header

if TYPE_CHECKING:
    from kws.bench.check_hostile_sounds import Answers

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
HOSTILE_NAMES = ("../evil.wav", "/tmp/evil.wav", "yes/../../../evil.wav", "..\\evil.wav", "C:\\evil.wav",
                 "\\\\host\\evil.wav", "yes/\x1b[2Jevil.wav", "yes/a\nforged: line.wav", "yes/" + "x" * 300 + ".wav",
                 "yes/\u202egnp.wav", "yes/\udcff.wav", ".", "yes", "", "yes/con.wav", "yes//b.wav", "./yes/./c.wav",
                 "y" * 200 + "/" + "z" * 200 + ".wav", "_refused_/x.wav", "_background_noise_/../../evil.wav",
                 "yes/.hidden.wav")
MEMORY_BYTES = 1 << 30
BATCH = 25
COUNT = 1_000
Files = list[tuple[str, bytes]]


def word(rng: np.random.Generator) -> bytes:
    """A sound that an import takes, as WAV: a burst in a little noise."""
    from kws.audio.files import encode

    audio = rng.normal(0, 5, 16_000)
    audio[5_000:11_000] += rng.normal(0, 3_000, 6_000)
    return encode(np.clip(np.rint(audio), -32768, 32767).astype(np.int16))


def some_files(rng: np.random.Generator) -> Files:
    files = [(f"{rng.choice(['yes', 'no'])}/{i}_nohash_0.wav", word(rng)) for i in range(int(rng.integers(1, 6)))]
    if rng.random() < 0.4:
        files.insert(int(rng.integers(len(files) + 1)), (str(rng.choice(HOSTILE_NAMES)), word(rng)))
    if rng.random() < 0.1:
        files.append(files[0])
    return files


def tar_entry(name: str, data: bytes, rng: np.random.Generator) -> bytes:
    """One member; now and then one that no friend packs."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    draw = rng.random()
    if draw < 0.03:
        info.type = rng.choice([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
        info.size, data = 0, b""
        info.linkname = "../../../etc/passwd"
    elif draw < 0.05:
        info.size = int(rng.choice([1 << 33, 1 << 40, 600_000_000]))
    elif draw < 0.07:
        info.type, info.size = tarfile.GNUTYPE_SPARSE, len(data)
    elif draw < 0.09:
        info.type, info.size = rng.choice([tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME]), 1_500_000_000
    packed = bytearray(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
    if 0.09 < draw < 0.11:
        packed[int(rng.integers(512))] ^= 1 << int(rng.integers(8))
    return bytes(packed) + data + bytes(-len(data) % 512)


def packed_tar(files: Files, rng: np.random.Generator) -> bytes:
    data = b"".join(tar_entry(name, content, rng) for name, content in files)
    draw = rng.random()
    if draw < 0.05:
        return data  # without the mark of its end
    return data + bytes(10_240) + (rng.bytes(2_000) if draw < 0.08 else b"")


def packed_zip(files: Files, rng: np.random.Generator) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files:
            info = zipfile.ZipInfo(name.encode("utf-8", "replace").decode() or "x")
            if rng.random() < 0.05:
                info.external_attr = 0o120777 << 16
            packed.writestr(info, content)
    return data.getvalue()


def archive(seed: int) -> tuple[str, bytes]:
    """(suffix, bytes) of one seed."""
    import warnings

    rng = np.random.default_rng(seed)
    suffix = SUFFIXES[rng.integers(len(SUFFIXES))]
    files = some_files(rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a name that comes twice
        data = packed_zip(files, rng) if suffix == ".zip" else packed_tar(files, rng)
    packers: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "gz2": bz2.compress, "xz": lzma.compress}
    kind = {".tar.gz": "gz", ".tgz": "gz", ".tar.bz2": "gz2", ".tar.xz": "xz"}.get(suffix)
    if kind is not None:
        if rng.random() < 0.02:
            data = tar_entry("yes/zeros.wav", bytes(60_000_000), np.random.default_rng(1)) + data
        data = packers[kind](data)
    draw = rng.random()
    if draw < 0.3:
        changed = bytearray(data)
        changed[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        data = bytes(changed)
    elif draw < 0.5:
        data = data[:int(rng.integers(len(data)))]
    elif draw < 0.55:
        data = rng.bytes(int(rng.integers(0, 3_000)))
    return suffix, data


def attempt(seed: int) -> str:
    """What becomes of an archive: "imported", "refused", or what went wrong."""
    from kws.data.archives import contents, members
    from kws.data.importer import import_path
    from kws.errors import DataError

    suffix, data = archive(seed)
    with tempfile.TemporaryDirectory(prefix="kws-hostile-") as name:
        place = Path(name)
        path = place / "in" / f"a{suffix}"
        path.parent.mkdir()
        path.write_bytes(data)
        target = place / "ws" / "recordings" / "a"
        try:
            try:
                report = import_path(path, target)
                outcome = "imported" if report.refused or report.written or report.aside else "nothing came"
            except DataError as error:
                clear = str(path) in str(error) or "nothing imported" in str(error)
                outcome = "refused" if clear else f"unclear: {error}"
                if target.exists() and any(target.rglob("*.wav")):
                    outcome = f"refused after files were written: {error}"
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
        outside = [file for file in place.rglob("*") if file.is_file() and target not in file.parents and file != path]
        if outside or Path("/tmp/evil.wav").exists():
            return f"written outside: {outside}"
        if outcome == "imported" and len(list(contents(path))) != len(members(path)):
            return "imported, but not whole"
        return outcome


def try_batch(first: int, count: int, answers: "Answers") -> None:
    """In a process of its own, with little memory."""
    import sys

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.stderr = io.StringIO()  # bars
    for seed in range(first, first + count):
        answers.put((seed, "began"))
        answers.put((seed, attempt(seed)))


def main(arguments: Sequence[str]) -> int:
    from kws.bench.check_hostile_sounds import attack

    chosen = counted_parser(__doc__, count=COUNT).parse_args(arguments)
    header(f"{chosen.count} hostile archives, seed {chosen.seed}")
    outcomes = attack(chosen.seed * 1_000_000, chosen.count, try_batch, batch=BATCH)
    wrong = {seed: outcome for seed, outcome in outcomes.items() if outcome not in ("imported", "refused")}
    for seed, outcome in list(wrong.items())[:20]:
        suffix, data = archive(seed)
        kept = ROOT / ".cache" / f"hostile-{seed}{suffix}"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(data)
        print(f"{kept}: {outcome}")
    counts = Counter(outcomes.values())
    print(f"{counts['imported']} imported, {counts['refused']} refused in words, {len(wrong)} otherwise")
    return 1 if wrong else 0
