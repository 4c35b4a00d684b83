"""What can be wrong with one clip, measured on its samples: the checks that recording, import and `data check` share.

    measures = measure_clip(samples)                    # numbers, float32 each, that can be kept on disk
    faults = clip_faults(measures, samples=16_000)      # what is wrong by the rules below, worst first

Levels are in dB of full scale. Exact zeros at both ends (padding) do not count as sound.
"""

from dataclasses import astuple, dataclass, fields
from functools import cache

import numpy as np

from kws.arguments import Samples, check_array
from kws.audio.endpoint import FLOOR_DB, FRAME, levels, loudest_level
from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.choices import Fault

FULL_SCALE = 32_440  # 99 % of full scale
CLIPPED_SAMPLES = 3  # so many at full scale
FLAT_SAMPLES, FLAT_LEAST = 12, 1_000  # or so many in flat tops that lie lower: clipped first, turned down afterwards
SILENCE_DB = -60.0  # RMS 0.001
OFFSET = 0.01  # of full scale
LEAST_SNR_DB = 10.0  # a session at the microphone asks for more: there a word can be said again
EDGE, AFTER_EDGE = 3 * FRAME, 9 * FRAME  # a click at the edge is over after it, a word goes on
EDGE_BELOW_DB, EDGE_ABOVE_DB = 14.0, 12.0  # an edge this near to the word's level, this far above noise
EDGE_HZ = 350.0  # and up: edges are judged where speech is and hum, its harmonics, breath and rumble are not
FILTER_TAIL = 256  # samples of zeros behind a clip: what the filter spills over its end falls there
SHORTEST = 0.5  # of a clip's length
HUM_HZ, HUM_LINES, HUM_PARTS = (50.0, 60.0), 6, 8
HUM_DRIFT = np.linspace(-0.002, 0.002, 41)  # shares by which the mains may run fast or slow
HUM_ABOVE_DB, HUM_COHERENCE, HUM_DB = 12.0, 0.9, -60.0
GAP_SAMPLES, GAP_LOUDNESS = 32, 12.0  # zeros in a row (2 ms) amid sound of this RMS, in steps of int16
REPEAT_LEAST, REPEAT_MOST = 64, 2_048  # samples of a block that came twice
REPEAT_RMS = 12.0


@dataclass(frozen=True)
class ClipMeasures:
    """Numbers of one clip; all zero where it cannot be read.

    samples, sounding : length of the file, and without the exact zeros at both ends
    rms_db            : of the whole file without its mean
    level_db, noise_db : of the loudest 100 ms and of the quietest tenth (or end), hum and offset taken out
    offset            : mean, full scale 1
    clipped, flat     : samples within 1 % of full scale; in flat tops below it
    start_db, end_db  : how loud the sound begins and ends, see edge_level, from EDGE_HZ up
    band_db, band_noise_db : level_db and noise_db from EDGE_HZ up
    hum_hz, hum_db    : 50, 60 or 0, and the level of its lines
    gap_at, gap_samples, repeat_at, repeat_samples : the longest of each, 0 samples if there is none
    """

    samples: float = 0
    sounding: float = 0
    rms_db: float = FLOOR_DB
    level_db: float = FLOOR_DB
    noise_db: float = FLOOR_DB
    offset: float = 0
    clipped: float = 0
    flat: float = 0
    start_db: float = FLOOR_DB
    end_db: float = FLOOR_DB
    band_db: float = FLOOR_DB
    band_noise_db: float = FLOOR_DB
    hum_hz: float = 0
    hum_db: float = FLOOR_DB
    gap_at: float = 0
    gap_samples: float = 0
    repeat_at: float = 0
    repeat_samples: float = 0

    @property
    def snr_db(self) -> float:
        return self.level_db - self.noise_db

    def to_row(self) -> np.ndarray:
        """float32 [fields]."""
        return np.array(astuple(self), np.float32)

    @classmethod
    def from_row(cls, row: np.ndarray) -> "ClipMeasures":
        return cls(*map(float, row))


MEASURES = tuple(field.name for field in fields(ClipMeasures))


@dataclass(frozen=True)
class FoundFault:
    """One fault, and the number behind it in words."""

    fault: Fault
    detail: str


def measure_clip(audio: Samples) -> ClipMeasures:
    """The numbers of one clip, int16 [n], 16 kHz mono."""
    check_array("audio", audio, np.int16, "n")
    first, last = sounding_part(audio)
    sound = audio[first:last]
    if not len(sound):
        return ClipMeasures(samples=len(audio))
    offset = float(sound.mean())
    centred = sound.astype(np.float32) - np.float32(offset)
    hum_hz, hum_db, clean = without_hum(centred)
    level_db, noise_db = word_and_noise(clean)
    band = speech_band(clean)
    band_db, band_noise_db = word_and_noise(band)
    gap_at, gap = longest_gap(sound)
    repeat_at, repeat = longest_repeat(sound)
    clipped, flat = clipped_samples(sound)
    return ClipMeasures(
        samples=len(audio), sounding=len(sound), rms_db=level_of(audio - audio.mean()), level_db=level_db,
        noise_db=noise_db, offset=offset / 32768, clipped=clipped, flat=flat, start_db=edge_level(band),
        end_db=edge_level(band[::-1]), band_db=band_db, band_noise_db=band_noise_db, hum_hz=hum_hz, hum_db=hum_db,
        gap_at=first + gap_at, gap_samples=gap, repeat_at=first + repeat_at, repeat_samples=repeat)


def clip_faults(found: ClipMeasures, *, samples: int) -> tuple[FoundFault, ...]:
    """What is wrong with a clip that shall have `samples` samples, worst first; of a silent one only its length."""
    if found.samples == 0:
        return (FoundFault(Fault.UNREADABLE, "cannot be read as audio"),)
    length = (Fault.LENGTH, found.samples > samples or found.samples < SHORTEST * samples,
              f"{found.samples / SAMPLE_RATE_HZ:.2f} s, a clip has {samples / SAMPLE_RATE_HZ:.2f} s")
    if found.rms_db < SILENCE_DB:
        return those_that_hold((Fault.SILENT, True, f"{found.rms_db:.0f} dB of full scale"), length)
    return those_that_hold(
        length,
        (Fault.DROPPED, found.gap_samples > 0, f"{found.gap_samples / 16:.1f} ms of exact zeros at "
                                                   f"{found.gap_at / SAMPLE_RATE_HZ:.2f} s"),
        (Fault.DROPPED, found.repeat_samples > 0, f"{found.repeat_samples / 16:.1f} ms twice at "
                                                      f"{found.repeat_at / SAMPLE_RATE_HZ:.2f} s"),
        (Fault.CLIPPED, found.clipped >= CLIPPED_SAMPLES or found.flat >= FLAT_SAMPLES,
         f"{max(found.clipped, found.flat):.0f} samples"),
        (Fault.OFFSET, abs(found.offset) >= OFFSET, f"{100 * found.offset:+.1f} % of full scale"),
        (Fault.HUM, found.hum_hz > 0, f"{found.hum_hz:.0f} Hz at {found.hum_db:.0f} dB"),
        (Fault.NOISY, found.snr_db < LEAST_SNR_DB, f"the word is {found.snr_db:.0f} dB above the noise"),
        (Fault.CUT_OFF, is_cut(found, found.start_db), "loud from its first moment"),
        (Fault.CUT_OFF, is_cut(found, found.end_db), "loud up to its last moment"))


def those_that_hold(*rules: tuple[Fault, bool, str]) -> tuple[FoundFault, ...]:
    """(fault, whether it is there, the number behind it), each fault once."""
    kept: dict[Fault, FoundFault] = {}
    for fault, holds, detail in rules:
        if holds:
            kept.setdefault(fault, FoundFault(fault, detail))
    return tuple(kept.values())


def is_cut(found: ClipMeasures, edge_db: float) -> bool:
    """Whether an edge is part of the word."""
    return edge_db >= found.band_db - EDGE_BELOW_DB and edge_db >= found.band_noise_db + EDGE_ABOVE_DB


def word_and_noise(sound: np.ndarray) -> tuple[float, float]:
    """Levels of the loudest 100 ms and of the quietest tenth, or end, of float [n] in steps of int16."""
    frames = levels(np.clip(np.rint(sound), -32768, 32767).astype(np.int16))
    if not len(frames):
        return FLOOR_DB, FLOOR_DB
    return loudest_level(frames), float(min(np.quantile(frames, 0.1), frames[0], frames[-1]))


def speech_band(sound: np.ndarray) -> np.ndarray:
    """float32 [n] without what lies below EDGE_HZ: 3 dB less there, 24 dB less for each octave below, no delay."""
    size = 1 << (len(sound) + FILTER_TAIL - 1).bit_length()
    passed = np.fft.irfft(np.fft.rfft(sound, size) * high_pass(size), size)[: len(sound)]
    return np.asarray(passed, np.float32)


@cache
def high_pass(size: int) -> np.ndarray:
    """The gain of `speech_band` at each bin, float32 [size // 2 + 1]."""
    below = EDGE_HZ / np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ), 1)
    return (1 / np.sqrt(1 + below**8)).astype(np.float32)


def edge_level(audio: np.ndarray) -> float:
    """How loud float [n] begins: the softer of its first 30 ms and the 60 ms after them."""
    return min(level_of(audio[:EDGE]), level_of(audio[EDGE:AFTER_EDGE]))


def sounding_part(audio: np.ndarray) -> tuple[int, int]:
    """[first, last) without the exact zeros at both ends; (0, 0) if there is nothing else."""
    sounding = np.flatnonzero(audio)
    return (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else (0, 0)


def level_of(audio: np.ndarray) -> float:
    """The level of float [n] in steps of int16, in dB of full scale."""
    if not len(audio):
        return FLOOR_DB
    power = float(np.mean(np.square(audio, dtype=np.float64))) / 32768.0**2
    return max(10 * float(np.log10(max(power, 1e-12))), FLOOR_DB)


def clipped_samples(audio: np.ndarray) -> tuple[int, int]:
    """(samples within 1 % of full scale, samples in flat tops of three and more at the greatest or the least value)."""
    wide = audio.astype(np.int32)
    high, low = int(wide.max()), int(wide.min())
    clipped = int(np.count_nonzero((wide >= FULL_SCALE) | (wide <= -FULL_SCALE)))
    flat = sum(in_runs(wide == edge, least=3) for edge in (high, low) if abs(edge) >= FLAT_LEAST)
    return clipped, flat


def in_runs(mask: np.ndarray, *, least: int) -> int:
    """How many true values lie in runs of at least `least`."""
    starts, ends = runs(mask)
    lengths = ends - starts
    return int(lengths[lengths >= least].sum())


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends (exclusive) of the runs of true values."""
    edges = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def longest_gap(sound: np.ndarray) -> tuple[int, int]:
    """(start, length) of the longest run of exact zeros amid sound that is loud right beside it; (0, 0) without one."""
    starts, ends = runs(sound == 0)
    best = (0, 0)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start < max(GAP_SAMPLES, best[1] + 1):
            continue
        beside = (sound[max(start - 80, 0) : start], sound[end : end + 80])
        if max(rms(part) for part in beside) >= GAP_LOUDNESS and max(map(jump, beside, (-1, 0))) >= GAP_LOUDNESS:
            best = (start, end - start)
    return best


def jump(part: np.ndarray, end: int) -> float:
    """How far the sound is from zero within half a millisecond of a gap: a gate fades, a lost buffer does not."""
    near = part[-8:] if end else part[:8]
    return float(np.abs(near.astype(np.int32)).max(initial=0))


def rms(part: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(part, dtype=np.float64)))) if len(part) else 0.0


def longest_repeat(sound: np.ndarray) -> tuple[int, int]:
    """(start of the second copy, length) of the longest block that follows itself exactly; (0, 0) without one."""
    if len(sound) < 2 * REPEAT_LEAST:
        return 0, 0
    keys = np.lib.stride_tricks.sliding_window_view(sound, 4).copy().view(np.int64)[:, 0]
    order = np.argsort(keys, kind="stable")
    equal = keys[order[1:]] == keys[order[:-1]]
    lags = (order[1:] - order[:-1])[equal]
    lags = lags[(lags >= REPEAT_LEAST) & (lags <= REPEAT_MOST)]
    if len(lags) < REPEAT_LEAST // 2:
        return 0, 0
    values, counts = np.unique(lags, return_counts=True)
    best = (0, 0)
    for lag in values[counts >= np.minimum(values, REPEAT_LEAST) // 2].tolist():
        starts, ends = runs(sound[:-lag] == sound[lag:])
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            block = sound[start : start + lag]
            if end - start >= lag - 4 and lag > best[1] and rms(block - round(float(block.mean()))) >= REPEAT_RMS:
                best = (start + lag, lag)
    return best


def without_hum(centred: np.ndarray) -> tuple[float, float, np.ndarray]:
    """(50, 60 or 0, level of its lines in dB, the sound without them) of float32 [n]."""
    part = len(centred) // HUM_PARTS
    if part < SAMPLE_RATE_HZ // 20:
        return 0.0, FLOOR_DB, centred
    best: tuple[float, float, np.ndarray] = (0.0, FLOOR_DB, centred)
    for hum_hz in HUM_HZ:
        lines = hum_lines(centred[: part * HUM_PARTS].reshape(HUM_PARTS, part), hum_hz)
        power = sum(abs(value) ** 2 / 2 for value in lines.values())
        level_db = 10 * float(np.log10(max(power, 1e-9) / 32768.0**2))
        if lines and level_db > max(HUM_DB, best[1]):
            best = (hum_hz, level_db, centred - tone(lines, len(centred)))
    return best


def hum_lines(parts: np.ndarray, hum_hz: float) -> dict[float, complex]:
    """Frequency to complex amplitude of each multiple of `hum_hz` that stands out, steadily, in float [parts, n].

    Two lines or more make a hum; one alone may be anything.
    """
    kernel, frequencies = hum_kernel(parts.shape[1], hum_hz)
    turned = (parts @ kernel) * np.exp(
        -2j * np.pi * frequencies * np.arange(len(parts))[:, None] * parts.shape[1] / SAMPLE_RATE_HZ)
    quiet = np.argsort(np.square(parts).sum(axis=1))[: len(parts) // 2 + 1]  # where nobody speaks
    turned = turned[quiet]
    amplitude = np.median(np.abs(turned), axis=0)
    middle = np.median(turned.real, axis=0) + 1j * np.median(turned.imag, axis=0)
    spread = np.median(np.abs(turned - middle), axis=0)
    found: list[int] = []
    for line in range(HUM_LINES):
        at, beside = 2 * line + 1, (2 * line, 2 * line + 2)
        above_db = 20 * np.log10((amplitude[at] + 1e-6) / (np.mean(amplitude[list(beside)]) + 1e-6))
        if above_db >= HUM_ABOVE_DB and spread[at] < (1 - HUM_COHERENCE) * 4 * abs(middle[at]):
            found.append(at)
    return in_step(turned[:, found], frequencies[found], (quiet + 0.5) * parts.shape[1] / SAMPLE_RATE_HZ) \
        if len(found) >= 2 else {}


def in_step(turned: np.ndarray, frequencies: np.ndarray, times: np.ndarray) -> dict[float, complex]:
    """The lines at the frequency that the mains really has: that at which they keep step from part to part.

    turned : complex [parts, lines], each line against its `frequencies`; times : middles of the parts in seconds
    """
    drift = np.exp(-2j * np.pi * HUM_DRIFT[:, None, None] * frequencies * times[:, None])
    best = int(np.square(np.abs((turned * drift).mean(axis=1))).sum(axis=1).argmax())
    values = turned * drift[best]
    middle = np.median(values.real, axis=0) + 1j * np.median(values.imag, axis=0)
    return {float(hz): complex(value) for hz, value in zip(frequencies * (1 + HUM_DRIFT[best]), middle, strict=True)}


_KERNELS: dict[tuple[int, float], tuple[np.ndarray, np.ndarray]] = {}


def hum_kernel(length: int, hum_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Hann-windowed exponentials [length, 13] at the lines and half-way between, scaled to give amplitudes; in Hz."""
    if (length, hum_hz) not in _KERNELS:
        frequencies = hum_hz * np.arange(1, 2 * HUM_LINES + 2) / 2
        window = np.hanning(length)
        kernel = np.exp(-2j * np.pi * np.outer(np.arange(length), frequencies) / SAMPLE_RATE_HZ)
        _KERNELS[length, hum_hz] = ((2 / window.sum() * window[:, None] * kernel).astype(np.complex64), frequencies)
    return _KERNELS[length, hum_hz]


def tone(lines: dict[float, complex], length: int) -> np.ndarray:
    """float32 [length]: the sum of these lines."""
    time = np.arange(length) / SAMPLE_RATE_HZ
    return np.sum([np.real(value * np.exp(2j * np.pi * hz * time)) for hz, value in lines.items()],
                  axis=0).astype(np.float32)
