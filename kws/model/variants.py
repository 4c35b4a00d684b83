"""What makes a few recordings of a word many: other voices, other microphones, and what only begins or ends like it.

Arrays in, arrays out, clips as int16 [n, samples]; every random number comes from the generator that is passed.
"""

from collections.abc import Sequence

import numpy as np

from kws.model.augment import db_to_ratio, to_int16
from kws.speech.conversion import drawn, pitch, rate, vocal_tract

TRACTS, RATES, PITCHES = (0.84, 1.19), (0.8, 1.25), (0.85, 1.18)  # factors of kws.speech.conversion
VOICED, PITCHED, IN_ROOM = 0.7, 0.4, 0.3  # shares of the copies
TIMBRE_DB, TIMBRE_POINTS = 3.0, 8  # standard deviation, and over how many points of the spectrum it is drawn
EDGE = 6  # a sixth of a clip at either end is taken for the silence around its word


def another_voice(clips: np.ndarray, rng: np.random.Generator, rooms: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Each clip by another head, at another pace and pitch, in another room, through another microphone, or some of it.

    rooms : impulse responses, float32 [n]; without any, all are heard from nearby -> int16 [n, samples]
    """
    return timbre(np.stack([varied(clip.astype(np.float32), rng, rooms) for clip in clips]), rng)


def varied(clip: np.ndarray, rng: np.random.Generator, rooms: Sequence[np.ndarray]) -> np.ndarray:
    """float32 [n] by another voice, its middle where it was: float32 [n]."""
    length = len(clip)
    if rng.random() < VOICED:
        clip = vocal_tract(clip, drawn(TRACTS, rng))
    if rng.random() < VOICED:
        clip = centred(rate(clip, drawn(RATES, rng)), length)
    if rng.random() < PITCHED:
        clip = pitch(clip, drawn(PITCHES, rng))
    if len(rooms) and rng.random() < IN_ROOM:
        clip = in_room(clip, rooms[int(rng.integers(len(rooms)))])
    return clip


def centred(audio: np.ndarray, length: int) -> np.ndarray:
    """[n] -> [length], the middle kept, zeros if nothing is left."""
    room = length - len(audio)
    if room < 0:
        return audio[-room // 2 : -room // 2 + length]
    return np.pad(audio, (room // 2, room - room // 2))


def in_room(clip: np.ndarray, room: np.ndarray) -> np.ndarray:
    """float [n] through an impulse response, its direct sound where the clip's was: as loud as before, float32 [n]."""
    size = 1 << (len(clip) + len(room) - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(clip, size) * np.fft.rfft(room, size), size)
    first = int(np.abs(room).argmax())
    heard = heard[first : first + len(clip)]
    loudness = (np.sqrt((clip.astype(np.float64) ** 2).mean()) + 1) / (np.sqrt((heard**2).mean()) + 1)
    return (heard * loudness).astype(np.float32)


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
