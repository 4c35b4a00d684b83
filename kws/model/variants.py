"""What makes a few recordings of a word many: other voices, other microphones, and what only begins or ends like it.

Arrays in, arrays out, clips as int16 [n, samples]; every random number comes from the generator that is passed.
"""

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, resample
from kws.model.augment import db_to_ratio, to_int16

SLOWEST, FASTEST = 0.85, 1.18  # of the recorded speed; the pitch goes with it
TIMBRE_DB, TIMBRE_POINTS = 3.0, 8  # standard deviation, and over how many points of the spectrum it is drawn
EDGE = 6  # a sixth of a clip at either end is taken for the silence around its word


def respoken(clips: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each clip faster or slower, higher or deeper, and through another microphone: int16 [n, samples]."""
    speeds = rng.uniform(SLOWEST, FASTEST, len(clips))
    return timbre(np.stack([at_speed(clip, speed) for clip, speed in zip(clips, speeds, strict=True)]), rng)


def at_speed(clip: np.ndarray, speed: float) -> np.ndarray:
    """int16 [n] played `speed` times as fast, its middle where it was: float32 [n], zeros where nothing is left."""
    played = resample(clip.astype(np.float32), round(SAMPLE_RATE_HZ * speed, -1))
    room = len(clip) - len(played)
    if room < 0:
        return played[-room // 2 : -room // 2 + len(clip)]
    return np.pad(played, (room // 2, room - room // 2))


def timbre(clips: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each clip with a smooth random frequency response: [n, samples] -> int16 [n, samples]."""
    samples = clips.shape[1]
    points, lines = np.linspace(0, 1, TIMBRE_POINTS), np.linspace(0, 1, samples // 2 + 1)
    result = np.empty(clips.shape, np.int16)
    for row, clip in zip(result, clips, strict=True):
        response = db_to_ratio(np.interp(lines, points, rng.normal(0, TIMBRE_DB, TIMBRE_POINTS)))
        row[:] = to_int16(np.fft.irfft(np.fft.rfft(clip) * response, samples))
    return result


def run_together(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The end of one word and the beginning of the next, as running speech has them in one window: int16 [n, samples].

    first, second : clips that are joined row by row, a third to two thirds of the result from the first
    """
    samples = first.shape[1]
    edge = samples // EDGE
    result = np.empty_like(first)
    for row, end, beginning in zip(result, first, second, strict=True):
        joint = int(rng.integers(samples // 3, 2 * samples // 3 + 1))
        row[:joint] = end[samples - edge - joint : samples - edge]
        row[joint:] = beginning[edge : edge + samples - joint]
    return result


def half_said(words: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of a word and something else: the second half after another word, or the first half before one.

    words, others : joined row by row; the word stands in the middle of its clip -> int16 [n, samples]
    """
    samples = words.shape[1]
    middle, edge = samples // 2, samples // EDGE
    result = np.empty_like(words)
    for row, word, other in zip(result, words, others, strict=True):
        joint = int(rng.integers(samples // 3, middle + 1))  # samples of the word's half
        if rng.random() < 0.5:
            row[:joint], row[joint:] = word[middle : middle + joint], other[edge : edge + samples - joint]
        else:
            row[-joint:], row[:-joint] = word[middle - joint : middle], other[joint - edge : samples - edge]
    return result
