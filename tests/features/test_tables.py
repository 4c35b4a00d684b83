"""The front end's tables, and the two approximations of its arithmetic over their whole domain."""

import numpy as np
import pytest

from kws.engine.oracle import frontend as oracle
from kws.errors import SpecError
from kws.features.tables import Normalisation, build_tables, dct_matrix, fixed, hz_to_mel, mel_to_hz, normalisation_of
from kws.spec import FrontendSpec

SPECS = [FrontendSpec(), FrontendSpec(fft_points=1024, bands=80, low_hz=0, high_hz=8000),
         FrontendSpec(window_ms=8, hop_ms=8, fft_points=256, bands=60, low_hz=333.3, high_hz=2345.6)]


def tables_of(spec: FrontendSpec):
    return build_tables(spec, Normalisation.identity(spec.features))


def dense_mel(tables) -> np.ndarray:
    """The weights that the segments mean : float [bands, fft_points / 2 + 1]."""
    weights = np.zeros((tables.bands + 2, tables.fft_points // 2 + 1))  # one band more on either side
    segment = np.repeat(np.arange(tables.bands + 1), tables.segments)
    bins = tables.first_bin + np.arange(tables.bins)
    weights[segment + 1, bins] += tables.rising_q16 / 65536
    weights[segment, bins] += 1 - tables.rising_q16 / 65536
    return weights[1:-1]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.bands} bands")
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mel_weights_are_those_of_librosa(spec):
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(sr=spec.sample_rate_hz, n_fft=spec.fft_points, n_mels=spec.bands, fmin=spec.low_hz,
                                   fmax=spec.high_hz, htk=True, norm=None, dtype=np.float64)
    assert np.abs(dense_mel(tables_of(spec)) - expected).max() <= 2**-16


def test_mel_scale():
    assert hz_to_mel(0) == 0 and hz_to_mel(1000) == pytest.approx(1000, abs=0.02)
    assert mel_to_hz(hz_to_mel(440.0)) == pytest.approx(440.0)


def test_window_is_the_rising_half_of_a_hann_window():
    window = tables_of(FrontendSpec()).window_q31
    assert window.size == 241
    assert window[[0, 80, 120, 160, 240]].tolist() == [0, 2**29, 2**30, 3 * 2**29, 2**31 - 1]


def test_factors_of_the_shortest_fft():
    tables = tables_of(FrontendSpec(window_ms=16, hop_ms=16, fft_points=256))
    half = round(2**30 / 2**0.5)
    assert tables.passes_q30[:12].tolist() == [2**30, half, 0, half, 2**30, 0, 0, 2**30, 2**30, -half, 0, half]
    assert tables.passes_count == 6 * (2 + 8 + 32) and tables.split_count == 128


def test_dct_rows_are_orthonormal_but_for_the_first():
    matrix = dct_matrix(FrontendSpec(coefficients=13))
    assert matrix @ matrix.T == pytest.approx(np.diag([2.0] + [1.0] * 12), abs=1e-12)
    assert matrix[0] == pytest.approx((2 / 40) ** 0.5)


def test_fixed_rounds_and_saturates():
    assert fixed(np.array([-2.0, -1.0, 0.25, 1.0]), 15, np.int16).tolist() == [-32768, -32768, 8192, 32767]


def test_a_row_is_quantized_half_up_and_saturated():
    tables = build_tables(FrontendSpec(bands=8, coefficients=8),
                          Normalisation(offset=(1.0,) * 8, scale=(2.0, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0)))
    raw = np.array([[5.0, 2.5, -1.5, 127.4, -63.0, 64.0, 200.0, -200.0]]) * 65536
    #         minus offset: 4    1.5    -2.5   126.4  -64     63
    assert oracle.quantize(tables, raw.astype(np.int64)).tolist() == [[2, 2, -2, 126, -128, 126, 127, -128]]


def test_tables_tell_their_normalisation():
    rng = np.random.default_rng(0)
    spec = FrontendSpec(bands=80)
    tables = build_tables(spec, Normalisation(offset=tuple(rng.uniform(-50, 50, 80)),
                                              scale=tuple(2.0 ** rng.uniform(-12, 12, 80))))
    again = build_tables(spec, normalisation_of(tables))
    for name in ("offset_q16", "multiplier", "shift"):
        assert (getattr(tables, name) == getattr(again, name)).all()
    one = build_tables(spec, Normalisation(offset=(1.5,) * 80, scale=(0.25,) * 80))
    assert normalisation_of(one) == Normalisation(offset=(1.5,) * 80, scale=(0.25,) * 80)


def test_silence_is_the_logarithm_of_the_floor():
    for floor in (1, 32, 4096):
        raw = oracle.raw_features(tables_of(FrontendSpec(log_floor=floor)), np.zeros(480, np.int16))
        assert np.abs(raw / 65536 - np.log(floor)).max() < 0.0003


def test_a_constant_in_the_first_band():
    """Hann of 512 ones: 256 in bin 0, 128 in bin 1 (31.25 Hz), nothing above."""
    spec = FrontendSpec(window_ms=32, bands=8, low_hz=0, high_hz=8000)
    raw = oracle.raw_features(tables_of(spec), np.full(512, 1000, np.int16))[0] / 65536
    centre_hz = mel_to_hz(hz_to_mel(8000) / 9)
    assert raw[0] == pytest.approx(np.log(128_000 * 31.25 / centre_hz + 32), abs=0.002)
    assert raw[1:] == pytest.approx(np.log(32), abs=0.02)


def test_magnitude_over_its_domain():
    from kws.native._native import lib

    rng = np.random.default_rng(0)
    length, angle = 2.0 ** rng.uniform(0, 30.5, 100_000), rng.uniform(0, 2 * np.pi, 100_000)
    re, im = (np.rint(length * turn(angle)).astype(np.int64) for turn in (np.cos, np.sin))
    re, im = np.append(re, [0, 2**30, -(2**30), 0, 2**30]), np.append(im, [0, 0, 0, -(2**30), -(2**30)])
    result, exact = oracle.magnitude(re, im), 1.16293 * np.hypot(re, im)
    assert np.all(np.abs(result - exact) <= 3 + 0.0014 * exact) and result.max() < 2**31
    assert [lib.kws_frontend_magnitude(*pair) for pair in zip(re.tolist(), im.tolist(), strict=True)] == result.tolist()


def test_logarithm_over_its_domain():
    from kws.native._native import ffi, lib

    curve = tables_of(FrontendSpec()).log_q16
    rng = np.random.default_rng(0)
    powers = [2**k + d for k in range(1, 64) for d in (-1, 0, 1)]
    drawn = (2.0 ** rng.uniform(0, 63.9, 100_000)).astype(np.uint64)
    x = np.concatenate([np.arange(1, 20_000, dtype=np.uint64), drawn, np.array([*powers, 2**64 - 1], np.uint64)])
    result = oracle.ln_q16(x, 22, curve)
    error = result / 65536 - np.log(x.astype(np.longdouble) / 2**22)
    assert error.min() >= -0.00023 and error.max() <= 0.00005
    table = ffi.from_buffer("uint16_t[]", curve)
    assert [lib.kws_frontend_ln_q16(value, 22, table) for value in x.tolist()] == result.tolist()


def test_impossible_settings_are_refused():
    with pytest.raises(SpecError, match=r"10 features; .* asks for 40"):
        build_tables(FrontendSpec(coefficients=40), Normalisation.identity(10))
    with pytest.raises(SpecError, match=r"no bin of the 256-point FFT lies between them"):
        tables_of(FrontendSpec(window_ms=16, hop_ms=16, fft_points=256, low_hz=2000, high_hz=2000))
    with pytest.raises(SpecError, match=r"scale\[1\] = 0.0: must be"):
        Normalisation(offset=(0.0, 0.0), scale=(1.0, 0.0))
    with pytest.raises(SpecError, match=r"offset\[0\] = nan: must be"):
        Normalisation(offset=(float("nan"),), scale=(1.0,))
    with pytest.raises(SpecError, match="1 offsets and 2 scales"):
        Normalisation(offset=(0.0,), scale=(1.0, 1.0))
