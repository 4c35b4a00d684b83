"""The device's budget before and after training, with the emulated device and without."""

from dataclasses import replace

import numpy as np
import pytest

from kws.device import budget
from kws.device.budget import CODE_BYTES, STACK_BYTES, counted, device_budget, excerpt, fit_warnings, untrained_plan
from kws.device.text_tables import profile_table
from kws.errors import KwsError
from kws.export.costs import multiplications_per_hop
from kws.spec import NETWORKS, FrontendSpec, ModelSpec, Requirements, Spec
from tests.helpers.exported import random_source, sound

SPEC = Spec(keywords=("yes", "no"), model=ModelSpec(name="ds_cnn"), frontend=FrontendSpec(clip_ms=400))


@pytest.fixture(scope="module")
def clips():
    return sound(2).reshape(-1, 6_400)


def test_measured_where_the_device_is_there(clips):
    pytest.importorskip("unicorn")
    pytest.importorskip("ziglang")
    source = random_source("ds_cnn")
    found = device_budget(source, clips, Requirements(cpu="cortex-m0plus"))
    assert found.cpu == "cortex-m0plus" and found.instructions_per_second > 1_000_000
    rough = counted(source.plan, Requirements())
    assert 0 <= CODE_BYTES - found.flash_bytes.code < 2_000
    assert 0 <= STACK_BYTES - found.ram_bytes.stack < 400
    assert found.ram_bytes.state == rough.ram_bytes.state
    assert abs(found.flash_bytes.model - rough.flash_bytes.model) <= 16
    assert "cycles per instruction" in profile_table(found)


def test_counted_where_it_is_not(clips, monkeypatch):
    def missing():
        raise KwsError("the emulated device needs unicorn")

    monkeypatch.setattr(budget, "require_device", missing)
    found = device_budget(random_source("ds_cnn"), clips, Requirements(flash_bytes=20_000))
    assert found.note == "counted, not measured: the emulated device needs unicorn"
    assert [(one.name, one.holds) for one in found.requirements] == [("flash_bytes", False), ("ram_bytes", True)]
    table = profile_table(found)
    assert "counted, not measured" in table and "flash_bytes" in table and "NOT MET" in table


@pytest.mark.parametrize("name", NETWORKS)
def test_the_untrained_network_has_the_sizes_of_the_trained_one(name):
    pytest.importorskip("keras")
    source = random_source(name)
    spec = source.plan.spec
    before, after = (counted(plan, Requirements()) for plan in (untrained_plan(spec), source.plan))
    assert before.flash_bytes.total == pytest.approx(after.flash_bytes.total, rel=0.02)  # equal constants stand once
    smoothing = 22 * len(spec.labels)  # 500 ms against the 60 ms of that decoder
    assert before.ram_bytes.state == pytest.approx(after.ram_bytes.state + smoothing, abs=8)


def test_products_of_a_hop():
    """One weight per label for each of 19 * 40 numbers; and ds_cnn's layers at half width."""
    pytest.importorskip("keras")
    labels = 8
    assert multiplications_per_hop(random_source("linear").plan.program) == 19 * 40 * labels
    separable = 24 * 7 + 24 * 24
    by_layer = (18 * 6 * 15, 8 * 10 * 9 * 6, 24 * 80, separable, separable, 24 * 2 + 24 * 24, 40 * 24, 40 * labels)
    assert multiplications_per_hop(random_source("ds_cnn").plan.program) == sum(by_layer)


def test_what_fits_is_silent_and_what_cannot_is_named():
    pytest.importorskip("keras")
    assert fit_warnings(SPEC) == []
    small = replace(SPEC, requirements=Requirements(ram_bytes=4_000, flash_bytes=16_000))
    flash, ram = fit_warnings(small)
    assert flash.startswith("warning: the network 'ds_cnn' will take about ") and "[requirements] flash_bytes" in flash
    assert "bytes of RAM, more than [requirements] ram_bytes = 4,000; lower [model] width = 1," in ram


def test_an_excerpt_is_ten_seconds():
    clips = np.arange(3 * 16_000, dtype=np.int16).reshape(3, 16_000)
    assert len(excerpt(clips)) == 160_000 and (excerpt(clips)[:48_000] == clips.ravel()).all()
    assert (excerpt(np.tile(clips, (5, 1))) == np.tile(clips.ravel(), 5)[:160_000]).all()
    assert len(excerpt(clips[:0])) == 160_000
