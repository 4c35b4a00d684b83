"""The rate of every sound in this house, and how others come to it."""

import numpy as np

SAMPLE_RATE_HZ = 16_000


def resampler(rate_hz: int):  # type: ignore[no-untyped-def]
    """A stream of one channel from `rate_hz` to 16 kHz: soxr's ResampleStream."""
    import soxr

    return soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")


def to_int16(audio: np.ndarray) -> np.ndarray:
    """float [n], full scale 1.0 -> int16 [n]; what passes full scale is clipped."""
    return np.clip(np.rint(audio * np.float32(32768.0)), -32768, 32767).astype(np.int16)
