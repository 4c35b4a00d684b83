"""Formats of phones and browsers that libsndfile does not read: through ffmpeg, or PyAV if that is installed."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.audio.joined import stretches
from kws.errors import DataError

SUFFIXES = (".m4a", ".mp4", ".m4b", ".aac", ".webm", ".mkv", ".mka", ".mov", ".3gp", ".3g2", ".amr", ".awb", ".wma",
            ".ac3", ".eac3", ".ape", ".wv", ".tta", ".avi", ".flv", ".spx")
INSTALL = "install ffmpeg (Debian: apt-get install ffmpeg; macOS: brew install ffmpeg) or: pip install 'kws[media]'"
LONGEST_S = 12 * 3_600
_TIMEOUT_S = 3_600
READ_WHOLE_BYTES = 16_000_000  # beyond this a file is mapped
LARGEST_PIPE_BYTES = 2_000_000_000
_MAGIC = (  # offset, bytes, name
    (4, b"ftyp", "MPEG-4 (m4a, mp4, 3gp)"), (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"), (0, b"#!AMR", "AMR"),
    (0, b"\x30\x26\xb2\x75", "Windows Media"), (0, b"FLV\x01", "Flash video"), (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"), (0, b"ADIF", "AAC"), (0, b"TTA1", "True Audio"),
    (8, b"AVI LIST", "AVI"),
)
_TRACK = re.compile(r"\[info\]\s+Stream #0:\d+.*: Audio: ")
_ERROR = re.compile(r"\[(?:error|fatal|panic)\] ?")


def is_foreign(name: str) -> bool:
    """Whether a file of this name is sound that ffmpeg reads and libsndfile does not."""
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def foreign_kind(start: bytes) -> str | None:
    """What the first bytes of a file say that it is, of the formats that ffmpeg reads and libsndfile does not."""
    for offset, magic, name in _MAGIC:
        if start[offset:offset + len(magic)] == magic:
            return name
    adts = len(start) > 4 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0 and start[2] >> 2 & 15 < 13
    return "AAC" if adts else None


def ffmpeg() -> str | None:
    """The program, or None if it is not installed."""
    return shutil.which("ffmpeg")


def pyav() -> bool:
    """Whether PyAV is installed, which brings FFmpeg as a library."""
    return importlib.util.find_spec("av") is not None


def can_convert() -> bool:
    """Whether foreign files can be read here."""
    return ffmpeg() is not None or pyav()


@dataclass(frozen=True)
class Converted:
    """A foreign file as WAV, or several joined; notices : what a person should know of the decoding."""

    content: bytes | memoryview
    notices: tuple[str, ...]


def to_wav(path: Path, content: bytes | memoryview, *, named: bool = False, form: str | None = None) -> Converted:
    """A foreign file as WAV (16 bits, its own rate and channels), held in a temporary file that is gone already.

    content : its bytes; named : whether they are those of the file `path`; form : ffmpeg's name of the format, where
    that is known. Files that were joined are decoded one by one.
    Raises DataError if neither ffmpeg nor PyAV is installed, or none finds sound in it.
    """
    program = ffmpeg()
    if program is None and not pyav():
        raise DataError(f"{path}: libsndfile does not read this format; {INSTALL}, or convert it to WAV")
    parts, notices = stretches(content), []
    if len(parts) > 1:
        notices.append(f"{len(parts)} recordings joined in one file, heard one after the other")
    with tempfile.TemporaryDirectory(prefix="kws-") as folder:
        whole, made = Path(folder) / "whole.wav", Path(folder) / "made.wav"
        for start, end in parts:
            given = path.absolute()
            if len(parts) > 1 or not named:
                given = Path(folder) / f"given{path.suffix.lower()}"
                given.write_bytes(content[start:end])
            command = ffmpeg_command(program, given, made, form) if program else pyav_command(given, made, form)
            said = run_decoder("ffmpeg" if program else "PyAV", command, given, made, shown=path)
            notices += [line for line in said if line not in notices]
            append(made, whole)
        return Converted(mapped(whole), tuple(notices))


def append(made: Path, whole: Path) -> None:
    """Move `made` to the end of `whole`."""
    if not whole.exists():
        made.rename(whole)
        return
    with made.open("rb") as source, whole.open("ab") as target:
        shutil.copyfileobj(source, target)
    made.unlink()


def ffmpeg_command(program: str, given: Path, made: Path, form: str | None) -> list[str]:
    """Decode the first sound track; what ffmpeg finds in the file goes to stderr, too."""
    return [program, "-nostdin", "-nostats", "-hide_banner", "-v", "level+info", "-protocol_whitelist", "file",
            *(("-f", form) if form else ()), "-i", f"file:{given}", "-map", "0:a:0", "-t", str(LONGEST_S),
            "-c:a", "pcm_s16le", "-rf64", "auto", "-f", "wav", str(made)]


def pyav_command(given: Path, made: Path, form: str | None) -> list[str]:
    return [sys.executable, "-m", "kws.audio.pyav", f"file:{given}", str(made), *((form,) if form else ())]


def run_decoder(name: str, command: Sequence[str], given: Path, made: Path, *, shown: Path) -> list[str]:
    """Run it; what a person should know. Raises DataError with its reason if it could decode none."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{shown}: {name} did not read it ({error}); convert it to WAV") from error
    said = done.stderr.decode(errors="replace").replace(f"file:{given}", shown.name)
    reason, tracks = last_error(said), track_count(said)
    if done.returncode or not made.exists():
        ended = f"ended by signal {-done.returncode}" if done.returncode < 0 else "no sound in it"
        raise DataError(f"{shown}: cannot be read as audio ({name}: {reason or ended}); replace or remove it")
    notices = [f"has {tracks} sound tracks: the first is heard"] if tracks > 1 else []
    return notices + ([f"is damaged ({name}: {reason}): what could be decoded is heard"] if reason else [])


def last_error(said: str) -> str:
    """The last line of a decoder's words that tells of an error; "" if none does."""
    return next((_ERROR.sub("", line).strip() for line in reversed(said.split("\n")) if _ERROR.search(line)), "")


def track_count(said: str) -> int:
    """Sound tracks of the file, by a decoder's words."""
    return sum(_TRACK.match(line) is not None for line in said.partition("[info] Output #0")[0].split("\n"))


def mapped(path: Path) -> bytes | memoryview:
    """A file's bytes; large ones are not read but mapped, and stay when the name is gone.

    Raises DataError for a pipe or device that is longer than LARGEST_PIPE_BYTES.
    """
    import mmap

    with open(path, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            data = file.read(LARGEST_PIPE_BYTES + 1)
            if len(data) > LARGEST_PIPE_BYTES:
                raise DataError(f"{path}: is longer than {LARGEST_PIPE_BYTES / 1e9:.0f} GB; save it to a file")
            return data
        if state.st_size <= READ_WHOLE_BYTES:
            return file.read()
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
