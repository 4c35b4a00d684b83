"""The float reference of the front end: librosa with the same spec.

The fixed-point front end is held to this; nothing is trained on it. Needs librosa.
"""

import numpy as np
from numpy.typing import NDArray

from kws.arguments import Features, Samples, check_array
from kws.errors import ArgumentError
from kws.features.tables import Normalisation, dct_matrix
from kws.spec import FrontendSpec


def log_mel(spec: FrontendSpec, samples: Samples) -> NDArray[np.float64]:
    """samples : int16 [n], at least one window -> natural log mel magnitudes, float64 [frames, bands]."""
    check_array("samples", samples, np.int16, "n")
    if len(samples) < spec.window_samples:
        raise ArgumentError(f"samples has {len(samples)} entries: must have a window, {spec.window_samples}, or more")
    import librosa
    from librosa import filters  # type: ignore[attr-defined]  # loaded lazily

    # librosa centres a window that is shorter than the FFT; zeros before the samples put its frame i on
    # samples[i * hop : i * hop + window]. The magnitude does not see the difference.
    before = (spec.fft_points - spec.window_samples) // 2
    after = spec.fft_points - spec.window_samples - before
    padded = np.pad(samples.astype(np.float64), (before, after))
    spectrum = librosa.stft(padded, n_fft=spec.fft_points, hop_length=spec.hop_samples,
                            win_length=spec.window_samples, window="hann", center=False, dtype=np.complex128)
    mel = filters.mel(sr=spec.sample_rate_hz, n_fft=spec.fft_points, n_mels=spec.bands, fmin=spec.low_hz,
                              fmax=spec.high_hz, htk=True, norm=None, dtype=np.float64)
    return np.log(mel @ np.abs(spectrum) + spec.log_floor).T  # [frames, bands]


def reference_raw(spec: FrontendSpec, samples: Samples) -> NDArray[np.float64]:
    """samples : int16 [n] -> float64 [frames, features], what the front end's raw features approximate."""
    bands = log_mel(spec, samples)
    return bands @ dct_matrix(spec).T if spec.coefficients else bands


def reference_features(spec: FrontendSpec, normalisation: Normalisation, samples: Samples) -> Features:
    """samples : int16 [n] -> int8 [frames, features]: the reference on the same grid as the front end."""
    scaled = (reference_raw(spec, samples) - np.array(normalisation.offset)) / np.array(normalisation.scale)
    return np.clip(np.rint(scaled), -128, 127).astype(np.int8)
