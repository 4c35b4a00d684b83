"""One voice as another: a longer or shorter vocal tract, another pitch, another rate, each without the others.

A voice is a source (pitch) through a filter (the vocal tract, whose resonances are the spectrum's envelope). The
envelope of each frame is found by its cepstrum, and stretched over frequency. Rate is changed by overlapping frames
anew where they fit best; pitch by playing faster and changing the rate back. No network, no training.
"""

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, resample

FRAME, STEP = 512, 128
ENVELOPE = 40  # cepstral coefficients that count as envelope: below a pitch of 400 Hz
FLOOR = 1e-4  # of a frame's magnitudes, so that silence stays silence
STRETCH_FRAME, SEARCH = 480, 160  # samples: 30 ms pieces, moved by up to 10 ms to where they fit


def vocal_tract(audio: np.ndarray, factor: float) -> np.ndarray:
    """float [n] with every resonance at `factor` times its frequency, pitch and rate as they were: float32 [n].

    factor : 0.8 (a larger head) to 1.25 (a smaller one)
    """
    window = np.hanning(FRAME + 1)[:-1]
    padded = np.pad(audio.astype(np.float64), (FRAME, 2 * FRAME))
    starts = np.arange(0, len(padded) - FRAME, STEP)
    spectra = np.fft.rfft(padded[starts[:, None] + np.arange(FRAME)] * window)
    size = np.log(np.abs(spectra) + FLOOR)
    cepstra = np.fft.irfft(size)
    cepstra[:, ENVELOPE:-ENVELOPE] = 0
    envelope = np.fft.rfft(cepstra).real
    lines = np.arange(spectra.shape[1])
    moved = np.stack([np.interp(lines / factor, lines, row) for row in envelope])
    frames = np.fft.irfft(spectra * np.exp(np.clip(moved - envelope, -6, 6))) * window
    return overlapped(frames, starts, len(padded), window**2)[FRAME : FRAME + len(audio)]


def rate(audio: np.ndarray, factor: float) -> np.ndarray:
    """float [n] said `factor` times as fast at the same pitch: float32 [n / factor]."""
    window, half = np.hanning(STRETCH_FRAME + 1)[:-1], STRETCH_FRAME // 2
    length = max(1, round(len(audio) / factor))
    padded = np.pad(audio.astype(np.float64), (SEARCH + half, STRETCH_FRAME + 2 * SEARCH + half))
    count = length // half + 2
    pieces = np.zeros((count, STRETCH_FRAME))
    expected: np.ndarray | None = None
    for i in range(count):
        start = min(round(i * half * factor), len(audio) + half) + SEARCH
        if expected is not None:
            near = padded[start - SEARCH : start + SEARCH + half]
            start += int(np.correlate(near, expected, "valid").argmax()) - SEARCH
        pieces[i] = padded[start : start + STRETCH_FRAME]
        expected = padded[start + half : start + STRETCH_FRAME]
    starts = np.arange(count) * half
    return overlapped(pieces * window, starts, starts[-1] + STRETCH_FRAME, window)[half : half + length]


def pitch(audio: np.ndarray, factor: float) -> np.ndarray:
    """float [n] with `factor` times the pitch, resonances and rate as they were: float32 [n]."""
    played = resample(audio.astype(np.float32), round(SAMPLE_RATE_HZ * factor, -1))
    found = vocal_tract(rate(played, len(played) / len(audio)), 1 / factor)
    return np.pad(found, (0, max(0, len(audio) - len(found))))[: len(audio)]


def overlapped(frames: np.ndarray, starts: np.ndarray, length: int, weight: np.ndarray) -> np.ndarray:
    """Frames [n, size] added where they start, over the sum of their weights: float32 [length]."""
    total, weights = np.zeros(length), np.zeros(length)
    for frame, start in zip(frames, starts, strict=True):
        total[start : start + len(frame)] += frame
        weights[start : start + len(frame)] += weight
    return (total / np.maximum(weights, 0.1)).astype(np.float32)


def drawn(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """A factor between the limits, as often below one as the logarithm says."""
    return float(np.exp(rng.uniform(*np.log(limits))))
