"""How loud it is: for the meter, and against what the model was trained on.

The front end's rows are on a scale that training clips fill (its normalisation), so a row says by itself how many dB it
lies above the middle of the training clips' range. Speech that is far from there is heard badly, whatever the
microphone's own scale is.
"""

import math
from collections import deque

import numpy as np

from kws.audio.resampling import SAMPLE_RATE_HZ
from kws.features.tables import FrontendTables

DB_PER_NEPER = 20 / np.log(10)
FULL_SCALE = 32768
SILENT_DB = -100.0
# Loudest windows of 1,500 Speech Commands clips, in dB above the middle: 5 % below -2, half below 15, 5 % above 27.
USUAL_DB = 15.0
QUIET_DB, LOUD_DB = -6.0, 33.0
SPEECH_DB = 12.0  # what rises this far above the quietest tenth of the time is taken for speech
LOUDEST = 0.98  # quantile of the windows that is taken for the loudness of the speech
MEMORY_S = 10.0
CLIPPED = 0.002  # share of samples at full scale
SOFTEST_DB = -50.0  # of a recording's loudest 100 ms; what is softer is not heard
LOUDEST_SAMPLES = 1_600
LEAST_ROWS = 20  # of a recording, before its speech is judged
PAUSE_S = 2.0  # no hint before this much has been heard


def decibels(value: float) -> float:
    """An amplitude of 0..1 in dB relative to full scale, at least -100."""
    return max(20 * float(np.log10(value)), SILENT_DB) if value > 0 else SILENT_DB


def row_weights(tables: FrontendTables) -> np.ndarray:
    """float [features] w such that (row + 0.5) @ w is the mean of the log mel bands in dB above their usual middle."""
    step_db = 2.0 ** tables.shift.astype(float) / tables.multiplier / 65_536 * DB_PER_NEPER
    if not tables.dct_count:
        return step_db / tables.features
    weights = np.zeros(tables.features)  # the first coefficient is the sum of the bands, but for its scale
    weights[0] = step_db[0] / (tables.dct_q15[0] / 32_768 * tables.bands)
    return weights


class Meter:
    """The level of a stream over the last seconds.

    peak_db, rms_db : of the last samples, relative to full scale
    """

    def __init__(self, tables: FrontendTables, *, rate_hz: int):
        self._weights = row_weights(tables)
        hop_s = tables.hop_samples / rate_hz
        self._rows: deque[float] = deque(maxlen=round(MEMORY_S / hop_s))
        self._enough = round(PAUSE_S / hop_s)
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._rows.clear()
        self._counts: deque[tuple[int, int, int]] = deque()  # samples, at full scale, not zero
        self._heard = 0
        self.peak_db = self.rms_db = SILENT_DB

    def push(self, samples: np.ndarray, rows: list[np.ndarray]) -> None:
        """The next samples : int16 [n], and the rows : int8 [features] each that they completed."""
        if len(samples) == 0:
            return
        wide = samples.astype(np.float32)
        self.peak_db = decibels(float(np.abs(wide).max()) / FULL_SCALE)
        self.rms_db = decibels(float(np.sqrt(np.mean(wide * wide))) / FULL_SCALE)
        full = int(np.count_nonzero(np.abs(wide) >= FULL_SCALE - 1))
        self._counts.append((len(samples), full, int(np.count_nonzero(samples))))
        self._heard += len(samples)
        while self._heard - self._counts[0][0] >= MEMORY_S * SAMPLE_RATE_HZ:
            self._heard -= self._counts.popleft()[0]
        self._rows.extend(float((row + 0.5) @ self._weights) for row in rows)

    @property
    def speech_db(self) -> float | None:
        """Loudness of the speech in the last 10 s, dB above the middle of the model's range; None without speech."""
        if len(self._rows) < self._enough:
            return None
        floor, loud = np.quantile(self._rows, (0.1, LOUDEST))
        return float(loud) if loud - floor >= SPEECH_DB else None

    @property
    def hint(self) -> str | None:
        """What to do about the level, in words; None if it suits the model."""
        if len(self._rows) < self._enough:
            return None
        if not any(counts[2] for counts in self._counts):
            return "only zeros arrive: is the microphone muted, or is it the wrong one (--device)?"
        if sum(counts[1] for counts in self._counts) > CLIPPED * self._heard:
            return "too loud: the sound clips; lower the microphone's gain"
        speech_db = self.speech_db
        if speech_db is None or QUIET_DB <= speech_db <= LOUD_DB:
            return None
        change_db = 5 * round(abs(USUAL_DB - speech_db) / 5)
        if speech_db < QUIET_DB:
            return f"too quiet for the model: raise the microphone's gain by about {change_db} dB"
        return f"too loud for the model: lower the microphone's gain by about {change_db} dB"


class FileMeter:
    """The level of a whole recording, for a word about it at its end."""

    def __init__(self, tables: FrontendTables):
        self._weights = row_weights(tables).astype(np.float32)
        self._rows: list[np.ndarray] = []
        self._heard = self._full = self._filled = 0
        self._loudest = 0.0  # mean square of the loudest LOUDEST_SAMPLES so far

    def push(self, samples: np.ndarray, rows: np.ndarray) -> None:
        """The next samples : int16 [n], and the rows that they completed : int8 [k, features]."""
        wide = samples.astype(np.float32)
        self._heard += len(samples)
        self._full += int(np.count_nonzero(np.abs(wide) >= FULL_SCALE - 1))
        self._filled += int(np.count_nonzero(samples))
        self._rows.append((rows + np.float32(0.5)) @ self._weights)
        for start in range(0, len(wide), LOUDEST_SAMPLES):
            self._loudest = max(self._loudest, float(np.mean(np.square(wide[start:start + LOUDEST_SAMPLES]))))

    @property
    def speech_db(self) -> float | None:
        """Loudness of the speech, dB above the middle of the model's range; None if nothing rises like speech."""
        rows = np.concatenate(self._rows) if self._rows else np.zeros(0)
        if len(rows) < LEAST_ROWS:
            return None
        floor, loud = np.quantile(rows, (0.1, LOUDEST))
        return float(loud) if loud - floor >= SPEECH_DB else None

    @property
    def hint(self) -> str | None:
        """What may be wrong with the level, in words; None if it suits the model."""
        if not self._heard:
            return None
        if not self._filled:
            return "holds nothing but zeros: was the microphone muted, or another one meant?"
        if self._full > CLIPPED * self._heard:
            return "too loud: the sound clips; record it with less gain"
        loudest_db = decibels(math.sqrt(self._loudest) / FULL_SCALE)
        if loudest_db < SOFTEST_DB:
            return (f"very quiet: its loudest tenth of a second has {loudest_db:.0f} dB of full scale; words at that "
                    "level are not heard: record it louder")
        speech_db = self.speech_db
        if speech_db is None or QUIET_DB <= speech_db <= LOUD_DB:
            return None
        word, change = ("quiet", "raise") if speech_db < QUIET_DB else ("loud", "lower")
        return f"too {word} for the model: {change} it by about {5 * round(abs(USUAL_DB - speech_db) / 5)} dB"
