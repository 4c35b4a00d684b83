"""Near-duplicates: two files that hold one recording, shifted, louder or softer, or encoded again.

First a signature that neither shift nor level changes picks the pairs that may be one recording; then their sound is
held against each other at every shift. Two takes of a word by one voice do not agree like that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.data.pool import map_blocks
from kws.data.spectra import to_db

BANDS = 18  # of the picture, up to 3.5 kHz: what every codec keeps
MODULATIONS = 20  # 0.8 to 16 changes per second
DEEPEST_DB = 25.0  # below the loudest: what is softer is the room, which a shift exchanges
ALIKE = 0.9  # cosine of two signatures
LEAST_CORRELATION = 0.93  # of two sounds from 100 Hz to 2 kHz at their best shift; two takes reach 0.90, copies 0.99
LEAST_OVERLAP = 0.3  # of the energy of each
SKETCH, SKETCH_HZ = 4_000, 4_000  # samples of a second
POINTS = 8_192  # of the transform: room for every shift
LEAST_COARSE = 0.3  # correlation at whole samples of a sketch: with less, no fraction of one helps
FINE = 4  # steps of the shift in one sample of a sketch
LONGEST_SHIFT = SKETCH_HZ // 2
ROWS = 2_048  # signatures that are made or compared at once
MOST_PAIRS_PER_CLIP = 40
PER_BLOCK = 2_048


@dataclass(frozen=True)
class Twin:
    """Clips `first` and `second` hold one recording.

    correlation : of their sounds, 0..1; shift : samples that the second lags behind; gain_db : how much louder it is
    """

    first: int
    second: int
    correlation: float
    shift: int
    gain_db: float


def sketch(audio: np.ndarray) -> tuple[np.ndarray, float]:
    """int16 [16000] -> (int8 [SKETCH], 100 Hz to 2 kHz at 4 kHz with rising highs; steps of int16 per step of it)."""
    spectrum = np.fft.rfft(audio.astype(np.float32))
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)[: SKETCH // 2 + 1]
    narrow = spectrum[: SKETCH // 2 + 1] * np.where(hz >= 100, hz / 1_000, 0)
    sound = np.fft.irfft(narrow, SKETCH) * (SKETCH / len(audio))
    scale = max(float(np.abs(sound).max()) / 127, 1e-6)
    return np.rint(sound / scale).astype(np.int8), scale


def signatures(picture: np.ndarray) -> np.ndarray:
    """uint8 [clips, frames, bands] -> float32 [clips, n] of length 1, whatever the level and the place of the sound."""
    blocks = [picture[at : at + ROWS] for at in range(0, len(picture), ROWS)]
    parts = [np.concatenate(part) for part in zip(*map(movement_and_colour, blocks), strict=True)]
    flat = np.concatenate([part / np.linalg.norm(part, axis=1).mean() for part in parts], axis=1)
    flat -= flat.mean(axis=0)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), np.float32)


def movement_and_colour(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How each band changes, float32 [clips, MODULATIONS * BANDS], and how loud it is, float32 [clips, BANDS]."""
    level = to_db(picture[:, :, :BANDS])
    top = np.quantile(level.reshape(len(level), -1), 0.995, axis=1)[:, None, None].astype(np.float32)
    level = np.clip(level - top + DEEPEST_DB, 0, DEEPEST_DB)
    moving = np.sqrt(np.abs(np.fft.rfft(level, n=64, axis=1)[:, 1 : MODULATIONS + 1])).astype(np.float32)
    return moving.reshape(len(level), -1), level.mean(axis=1)


def alike(vectors: np.ndarray, *, least: float = ALIKE) -> np.ndarray:
    """int [pairs, 2], first < second: signatures with a cosine of at least `least`, the most alike of each clip."""
    found = []
    for at in range(0, len(vectors), ROWS):
        cosine = vectors[at : at + ROWS] @ vectors[at:].T
        first, second = np.nonzero(cosine >= least)
        keep = second > first
        first, second = first[keep], second[keep]
        order = np.lexsort((-cosine[first, second], first))
        first, second = first[order], second[order]
        rank = np.arange(len(first)) - np.searchsorted(first, first)
        found.append(np.stack((first, second), axis=1)[rank < MOST_PAIRS_PER_CLIP] + at)
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def find_twins(picture: np.ndarray, sketches: np.ndarray, scales: np.ndarray, usable: np.ndarray, *,
               scheduler: str | None = None) -> list[Twin]:
    """Every pair of clips that holds one recording.

    picture : uint8 [clips, frames, bands]; sketches : int8 [clips, SKETCH], scales : float [clips], see `sketch`
    usable  : bool [clips], others are left out, such as silent ones
    """
    places = np.flatnonzero(usable)
    if len(places) < 2:
        return []
    pairs = places[alike(signatures(picture[places]))]
    blocks = []
    for at in range(0, len(pairs), PER_BLOCK):
        some = pairs[at : at + PER_BLOCK]
        clips, inner = np.unique(some, return_inverse=True)
        blocks.append((clips, sketches[clips], scales[clips], inner.reshape(some.shape)))
    done = map_blocks(compare_block, blocks, scheduler=scheduler, title="comparing pairs",
                      sizes=[len(block[3]) for block in blocks])
    return [twin for block in done for twin in block]


def compare_block(block: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]) -> list[Twin]:
    """The twins among pairs.

    block : numbers of the clips, their sketches and scales, and pairs int [n, 2] of places in these
    """
    clips, sketches, scales, pairs = block
    known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    found = []
    for pair in pairs.tolist():
        for place in pair:
            if place not in known:
                known[place] = prepared(sketches[place])
        first, second = pair
        correlation, shift = compare(known[first], known[second])
        if correlation >= LEAST_CORRELATION:
            energy = [known[place][1][-1] * scales[place] ** 2 for place in pair]
            found.append(Twin(int(clips[first]), int(clips[second]), correlation, shift,
                              10 * float(np.log10(energy[1] / energy[0]))))
    return found


def prepared(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum of a sketch with room for every shift, and its energy up to each sample, float [SKETCH + 1]."""
    wide = sound.astype(np.float32)
    return np.fft.rfft(wide, POINTS), np.concatenate(([0.0], np.cumsum(np.square(wide, dtype=np.float64))))


def compare(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> tuple[float, int]:
    """(correlation at the best shift, over what overlaps there; samples at 16 kHz that the other lags behind)."""
    cross = np.conj(one[0]) * other[0]
    if np.fft.irfft(cross, POINTS).max() < LEAST_COARSE * np.sqrt(one[1][-1] * other[1][-1]):
        return 0.0, 0
    sums = np.fft.irfft(cross, POINTS * FINE) * FINE
    best = int(np.argmax(sums))
    fine = best if best <= len(sums) // 2 else best - len(sums)
    shift = round(fine / FINE)
    if abs(shift) > LONGEST_SHIFT:
        return 0.0, 0
    energy = one[1][min(SKETCH, SKETCH - shift)] - one[1][max(0, -shift)]
    energy_other = other[1][min(SKETCH, SKETCH + shift)] - other[1][max(0, shift)]
    if min(energy / max(one[1][-1], 1), energy_other / max(other[1][-1], 1)) < LEAST_OVERLAP:
        return 0.0, 0
    return float(sums[best] / np.sqrt(energy * energy_other)), fine * SAMPLE_RATE_HZ // (SKETCH_HZ * FINE)


def groups(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    """Clips that hang together by pairs, each group sorted."""
    leader: dict[int, int] = {}

    def top(clip: int) -> int:
        while leader.setdefault(clip, clip) != clip:
            leader[clip] = leader[leader[clip]]
            clip = leader[clip]
        return clip

    for first, second in pairs:
        one, other = sorted((top(first), top(second)))
        leader[other] = one
    members: dict[int, list[int]] = {}
    for clip in sorted(leader):
        members.setdefault(top(clip), []).append(clip)
    yield from (tuple(group) for group in members.values())
