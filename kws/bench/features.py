"""Clips per second and core: the front end against librosa, in one run.

    scripts/bench features [CLIPS]

Clips of one second, everybody on one thread, processor time. librosa is called as its documentation shows, one clip at
a time, with the same settings, and once more with many clips in one call.
"""

import os
import time
from collections.abc import Callable, Sequence

from kws.bench.common import header, parser
from kws.spec import FrontendSpec

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # before NumPy

import numpy as np

ROUNDS, TOGETHER = 5, 20


def peers(spec: FrontendSpec) -> dict[str, Callable[[np.ndarray], object]]:
    """What computes the features of int16 clips [n, samples]: ours, librosa by the clip, librosa by the batch."""
    import librosa

    from kws.features.frontend import Frontend
    from kws.features.tables import Normalisation, build_tables

    frontend = Frontend(build_tables(spec, Normalisation.identity(spec.features)))
    settings = {"sr": spec.sample_rate_hz, "n_fft": spec.fft_points, "win_length": spec.window_samples,
                "hop_length": spec.hop_samples, "center": False, "power": 1.0, "n_mels": spec.bands, "htk": True,
                "norm": None, "fmin": spec.low_hz, "fmax": spec.high_hz}

    def features(samples: np.ndarray) -> np.ndarray:
        if spec.coefficients:
            return librosa.feature.mfcc(y=samples.astype(np.float32), n_mfcc=spec.coefficients, **settings)
        return np.log(librosa.feature.melspectrogram(y=samples.astype(np.float32), **settings) + spec.log_floor)

    return {"kws": lambda clips: frontend.extract(clips, threads=1),
            "librosa by the clip": lambda clips: [features(clip) for clip in clips],
            f"librosa {TOGETHER} at once": lambda clips: [features(clips[i : i + TOGETHER])
                                                         for i in range(0, len(clips), TOGETHER)]}


def clips_per_second(extract: Callable[[np.ndarray], object], clips: np.ndarray) -> float:
    began = time.process_time()
    extract(clips)
    return len(clips) / (time.process_time() - began)


def main(arguments: Sequence[str]) -> None:
    from kws.bench.sounds import audio_like
    options = parser(__doc__)
    options.add_argument("clips", nargs="?", type=int, default=400, metavar="CLIPS")
    count, rng = options.parse_args(arguments).clips, np.random.default_rng(0)
    clips = np.stack([audio_like(rng, 16_000) for _ in range(count)])
    header(f"{count} clips of 1 s, one core, median of {ROUNDS} rounds")
    for name, coefficients in (("log mel, 40 bands", 0), ("MFCC, 10 of 40", 10)):
        spec = FrontendSpec(coefficients=coefficients)
        extractors, speeds = peers(spec), dict[str, list[float]]()
        for extract in extractors.values():
            extract(clips[:TOGETHER])  # imports, plans, compiled code
        for _ in range(ROUNDS):  # in turn, so that whatever else the machine does falls on all of them
            for peer, extract in extractors.items():
                speeds.setdefault(peer, []).append(clips_per_second(extract, clips))
        medians = {peer: float(np.median(speed)) for peer, speed in speeds.items()}
        ours = medians.pop("kws")
        ratios = [f"{ours / speed:.1f} x {peer} ({speed:.0f}/s)" for peer, speed in medians.items()]
        print(f"{name}: {ours:.0f} clips/s = {', '.join(ratios)}")

