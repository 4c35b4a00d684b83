"""The front end's integer arithmetic in NumPy: what the C (csrc/frontend/) must equal bit for bit.

Written stage by stage over all frames at once, in int64 unless said otherwise. >> rounds towards minus infinity.
"""


import numpy as np

from kws.arguments import check_array
from kws.features.tables import FrontendTables

LN2_Q16 = 45_426
GAIN_Q16, LN_GAIN_Q16 = 76_214, 9_892  # of `magnitude`


def rounded_shift(x: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
    """x / 2^shift, rounded half up. shift : 1..62."""
    one = np.int64(1)
    return (x + (one << (np.asarray(shift, np.int64) - one))) >> shift


def leading_zeros(x: np.ndarray) -> np.ndarray:
    """Leading zero bits of uint64 x > 0 : 0..63."""
    bits = np.frexp(x.astype(np.float64))[1].astype(np.int64)  # the conversion may round up to the next power of two
    bits -= (x >> (bits - 1).astype(np.uint64)) == 0
    return 64 - bits


def magnitude(re: np.ndarray, im: np.ndarray) -> np.ndarray:
    """About 1.16293 sqrt(re^2 + im^2): three folds and four turns with shifts alone."""
    re, im = np.abs(re), np.abs(im)
    u, v = np.maximum(re, im), np.minimum(re, im)
    for shift in (1, 2, 3):
        u, v = u + (v >> shift), np.abs(v - (u >> shift))
    return u + (v >> 4)


def ln_q16(x: np.ndarray, point: int, log_q16: np.ndarray) -> np.ndarray:
    """ln(x / 2^point) in Q16 of the C's kws_frontend_ln_q16. x : uint64 > 0."""
    zeros = leading_zeros(x)
    mantissa = ((x << zeros.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    curve, index, fraction_q16 = log_q16.astype(np.int64), (mantissa >> 26) & 31, (mantissa >> 10) & 0xFFFF
    rise = (curve[index + 1] - curve[index]) * fraction_q16 >> 16
    return (63 - zeros - point) * LN2_Q16 + curve[index] + rise


def windowed(tables: FrontendTables, frames: np.ndarray) -> np.ndarray:
    """frames : int16 [n, window_samples] -> [n, fft_points] in Q14, zeros behind the window."""
    index = np.arange(tables.window_samples)
    window = tables.window_q31.astype(np.int64)[np.minimum(index, tables.window_samples - index)]
    data = np.zeros((len(frames), tables.fft_points), np.int64)
    data[:, : tables.window_samples] = frames.astype(np.int64) * window >> 17
    return data


def bit_reversal(count: int) -> np.ndarray:
    """0 .. count - 1 with their bits read backwards; count is a power of two."""
    order = np.zeros(1, np.int64)
    while len(order) < count:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


Complex = tuple[np.ndarray, np.ndarray]  # real and imaginary part


def butterfly(a: Complex, b: Complex, c: Complex, d: Complex) -> Complex:
    """Four-point FFT of complex (re, im), each [n, blocks, length] -> re, im : [n, 4 * blocks * length]."""
    even_re, even_im, gap_re, gap_im = a[0] + c[0], a[1] + c[1], a[0] - c[0], a[1] - c[1]
    odd_re, odd_im, cross_re, cross_im = b[0] + d[0], b[1] + d[1], b[0] - d[0], b[1] - d[1]
    re = np.stack([even_re + odd_re, gap_re + cross_im, even_re - odd_re, gap_re - cross_im], 2)
    im = np.stack([even_im + odd_im, gap_im - cross_re, even_im - odd_im, gap_im + cross_re], 2)
    return re.reshape(len(re), -1), im.reshape(len(im), -1)


def turn(re: np.ndarray, im: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(re + j im) (cosine - j sine) over 2^32; each product is rounded down, which cancels on average."""
    return (re * cosine >> 32) - (-im * sine >> 32), (im * cosine >> 32) - (re * sine >> 32)


def first_pass(re: np.ndarray, im: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """[n, m] complex numbers in bit-reversed order -> spectra of length 4 over 4, or of 2 over 2, and the length."""
    if re.shape[1] == 256:
        a, c, b, d = (((re[:, i::4, None] + 2) >> 2, (im[:, i::4, None] + 2) >> 2) for i in range(4))
        return *butterfly(a, b, c, d), 4
    halves = [(part + 1) >> 1 for part in (re, im)]
    pairs = [np.stack([p[:, 0::2] + p[:, 1::2], p[:, 0::2] - p[:, 1::2]], 2).reshape(re.shape) for p in halves]
    return pairs[0], pairs[1], 2


def merge(re: np.ndarray, im: np.ndarray, factors: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """[n, m] complex numbers: spectra of `length` -> of 4 * length, over 4. factors : [6 * length] in Q30."""
    cos1, sin1, cos2, sin2, cos3, sin3 = factors.reshape(6, length)
    re, im = re.reshape(len(re), -1, 4, length), im.reshape(len(im), -1, 4, length)
    a = (re[:, :, 0] + 2) >> 2, (im[:, :, 0] + 2) >> 2
    c = turn(re[:, :, 1], im[:, :, 1], cos2, sin2)  # bit reversal puts the odd ones last
    b = turn(re[:, :, 2], im[:, :, 2], cos1, sin1)
    d = turn(re[:, :, 3], im[:, :, 3], cos3, sin3)
    return butterfly(a, b, c, d)


def complex_fft(tables: FrontendTables, re: np.ndarray, im: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """FFT of [n, m] complex numbers in bit-reversed order, over m."""
    re, im, length = first_pass(re, im)
    factors = tables.passes_q30.astype(np.int64)
    while length < re.shape[1]:
        re, im = merge(re, im, factors[: 6 * length], length)
        factors, length = factors[6 * length :], 4 * length
    return re, im


def spectrum(tables: FrontendTables, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """data : [n, points] -> (re, im), each [n, points / 2 + 1]: the FFT over points / 2; im with either sign."""
    m = data.shape[1] // 2
    order = bit_reversal(m)
    z_re, z_im = complex_fft(tables, data[:, 0::2][:, order], data[:, 1::2][:, order])
    re, im = np.zeros((2, len(data), m + 1), np.int64)
    re[:, 0], re[:, m] = z_re[:, 0] + z_im[:, 0], z_re[:, 0] - z_im[:, 0]
    re[:, m // 2], im[:, m // 2] = z_re[:, m // 2], z_im[:, m // 2]
    k = np.arange(1, m // 2)
    cosine, sine = tables.split_q31.astype(np.int64).reshape(2, m // 2)[:, k]
    d_re, d_im = z_re[:, k] - z_re[:, m - k], z_im[:, k] + z_im[:, m - k]
    e_re, e_im = (z_re[:, k] + z_re[:, m - k] + 1) >> 1, (z_im[:, k] - z_im[:, m - k] + 1) >> 1
    t_im, t_re = turn(d_re, d_im, cosine, sine)
    re[:, k], im[:, k], re[:, m - k], im[:, m - k] = e_re + t_re, e_im - t_im, e_re - t_re, e_im + t_im
    return re, im


def log_mel(tables: FrontendTables, magnitudes: np.ndarray) -> np.ndarray:
    """magnitudes : [n, bins] -> [n, bands] in Q16."""
    point = {256: 7, 512: 6, 1024: 5}[tables.fft_points]
    segment = np.repeat(np.arange(tables.bands + 1), tables.segments)
    one_hot = (segment[:, None] == np.arange(tables.bands + 1)).astype(np.int64)  # [bins, bands + 1]
    rising = magnitudes @ (one_hot * tables.rising_q16.astype(np.int64)[:, None])
    falling = ((magnitudes @ one_hot) << 16) - rising
    sums = rising[:, :-1] + falling[:, 1:] + (tables.log_floor * GAIN_Q16 << point)
    return ln_q16(sums.astype(np.uint64), point + 16, tables.log_q16) - LN_GAIN_Q16


def quantize(tables: FrontendTables, raw: np.ndarray) -> np.ndarray:
    """raw : [n, features] in Q16 -> int8 [n, features]."""
    scaled = (raw - tables.offset_q16.astype(np.int64)) * tables.multiplier.astype(np.int64)
    return np.clip(rounded_shift(scaled, tables.shift), -128, 127).astype(np.int8)


def frame(tables: FrontendTables, samples: np.ndarray) -> np.ndarray:
    """samples : int16 [n] -> int16 [frames, window_samples]."""
    check_array("samples", samples, np.int16, "n")
    if len(samples) < tables.window_samples:
        return np.zeros((0, tables.window_samples), np.int16)
    return np.lib.stride_tricks.sliding_window_view(samples, tables.window_samples)[:: tables.hop_samples]


def raw_features(tables: FrontendTables, samples: np.ndarray) -> np.ndarray:
    """samples : int16 [n] -> int32 [frames, features] in Q16."""
    re, im = spectrum(tables, windowed(tables, frame(tables, samples)))
    used = slice(tables.first_bin, tables.first_bin + tables.bins)
    bands = log_mel(tables, magnitude(re[:, used], im[:, used]))
    if tables.dct_count == 0:
        return bands.astype(np.int32)
    dct = tables.dct_q15.astype(np.int64).reshape(tables.features, tables.bands)
    return rounded_shift(bands @ dct.T, 15).astype(np.int32)


def features(tables: FrontendTables, samples: np.ndarray) -> np.ndarray:
    """samples : int16 [n] -> int8 [frames, features]."""
    return quantize(tables, raw_features(tables, samples))
