"""kws verify: everything is equal, and what was broken on purpose is named by stage, hop and index."""


import numpy as np
import pytest

pytest.importorskip("unicorn", reason="the emulated device is not installed (extra: device)")
pytest.importorskip("ziglang", reason="the emulated device is not installed (extra: device)")
pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")

from kws.device import traces
from kws.device import verify as module
from kws.device.image import STAGES
from kws.device.verify import CPUS, compare, compare_detections, op_at, spread, verify
from kws.engine.oracle import layers
from kws.errors import DataError, KwsError, ModelError
from kws.export.c import library
from tests.helpers.exported import flip_weight, random_source, sound

pytestmark = [pytest.mark.slow, pytest.mark.device]

EXPORTED = ["exported C, this computer", *(f"exported C, {cpu}" for cpu in CPUS)]


@pytest.fixture(scope="module")
def source():
    return random_source("ds_cnn")


@pytest.fixture(scope="module")
def audio():
    return sound(1.5)


def different(found):
    """{(stage, implementation)} that differ."""
    return {(one.name, one.against) for one in found.comparisons if one.different}


def test_everything_is_equal(source, audio):
    found = verify(source, audio)
    assert found.missing == {} and found.first_difference is None
    kinds = {(one.name, one.against) for one in found.comparisons}
    for stage in ("features", "scores", "detections"):
        assert {against for name, against in kinds if name == stage} >= {"oracle", *EXPORTED}
    assert ("scores", "TFLM") in kinds
    assert sum(name.startswith("layer ") for name, _ in kinds) == len(source.graph.layers)
    assert all(one.compared > 0 for one in found.comparisons)
    assert found.to_json()["stages"][0].keys() >= {"name", "against", "compared", "different"}


def test_a_flipped_weight_in_the_export_is_named(source, audio, monkeypatch):
    broken, index = flip_weight(source)
    monkeypatch.setattr(module, "library", lambda given: library(broken))
    found = verify(source, audio)
    first = found.first_difference
    assert (first.name, first.against) == ("rows", "exported C, this computer")
    assert first.first.place in (f"up to op {index} CONV", f"up to op {index + 1} CONV")
    assert {against for _, against in different(found)} == set(EXPORTED)
    assert {name for name, _ in different(found)} >= {"rows", "scores"}


def test_a_flipped_weight_in_the_engine_is_a_score(source, audio):
    """The .tflite is as it was: oracle and TFLM agree with each other, and not with the plan."""
    broken, _ = flip_weight(source)
    names = different(verify(broken, audio))
    assert ("scores", "oracle") in names and ("scores", "TFLM") in names
    assert not any("exported" in against for _, against in names) and not any("layer" in name for name, _ in names)


def test_a_wrong_layer_of_the_oracle_is_named(source, audio, monkeypatch):
    right = layers.add
    monkeypatch.setattr(layers, "add", lambda *given: np.minimum(right(*given) + 1, 127))
    first = verify(source, audio).first_difference
    index = next(i for i, layer in enumerate(source.graph.layers) if layer.op == "ADD")
    assert (first.name, first.against) == (f"layer {index} ADD", "oracle and TFLM")


def test_a_wrong_feature_is_named_with_hop_and_index(source, audio, monkeypatch):
    def wrong(tables, samples):
        rows = traces_features(tables, samples)
        rows[17, 4] ^= 1
        return rows

    traces_features = traces.oracle_features
    monkeypatch.setattr(traces, "oracle_features", wrong)
    first = verify(source, audio).first_difference
    assert (first.name, first.against, first.first.hop, first.first.index) == ("features", "oracle", 17, 4)
    assert first.different == 1 and "hop 17, index 4: " in str(first.first)


def test_a_sanitizer_is_heard(source, audio, monkeypatch):
    package = library(source)
    package["kws.c"] = package["kws.c"].replace("int32_t detections = 0;",
                                                "int32_t detections = count > 200 ? 2147483647 : 0; ++detections;")
    monkeypatch.setattr(module, "library", lambda given: package)
    with pytest.raises(ModelError, match="signed integer overflow"):
        verify(source, audio)


def test_warnings_are_errors(source, audio, monkeypatch):
    package = library(source)
    package["kws.c"] += "\nstatic int unused(void) { return 0; }\n"
    monkeypatch.setattr(module, "library", lambda given: package)
    with pytest.raises(ModelError, match="unused"):
        verify(source, audio)


def test_what_is_not_installed_is_named(source, audio, monkeypatch):
    def missing():
        raise KwsError("no device")

    monkeypatch.setattr(module, "require_device", missing)
    monkeypatch.setattr(module, "host_compiler", lambda: None)
    found = verify(source, audio)
    assert set(found.missing) == set(EXPORTED)
    assert found.first_difference is None and {one.against for one in found.comparisons} == {
        "oracle", "TFLM", "oracle and TFLM"}


def test_too_little_audio(source):
    with pytest.raises(DataError, match="too few for one decision"):
        verify(source, sound(0.2))


def test_the_first_difference_is_the_first():
    expected = np.arange(12).reshape(4, 3)
    found = expected.copy()
    found[2, 1], found[3, 0] = 70, 80
    one = compare("scores", "x", expected, found, hops=[5, 6, 7, 8])
    assert (one.compared, one.different) == (12, 2)
    assert (one.first.hop, one.first.index, one.first.expected, one.first.found) == (7, 1, 7, 70)


def test_detections_that_one_side_lacks():
    one = compare_detections("x", [(3, 2, 90), (9, 2, 80)], [(3, 2, 90), (9, 2, 81)])
    assert (one.compared, one.different, one.first.hop, one.first.index) == (3, 2, 9, 2)
    assert compare_detections("x", [(1, 2, 3)], [(1, 2, 3)]).different == 0


def test_places_belong_to_the_op_that_writes_them(source):
    program = source.plan.program
    last = program.buffers[program.output]
    assert op_at(program, program.buffers[program.ops[0].output].offset) == "up to op 0 CONV"
    assert op_at(program, last.offset).startswith("up to op ") and len(STAGES) == 4


def test_spread_keeps_both_ends():
    assert spread(3, 10) == [0, 1, 2] and spread(101, 5) == [0, 25, 50, 75, 100] and spread(1, 4) == [0]
