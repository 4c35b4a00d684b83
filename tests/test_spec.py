"""kws.spec: settings refuse what cannot be, and derive what can."""

import json
from dataclasses import FrozenInstanceError, asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import SpecError
from kws.spec import DetectorSpec, FrontendSpec, ModelSpec, Requirements, Spec, TrainingSpec, fingerprint

SECTIONS = (Requirements, FrontendSpec, ModelSpec, TrainingSpec, DetectorSpec)
SETTINGS = [(kind, field) for kind in SECTIONS for field in fields(kind)]


def test_the_default_front_end_in_numbers():
    spec = FrontendSpec()
    assert (spec.window_samples, spec.hop_samples, spec.clip_samples) == (480, 320, 16_000)
    assert (spec.frames, spec.features) == (49, 40)
    assert FrontendSpec(coefficients=10).features == 10


def test_frames_are_the_windows_that_fit_into_a_clip():
    assert FrontendSpec(clip_ms=200, window_ms=30, hop_ms=10).frames == 18  # 0-30, 10-40, ... 170-200
    assert FrontendSpec(clip_ms=209, window_ms=30, hop_ms=10).frames == 18
    assert FrontendSpec(clip_ms=210, window_ms=30, hop_ms=10).frames == 19


def test_labels_put_silence_and_unknown_first():
    assert Spec(keywords=("yes", "no")).labels == ("_silence_", "_unknown_", "yes", "no")


@pytest.mark.parametrize(("kind", "field"), SETTINGS, ids=lambda value: getattr(value, "name", None))
def test_every_setting_knows_its_limits(kind, field):
    name = f"[{kind.section}] {field.name} = "
    rule = field.metadata
    assert rule["doc"]
    if field.type is bool:
        with pytest.raises(SpecError, match=rf"{field.name} = 1: must be true or false$"):
            kind(**{field.name: 1})
        return
    if rule["choices"]:
        assert field.default in rule["choices"]
        with pytest.raises(SpecError, match="must be one of ") as caught:
            kind(**{field.name: type(field.default)("99")})
        assert str(caught.value).startswith(name)
        return
    assert rule["low"] <= field.default <= rule["high"]
    for wrong in (rule["low"] - 1, rule["high"] + 1):
        with pytest.raises(SpecError, match=f"must be {rule['low']} to {rule['high']}") as caught:
            kind(**{field.name: field.type(wrong)})
        assert str(caught.value).startswith(name)


@pytest.mark.parametrize(("kind", "field"), SETTINGS, ids=lambda value: getattr(value, "name", None))
@pytest.mark.parametrize("wrong", [True, None, [1], "x", float("nan")], ids=str)
def test_every_setting_refuses_another_type(kind, field, wrong):
    if type(wrong) is field.type is bool:
        assert getattr(kind(**{field.name: wrong}), field.name) is wrong
        return
    with pytest.raises(SpecError, match="must be"):
        kind(**{field.name: wrong})


@pytest.mark.parametrize(("settings", "message"), [
    ({"window_ms": 33}, r"window_ms = 33: must be at most 32 for fft_points = 512"),
    ({"hop_ms": 40}, r"hop_ms = 40: must be at most window_ms = 30"),
    ({"bands": 9, "coefficients": 10}, r"coefficients = 10: must be at most bands = 9"),
    ({"clip_ms": 200, "window_ms": 64, "hop_ms": 50, "fft_points": 1024}, None),
])
def test_front_end_settings_must_fit_together(settings, message):
    if message is None:
        assert FrontendSpec(**settings).frames == 3
        return
    with pytest.raises(SpecError, match=message):
        FrontendSpec(**settings)


def test_noise_range_must_not_be_reversed():
    with pytest.raises(SpecError, match=r"snr_low_db = 20.0: must be at most snr_high_db = 10.0"):
        TrainingSpec(snr_low_db=20, snr_high_db=10)


@pytest.mark.parametrize(("keywords", "message"), [
    ((), "0 of them"),
    (("a",) * 41, "41 of them"),
    (("yes", "No"), "'No': must be a word .*; write 'no'"),
    (("_unknown_",), "'_unknown_': must be"),
    (("../x",), "must be a word"),
    (("a/b",), "must be a word"),
    (("x\n",), "must be a word"),
    (("a", "b", "a"), "'a' is listed twice"),
])
def test_keywords_that_cannot_be(keywords, message):
    with pytest.raises(SpecError, match=message):
        Spec(keywords=keywords)


def test_settings_never_change():
    with pytest.raises(FrozenInstanceError):
        ModelSpec().width = 2.0


def test_a_spec_survives_json():
    spec = Spec(keywords=("yes", "no"), model=ModelSpec(width=2), training=TrainingSpec(epochs=3))
    assert Spec.from_dict(json.loads(json.dumps(asdict(spec)))) == spec


def test_settings_of_an_earlier_version_mean_what_they_meant():
    settings = asdict(Spec(keywords=("yes",)))
    for name in ("keyword_balance", "augmented_versions"):
        del settings["training"][name]
    training = Spec.from_dict(settings).training
    assert (training.keyword_balance, training.augmented_versions) == (0.0, 0)


@given(st.floats(0.1, 8), st.floats(0.1, 8))
def test_fingerprints_are_equal_exactly_when_settings_are(one, other):
    same = fingerprint(ModelSpec(width=one), "x") == fingerprint(replace(ModelSpec(), width=other), "x")
    assert same == (one == other)
    assert len(fingerprint(ModelSpec())) == 16
