"""Held against validation sound: any mixture of its blocks is well, what no mixture gives is found."""

import numpy as np
import pytest

from kws.data.scene import KEYWORD, Sound
from kws.monitor.baseline import Baseline, baseline_from_json
from kws.monitor.ingest import ingest_lines
from kws.monitor.judge import judge
from kws.monitor.mixture import mixed, mixture_drifts, nearest_mixture
from kws.monitor.store import Store
from kws.monitor.validation_sound import BLOCK_S, ValidationSound, blocks
from kws.spec import Requirements
from tests.helpers.fields import MODEL, SCORES, end_ms, reports

BLOCKS = {"scores": np.array([[900, 100, 0, 0], [900, 0, 0, 100]] * 40),
          "features": np.array([[80, 20], [20, 80]] * 40)}
AT_REST = {"scores": 1, "features": 0}


def judged(scores, features, days=7):
    here = {"scores": np.array([scores] * days), "features": np.array([features] * days)}
    return {drift.name: drift.alarm for drift in mixture_drifts(here, BLOCKS, AT_REST)}


def test_the_shares_of_a_mixture_are_found_again():
    here = {name: counts[0] * 3 + counts[1] for name, counts in BLOCKS.items()}
    weights = nearest_mixture(here, BLOCKS)
    assert weights[0::2].sum() == pytest.approx(0.75, abs=0.01)
    assert mixed(BLOCKS["features"], weights) == pytest.approx([0.65, 0.35], abs=0.01)


def test_a_mixture_in_any_shares_is_well():
    for share in (0, 1, 5, 10):
        scores, features = (share * BLOCKS[name][0] + (10 - share) * BLOCKS[name][1] for name in BLOCKS)
        assert judged(scores, features) == {"scores": False, "features": False}


def test_scores_that_no_block_has_are_found():
    assert judged([9_000, 20, 960, 20], [500, 500]) == {"scores": True, "features": False}


def baseline(*kinds):
    n = 24
    levels = tuple(tuple(1_000 * (place == block % 14) for place in range(14)) for block in range(n))
    return Baseline("validation sound", False, (60.0,) * n, (0,) * n, (0,) * n, levels, (SCORES,) * n,
                    ((0,) * 9 + (30_000,),) * n, (kinds * n)[:n])


def wrong(store, days, known):
    findings = judge(store, Requirements(), now_ms=end_ms(days), baselines={MODEL: known})
    return {finding.name for finding in findings if not finding.holds}


def test_validation_sound_judges_a_device_from_its_first_day_and_beside_its_own_week(tmp_path):
    """Its features are even over int8, those of the validation all in the last step; its scores are the same."""
    with Store(tmp_path / "young.db") as store:
        ingest_lines(store, reports("kitchen", days=2), device="x")
        assert wrong(store, 2, baseline("words", "talk", "quiet")) == {"features"}
        assert wrong(store, 2, baseline("words", "quiet")) == set(), "nobody talks in it: it stands for no room"
    with Store(tmp_path / "old.db") as store:
        ingest_lines(store, reports("kitchen", days=14), device="x")
        assert wrong(store, 14, baseline("words", "talk", "quiet")) == {"features"}


def test_a_baseline_is_read_as_it_was_written():
    known = baseline("talk", "quiet")
    assert baseline_from_json(known.to_json()) == known and known.mixture


def test_validation_sound_comes_in_whole_blocks_of_every_kind():
    rng = np.random.default_rng(1)
    tone = np.rint(3_000 * np.sin(np.arange(16_000))).astype(np.int16)
    sound = ValidationSound([Sound(tone, KEYWORD, "yes")] * 50, noise=[tone.astype(np.float32)] * 30)
    found = list(blocks(sound, rng))
    assert sound.kinds == ("words", "noise", "quiet")
    assert [kind for kind, _ in found] == ["words"] * 2 + ["noise"] * 2 + ["quiet"] * 24
    assert {(len(block), block.dtype.name) for _, block in found} == {(round(BLOCK_S * 16_000), "int16")}
    assert len(found) == 2 + 2 + 24, "two minutes of words, of noise four times its half minute, and quiet"
