"""Audio-like input out of nothing, for comparisons of hours of it."""

import numpy as np

RATE_HZ = 16_000


def audio_like(rng: np.random.Generator, samples: int) -> np.ndarray:
    """int16 [samples]: noises, voices, chirps, clicks and squares in bursts, at any level from silence to clipping."""
    sound = np.zeros(samples)
    for _ in range(rng.integers(1, 5)):
        part = KINDS[rng.integers(len(KINDS))](rng, samples)
        sound += part * envelope(rng, samples) * 10 ** rng.uniform(-2, 0)
    sound *= 10 ** rng.uniform(0, 5.5)  # 1 step of a sample to ten times full scale
    sound += rng.integers(-500, 500) if rng.random() < 0.1 else 0
    return np.rint(sound).clip(-32768, 32767).astype(np.int16)


def envelope(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Mostly bursts of some tenths of a second; sometimes constant."""
    if rng.random() < 0.3:
        return np.ones(samples)
    knots = max(2, samples // int(rng.integers(500, 8_000)))
    levels = rng.random(knots) * (rng.random(knots) < 0.6)
    return np.interp(np.linspace(0, knots - 1, samples), np.arange(knots), levels)


def white(rng: np.random.Generator, samples: int) -> np.ndarray:
    return rng.uniform(-1, 1, samples)


def coloured(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Noise whose spectrum falls by 3 to 12 dB per octave."""
    spectrum = np.fft.rfft(rng.normal(0, 1, samples))
    spectrum /= np.maximum(np.arange(spectrum.size), 1) ** rng.uniform(0.5, 2)
    sound = np.fft.irfft(spectrum, samples)
    return sound / np.abs(sound).max()


def voice(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Harmonics of a gliding pitch."""
    pitch_hz = np.exp(np.interp(np.linspace(0, 9, samples), np.arange(10), rng.uniform(4, 6, 10)))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    return np.sum([np.sin(k * phase + rng.uniform(0, 6)) * rng.random() / k for k in range(1, 20)], axis=0) / 3


def tone(rng: np.random.Generator, samples: int) -> np.ndarray:
    return np.sin(2 * np.pi * rng.uniform(0, 8_000) * np.arange(samples) / RATE_HZ)


def chirp(rng: np.random.Generator, samples: int) -> np.ndarray:
    return np.sin(np.pi * np.cumsum(np.linspace(rng.uniform(0, 1), rng.uniform(0, 1), samples)))


def clicks(rng: np.random.Generator, samples: int) -> np.ndarray:
    return (rng.random(samples) < 10 ** rng.uniform(-4.5, -2)) * rng.uniform(-1, 1, samples)


def square(rng: np.random.Generator, samples: int) -> np.ndarray:
    return np.where(np.arange(samples) // rng.integers(1, 200) % 2, 1.0, -1.0)


KINDS = (white, coloured, voice, tone, chirp, clicks, square)



def corners(samples: int) -> dict[str, np.ndarray]:
    t, rng = np.arange(samples), np.random.default_rng(7)
    chirp = np.sin(2 * np.pi * t * t * 8000 / (2 * samples) / 16000)
    return {
        "silence": np.zeros(samples),
        "lowest": np.full(samples, -32768),
        "highest": np.full(samples, 32767),
        "one step": np.ones(samples),
        "square of 2": np.where(t % 2, 32767, -32768),
        "square of 80": np.where(t // 40 % 2, 32767, -32768),
        "impulse": np.where(t == samples // 2, -32768, 0),
        "impulses": np.where(t % 97 == 0, 32767, 0),
        "noise": rng.integers(-32768, 32768, samples),
        "soft noise": rng.normal(0, 3, samples),
        "chirp": 32767 * chirp,
        "soft chirp": 5 * chirp,
    }
