"""The C front end against its oracle over audio-like input.

    scripts/check frontend [HOURS] [SEED] [RECORDINGS…]

Every number of every window is compared before quantization and after it. RECORDINGS: folders of .wav files to mix in.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.bench.common import header, parser
from kws.bench.sounds import RATE_HZ, audio_like
from kws.features.tables import FrontendTables, Normalisation, build_tables
from kws.spec import FrontendSpec

CLIP_SECONDS, CLIPS_PER_ROUND = 10, 6
SPECS = {
    "default": FrontendSpec(),
    "MFCC": FrontendSpec(coefficients=10),
    "hop 10, log mel": FrontendSpec(hop_ms=10, coefficients=0),
    "fft 1024, 80 bands": FrontendSpec(window_ms=64, fft_points=1024, bands=80, coefficients=40, low_hz=0,
                                       high_hz=8000),
    "fft 256, odd edges": FrontendSpec(window_ms=15, hop_ms=5, fft_points=256, bands=13, coefficients=13,
                                       low_hz=333.3, high_hz=2345.6),
    "empty bands, lowest floor": FrontendSpec(window_ms=8, hop_ms=8, fft_points=256, bands=80, coefficients=0,
                                              low_hz=0, log_floor=1),
}


def tables_of(spec: FrontendSpec) -> FrontendTables:
    """A grid about as fine as a real one."""
    return build_tables(spec, Normalisation(offset=(3.0,) * spec.features, scale=(0.07,) * spec.features))



def recorded(files: list[Path], rng: np.random.Generator, samples: int) -> np.ndarray:
    """Recordings one after the other, at any gain, int16 [samples]."""
    from kws.audio.files import read_samples

    parts, missing = [], samples
    while missing > 0:
        part = read_samples(files[rng.integers(len(files))], samples=None)[:missing].astype(float)
        parts.append(part * 10 ** rng.uniform(-3, 1))
        missing -= len(part)
    return np.rint(np.concatenate(parts)).clip(-32768, 32767).astype(np.int16)


def compare(tables: FrontendTables, clips: np.ndarray) -> tuple[int, int]:
    """Numbers compared and numbers that differ, raw and quantized."""
    from kws.engine.oracle import frontend as oracle
    from kws.features.frontend import Frontend

    frontend = Frontend(tables)
    raw, rows = frontend.raw(clips, threads=1), frontend.extract(clips, threads=1)
    expected = np.stack([oracle.raw_features(tables, clip) for clip in clips])
    different = int(np.count_nonzero(raw != expected) + np.count_nonzero(rows != oracle.quantize(tables, expected)))
    return raw.size + rows.size, different


def main(arguments: Sequence[str]) -> int:

    options = parser(__doc__)
    options.add_argument("hours", nargs="?", type=float, default=0.1, metavar="HOURS")
    options.add_argument("seed", nargs="?", type=int, default=0, metavar="SEED")
    options.add_argument("folders", nargs="*", type=Path, metavar="RECORDINGS")
    given = options.parse_args(arguments)
    seed = given.seed
    tables = [tables_of(spec) for spec in SPECS.values()]
    files = sorted(file for folder in given.folders for file in folder.rglob("*.wav"))
    rounds = max(1, round(given.hours * 3600 / (CLIP_SECONDS * CLIPS_PER_ROUND)))
    compared = different = 0
    began = time.monotonic()
    for number in range(rounds):
        rng = np.random.default_rng([seed, number])
        clips = [recorded(files, rng, CLIP_SECONDS * RATE_HZ) if files and rng.random() < 0.3
                 else audio_like(rng, CLIP_SECONDS * RATE_HZ) for _ in range(CLIPS_PER_ROUND)]
        now_compared, now_different = compare(tables[number % len(tables)], np.stack(clips))
        compared, different = compared + now_compared, different + now_different
        print(f"{number + 1}/{rounds} minutes, {different} different", end="\r", file=sys.stderr)
    header()
    print(f"{rounds * CLIP_SECONDS * CLIPS_PER_ROUND / 3600:.2f} hours of audio from seed {seed}, "
          f"{len(SPECS)} settings in turn, {len(files)} recordings among it: {compared} numbers compared, "
          f"{different} different, {time.monotonic() - began:.0f} s")
    return 1 if different else 0

