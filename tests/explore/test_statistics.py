"""What features say, on numbers that a person can count."""

from pathlib import Path

import numpy as np
import pytest

from kws.audio.files import encode
from kws.explore.statistics import (
    after_transform,
    correlation,
    cosine_transform,
    covariance,
    f_ratio,
    neighbours,
    normal_share,
    normalisation_of,
    shape_of,
    sum_features,
)
from kws.spec import FrontendSpec


def test_f_of_two_words_with_two_clips_each():
    values = np.array([[1.0, 3.0], [5.0, 7.0]])  # means 2 and 6: 16 between with 1 degree, 4 within with 2
    ratio = f_ratio(np.array([2, 2]), values.sum(axis=1)[:, None], np.square(values).sum(axis=1)[:, None])
    assert ratio.tolist() == [8.0]


def test_f_is_zero_for_one_word_and_for_what_does_not_vary():
    assert f_ratio(np.array([3, 0]), np.ones((2, 4)), np.ones((2, 4))).tolist() == [0.0] * 4
    assert f_ratio(np.array([2, 2]), np.array([[2.0], [4.0]]), np.array([[2.0], [8.0]])).tolist() == [0.0]


def test_the_share_of_a_normal_distribution_below_some_deviations():
    shares = normal_share(np.array([-1.959964, 0.0, 1.0, 3.0]))
    assert shares == pytest.approx([0.025, 0.5, 0.8413447, 0.9986501], abs=2e-7)


def test_the_cosine_transform_is_orthonormal_and_takes_neighbours_apart():
    transform = cosine_transform(8)
    assert np.allclose(transform @ transform.T, np.eye(8))
    bands = 0.9 ** np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    assert neighbours(bands) == pytest.approx(0.9)
    assert neighbours(after_transform(bands)) < 0.1


def test_correlation_of_something_constant_is_zero():
    assert correlation(np.array([[4.0, 0.0], [0.0, 0.0]])).tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """300 clips of noise, more than one block."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("noise")
    for n in range(300):
        (folder / f"{n}.wav").write_bytes(encode((rng.standard_normal(16_000) * 10 ** rng.uniform(1, 4)).clip(
            -32_768, 32_767).astype(np.int16)))
    return [folder / f"{n}.wav" for n in range(300)]


def test_blocks_add_up_to_what_all_clips_give(paths):
    spec, words = FrontendSpec(), np.arange(300) % 3
    normalisation = normalisation_of(spec, paths, np.random.default_rng(1))
    sums = sum_features(paths, words, word_count=4, spec=spec, normalisation=normalisation, scheduler=None)
    assert sums.count.tolist() == [100, 100, 100, 0] and sums.total.shape == (4, spec.frames, spec.bands)
    assert sums.raw.sum() == sums.grid.sum() == 300 * spec.frames * spec.bands
    assert len(sums.saturated) == 300 and sums.saturated.mean() < 0.01
    one = sum_features(paths[:1], words[:1], word_count=4, spec=spec, normalisation=normalisation, scheduler=None)
    rest = sum_features(paths[1:], words[1:], word_count=4, spec=spec, normalisation=normalisation, scheduler=None)
    assert np.allclose((one + rest).products, sums.products) and np.allclose((one + rest).total, sums.total)
    assert (np.diag(covariance(sums)) > 0).all()
    shape = shape_of(sums)
    assert np.allclose(shape.deviation**2, np.diag(covariance(sums)))
    assert ((shape.distance > 0.01) & (shape.distance < 0.3)).all()
