"""Where in a recording the word is: by what sounds like speech for longer than a click does.

The loudest stretch of a recording may be the thump of switching on. A thump is loud, low and short; a word lies between
300 and 4000 Hz, and lasts. So every 10 ms count by how many dB they rise above the noise in that band, and no moment
counts for more than a few dB: time decides, not power.
"""

import numpy as np

from kws.audio.resampling import SAMPLE_RATE_HZ

PAUSE_FRAMES = 25  # a word has no longer pause in it
SHORTEST_FRAMES = 8  # what is shorter is a click
FRAME = 160  # samples, 10 ms
WINDOW = 512  # samples of a spectrum
LOW_HZ, HIGH_HZ = 300, 4_000
ABOVE_NOISE_DB, SOFTEST_DB = 8.0, -65.0  # speech is louder than the noise in its band by this, and than this
MOST_DB = 25.0  # what a moment counts at most
PLATEAU = 0.98  # windows with this share of the greatest energy hold the word as well
LONG = 300 * SAMPLE_RATE_HZ  # beyond this the loudest stretch begins at a whole frame
_CHUNK_FRAMES = 1_024


def speech_levels(audio: np.ndarray) -> np.ndarray:
    """int16 [n] -> float32 [n // 160]: the level of each 10 ms between 300 and 4000 Hz, in dB of full scale."""
    count = len(audio) // FRAME
    hz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE_HZ)
    band = slice(int(np.searchsorted(hz, LOW_HZ)), int(np.searchsorted(hz, HIGH_HZ)))
    window = np.hanning(WINDOW).astype(np.float32)
    before = (WINDOW - FRAME) // 2
    power = np.empty(count, np.float32)
    for first in range(0, count, _CHUNK_FRAMES):
        last = min(first + _CHUNK_FRAMES, count)
        start, end = first * FRAME - before, (last - 1) * FRAME - before + WINDOW
        piece = audio[max(start, 0):end].astype(np.float32)
        piece = np.pad(piece, (max(-start, 0), max(end - len(audio), 0)))
        frames = np.lib.stride_tricks.sliding_window_view(piece, WINDOW)[::FRAME]
        power[first:last] = np.square(np.abs(np.fft.rfft(frames * window)[:, band])).sum(axis=1)
    scale = 2 / float(np.square(window).sum()) / WINDOW / 32768.0**2
    level_db: np.ndarray = 10 * np.log10(np.maximum(power * np.float32(scale), 1e-12))
    return level_db


def utterances(audio: np.ndarray) -> list[tuple[int, int, float]]:
    """(first sample, last sample, weight) of everything that may be a word in int16 [n], in order.

    weight : dB above the noise, summed over its frames, each at most MOST_DB
    """
    level = speech_levels(audio)
    if len(level) == 0:
        return []
    noise_db = float(np.quantile(level, 0.1))
    above = level - max(noise_db, SOFTEST_DB - ABOVE_NOISE_DB)
    loud = np.flatnonzero(above > ABOVE_NOISE_DB)
    if len(loud) == 0:
        return []
    breaks = np.flatnonzero(np.diff(loud) > PAUSE_FRAMES + 1)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, len(loud) - 1)
    found = []
    for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True):
        if b - a + 1 >= SHORTEST_FRAMES:
            weight = float(np.minimum(above[loud[a:b + 1]], MOST_DB).sum())
            found.append((int(loud[a]) * FRAME, (int(loud[b]) + 1) * FRAME, weight))
    return found


def word_place(audio: np.ndarray, samples: int) -> int:
    """Start of the stretch of `samples` in int16 [n], n >= samples, that holds the word, in its middle.

    The word is the utterance of the greatest weight. One that is longer than the stretch is cut to its weightiest
    part. Without any utterance it is the loudest stretch.
    """
    found = utterances(audio)
    if not found:
        return loudest(audio, samples)
    start, end, _ = max(found, key=lambda word: word[2])
    if end - start > samples:
        start += loudest(audio[start:end], samples)
        end = start + samples
    return max(0, min((start + end - samples) // 2, len(audio) - samples))


def loudest(audio: np.ndarray, samples: int) -> int:
    """Start of the loudest stretch of `samples` in int16 [n], n >= samples.

    Sound shorter than the stretch fits in many ways, all of about the same energy: of those next to each other with at
    least 98 % of the greatest energy, the middle one is taken, so that there is room on both sides.
    """
    if len(audio) > LONG:
        return FRAME * loudest_frame(audio, samples)
    centred = audio.astype(np.int64) - round(float(audio.mean()))
    sums = np.concatenate(([0], np.cumsum(centred * centred)))
    energy = sums[samples:] - sums[:-samples]
    best = int(energy.argmax())
    weak = np.flatnonzero(energy < PLATEAU * energy[best])
    place = int(np.searchsorted(weak, best))
    first = int(weak[place - 1]) + 1 if place else 0
    last = int(weak[place]) - 1 if place < len(weak) else len(energy) - 1
    return (first + last) // 2


def loudest_frame(audio: np.ndarray, samples: int) -> int:
    """The frame at which the loudest stretch of `samples` begins, in little memory."""
    frames = audio[:len(audio) // FRAME * FRAME].reshape(-1, FRAME)
    energy = np.empty(len(frames))
    for first in range(0, len(frames), _CHUNK_FRAMES):
        energy[first:first + _CHUNK_FRAMES] = frames[first:first + _CHUNK_FRAMES].astype(np.float32).var(axis=1)
    sums = np.concatenate(([0.0], np.cumsum(energy)))
    width = -(-samples // FRAME)
    return int((sums[width:] - sums[:-width]).argmax())
