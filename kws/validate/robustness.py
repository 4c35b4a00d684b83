"""Accuracy on the same clips as another place, voice or device would bring them: one row for each condition.

Everything is done to the samples before the streaming engine hears them; nothing is trained again.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.scene import FULL_SCALE, background, speech_in
from kws.data.simulated_device import direct_first, in_room
from kws.detect.detector import Detector
from kws.spec import SILENCE
from kws.validate.clips import ClipSet, streaming_scores
from kws.validate.figures import ConditionFigures
from kws.validate.metrics import Share

SNRS_DB = (20, 10, 5, 0)
LEVELS_DB = (-50, -40, -30, -20, -10, 0)
PLACES_MS = (-300, -200, -100, 100, 200, 300)
SPEEDS = (0.8, 0.9, 1.1, 1.25)
OPUS, MU_LAW = "Opus", "telephone, mu-law at 8 kHz"
WORST_SHARE = 0.1
FEWEST_CLIPS = 3  # of a speaker, to be counted among the worst
MU = 255.0

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Condition(Share):
    """group : noise, level, …; right, clips : of the clips that hold a word (all of them in the first row)."""

    group: str
    name: str
    missed: int
    keywords: int

    def figures(self) -> ConditionFigures:
        return ConditionFigures(self.group, self.name, self.clips, self.accuracy, self.interval, self.keywords,
                                self.missed)


def robustness(detector: Detector, clips: ClipSet, *, noise: Sequence[np.ndarray], rooms: dict[str, np.ndarray],
               speakers: Sequence[str], rng: np.random.Generator) -> list[Condition]:
    """Every condition on the clips that hold a word.

    noise, rooms : recordings and impulse responses; without noise it is white
    speakers     : who speaks each clip, "" if nobody knows
    """
    silence = detector.labels.index(SILENCE)
    spoken = np.flatnonzero(np.asarray(clips.truth) != silence)
    words, truth = clips.samples[spoken], np.asarray(clips.truth)[spoken]
    found, decided = [], None
    for group, name, change in conditions(noise, rooms, rng):
        heard = np.stack([change(clip) for clip in words]) if len(words) else words
        answer = streaming_scores(detector, heard).argmax(axis=1)
        decided = answer if decided is None else decided
        found.append(counted(group, name, answer, truth, detector))
    if decided is not None:
        found += worst_speakers(decided, truth, [speakers[int(i)] for i in spoken] if speakers else [], detector)
    return found


def counted(group: str, name: str, decided: np.ndarray, truth: np.ndarray, detector: Detector) -> Condition:
    keywords = np.array([detector.labels[label] in detector.plan.spec.keywords for label in truth], bool)
    right = decided == truth
    return Condition(group=group, name=name, right=int(right.sum()), clips=len(truth),
                     missed=int((keywords & ~right).sum()), keywords=int(keywords.sum()))


def conditions(noise: Sequence[np.ndarray], rooms: dict[str, np.ndarray],
               rng: np.random.Generator) -> Iterator[tuple[str, str, Change]]:
    """(group, name, what is done to int16 [samples])."""
    yield "as recorded", "", unchanged
    for snr_db in SNRS_DB:
        yield "noise", f"{snr_db} dB SNR", partial(noisy, noise=noise, snr_db=snr_db, rng=rng)
    for level_db in LEVELS_DB:
        yield "level", f"{level_db} dBFS", partial(at_level, level_db=level_db)
    for place_ms in PLACES_MS:
        yield "place of the word", f"{place_ms:+d} ms", partial(moved, place_ms=place_ms)
    for speed in SPEEDS:
        yield "speed", f"{speed:g} times", partial(faster, factor=speed)
    for name, response in rooms.items():
        yield "room", name, partial(reverberant, response=direct_first(response))
    yield "codec", MU_LAW, telephone
    yield "codec", OPUS, opus


def unchanged(clip: np.ndarray) -> np.ndarray:
    return clip


def reverberant(clip: np.ndarray, response: np.ndarray) -> np.ndarray:
    """In a room; what rings on after the clip is lost."""
    return to_int16(in_room(clip.astype(np.float32), response)[:len(clip)])


def speech_rms(clip: np.ndarray) -> float:
    start, end = speech_in(clip)
    return max(float(np.sqrt(np.mean(np.square(clip[start:end], dtype=np.float64)))), 1.0)


def noisy(clip: np.ndarray, noise: Sequence[np.ndarray], snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """With noise below its word by so many dB."""
    level_db = 20 * np.log10(speech_rms(clip) / FULL_SCALE) - snr_db
    stretch = background(noise or [rng.standard_normal(SAMPLE_RATE_HZ)], len(clip), level_db, rng)
    return to_int16(clip + stretch)


def at_level(clip: np.ndarray, level_db: float) -> np.ndarray:
    """With the peak of the clip at so many dB of full scale."""
    return to_int16(clip * (FULL_SCALE * 10 ** (level_db / 20) / max(float(np.abs(clip.astype(np.int32)).max()), 1.0)))


def moved(clip: np.ndarray, place_ms: int) -> np.ndarray:
    """Later, or earlier if it is negative; what passes the end is lost, as in a window that starts elsewhere."""
    shift = place_ms * SAMPLE_RATE_HZ // 1000
    heard = np.zeros_like(clip)
    if shift >= 0:
        heard[shift:] = clip[:len(clip) - shift]
    else:
        heard[:shift] = clip[-shift:]
    return heard


def faster(clip: np.ndarray, factor: float) -> np.ndarray:
    """So many times as fast, and as high: cut or padded at both ends to its length."""
    import soxr

    heard = soxr.resample(clip.astype(np.float32), SAMPLE_RATE_HZ, SAMPLE_RATE_HZ / factor)
    if len(heard) < len(clip):
        before = (len(clip) - len(heard)) // 2
        return to_int16(np.pad(heard, (before, len(clip) - len(heard) - before)))
    start = (len(heard) - len(clip)) // 2
    return to_int16(heard[start:start + len(clip)])


def telephone(clip: np.ndarray) -> np.ndarray:
    """Through a telephone line: 8 kHz and eight bits, mu-law."""
    import soxr

    narrow = np.clip(soxr.resample(clip.astype(np.float32) / FULL_SCALE, SAMPLE_RATE_HZ, 8_000), -1, 1)
    coded = np.rint(np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU) * 127) / 127
    decoded = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(MU)) / MU
    wide = soxr.resample(decoded.astype(np.float32), 8_000, SAMPLE_RATE_HZ) * FULL_SCALE
    return to_int16(np.pad(wide, (0, max(len(clip) - len(wide), 0)))[:len(clip)])


def opus(clip: np.ndarray) -> np.ndarray:
    """Through the Opus codec, as libsndfile sets it."""
    import soundfile

    data = io.BytesIO()
    soundfile.write(data, clip, SAMPLE_RATE_HZ, format="OGG", subtype="OPUS")
    data.seek(0)
    heard, _ = soundfile.read(data, dtype="int16")
    return np.asarray(np.pad(heard, (0, max(len(clip) - len(heard), 0)))[:len(clip)], np.int16)


def worst_speakers(decided: np.ndarray, truth: np.ndarray, speakers: Sequence[str],
                   detector: Detector) -> list[Condition]:
    """The tenth of the speakers who are understood least, of those with FEWEST_CLIPS or more."""
    clips: dict[str, list[int]] = defaultdict(list)
    for i, speaker in enumerate(speakers):
        if speaker:
            clips[speaker].append(i)
    known = {speaker: places for speaker, places in clips.items() if len(places) >= FEWEST_CLIPS}
    if not known:
        return []
    right = {speaker: float(np.mean(decided[places] == truth[places])) for speaker, places in known.items()}
    order = sorted(known, key=lambda speaker: (right[speaker], speaker))
    worst = order[:max(round(WORST_SHARE * len(order)), 1)]
    places = np.array([i for speaker in worst for i in known[speaker]])
    return [counted("speakers", f"worst tenth, {len(worst)} of {len(order)}", decided[places], truth[places], detector)]


def to_int16(audio: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
