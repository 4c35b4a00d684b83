"""Long recordings with their truth, out of short ones: keywords among other words, talk, noise and rooms.

The recording is a row of sections of some twenty seconds. A section has one room (or none), one level, one noise at
one signal-to-noise ratio; from one to the next they step. In it sounds follow each other with random gaps. Levels and
ratios refer to what is spoken: the RMS of a word between its beginning and its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kws.audio.endpoint import find_utterances, noise_level
from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.simulated_device import SimulatedDevice, after_losses, direct_first, in_room, through
from kws.data.truth import Event

KEYWORD, UNKNOWN, TALK = "keyword", "unknown", "talk"
LEAD_S = 2.0  # of noise before the first and after the last sound
FADE = SAMPLE_RATE_HZ // 100
FULL_SCALE = 32768.0
QUIET_RMS = 3.0  # of the noise if none is given, in steps of int16


@dataclass(frozen=True, eq=False)
class Sound:
    """Something that is put into the recording. samples : int16 [n]; word : what is said, "" for talk."""

    samples: np.ndarray
    kind: str
    word: str = ""
    speaker: str = ""


@dataclass(frozen=True)
class Placed:
    """Where a sound's speech lies in the recording, in seconds, and how it was set in."""

    start_s: float
    end_s: float
    kind: str
    word: str
    speaker: str
    level_db: float
    snr_db: float
    room: int


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """gap_s : between sounds; section_s : from one step of level, noise and room to the next
    level_db : of speech, RMS in dB of full scale, drawn per section; jitter_db : and per sound
    snr_db   : drawn per section; (inf, inf): no noise
    room_share : of the sections that lie in one of the rooms
    noise_volume : drawn per section; the recordings of words and noise then keep their own levels, and the noise is
                   multiplied by it; None: level_db and snr_db count
    """

    gap_s: tuple[float, float] = (1.0, 3.0)
    section_s: tuple[float, float] = (15.0, 40.0)
    level_db: tuple[float, float] = (-35.0, -20.0)
    jitter_db: float = 2.0
    snr_db: tuple[float, float] = (5.0, 30.0)
    room_share: float = 0.0
    noise_volume: tuple[float, float] | None = None
    device: SimulatedDevice = field(default_factory=SimulatedDevice)


@dataclass(frozen=True, eq=False)
class Scene:
    """samples : int16 [n]; events : the keywords, sorted; placed : everything that was set in, sorted."""

    samples: np.ndarray
    events: tuple[Event, ...]
    placed: tuple[Placed, ...]


def build_scene(sounds: Sequence[Sound], settings: SceneSettings, *, noise: Sequence[np.ndarray] = (),
                rooms: Sequence[np.ndarray] = (), rng: np.random.Generator) -> Scene:
    """Set the sounds, in their order, into sections of noise and rooms, and play all of it through the device.

    noise, rooms : recordings and impulse responses of any length, in any unit
    """
    gaps = rng.uniform(*settings.gap_s, len(sounds) + 1)
    lengths = np.array([len(sound.samples) for sound in sounds], np.int64)
    lead = round(LEAD_S * SAMPLE_RATE_HZ)
    between = np.rint(gaps * SAMPLE_RATE_HZ).astype(np.int64)
    starts = lead + np.cumsum(between[:-1]) + np.concatenate(([0], np.cumsum(lengths)[:-1])) if len(sounds) else lengths
    total = int(lead + between.sum() + lengths.sum() + lead)
    responses = [direct_first(room) for room in rooms]
    track = np.zeros(total, np.float32)
    placed: list[Placed] = []
    for first, end, level_db, snr_db, room in sections(total, settings, len(responses), rng):
        if settings.noise_volume is None:
            track[first:end] += background(noise, end - first, level_db - snr_db, rng)
        else:
            track[first:end] += at_volume(noise, end - first, rng.uniform(*settings.noise_volume), rng)
        for i in np.flatnonzero((starts >= first) & (starts < end)):
            sound, start = sounds[int(i)], int(starts[i])
            loud = level_db + rng.uniform(-settings.jitter_db, settings.jitter_db)
            audio, speech = levelled(sound.samples, loud if settings.noise_volume is None else None)
            if room >= 0:
                audio = in_room(audio, responses[room])[:total - start]
            track[start:start + len(audio)] += audio
            placed.append(Placed(start + speech[0], start + speech[1], sound.kind, sound.word, sound.speaker,
                                 round(loud, 1), round(snr_db, 1), room))
    samples, lost = through(settings.device, track, rng)
    found = tuple(in_seconds(placed, lost))
    events = tuple(Event(one.start_s, one.end_s, one.word, one.speaker) for one in found if one.kind == KEYWORD)
    return Scene(samples, events, found)


def sections(total: int, settings: SceneSettings, rooms: int,
             rng: np.random.Generator) -> list[tuple[int, int, float, float, int]]:
    """(first sample, end, level in dB, SNR in dB, room or -1) from the start to the end of the recording."""
    found, done = [], 0
    low, high = settings.snr_db
    while done < total:
        end = min(done + round(rng.uniform(*settings.section_s) * SAMPLE_RATE_HZ), total)
        snr_db = low if low == high else float(rng.uniform(low, high))
        room = int(rng.integers(rooms)) if rooms and rng.random() < settings.room_share else -1
        found.append((done, end, float(rng.uniform(*settings.level_db)), snr_db, room))
        done = end
    return found


def background(noise: Sequence[np.ndarray], samples: int, level_db: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [samples] of one recording, repeated if it is short, at an RMS in dB of full scale."""
    if level_db == float("-inf"):
        return np.zeros(samples, np.float32)
    if not noise:
        return rng.standard_normal(samples, np.float32) * np.float32(QUIET_RMS)
    recording = noise[int(rng.integers(len(noise)))]
    first = int(rng.integers(len(recording)))
    stretch = recording.take(np.arange(first, first + samples), mode="wrap").astype(np.float32)
    rms = float(np.sqrt(np.mean(np.square(stretch, dtype=np.float64))))
    return stretch * np.float32(FULL_SCALE * 10 ** (level_db / 20) / rms if rms > 0 else 0.0)


def at_volume(noise: Sequence[np.ndarray], samples: int, volume: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [samples] of one recording as loud as it is, times a volume."""
    if not noise:
        return np.zeros(samples, np.float32)
    recording = noise[int(rng.integers(len(noise)))]
    first = int(rng.integers(len(recording)))
    return recording.take(np.arange(first, first + samples), mode="wrap").astype(np.float32) * np.float32(volume)


def levelled(samples: np.ndarray, level_db: float | None) -> tuple[np.ndarray, tuple[int, int]]:
    """A sound with its speech at a level (None: its own), faded at its ends, and where its speech starts and ends."""
    start, end = speech_in(samples)
    audio = samples.astype(np.float32)
    if level_db is not None:
        rms = float(np.sqrt(np.mean(np.square(audio[start:end], dtype=np.float64))))
        audio *= np.float32(FULL_SCALE * 10 ** (level_db / 20) / max(rms, 1.0))
    fade = np.linspace(0, 1, min(FADE, len(audio) // 2), dtype=np.float32)
    audio[:len(fade)] *= fade
    audio[len(audio) - len(fade):] *= fade[::-1]
    return audio, (start, end)


def speech_in(samples: np.ndarray) -> tuple[int, int]:
    """Where something is said in int16 [n]: [start, end) in samples; all of it if nothing stands out."""
    found = find_utterances(samples, noise_db=noise_floor(samples))
    return (found[0].start, min(found[-1].end, len(samples))) if found else (0, len(samples))


def noise_floor(samples: np.ndarray) -> float:
    """The level of the quietest tenth, which is the noise even if the word fills the recording."""
    from kws.audio.endpoint import levels

    level = levels(samples)
    return min(float(np.quantile(level, 0.1)), noise_level(samples)) if len(level) else noise_level(samples)


def in_seconds(placed: Sequence[Placed], lost: np.ndarray) -> list[Placed]:
    """Samples of the scene to seconds of what the device delivered, in order of time."""
    times = after_losses(np.array([[one.start_s, one.end_s] for one in placed]).reshape(-1), lost).reshape(-1, 2)
    found = [Placed(round(start / SAMPLE_RATE_HZ, 4), round(end / SAMPLE_RATE_HZ, 4), one.kind, one.word, one.speaker,
                    one.level_db, one.snr_db, one.room)
             for one, (start, end) in zip(placed, times.tolist(), strict=True)]
    return sorted(found, key=lambda one: one.start_s)


def pieces_of(talk: Sequence[np.ndarray], count: int, *, seconds: tuple[float, float],
              rng: np.random.Generator) -> list[Sound]:
    """Random stretches of running speech."""
    found = []
    for _ in range(count if talk else 0):
        recording = talk[int(rng.integers(len(talk)))]
        length = min(round(rng.uniform(*seconds) * SAMPLE_RATE_HZ), len(recording))
        start = int(rng.integers(len(recording) - length + 1))
        found.append(Sound(recording[start:start + length], TALK))
    return found


def shuffled(sounds: Sequence[Sound], rng: np.random.Generator) -> list[Sound]:
    """The same sounds in random order."""
    return [sounds[i] for i in rng.permutation(len(sounds))]
