"""The plan file: what goes in comes out, and nothing that is damaged or hostile gets through."""

import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest

from kws.bench.random_networks import FEATURES, FRAMES, convert
from kws.engine.decoder import build_decoder_tables
from kws.engine.graph import read_graph
from kws.engine.network import Network
from kws.engine.plan import HEADER, Plan
from kws.engine.streaming import lower
from kws.errors import PlanError
from kws.features.tables import Normalisation, build_tables
from kws.native.build import include_folders, sources
from kws.spec import FrontendSpec, Spec
from tests.helpers.paths import ROOT

FUZZED_PLANS = 100_000
SMALL = Spec(keywords=("yes", "no"), frontend=FrontendSpec(clip_ms=490, coefficients=8, bands=20))


def network(kind: str) -> bytes:
    """Small networks that use every kind of op between them."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    x = inputs = keras.Input(batch_shape=(1, FRAMES, FEATURES, 1))
    if kind == "residual":
        x = y = layers.Conv2D(6, (3, 3), strides=(1, 2), activation="relu")(x)
        y = layers.Conv2D(6, 1)(layers.DepthwiseConv2D((3, 1))(y))
        x = layers.Add()([layers.Cropping2D(((2, 0), (0, 0)))(x), y])
        x = layers.Concatenate()([x, layers.Activation("sigmoid")(x)])
        x = layers.Flatten()(layers.GlobalAveragePooling2D()(x))
    elif kind == "pools":
        x = layers.AveragePooling2D((2, 2), strides=(1, 1))(layers.ZeroPadding2D(((0, 0), (1, 0)))(x))
        x = layers.MaxPooling2D((2, 2))(layers.Conv2D(4, (3, 2), dilation_rate=(2, 1))(x) * 0.7)
        x = layers.Flatten()(x)
    else:  # pads along time: windowed
        x = layers.Conv2D(3, 3, padding="same", strides=2, activation="relu")(x)
        x = layers.Flatten()(layers.Conv2D(3, (1, 2))(x))
    return convert(keras.Model(inputs, layers.Dense(4, activation="softmax")(x)))


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    frontend = build_tables(SMALL.frontend, Normalisation(offset=(1.0,) * FEATURES, scale=(0.1,) * FEATURES))
    decoder = build_decoder_tables(SMALL, thresholds={"yes": 0.5, "no": 0.7}, smoothing_ms=100)
    programs = {kind: lower(read_graph(network(kind))) for kind in ("residual", "pools", "padded")}
    assert programs["padded"].windowed and not programs["residual"].windowed
    return {kind: Plan(SMALL, frontend, program, decoder) for kind, program in programs.items()}


def test_plan_survives_its_file(plans):
    for plan in plans.values():
        copy = Plan.from_bytes(plan.to_bytes())
        assert copy.to_bytes() == plan.to_bytes()
        assert (copy.spec, copy.decoder, copy.labels) == (SMALL, plan.decoder, ("_silence_", "_unknown_", "yes", "no"))
        rows = np.random.default_rng(0).integers(-128, 128, (40, FEATURES)).astype(np.int8)
        np.testing.assert_array_equal(Network(copy.program).stream(rows), Network(plan.program).stream(rows))


def test_a_rule_about_talk_survives_too_in_a_file_that_older_programs_refuse(plans):
    ruled = replace(plans["residual"].decoder, talk_hops=40, talk_lag_hops=45, talk_limit=128)
    file = replace(plans["residual"], decoder=ruled).to_bytes()
    assert file[4:8] == b"\x03\x00\x00\x00" and Plan.from_bytes(file).decoder == ruled
    assert len(file) == len(plans["residual"].to_bytes()) + 3 * 4


def test_a_weight_of_unknown_words_survives_too_in_a_file_that_older_programs_refuse(plans):
    weighed = replace(plans["residual"].decoder, unknown_weight=20)
    file = replace(plans["residual"], decoder=weighed).to_bytes()
    assert file[4:8] == b"\x04\x00\x00\x00" and Plan.from_bytes(file).decoder == weighed
    assert len(file) == len(plans["residual"].to_bytes()) + 4 * 4


def test_header_is_as_documented(plans):
    file = plans["residual"].to_bytes()
    assert file[:8] == b"KWSP\x02\x00\x00\x00"
    assert HEADER.unpack_from(file)[2:4] == (len(file), zlib.crc32(file[48:]))


@pytest.mark.parametrize("damage, reason", [
    (lambda file: b"", "not a plan file"),
    (lambda file: b"RIFF" + file[4:], "not a plan file"),
    (lambda file: file[:4] + b"\x01" + file[5:], "another version of kws"),
    (lambda file: file[:-1], "not as long as it says"),
    (lambda file: file + b"\x00", "not as long as it says"),
    (lambda file: file[:-3] + b"\x55" + file[-2:], "checksum"),
])
def test_damage_is_named(plans, damage, reason):
    with pytest.raises(PlanError, match=reason):
        Plan.from_bytes(damage(plans["residual"].to_bytes()))


def rewritten(file: bytes, section: int, word: int, value: int) -> bytes:
    """The file with one word of a section replaced, and a checksum that is right again."""
    changed = bytearray(file)
    at = HEADER.unpack_from(file)[4 + 2 * section] + 4 * word
    changed[at:at + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")
    changed[12:16] = zlib.crc32(changed[48:]).to_bytes(4, "little")
    return bytes(changed)


@pytest.mark.parametrize("section, word, value, reason", [
    (1, 0, 7, "front end is damaged: a size is out of range"),  # an odd window
    (1, 2, 1 << 30, "front end is damaged: a size is out of range"),
    (2, 0, 0, "network is damaged: a size is out of range"),  # no frames
    (2, 7, 1, "network is damaged: a buffer does not fit its memory"),  # an arena of one byte
    (2, 5, 99, "network is damaged: a size is out of range"),  # input buffer 99
    (3, 1, 10_000, "decoder is damaged: smoothing_hops must be 1 to 200"),  # smoothing over 10,000 hops
    (2, 14, 1 << 31, "outside the file"),  # where the buffers lie
])
def test_hostile_fields_are_refused(plans, section, word, value, reason):
    with pytest.raises(PlanError, match=reason):
        Plan.from_bytes(rewritten(plans["residual"].to_bytes(), section, word, value))


def test_parts_must_fit(plans):
    other = build_decoder_tables(Spec(keywords=("yes",)), thresholds={"yes": 0.5}, smoothing_ms=100)
    plan = plans["pools"]
    with pytest.raises(PlanError, match="do not fit each other"):
        Plan.from_bytes(Plan(plan.spec, plan.frontend, plan.program, other).to_bytes())


def test_damaged_plans_under_sanitizers(plans, tmp_path):
    """100,000 plans with damaged fields and right checksums; those that are accepted run, in memory of exact size."""
    binary, files = tmp_path / "fuzz_plan", []
    for kind, plan in plans.items():
        files.append(tmp_path / f"{kind}.kws")
        files[-1].write_bytes(plan.to_bytes())
    subprocess.run(["gcc", "-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                    *(f"-I{folder}" for folder in include_folders()), str(ROOT / "kws" / "bench" / "fuzz_plan.c"),
                    *map(str, sources("*.c").values()), "-o", str(binary)], check=True)
    result = subprocess.run([binary, str(FUZZED_PLANS), "1", *files], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr[-4000:]
    count, accepted, ran = (int(result.stdout.split()[i]) for i in (0, 2, 4))
    assert count == FUZZED_PLANS and ran > 1_000 and accepted < count // 2, result.stdout
