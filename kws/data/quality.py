"""Whether a take is fit to train with, and if not, why and what to do about it.

A take holds a room's silence around the word, and can be said again: its rules are stricter than those of a clip
(kws.data.clip_faults), which say what `kws data check` will think of the clip that is cut out.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from kws.arguments import Samples, check_array, check_number
from kws.audio.endpoint import Utterance, background, cut, find_utterances
from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.clip_faults import CLIPPED_SAMPLES, FULL_SCALE, FoundFault, clip_faults, measure_clip

QUIETEST_DB = -42.0
LEAST_SNR_DB = 15.0
NOISIEST_DB = -40.0  # a room in which words are not found at all
EDGE_SAMPLES = SAMPLE_RATE_HZ * 4 // 100  # a word this near to an end of the take may go on beyond it


class Fault(Enum):
    """What can be wrong with a take."""

    NOTHING = "nothing said"
    CLIPPED = "clipped"
    QUIET = "too quiet"
    NOISY = "too noisy"
    CUT_OFF = "cut off"
    TWICE = "said twice"
    LOST = "sound lost"


@dataclass(frozen=True)
class Verdict:
    """What a check has found.

    fault  : None if the take is good; advice : what to do, for the person who speaks
    clip   : int16 [samples] where it is good; utterance : where it was found in the take
    level_db, noise_db : of the word's loudest 100 ms, and of the noise behind it
    """

    fault: Fault | None
    advice: str
    level_db: float
    noise_db: float
    utterance: Utterance | None = None
    clip: np.ndarray | None = None

    @property
    def remarks(self) -> tuple[FoundFault, ...]:
        """What `kws data check` will report of the clip of a good take: hum, an offset, lost buffers."""
        return () if self.clip is None else clip_faults(measure_clip(self.clip), samples=len(self.clip))


def check(audio: Samples, *, room_db: float, samples: int) -> Verdict:
    """Judge one take of one word.

    audio   : int16 [n], 16 kHz mono, with the silence around the word; room_db : the noise measured before
    samples : length of the clip to cut out
    """
    check_array("audio", audio, np.int16, "n")
    check_number("samples", samples, low=1)
    noise_db = background(audio, room_db)
    found = find_utterances(audio, noise_db=noise_db)
    if not found:
        if noise_db > NOISIEST_DB:
            return Verdict(Fault.NOISY, f"the noise of {noise_db:.0f} dB drowns out everything; find a quieter place",
                           noise_db, noise_db)
        return Verdict(Fault.NOTHING, "speak when the word appears; is this the right microphone, and is it on?",
                       noise_db, noise_db)
    if len(found) > 1:
        return Verdict(Fault.TWICE, f"{len(found)} utterances were heard; say the word once, and nothing else",
                       found[0].level_db, noise_db)
    return judge(audio, found[0], noise_db=noise_db, samples=samples)


def judge(audio: np.ndarray, word: Utterance, *, noise_db: float, samples: int) -> Verdict:
    """Judge one utterance in a recording that may hold others; see check."""
    fault, advice = fault_of(audio, word, noise_db=noise_db, samples=samples)
    clip = cut(audio, word, samples=samples) if fault is None else None
    return Verdict(fault, advice, word.level_db, noise_db, word, clip)


def fault_of(audio: np.ndarray, word: Utterance, *, noise_db: float, samples: int) -> tuple[Fault | None, str]:
    """The first thing that is wrong with an utterance, and what to do about it."""
    spoken = audio[word.start : word.end]
    if np.count_nonzero(np.abs(spoken.astype(np.int32)) >= FULL_SCALE) >= CLIPPED_SAMPLES:
        return Fault.CLIPPED, "speak more softly, move away, or turn the microphone's gain down"
    if word.start < EDGE_SAMPLES:
        return Fault.CUT_OFF, "its beginning is missing; wait until the word appears"
    if word.end > len(audio) - EDGE_SAMPLES:
        return Fault.CUT_OFF, "it had not ended when the take did; speak when the word appears, then be quiet"
    if word.end - word.start > samples:
        return Fault.CUT_OFF, (f"it takes {(word.end - word.start) / SAMPLE_RATE_HZ:.2f} s, a clip has "
                               f"{samples / SAMPLE_RATE_HZ:.2f} s; say it faster, and only once")
    if word.level_db < QUIETEST_DB:
        return Fault.QUIET, f"{word.level_db:.0f} dB; come closer, or turn the microphone's gain up"
    if word.level_db - noise_db < LEAST_SNR_DB:
        return Fault.NOISY, (f"only {word.level_db - noise_db:.0f} dB above the noise; find a quieter place, or come "
                             "closer")
    return None, ""
