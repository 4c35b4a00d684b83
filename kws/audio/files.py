"""Audio files to samples: int16 mono at 16 kHz, whatever the file holds."""

import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.arguments import Samples, check_array, check_number, checked_path
from kws.audio.foreign import INSTALL, can_convert, is_foreign
from kws.audio.reading import Sound, open_sound
from kws.audio.resampling import SAMPLE_RATE_HZ as SAMPLE_RATE_HZ
from kws.audio.word_place import word_place
from kws.errors import DataError
from kws.files import write_atomic

LONGEST_S = 3 * 3600  # of a file that is read as a whole
SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aif", ".aiff", ".aifc", ".au",
            ".snd", ".caf", ".w64", ".rf64", ".sph", ".nist", ".voc")


def is_audio(name: str) -> bool:
    """Whether a file of this name is looked at: an audio suffix, and not hidden."""
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def is_readable(name: str) -> bool:
    """Whether a file of this name can be read here: by soundfile, or by ffmpeg or PyAV if one is installed."""
    return is_audio(name) or (is_foreign(name) and can_convert())


def unread(names: Iterable[str]) -> str | None:
    """What to say of sound among `names` that cannot be read here: how many files, and what to install; else None."""
    count = Counter(Path(name).suffix.lower() for name in names if is_foreign(name) and not is_readable(name))
    if not count:
        return None
    return ", ".join(f"{number} {suffix}" for suffix, number in count.most_common()) + f": to read them, {INSTALL}"


def read_samples(path: Path | str, *, samples: int | None = None, data: bytes | None = None) -> Samples:
    """Read an audio file of any rate, channel count and format that soundfile, ffmpeg or PyAV knows.

    samples : exact length of the result; None keeps the whole file
    data    : the file's bytes, where they are at hand; `path` then only names it in messages
    -> int16 [samples], 16 kHz mono, exactly what `open_sound` gives. Shorter files get zeros at the end, longer ones
    are cut by `word_place`. 16-bit mono files at 16 kHz come out as they are.
    Raises DataError for a file that cannot be decoded, is empty, longer than LONGEST_S or holds values that are not
    finite.
    """
    if samples is not None:
        check_number("samples", samples, low=1)
    audio = whole(open_sound(checked_path("path", path), data))
    return audio if samples is None else fit(audio, samples)


def whole(sound: Sound) -> np.ndarray:
    """All of a sound, int16 [n]. Raises DataError if it has no samples or more than LONGEST_S."""
    blocks, count = [], 0
    if sound.seconds > LONGEST_S:
        raise too_long(sound)
    for block in sound.blocks():
        count += len(block)
        if count > LONGEST_S * SAMPLE_RATE_HZ:
            raise too_long(sound)
        blocks.append(block)
    if count == 0:
        raise DataError(f"{sound.path}: holds no samples; replace or remove it")
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def too_long(sound: Sound) -> DataError:
    return DataError(f"{sound.path}: is longer than {LONGEST_S // 3600} hours; cut it into pieces")


def write_audio(path: Path | str, audio: Samples) -> None:
    """Write int16 [n] as 16 kHz mono, whole or not at all; the suffix says the format: .wav or .flac."""
    path = checked_path("path", path)
    check_array("audio", audio, np.int16, "n")
    if path.suffix not in (".wav", ".flac"):
        raise DataError(f"{path}: the name must end in .wav or .flac")
    write_atomic(path, encode(audio, path.suffix[1:].upper()), durable=False)


def encode(audio: Samples, container: str = "WAV") -> bytes:
    """int16 [n] as a 16-bit mono file at 16 kHz; the same samples give the same bytes."""
    check_array("audio", audio, np.int16, "n")
    import soundfile

    data = io.BytesIO()
    soundfile.write(data, audio, SAMPLE_RATE_HZ, subtype="PCM_16", format=container)
    return data.getvalue()


def resample(audio: NDArray[np.floating], rate_hz: float) -> NDArray[np.float32]:
    """float [n] at `rate_hz` -> float32 [m] at 16 kHz; m is n * 16000 / rate_hz, rounded, and at least 1."""
    check_number("rate_hz", rate_hz, low=1, whole=False)
    if rate_hz == SAMPLE_RATE_HZ:
        return audio.astype(np.float32)
    import soxr

    out = soxr.resample(audio.astype(np.float32), rate_hz, SAMPLE_RATE_HZ)
    return out if len(out) else np.zeros(1, np.float32)


def to_int16(audio: NDArray[np.floating]) -> Samples:
    """float [n], full scale 1.0 -> int16 [n]; what passes full scale is scaled down as a whole."""
    scaled = audio.astype(np.float64) * 32768.0
    peak = np.abs(scaled).max(initial=0.0)
    if peak > 32767.0:
        scaled *= 32767.0 / peak
    return np.rint(scaled).astype(np.int16)


def fit(audio: Samples, samples: int) -> Samples:
    """int16 [n] -> int16 [samples]: zeros added at the end, or cut by `word_place`."""
    check_array("audio", audio, np.int16, "n")
    check_number("samples", samples, low=1)
    if len(audio) <= samples:
        return np.pad(audio, (0, samples - len(audio)))
    start = word_place(audio, samples)
    return audio[start : start + samples]
