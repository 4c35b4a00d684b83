"""The C front end against its oracle, bit for bit, and as a stream."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.bench.check_frontend import SPECS, tables_of
from kws.bench.sounds import corners
from kws.engine.oracle import frontend as oracle
from kws.errors import ArgumentError, DataError, PlanError
from kws.features.frontend import Frontend, FrontendStream, measure_normalisation
from kws.features.tables import Normalisation, build_tables
from kws.spec import FrontendSpec


@pytest.fixture(params=SPECS, scope="module")
def spec(request) -> FrontendSpec:
    return SPECS[request.param]


@pytest.mark.parametrize("name", corners(2))
def test_corner_signals_equal_the_oracle(spec, name):
    samples, tables = np.rint(corners(6000)[name]).astype(np.int16), tables_of(spec)
    frontend = Frontend(tables)
    assert np.array_equal(frontend.raw(samples[None])[0], oracle.raw_features(tables, samples))
    assert np.array_equal(frontend.extract(samples[None])[0], oracle.features(tables, samples))


@given(st.data())
def test_drawn_audio_equals_the_oracle(data):
    tables = tables_of(SPECS[data.draw(st.sampled_from(sorted(SPECS)))])
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    level = data.draw(st.integers(0, 32768))
    samples = rng.integers(-level, level, 3000, endpoint=True).clip(-32768, 32767).astype(np.int16)
    for at in data.draw(st.lists(st.integers(0, 2999), max_size=20)):
        samples[at:] = data.draw(st.integers(-32768, 32767))
    assert np.array_equal(Frontend(tables).raw(samples[None])[0], oracle.raw_features(tables, samples))


@given(st.data())
def test_chunks_do_not_matter(data):
    tables = tables_of(SPECS[data.draw(st.sampled_from(["default", "fft 256, odd edges"]))])
    samples = np.random.default_rng(1).integers(-9000, 9000, 5000).astype(np.int16)
    cuts = sorted(data.draw(st.lists(st.integers(0, 5000), max_size=30)))
    stream = FrontendStream(tables)
    rows = np.concatenate([stream.push(chunk) for chunk in np.split(samples, cuts)])
    assert np.array_equal(rows, Frontend(tables).extract(samples[None])[0])


def test_one_sample_at_a_time_and_after_reset():
    tables = tables_of(FrontendSpec(coefficients=10))
    samples = np.random.default_rng(1).integers(-9000, 9000, 1500).astype(np.int16)
    expected, stream = Frontend(tables).extract(samples[None])[0], FrontendStream(tables)
    for _ in range(2):
        rows = [stream.push(samples[i : i + 1]) for i in range(len(samples))]
        assert [i + 1 for i, row in enumerate(rows) if len(row)] == [480, 800, 1120, 1440]
        assert np.array_equal(np.concatenate(rows), expected)
        stream.reset()


def test_clips_do_not_hear_each_other_and_threads_do_not_matter():
    clips = np.random.default_rng(1).integers(-9000, 9000, (200, 1600)).astype(np.int16)
    frontend = Frontend(tables_of(FrontendSpec(coefficients=10)))
    together = frontend.extract(clips, threads=3)
    assert together.shape == (200, 4, 10)
    assert np.array_equal(together, np.concatenate([frontend.extract(clip[None], threads=1) for clip in clips]))


def test_short_and_no_clips(tmp_path):
    frontend = Frontend(tables_of(FrontendSpec(coefficients=10)))
    for cache in (None, tmp_path):
        assert frontend.extract(np.zeros((3, 479), np.int16), cache=cache).shape == (3, 0, 10)
    assert frontend.extract(np.zeros((3, 480), np.int16)).shape == (3, 1, 10)
    assert frontend.extract(np.zeros((0, 16000), np.int16)).shape == (0, 49, 10)


def test_other_types_are_refused_by_name():
    frontend = Frontend(tables_of(FrontendSpec(coefficients=10)))
    with pytest.raises(ArgumentError, match=r"clips = float64 \[2, 500\]: must be a NumPy array int16 \[n, samples\]"):
        frontend.extract(np.zeros((2, 500)))
    with pytest.raises(ArgumentError, match=r"samples = int16 \[2, 500\]: must be a NumPy array int16 \[n\]"):
        FrontendStream(frontend.tables).push(np.zeros((2, 500), np.int16))


def test_tables_that_break_a_rule_are_refused():
    from dataclasses import replace

    tables = tables_of(FrontendSpec(coefficients=10))
    for change, message in (({"hop_samples": 0}, "size"), ({"window_count": 5}, "241 entries"),
                            ({"fft_points": 300}, "size"),
                            ({"split_q31": tables.split_q31 * 0 + np.int32(2**31 - 1)}, "factor"),
                            ({"segments": tables.segments + np.uint16(1)}, "mel"),
                            ({"log_q16": tables.log_q16[::-1]}, "rise"),
                            ({"shift": tables.shift * 0}, "shift")):
        with pytest.raises(PlanError, match=message):
            Frontend(replace(tables, **change))


def test_normalisation_uses_the_range_and_saturates_rarely():
    rng, spec = np.random.default_rng(3), FrontendSpec(coefficients=10)
    clips = (rng.normal(0, 1, (300, 16000)) * rng.uniform(10, 5000, (300, 1))).astype(np.int16)
    rows = Frontend(build_tables(spec, measure_normalisation(spec, clips))).extract(clips).reshape(-1, 10)
    assert np.all(rows.min(axis=0) == -128) and np.all(rows.max(axis=0) == 127)
    assert np.all(np.mean((rows == -128) | (rows == 127), axis=0) < 0.005)


def test_normalisation_of_silence_is_valid():
    spec = FrontendSpec(coefficients=10)
    normalisation = measure_normalisation(spec, np.zeros((5, 16000), np.int16))
    rows = Frontend(build_tables(spec, normalisation)).extract(np.zeros((1, 16000), np.int16))
    assert min(normalisation.scale) > 0 and np.all(np.abs(rows.astype(int)) <= 1)
    with pytest.raises(DataError, match="hold no window"):
        measure_normalisation(spec, np.zeros((5, 100), np.int16))


def test_cached_features_are_those_of_the_clips(tmp_path):
    clips = np.random.default_rng(1).integers(-9000, 9000, (70, 1600)).astype(np.int16)
    frontend = Frontend(tables_of(FrontendSpec()))
    expected = frontend.extract(clips)
    for _ in range(2):
        assert np.array_equal(frontend.extract(clips, cache=tmp_path), expected)
    assert len(list(tmp_path.iterdir())) == 1  # nothing half-written beside it


def test_cached_features_are_not_taken_for_others(tmp_path):
    clips = np.random.default_rng(1).integers(-9000, 9000, (70, 1600)).astype(np.int16)
    Frontend(tables_of(FrontendSpec())).extract(clips, cache=tmp_path)
    other = clips.copy()
    other[69, 1599] += 1
    other[69, 1000] += 3000
    shifted = build_tables(FrontendSpec(), Normalisation(offset=(3.1,) * 40, scale=(0.07,) * 40))
    for tables, sounds in ((tables_of(FrontendSpec()), other), (tables_of(FrontendSpec(log_floor=33)), clips),
                           (shifted, clips), (tables_of(FrontendSpec()), clips[:69])):
        assert np.array_equal(Frontend(tables).extract(sounds, cache=tmp_path), Frontend(tables).extract(sounds))
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"", lambda data: b"x" + data[1:],
                                    lambda data: data[:-1]])
def test_a_damaged_cache_is_made_anew(tmp_path, damage):
    clips = np.random.default_rng(1).integers(-9000, 9000, (70, 1600)).astype(np.int16)
    frontend = Frontend(tables_of(FrontendSpec()))
    expected = frontend.extract(clips, cache=tmp_path).copy()
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert np.array_equal(frontend.extract(clips, cache=tmp_path), expected)


def test_minutes_of_audio_equal_the_oracle():
    """A slice of scripts/check frontend: 9 minutes over all settings."""
    command = [sys.executable, "-m", "kws.bench", "check_frontend", "0.15", "77"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.15 hours" in done.stdout and " 0 different" in done.stdout
