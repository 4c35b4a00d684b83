"""Any sound file as int16 mono at 16 kHz, in blocks and constant memory: what every command hears of a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.arguments import checked_path
from kws.audio.containers import Buffer
from kws.audio.decoding import Part, open_file
from kws.audio.mixing import Mix, choose_mix
from kws.audio.resampling import SAMPLE_RATE_HZ, resampler, to_int16


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound file that can be heard from its beginning, as often as wanted.

    rate_hz, channels : as the file's first part is; seconds : its length
    remarks           : what was found in it that a person should know, and what is done about it
    """

    path: Path
    rate_hz: int
    channels: int
    seconds: float
    remarks: tuple[str, ...]
    mixes: tuple[tuple[Part, Mix], ...]

    @property
    def notices(self) -> tuple[str, ...]:
        """What is done to the audio and what was found in it, a line each; nothing for plain 16 kHz mono."""
        done = []
        if self.rate_hz != SAMPLE_RATE_HZ:
            done.append(f"resampled from {self.rate_hz} Hz to {SAMPLE_RATE_HZ} Hz")
        if self.channels > 1 and self.mixes[0][1].channel is None:
            done.append(f"{self.channels} channels averaged")
        return tuple(f"{self.path}: {line}" for line in ((", ".join(done),) if done else ()) + self.remarks)

    def blocks(self) -> Iterator[np.ndarray]:
        """int16 [n], about a second at a time. Raises DataError if the file turns out to be damaged."""
        for part, mix in self.mixes:
            yield from int16_blocks(part, mix)


def open_sound(path: Path | str, data: Buffer | None = None) -> Sound:
    """Open a sound file of any rate, channels and format.

    data : the file's bytes, if they are at hand; `path` then only names it
    Raises DataError for a file that is missing, cannot be decoded, holds no samples or none that are finite.
    """
    path = checked_path("path", path)
    opened = open_file(path, data)
    remarks, mixes, seconds = list(opened.notices), [], 0.0
    for part in opened.parts:
        mix, samples, found = choose_mix(part)
        mixes.append((part, mix))
        seconds += samples / part.rate_hz
        remarks += [line for line in found if line not in remarks]
    first = opened.parts[0]
    return Sound(path, first.rate_hz, first.channels, seconds, tuple(remarks), tuple(mixes))


def int16_blocks(part: Part, mix: Mix) -> Iterator[np.ndarray]:
    """One part: 16-bit mono at 16 kHz as it is, everything else mixed, resampled and rounded."""
    plain = part.subtype == "PCM_16" and part.channels == 1
    if part.rate_hz == SAMPLE_RATE_HZ:
        for block in part.blocks("int16" if plain else "float32"):
            yield block[:, 0] if plain else to_int16(mix.mono(block))
        return
    stream = resampler(part.rate_hz)
    for block in part.blocks("float32"):
        yield to_int16(stream.resample_chunk(mix.mono(block)))
    yield to_int16(stream.resample_chunk(np.zeros(0, np.float32), last=True))
