"""An exported detector on the emulated processors: the same results as on this computer, counted and measured."""

import numpy as np
import pytest

pytest.importorskip("unicorn", reason="the emulated device is not installed (extra: device)")
pytest.importorskip("ziglang", reason="the emulated device is not installed (extra: device)")

from kws.detect.detector import Detector
from kws.device.emulator import EmulatedNetwork, Machine, emulate
from kws.device.profile import choose_audio, found_audio, profile
from kws.device.toolchain import build_image
from kws.engine.network import Network
from kws.export.c import library
from kws.export.costs import count_costs
from kws.export.source import from_tflite
from kws.features.frontend import FrontendStream
from kws.native.build import sources
from kws.processors import CPUS
from kws.run_metrics import Spread
from kws.spec import NETWORKS, Requirements
from tests.helpers.exported import random_source, sound

pytestmark = pytest.mark.device


@pytest.fixture(scope="module")
def source():
    return random_source("ds_cnn")


@pytest.fixture(scope="module", params=CPUS)
def image(request, source):
    return build_image(library(source), cpu=request.param)


def test_every_stage_equals_the_engine_on_this_computer(image, source):
    check_stages(image, source)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "ds_cnn"])
def test_every_network_of_the_zoo_on_a_cortex_m4(name):
    other = random_source(name)
    check_stages(build_image(library(other), cpu="cortex-m4"), other)


def check_stages(image, source):
    samples, plan = sound(3), source.plan
    hops = list(emulate(image, plan).hops(samples))
    rows = FrontendStream(plan.frontend).push(samples)
    np.testing.assert_array_equal([hop.features for hop in hops], rows)
    np.testing.assert_array_equal([hop.scores for hop in hops[plan.program.frames - 1:]],
                                  Network(plan.program).stream(rows))
    events = [(i, *hop.event) for i, hop in enumerate(hops) if hop.event]
    expected = [(round(hit.time_s * 16_000 - plan.frontend.window_samples) // plan.frontend.hop_samples,
                 plan.labels.index(hit.keyword), round(hit.score * 256)) for hit in Detector(plan).push(samples)]
    assert events == expected and len(events) > 2


def test_flash_and_ram_are_what_the_tables_say(image, source):
    """kws export counts them without a compiler; the linker agrees but for alignment."""
    costs = count_costs(source.plan)
    assert 0 <= image.model_bytes - costs.flash <= 16
    assert image.state_bytes == costs.ram
    assert 4_000 < image.code_bytes < 12_000


def test_blocks_are_counted_as_single_instructions_are(source):
    """On a Cortex-M0+ nothing is conditional but branches: unicorn's own hook on every instruction must agree."""
    from unicorn import UC_HOOK_CODE

    machine = Machine(build_image(library(source), cpu="cortex-m0plus"))
    seen = []
    machine._uc.hook_add(UC_HOOK_CODE, lambda uc, address, size, data: seen.append(address))
    state, samples, event = (machine.symbol(f"kws_device_{name}") for name in ("state", "samples", "event"))
    machine.call("kws_init", state)
    machine.call("kws_push", state, samples, source.plan.frontend.window_samples, event)
    assert len(seen) == int(machine.count.stages.sum()) > 50_000


def test_a_second_stream_forgets_the_first(source):
    machine = emulate(build_image(library(source), cpu="cortex-m4"), source.plan)
    first = [hop.scores.tobytes() for hop in machine.hops(sound(1))]
    assert [hop.scores.tobytes() for hop in machine.hops(sound(1))] == first


@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4"])
def test_the_high_half_of_a_product_is_exact(cpu):
    """A Cortex-M0+ has no long multiplication; the front end's is put together from four short ones."""
    program = '#include "kws_math.h"\nint32_t high(int32_t a, int32_t b);\n' \
              "int32_t high(int32_t a, int32_t b) { return kws_high(a, b); }\n"
    files = {"device_main.c": program, "kws_math.h": sources()["kws_math.h"].read_text()}
    machine = Machine(build_image(files, cpu=cpu))
    corners = [-2**31, -2**31 + 1, -65536, -65535, -32769, -1, 0, 1, 32768, 65535, 65536, 0x7FFF0000, 2**31 - 1]
    pairs = [(a, b) for a in corners for b in corners]
    pairs += np.random.default_rng(3).integers(-2**31, 2**31, (500, 2)).tolist()
    assert [machine.call("high", a, b).result for a, b in pairs] == [a * b >> 32 for a, b in pairs]


def test_profile_adds_up(source):
    found = profile(source, sound(1), cpu="cortex-m4")
    every = found.instructions.sum(axis=1)
    assert found.per_hop() == Spread(every.min(), np.median(every), every.max())
    assert found.instructions_per_second == round(every.mean() * 50)
    assert found.per_hop("frontend").max + found.per_hop("network").max < found.per_hop().max
    assert found.duty_percent(64) == pytest.approx(100 * 1.4 * found.instructions_per_second / 64e6)
    assert found.functions[0][2] >= found.functions[1][2] > 0


def test_requirements_break_one_by_one(source):
    found = profile(source, sound(1), cpu="cortex-m4")
    assert all(requirement.holds for requirement in found.check(Requirements()))
    tight = {"flash_bytes": found.flash_bytes - 1, "ram_bytes": found.ram_bytes - 1,
             "duty_percent": found.duty_percent(64) * 0.99, "decisions_per_second": 51.0}
    for name, value in tight.items():
        broken = [r.name for r in found.check(Requirements(**{name: value})) if not r.holds]
        assert broken == [name]
    exact = Requirements(flash_bytes=found.flash_bytes, ram_bytes=found.ram_bytes, decisions_per_second=50.0)
    assert all(requirement.holds for requirement in found.check(exact))


def test_audio_is_taken_from_every_word_in_turn(tmp_path):
    for name in ("yes/a", "yes/b", "no/c", "_background_noise_/x"):
        path = tmp_path / "source" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert [path.stem for path in found_audio(tmp_path)] == ["a", "c", "b"] or \
        [path.stem for path in found_audio(tmp_path)] == ["c", "a", "b"]
    samples, where = choose_audio([], tmp_path / "nothing", seconds=0.5)
    assert (len(samples), where) == (8_000, "0.5 s of noise, square waves and silence")


def test_a_network_alone_equals_the_engine(mlperf_network):
    source = from_tflite(mlperf_network)
    network = EmulatedNetwork(build_image(library(source), cpu="cortex-m4"), labels=source.labels)
    here, rng = Network(source.program), np.random.default_rng(2)
    for _ in range(3):
        window = rng.integers(-128, 128, (source.program.frames, source.program.features)).astype(np.int8)
        scores, instructions = network.run(window)
        np.testing.assert_array_equal(scores, here.window(window))
        assert 1_000_000 < instructions < 7_701_000  # TFLM with CMSIS-NN


def test_a_user_without_a_home_can_compile(source, monkeypatch):
    """zig keeps what it compiled under HOME, and ends without one."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert build_image(library(source), cpu="cortex-m4").code_bytes > 0
