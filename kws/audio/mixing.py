"""From frames to int16 mono: which channel is heard, and what full scale is. One rule for every command.

A first look through the file finds what one block cannot show: channels that cancel each other, float files that count
in steps of integers, and peaks beyond full scale.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.audio.decoding import DType, Part, untrue_length
from kws.audio.resampling import SAMPLE_RATE_HZ, resampler
from kws.errors import DataError

INT16_STEPS, INT24_STEPS, INT32_STEPS = 2.0**15, 2.0**23, 2.0**31
FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")
SURELY_STEPS = 32.0  # a float file that passes full scale 32 times counts in integer steps; see steps_of
OVERSHOOT = 0.7  # a peak beyond it may pass full scale when it is resampled
CANCELLED_DB = 9.0  # a mix so far below that of unrelated channels lacks what they have in common


@dataclass(frozen=True)
class Mix:
    """How the frames of a part become mono of full scale 1.0.

    channel : the one that is heard; None for the mean of all
    scale   : factor for every sample
    """

    channel: int | None = None
    scale: float = 1.0

    def mono(self, block: np.ndarray) -> np.ndarray:
        """float [n, channels] -> float32 [n]."""
        channels = block.shape[1]
        if self.channel is not None or channels == 1:
            one = block[:, self.channel or 0]
        else:
            one = block @ np.full(channels, 1 / channels, block.dtype)
        return (one * self.scale if self.scale != 1.0 else one).astype(np.float32)


@dataclass(eq=False)
class Look:
    """What a look through a part has found; peaks in the file's own unit.

    power, mix_power : mean squares of each channel and of their mean, without constant offsets
    """

    samples: int
    peak: float
    mix_peak: float
    channel_peaks: np.ndarray
    power: np.ndarray
    mix_power: float
    integers: bool


def needs_look(part: Part) -> bool:
    """Whether blocks alone cannot say how to mix; integers of one channel at 16 kHz are what they are."""
    return part.channels > 1 or part.rate_hz != SAMPLE_RATE_HZ or not part.plain_integers or part.frames == 0


def look_through(part: Part) -> Look:
    """Decode a part once. Raises DataError for values that are not finite, or where it is damaged."""
    dtype: DType = "float64" if part.subtype in FLOAT_SUBTYPES or part.subtype == "PCM_32" else "float32"
    count, integers = 0, part.subtype in FLOAT_SUBTYPES
    sums, squares, peaks = (np.zeros(part.channels + (part.channels > 1)) for _ in range(3))  # the last is the mean's
    for block in part.blocks(dtype):
        rows = np.ascontiguousarray(block.T, dtype=np.float64)  # [channels, n]: sums along rows are fast
        check_range(part.path, np.maximum(rows.max(axis=1), -rows.min(axis=1)))
        if part.channels > 1:
            rows = np.vstack((rows, rows.mean(axis=0)))
        count += len(block)
        sums += rows.sum(axis=1)
        squares += np.einsum("ij,ij->i", rows, rows)
        peaks = np.maximum(peaks, np.maximum(rows.max(axis=1), -rows.min(axis=1)))
        integers = integers and bool((rows[:part.channels] == np.rint(rows[:part.channels])).all())
    power = np.maximum(squares / max(count, 1) - np.square(sums / max(count, 1)), 0.0)
    own = slice(part.channels)
    return Look(count, float(peaks[own].max()), float(peaks[-1]), peaks[own], power[own], float(power[-1]),
                integers and count > 0)


def check_range(path: Path, high: np.ndarray) -> None:
    """Raise DataError for values (peaks of a block) that are not finite, or beyond whatever sound counts in."""
    if not np.isfinite(high).all():
        raise DataError(f"{path}: holds values that are not finite; replace or remove it")
    if high.max() > 2 * INT32_STEPS:
        raise DataError(f"{path}: holds values up to {high.max():.1e}, but full scale of a float file is 1.0; "
                        "export it again")


def steps_of(part: Part, look: Look) -> float:
    """What one unit of the file is divided by: 1.0, or the full scale of the integers that a float file counts in.

    Integers that were written into a wider file without being shifted up are found by the same rule.
    """
    if part.subtype == "PCM_32":
        return 2.0**-16 if 0 < look.peak * INT32_STEPS <= INT16_STEPS else 1.0
    if part.subtype not in FLOAT_SUBTYPES:
        return 1.0
    if look.peak <= SURELY_STEPS and not (look.integers and look.peak >= 2):
        return 1.0
    return next(steps for steps in (INT16_STEPS, INT24_STEPS, INT32_STEPS) if look.peak <= 2 * steps)


def cancelled_db(look: Look) -> float:
    """How far the mean of the channels lies below that of unrelated channels; 0 if there is only one, or nothing."""
    channels = len(look.power)
    if channels < 2 or not look.power.any():
        return 0.0
    expected = float(look.power.mean()) / channels
    return float(10 * np.log10(expected / max(look.mix_power, expected * 1e-12)))


def choose_mix(part: Part) -> tuple[Mix, int, tuple[str, ...]]:
    """How to mix a part: (the rule, samples in it, what a person should know)."""
    if not needs_look(part):
        return Mix(), part.frames, ()
    look = look_through(part)
    notices = [note] if (note := untrue_length(part, look.samples)) else []
    channel, peak = None, look.mix_peak
    below_db = cancelled_db(look)
    if below_db > CANCELLED_DB:
        channel = int(np.flatnonzero(look.power > 0.8 * look.power.max())[0])
        peak = float(look.channel_peaks[channel])
        notices.append(f"the {part.channels} channels cancel each other (one is inverted: their mean is "
                       f"{min(below_db, 120):.0f} dB too low); channel {channel + 1} is heard alone")
    steps = steps_of(part, look)
    if steps != 1.0:
        notices.append(steps_notice(part, look, steps))
    scale = 1.0 / steps
    if peak * scale > 1.0:
        over_db = 20 * float(np.log10(peak * scale))
        scale *= 32767 / 32768 / (peak * scale)
        if part.subtype in FLOAT_SUBTYPES:
            notices.append(f"passes full scale by {over_db:.1f} dB: scaled down as a whole")
    if part.rate_hz != SAMPLE_RATE_HZ and peak * scale > OVERSHOOT:
        resampled = resampled_peak(part, Mix(channel, scale))
        scale *= min(32767 / 32768 / max(resampled, 1e-9), 1.0)
    return Mix(channel, scale), look.samples, tuple(notices)


def resampled_peak(part: Part, mix: Mix) -> float:
    """The greatest value at 16 kHz, which may lie between the samples of a file, and beyond all of them."""
    stream = resampler(part.rate_hz)
    peak = 0.0
    for block in part.blocks("float32"):
        peak = max(peak, float(np.abs(stream.resample_chunk(mix.mono(block))).max(initial=0.0)))
    return max(peak, float(np.abs(stream.resample_chunk(np.zeros(0, np.float32), last=True)).max(initial=0.0)))


def steps_notice(part: Part, look: Look, steps: float) -> str:
    """That a file counts in integers which its format does not announce."""
    if part.subtype == "PCM_32":
        return f"16-bit numbers in a 32-bit file (up to {look.peak * INT32_STEPS:,.0f}): taken as 16-bit sound"
    bits = {INT16_STEPS: 16, INT24_STEPS: 24, INT32_STEPS: 32}[steps]
    return f"a float file with numbers up to {look.peak:,.0f}: taken as steps of {bits}-bit sound"
