"""The integer tables of the fixed-point front end, computed once from the spec.

Everything that the C (csrc/frontend/frontend.h) needs to know is in them: no set-up code runs on the device.
"""

import math
from dataclasses import dataclass

import numpy as np

from kws.errors import SpecError
from kws.records import Fields
from kws.spec import FrontendSpec

LOG_ENTRIES = 33
SMALLEST_SCALE, LARGEST_SCALE, LARGEST_OFFSET = 2.0**-12, 2.0**12, 2.0**13


@dataclass(frozen=True)
class Normalisation:
    """Puts feature x (natural logarithms) on the int8 grid: q = round((x - offset) / scale), saturated.

    offset : one per feature, -8192 to 8192.
    scale : one per feature, 2^-12 to 2^12: what one step of q is worth.
    """

    offset: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.offset) != len(self.scale):
            raise SpecError(f"normalisation: {len(self.offset)} offsets and {len(self.scale)} scales; "
                            "must be one of each per feature")
        for name, values, low, high in (("offset", self.offset, -LARGEST_OFFSET, LARGEST_OFFSET),
                                        ("scale", self.scale, SMALLEST_SCALE, LARGEST_SCALE)):
            for index, value in enumerate(values):
                if not low <= value <= high:  # also refuses nan
                    raise SpecError(f"normalisation: {name}[{index}] = {value!r}: must be {low} to {high}")

    @classmethod
    def identity(cls, features: int) -> "Normalisation":
        """Offset 0 and scale 1 for each of `features`; for when only the raw features matter."""
        return cls(offset=(0.0,) * features, scale=(1.0,) * features)


@dataclass(frozen=True, eq=False)
class FrontendTables:
    """The fields of the C struct kws_frontend_tables, in its order; frontend.h states lengths, formats and ranges."""

    window_samples: int
    hop_samples: int
    fft_points: int
    log_floor: int
    first_bin: int
    bins: int
    bands: int
    features: int
    window_count: int
    passes_count: int
    split_count: int
    segments_count: int
    log_count: int
    dct_count: int
    window_q31: np.ndarray
    passes_q30: np.ndarray
    split_q31: np.ndarray
    rising_q16: np.ndarray
    segments: np.ndarray
    log_q16: np.ndarray
    dct_q15: np.ndarray
    offset_q16: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray


# Element type of each array of FrontendTables, in its order, and the field that says how many there are.
FRONTEND_ARRAYS = {
    "window_q31": ("<i4", "window_count"), "passes_q30": ("<i4", "passes_count"), "split_q31": ("<i4", "split_count"),
    "rising_q16": ("<u2", "bins"), "segments": ("<u2", "segments_count"), "log_q16": ("<u2", "log_count"),
    "dct_q15": ("<i2", "dct_count"), "offset_q16": ("<i4", "features"), "multiplier": ("<i4", "features"),
    "shift": ("u1", "features"),
}


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """HTK's scale: mel = 2595 log10(1 + hz / 700)."""
    return 700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0)


def hz_to_mel(hz: float) -> float:
    """The inverse of `mel_to_hz`."""
    return 2595.0 * math.log10(1.0 + hz / 700.0)


def mel_edges_hz(spec: FrontendSpec) -> np.ndarray:
    """Lower edge, centres and upper edge of the triangles, equally far apart in mel : float [bands + 2]."""
    return mel_to_hz(np.linspace(hz_to_mel(spec.low_hz), hz_to_mel(spec.high_hz), spec.bands + 2))


def dct_matrix(spec: FrontendSpec) -> np.ndarray:
    """DCT-II, every coefficient scaled sqrt(2 / bands) : float [coefficients, bands]."""
    k, band = np.arange(spec.coefficients)[:, None], np.arange(spec.bands)[None, :]
    return math.sqrt(2.0 / spec.bands) * np.cos(math.pi * k * (band + 0.5) / spec.bands)


def hann(samples: int) -> np.ndarray:
    """Periodic Hann window : float [samples]."""
    return 0.5 - 0.5 * np.cos(2.0 * math.pi * np.arange(samples) / samples)


def fixed(values: np.ndarray, fraction_bits: int, kind: type) -> np.ndarray:
    """`values` times 2^fraction_bits, rounded to nearest and limited to the range of the integer type `kind`."""
    limits = np.iinfo(kind)
    scaled = np.rint(np.asarray(values, np.float64) * 2.0**fraction_bits)
    return np.clip(scaled, limits.min, limits.max).astype(np.dtype(kind).newbyteorder("<"))


def _mel_tables(spec: FrontendSpec) -> Fields:
    """Each bin between two edges rises towards the upper one with the weight that it loses for the lower one."""
    edges_hz = mel_edges_hz(spec)
    bins_hz = np.arange(spec.fft_points // 2 + 1) * spec.sample_rate_hz / spec.fft_points
    used = np.flatnonzero((bins_hz >= edges_hz[0]) & (bins_hz < edges_hz[-1]))
    if used.size == 0:
        raise SpecError(f"[frontend] low_hz = {spec.low_hz}, high_hz = {spec.high_hz}: no bin of the "
                        f"{spec.fft_points}-point FFT lies between them; widen the range or raise fft_points")
    segment = np.searchsorted(edges_hz, bins_hz[used], side="right") - 1
    rising = (bins_hz[used] - edges_hz[segment]) / (edges_hz[segment + 1] - edges_hz[segment])
    return {"first_bin": int(used[0]), "bins": used.size, "rising_q16": fixed(rising, 16, np.uint16),
            "segments": np.bincount(segment, minlength=spec.bands + 1).astype("<u2"), "segments_count": spec.bands + 1}


def _fft_tables(points: int) -> Fields:
    """Factors of the radix-4 passes after the first pass, and of the step from the complex to the real FFT."""
    passes, length = [], 4 if points == 512 else 2  # the first pass has no factors
    while length < points // 2:
        angles = 2.0 * math.pi * np.arange(length) / (4 * length)
        passes += [turn(multiple * angles) for multiple in (1, 2, 3) for turn in (np.cos, np.sin)]
        length *= 4
    angles = 2.0 * math.pi * np.arange(points // 4) / points
    passes_q30 = fixed(np.concatenate(passes), 30, np.int32)
    split_q31 = fixed(np.concatenate([np.cos(angles), np.sin(angles)]), 31, np.int32)
    return {"passes_count": passes_q30.size, "passes_q30": passes_q30,
            "split_count": split_q31.size, "split_q31": split_q31}


def _scale_tables(normalisation: Normalisation) -> Fields:
    """q = (x_q16 - offset_q16) * multiplier / 2^shift with a multiplier of 31 bits."""
    multipliers, shifts = [], []
    for scale in normalisation.scale:
        mantissa, exponent = math.frexp(1.0 / (scale * 65536.0))  # = mantissa * 2^exponent, 0.5 <= mantissa < 1
        multipliers.append(min(round(mantissa * 2.0**31), 2**31 - 1))
        shifts.append(31 - exponent)
    return {"offset_q16": fixed(np.array(normalisation.offset), 16, np.int32),
            "multiplier": np.array(multipliers, "<i4"), "shift": np.array(shifts, "u1")}


def normalisation_of(tables: FrontendTables) -> Normalisation:
    """The normalisation that these tables hold, as far as they can say: it gives the same tables again."""
    scales = 2.0 ** (tables.shift.astype(float) - 16) / tables.multiplier
    return Normalisation(offset=tuple((tables.offset_q16 / 65536.0).tolist()), scale=tuple(scales.tolist()))


def build_tables(spec: FrontendSpec, normalisation: Normalisation) -> FrontendTables:
    """All tables for `spec`. SpecError when the normalisation has another number of features or no FFT line is used."""
    if len(normalisation.offset) != spec.features:
        raise SpecError(f"normalisation: {len(normalisation.offset)} features; [frontend] asks for {spec.features}")
    window = fixed(hann(spec.window_samples)[: spec.window_samples // 2 + 1], 31, np.int32)
    dct = fixed(dct_matrix(spec), 15, np.int16).ravel()
    return FrontendTables(
        window_samples=spec.window_samples, hop_samples=spec.hop_samples, fft_points=spec.fft_points,
        log_floor=spec.log_floor, bands=spec.bands, features=spec.features,
        window_count=window.size, window_q31=window, log_count=LOG_ENTRIES,
        log_q16=fixed(np.log1p(np.arange(LOG_ENTRIES) / (LOG_ENTRIES - 1)), 16, np.uint16),
        dct_count=dct.size, dct_q15=dct,
        **_fft_tables(spec.fft_points), **_mel_tables(spec), **_scale_tables(normalisation))
