"""The sound that a run is validated with, in blocks: words, talk, noise and quiet, loud and soft, near and far.

No week of a home is like it, for nobody knows how much of a home's week is talk. But whatever a home sounds like, it is
some mixture of such blocks: kws.monitor.mixture looks for the nearest one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ, to_int16
from kws.data.scene import FULL_SCALE, SceneSettings, Sound, background, build_scene, pieces_of

BLOCK_S = 60.0
WORDS, TALK, NOISE, RECORDINGS, QUIET = KINDS = ("words", "talk", "noise", "recordings", "quiet")
MOST_BLOCKS, QUIET_BLOCKS = 20, 24  # of a kind
TALK_S = (2.0, 8.0)  # a stretch of it
GAPS = {WORDS: (0.6, 2.5), TALK: (0.1, 1.5)}
LEVEL_DB = (-48.0, -12.0)  # of speech: the microphone may be a room away, or at the mouth
SNR_DB, NOISE_DB = (0.0, 40.0), (-60.0, -15.0)
QUIET_DB = (-90.0, -42.0)  # in even steps, for every microphone has its own noise
IN_ROOM = 0.5
LOOPS = 4  # how often a recording of noise is heard again


@dataclass(frozen=True, eq=False)
class ValidationSound:
    """words : clips; talk, noise : recordings; rooms : impulse responses; recordings : streams, taken as they are.

    Nothing of it trained the network.
    """

    words: Sequence[Sound] = ()
    talk: Sequence[np.ndarray] = ()
    noise: Sequence[np.ndarray] = ()
    rooms: Sequence[np.ndarray] = ()
    recordings: Sequence[np.ndarray] = field(default=())

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it holds, in words; quiet always."""
        return (*(name for name in KINDS if name != QUIET and len(getattr(self, name))), QUIET)


def blocks(sound: ValidationSound, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """The kind and int16 [samples of a block] of each, kind after kind."""
    samples = round(BLOCK_S * SAMPLE_RATE_HZ)
    known = np.concatenate([np.ravel(piece) for piece in sound.talk]) if len(sound.talk) else np.zeros(0, np.int16)
    talk = pieces_of([known], min(MOST_BLOCKS * 12, len(known) // (2 * SAMPLE_RATE_HZ)), seconds=TALK_S,
                     rng=rng) if len(known) > TALK_S[1] * SAMPLE_RATE_HZ else []
    for kind, spoken in ((WORDS, sound.words), (TALK, talk)):
        yield from ((kind, block) for block in cut(said(spoken, GAPS[kind], sound, rng), samples))
    for recording in sound.recordings:
        yield from ((RECORDINGS, block) for block in cut(recording, samples))
    noise_s = LOOPS * sum(map(len, sound.noise)) / SAMPLE_RATE_HZ
    for _ in range(min(MOST_BLOCKS, round(noise_s / BLOCK_S))):
        heard = np.concatenate([background(sound.noise, samples // 4, rng.uniform(*NOISE_DB), rng) for _ in range(4)])
        yield NOISE, to_int16(heard / FULL_SCALE)
    for level_db in np.linspace(*QUIET_DB, QUIET_BLOCKS):
        rms = FULL_SCALE * 10 ** (level_db / 20)
        yield QUIET, np.rint(rms * coloured(samples, rng)).astype(np.int16)


def said(spoken: Sequence[Sound], gap_s: tuple[float, float], sound: ValidationSound,
         rng: np.random.Generator) -> np.ndarray:
    """int16 [n]: at a level and in a noise that change from block to block, half of them in a room."""
    if not spoken:
        return np.zeros(0, np.int16)
    settings = SceneSettings(gap_s=gap_s, section_s=(BLOCK_S / 2,) * 2, level_db=LEVEL_DB, snr_db=SNR_DB,
                             room_share=IN_ROOM if sound.rooms else 0.0)
    return build_scene(spoken, settings, noise=sound.noise, rooms=sound.rooms, rng=rng).samples


def cut(sound: np.ndarray, samples: int) -> Iterator[np.ndarray]:
    """At most MOST_BLOCKS whole blocks."""
    for start in range(0, min(len(sound), MOST_BLOCKS * samples) - samples + 1, samples):
        yield sound[start:start + samples]


def coloured(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise between white and brown, float [samples], RMS 1."""
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), 20)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) / hz ** rng.uniform(0, 1), samples)
    made: np.ndarray = noise / noise.std()
    return made
