"""Background noise out of nothing: coloured noise, hum, a fan, people talking.

All functions give float32 [samples] at 16 kHz with an RMS of 0.1 (-20 dB of full scale); peaks stay below 1.
"""

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.speech.texts import sentences_for
from kws.speech.voices import draw_voice, synthesize, timbres_of

LEVEL = 0.1
TALKERS = 6


def coloured(samples: int, rng: np.random.Generator, *, slope: float) -> np.ndarray:
    """Noise whose power falls as frequency**-slope: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    bins = np.arange(len(spectrum))
    floor = max(1, round(20 * samples / SAMPLE_RATE_HZ))  # flat below 20 Hz: the slope does not end in an offset
    spectrum *= np.maximum(bins, floor) ** (-slope / 2)
    spectrum[0] = 0
    return at_level(np.fft.irfft(spectrum, samples))


def hum(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Mains hum of 50 or 60 Hz with its harmonics, in soft pink noise."""
    seconds = np.arange(samples) / SAMPLE_RATE_HZ
    mains_hz = rng.choice([50.0, 60.0])
    tones = sum(np.sin(2 * np.pi * (mains_hz * n * seconds + rng.random())) * rng.uniform(0.2, 1) / n
                for n in range(1, 13))
    return at_level(at_level(tones) + 0.3 * coloured(samples, rng, slope=1))


def fan(samples: int, rng: np.random.Generator) -> np.ndarray:
    """A fan or an engine: brown and pink noise that swells several times a second."""
    seconds = np.arange(samples) / SAMPLE_RATE_HZ
    swell = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(2, 9) * seconds)
    return at_level(coloured(samples, rng, slope=2) * swell + 0.5 * coloured(samples, rng, slope=1))


def babble(samples: int, rng: np.random.Generator, *, keywords: tuple[str, ...]) -> np.ndarray:
    """Several people who talk at once, none of them saying a keyword; voices of the training split."""
    texts, timbres = sentences_for(keywords), timbres_of("training")
    crowd = np.zeros(samples, np.float32)
    for _ in range(TALKERS):
        voice = draw_voice(str(rng.choice(timbres)), rng)
        talk = [synthesize(texts[i], voice) for i in rng.permutation(len(texts))[:8]]
        line = np.concatenate([np.append(at_level(part), np.zeros(rng.integers(SAMPLE_RATE_HZ // 10, SAMPLE_RATE_HZ)))
                               for part in talk])
        crowd += np.resize(np.roll(line, rng.integers(len(line))), samples) * rng.uniform(0.4, 1)
    return at_level(crowd + 0.02 * coloured(samples, rng, slope=1))


def at_level(audio: np.ndarray) -> np.ndarray:
    """Scaled to an RMS of LEVEL, and softer if a peak would pass full scale."""
    rms, peak = np.sqrt(np.mean(np.square(audio, dtype=np.float64))), np.abs(audio).max(initial=0)
    return (audio * min(LEVEL / max(rms, 1e-12), 0.99 / max(peak, 1e-12))).astype(np.float32)


def add_noise(audio: np.ndarray, noise: np.ndarray, *, snr_db: float) -> np.ndarray:
    """float [n] + noise float [n], the noise `snr_db` below the loudest tenth of a second of `audio`."""
    block = SAMPLE_RATE_HZ // 10
    power = [np.mean(np.square(audio[i : i + block], dtype=np.float64)) for i in range(0, len(audio), block)]
    noise_power = max(float(np.mean(np.square(noise, dtype=np.float64))), 1e-12)
    return (audio + noise * np.sqrt(max(power) / noise_power) * 10 ** (-snr_db / 20)).astype(np.float32)


def room(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float [n] as in a small room: float32 [n]."""
    tail = response(rng)
    size = 1 << (len(audio) + len(tail) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(tail, size), size)[: len(audio)].astype(np.float32)


def response(rng: np.random.Generator) -> np.ndarray:
    """A small room's impulse response: reverberation of 0.1 to 0.4 s, 6 to 20 dB below the direct sound; float [n]."""
    decay_s, level_db = rng.uniform(0.1, 0.4), rng.uniform(6, 20)
    count = round(decay_s * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)  # falls by 60 dB
    tail[: SAMPLE_RATE_HZ // 500] = 0  # first reflection after 2 ms
    tail *= 10 ** (-level_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    return tail
