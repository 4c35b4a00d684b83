"""Which recordings an import takes: what would teach a keyword to silence or to clipping stays outside.

The recorder asks again for whatever it does not like; an import cannot. So only what holds no word at all, or nothing
but full scale, is refused, and laid aside with its reason. What else the recorder would have said is counted and told.
"""

from dataclasses import dataclass

import numpy as np

from kws.data.clip_faults import FULL_SCALE, clip_faults, measure_clip
from kws.data.quality import Fault, check

FLOOR_DB = -90.0  # the room of a clip is measured in the clip itself
CLIPPED_SHARE = 0.05  # of a clip's samples at full scale; of 4,000 clips of Speech Commands two have as many
EMPTY_PEAK = 33  # steps of int16, -60 dB: what never leaves the middle by more is empty
UNFIT_CHUNK = 1_024  # clips
ASIDE = "_refused_"  # folder in a source, where training does not look
REASONS = "reasons.csv"


@dataclass(frozen=True)
class Admission:
    """refused : why a clip is not taken, None if it is; remark : what the recorder would have said of it.

    faults : kinds that `kws data check` will report
    """

    refused: str | None
    remark: str | None
    faults: tuple[str, ...] = ()


def admit(clip: np.ndarray) -> Admission:
    """Judge one clip of one word, int16 [n], 16 kHz mono."""
    if not len(clip) or clip.min() == clip.max():
        return Admission("nothing but zeros" if not clip.any() else "nothing but one value", None)
    full = np.count_nonzero((clip >= FULL_SCALE) | (clip <= -FULL_SCALE)) / len(clip)
    if full > CLIPPED_SHARE:
        return Admission(f"clipped: {100 * full:.0f} % at full scale", None)
    fault = check(clip, room_db=FLOOR_DB, samples=len(clip)).fault
    if fault is Fault.NOTHING:
        return Admission(Fault.NOTHING.value, None)
    # A clip of just a second has no quiet around its word, which the recorder's rule for cut-off words needs.
    return Admission(None, fault.value if fault and fault is not Fault.CUT_OFF else None,
                     tuple(found.fault for found in clip_faults(measure_clip(clip), samples=len(clip))))


def reason_of(refused: str) -> str:
    """The kind of a reason, for a table: without its figures."""
    return refused.partition(":")[0]


def unfit(clips: np.ndarray) -> tuple[int, int]:
    """How many of int16 [n, samples] are empty, and how many clipped: quickly, for thousands."""
    empty = clipped = 0
    for start in range(0, len(clips), UNFIT_CHUNK):
        part = clips[start:start + UNFIT_CHUNK]
        high, low = part.max(axis=1).astype(np.int32), part.min(axis=1).astype(np.int32)
        empty += int(np.count_nonzero(high - low < 2 * EMPTY_PEAK))
        loud = part[(high >= FULL_SCALE) | (low <= -FULL_SCALE)]
        full = ((loud >= FULL_SCALE) | (loud <= -FULL_SCALE)).mean(axis=1) if len(loud) else np.zeros(0)
        clipped += int(np.count_nonzero(full > CLIPPED_SHARE))
    return empty, clipped
