"""Where in a recording somebody speaks: level over time, held against the room's noise.

All functions take int16 [n] at 16 kHz mono. Levels are in dB of full scale: a full square wave has 0.
"""

from dataclasses import dataclass

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.audio.word_place import PAUSE_FRAMES, SHORTEST_FRAMES

FRAME = SAMPLE_RATE_HZ // 100  # 10 ms
FLOOR_DB = -90.0  # digital silence
ABOVE_NOISE_DB, SOFTEST_DB = 10.0, -60.0  # speech is louder than the noise by this, and than this
ONSET_DB, ONSET_FRAMES = 4.0, 15  # a word's soft ends: above the noise by this, up to 150 ms
WORD_DB = 20.0  # what is softer than the loudest word by more is a breath or a chair
LOUDEST_FRAMES = 10  # the level of a word is that of its loudest 100 ms
TRAILING_S = 0.7  # silence that ends a take
LONGEST_S = 5.0  # of a take


@dataclass(frozen=True)
class Utterance:
    """Samples [start, end) in which somebody speaks, and the level of the loudest 100 ms in them."""

    start: int
    end: int
    level_db: float


def levels(audio: np.ndarray) -> np.ndarray:
    """int16 [n] -> float [n // 160]: the level of each 10 ms, without any constant offset."""
    count = len(audio) // FRAME
    if count == 0:
        return np.zeros(0)
    centred = audio[: count * FRAME].astype(np.float64) - audio.mean()
    return to_db(np.square(centred).reshape(count, FRAME).mean(axis=1))


def to_db(power: np.ndarray) -> np.ndarray:
    """Mean squares of int16 samples -> dB of full scale, at least FLOOR_DB."""
    return np.maximum(10 * np.log10(np.maximum(power, 1e-9) / 32768.0**2), FLOOR_DB)


def noise_level(audio: np.ndarray) -> float:
    """Level of a room in which nobody speaks: the median over 10 ms, so that a click does not count."""
    found = levels(audio)
    return float(np.median(found)) if len(found) else FLOOR_DB


def background(audio: np.ndarray, room_db: float) -> float:
    """The noise behind a take: that of its quietest tenth, and no less than was measured in the room."""
    found = levels(audio)
    return max(room_db, float(np.quantile(found, 0.1))) if len(found) else room_db


def find_utterances(audio: np.ndarray, *, noise_db: float) -> list[Utterance]:
    """Everything that is spoken, in order. Pauses of up to 250 ms belong to a word; clicks and breaths are left out."""
    level = levels(audio)
    loud = level > max(noise_db + ABOVE_NOISE_DB, SOFTEST_DB)
    soft = level > max(noise_db + ONSET_DB, SOFTEST_DB - ABOVE_NOISE_DB + ONSET_DB)
    found = []
    for first, last in joined(np.flatnonzero(loud)):
        if np.count_nonzero(loud[first : last + 1]) >= SHORTEST_FRAMES:
            peak_db = loudest_level(level[first : last + 1])
            first, last = widened(soft, first, last)
            found.append(Utterance(first * FRAME, (last + 1) * FRAME, peak_db))
    best_db = max((utterance.level_db for utterance in found), default=FLOOR_DB)
    return [utterance for utterance in found if utterance.level_db >= best_db - WORD_DB]


def joined(frames: np.ndarray) -> list[tuple[int, int]]:
    """(first, last) of runs in increasing frame numbers; gaps of up to PAUSE_FRAMES are bridged."""
    if len(frames) == 0:
        return []
    ends = np.flatnonzero(np.diff(frames) > PAUSE_FRAMES + 1)
    firsts, lasts = np.append(0, ends + 1), np.append(ends, len(frames) - 1)
    return [(int(frames[a]), int(frames[b])) for a, b in zip(firsts, lasts, strict=True)]


def widened(soft: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """The run with the soft frames next to it: the beginning of an f, the end of an s."""
    for _ in range(ONSET_FRAMES):
        first -= bool(first > 0 and soft[first - 1])
        last += bool(last + 1 < len(soft) and soft[last + 1])
    return first, last


def loudest_level(level: np.ndarray) -> float:
    """The highest mean power of 100 ms in a row of frame levels."""
    power = 10 ** (level / 10)
    width = min(LOUDEST_FRAMES, len(power))
    return float(10 * np.log10(np.convolve(power, np.ones(width) / width, "valid").max()))


def finished(audio: np.ndarray, *, room_db: float, samples: int) -> bool:
    """Whether a take of which this much was heard is over: a word and silence after it, or nothing for too long.

    samples : length of the clip that will be cut out of it
    """
    if len(audio) >= LONGEST_S * SAMPLE_RATE_HZ:
        return True
    found = find_utterances(audio, noise_db=background(audio, room_db))
    return bool(found) and len(audio) >= max(samples, found[-1].end + TRAILING_S * SAMPLE_RATE_HZ)


def cut(audio: np.ndarray, utterance: Utterance, *, samples: int) -> np.ndarray:
    """int16 [samples] with the utterance in its middle, as far as there is sound around it; zeros only beyond that."""
    start = (utterance.start + utterance.end - samples) // 2
    start = max(0, min(start, len(audio) - samples))
    clip = audio[start : start + samples]
    return np.pad(clip, (0, samples - len(clip)))
