"""The front end's integer arithmetic in NumPy: what the C (csrc/frontend.c, fft.c, spectrum.c) must equal bit for bit.

Written stage by stage over all frames at once, in int64 unless said otherwise. >> rounds towards minus infinity.
"""

import numpy as np

from kws.features.tables import FrontendTables

LN2_Q16 = 45_426


def rounded_shift(x: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """x / 2^shift, rounded half up. shift : 1..62."""
    one = np.int64(1)
    return (x + (one << (np.asarray(shift, np.int64) - one))) >> shift


def leading_zeros(x: np.ndarray) -> np.ndarray:
    """Leading zero bits of uint64 x > 0 : 0..63."""
    bits = np.frexp(x.astype(np.float64))[1].astype(np.int64)  # the conversion may round up to the next power of two
    bits -= (x >> (bits - 1).astype(np.uint64)) == 0
    return 64 - bits


def interpolate_q16(curve: np.ndarray, index: np.ndarray, fraction_q16: np.ndarray) -> np.ndarray:
    """curve[index] and the straight line to the next entry, in Q16 of the entries."""
    curve = curve.astype(np.int64)
    return (curve[index] << 16) + (curve[index + 1] - curve[index]) * fraction_q16


def magnitude(re: np.ndarray, im: np.ndarray, sqrt_q15: np.ndarray) -> np.ndarray:
    """sqrt(re^2 + im^2) of the C's kws_frontend_magnitude."""
    power = (re * re + im * im).astype(np.uint64)
    zeros = leading_zeros(np.maximum(power, 1)) & ~1
    mantissa = ((power << zeros.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    index = np.maximum((mantissa >> 26) - 16, 0)  # below 0 only where the power is 0
    root = interpolate_q16(sqrt_q15, index, (mantissa >> 10) & 0xFFFF) >> (zeros // 2 - 1)
    return np.where(power == 0, 0, root)


def ln_q16(x: np.ndarray, point: int, log_q16: np.ndarray) -> np.ndarray:
    """ln(x / 2^point) in Q16 of the C's kws_frontend_ln_q16. x : uint64 > 0."""
    zeros = leading_zeros(x)
    mantissa = ((x << zeros.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    fraction = interpolate_q16(log_q16, (mantissa >> 26) & 31, (mantissa >> 10) & 0xFFFF)
    return (63 - zeros - point) * LN2_Q16 + ((fraction + 0x8000) >> 16)


def windowed(tables: FrontendTables, frames: np.ndarray) -> np.ndarray:
    """frames : int16 [n, window_samples] -> [n, fft_points] in Q14, zeros behind the window."""
    index = np.arange(tables.window_samples)
    window = tables.window_q31.astype(np.int64)[np.minimum(index, tables.window_samples - index)]
    data = np.zeros((len(frames), tables.fft_points), np.int64)
    data[:, : tables.window_samples] = rounded_shift(frames.astype(np.int64) * window, 17)
    return data


def bit_reversal(count: int) -> np.ndarray:
    """0 .. count - 1 with their bits read backwards; count is a power of two."""
    order = np.zeros(1, np.int64)
    while len(order) < count:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def complex_fft(re: np.ndarray, im: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """FFT of [n, m] complex numbers in bit-reversed order, over m: radix 4, the first pass radix 2 where needed."""
    count, m = re.shape
    points = 2 * m
    cosine = np.roll(sine, -points // 4)
    length = 1
    if m != 256:
        halves = [(part + 1) >> 1 for part in (re, im)]
        re, im = (np.stack([p[:, 0::2] + p[:, 1::2], p[:, 0::2] - p[:, 1::2]], 2).reshape(count, m) for p in halves)
        length = 2
    while length < m:
        shape, k = (count, -1, 4, length), np.arange(length) * (points // (4 * length))

        def turned(multiple: int, part: tuple[np.ndarray, np.ndarray], k: np.ndarray = k):
            c, s = cosine[multiple * k], sine[multiple * k]
            return rounded_shift(part[0] * c + part[1] * s, 32), rounded_shift(part[1] * c - part[0] * s, 32)

        parts = [(re.reshape(shape)[:, :, i], im.reshape(shape)[:, :, i]) for i in range(4)]
        a = tuple((part + 2) >> 2 for part in parts[0])
        c, b, d = turned(2, parts[1]), turned(1, parts[2]), turned(3, parts[3])
        even_re, even_im, gap_re, gap_im = a[0] + c[0], a[1] + c[1], a[0] - c[0], a[1] - c[1]
        odd_re, odd_im, cross_re, cross_im = b[0] + d[0], b[1] + d[1], b[0] - d[0], b[1] - d[1]
        re = np.stack([even_re + odd_re, gap_re + cross_im, even_re - odd_re, gap_re - cross_im], 2).reshape(count, m)
        im = np.stack([even_im + odd_im, gap_im - cross_re, even_im - odd_im, gap_im + cross_re], 2).reshape(count, m)
        length *= 4
    return re, im


def spectrum(data: np.ndarray, sine_q30: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """data : [n, points] -> (re, im), each [n, points / 2 + 1]: the FFT divided by points / 2; im with either sign."""
    points, sine = data.shape[1], sine_q30.astype(np.int64)
    m = points // 2
    order = bit_reversal(m)
    z_re, z_im = complex_fft(data[:, 0::2][:, order], data[:, 1::2][:, order], sine)
    re, im = np.zeros((2, len(data), m + 1), np.int64)
    re[:, 0], re[:, m] = z_re[:, 0] + z_im[:, 0], z_re[:, 0] - z_im[:, 0]
    re[:, m // 2], im[:, m // 2] = z_re[:, m // 2], z_im[:, m // 2]
    k = np.arange(1, m // 2)
    c, s = sine[k + points // 4], sine[k]
    d_re, d_im = z_re[:, k] - z_re[:, m - k], z_im[:, k] + z_im[:, m - k]
    e_re, e_im = (z_re[:, k] + z_re[:, m - k] + 1) >> 1, (z_im[:, k] - z_im[:, m - k] + 1) >> 1
    t_re, t_im = rounded_shift(c * d_im - s * d_re, 31), rounded_shift(-c * d_re - s * d_im, 31)
    re[:, k], im[:, k], re[:, m - k], im[:, m - k] = e_re + t_re, e_im + t_im, e_re - t_re, e_im - t_im
    return re, im


def log_mel(tables: FrontendTables, magnitudes: np.ndarray) -> np.ndarray:
    """magnitudes : [n, bins] -> [n, bands] in Q16."""
    point = 15 - tables.fft_points.bit_length() + 1 + 16
    sums = np.full((len(magnitudes), tables.bands), tables.log_floor << point, np.uint64)
    at = 0
    for band, (start, length) in enumerate(zip(tables.band_start.tolist(), tables.band_length.tolist(), strict=True)):
        weights = tables.mel_q16[at : at + length].astype(np.uint64)
        sums[:, band] += magnitudes[:, start : start + length].astype(np.uint64) @ weights
        at += length
    return ln_q16(sums, point, tables.log_q16)


def quantize(tables: FrontendTables, raw: np.ndarray) -> np.ndarray:
    """raw : [n, features] in Q16 -> int8 [n, features]."""
    scaled = (raw - tables.offset_q16.astype(np.int64)) * tables.multiplier.astype(np.int64)
    return np.clip(rounded_shift(scaled, tables.shift), -128, 127).astype(np.int8)


def frame(tables: FrontendTables, samples: np.ndarray) -> np.ndarray:
    """samples : int16 [n] -> int16 [frames, window_samples]."""
    if len(samples) < tables.window_samples:
        return np.zeros((0, tables.window_samples), np.int16)
    return np.lib.stride_tricks.sliding_window_view(samples, tables.window_samples)[:: tables.hop_samples]


def raw_features(tables: FrontendTables, samples: np.ndarray) -> np.ndarray:
    """samples : int16 [n] -> int32 [frames, features] in Q16."""
    re, im = spectrum(windowed(tables, frame(tables, samples)), tables.sine_q30)
    used = slice(tables.first_bin, tables.first_bin + tables.bins)
    bands = log_mel(tables, magnitude(re[:, used], im[:, used], tables.sqrt_q15))
    if tables.dct_count == 0:
        return bands.astype(np.int32)
    dct = tables.dct_q15.astype(np.int64).reshape(tables.features, tables.bands)
    return rounded_shift(bands @ dct.T, 15).astype(np.int32)


def features(tables: FrontendTables, samples: np.ndarray) -> np.ndarray:
    """samples : int16 [n] -> int8 [frames, features]."""
    return quantize(tables, raw_features(tables, samples))
