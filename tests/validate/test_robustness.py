"""The same words under other conditions: each change does what its row says."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from kws.cli import app
from kws.validate.robustness import at_level, faster, moved, noisy, opus, reverberant, speech_rms, telephone
from tests.helpers.labelled_sound import write_labelled_sound

RATE = 16_000


def word(hz=500.0):
    audio = np.zeros(RATE, np.int16)
    audio[6_000:10_000] = 4_000 * np.sin(2 * np.pi * hz * np.arange(4_000) / RATE)
    return audio


def strongest_hz(audio):
    return float(np.abs(np.fft.rfft(audio)).argmax() * RATE / len(audio))


def test_noise_lies_below_the_word_by_the_ratio():
    noise = [np.random.default_rng(1).standard_normal(20_000)]
    heard = noisy(word(), noise=noise, snr_db=10, rng=np.random.default_rng(2))
    ratio = 20 * np.log10(speech_rms(word()) / (heard.astype(float) - word()).std())
    assert ratio == pytest.approx(10, abs=0.3)


def test_levels_places_and_speeds():
    assert np.abs(at_level(word(), -20).astype(int)).max() == pytest.approx(3_277, abs=2)
    assert (moved(word(), 100)[1_600:] == word()[:-1_600]).all()
    assert (moved(word(), -100)[:-1_600] == word()[1_600:]).all()
    for factor in (0.8, 1.25):
        heard = faster(word(), factor)
        assert len(heard) == RATE and strongest_hz(heard) == pytest.approx(500 * factor, rel=0.01)


@pytest.mark.parametrize("codec", [telephone, opus])
def test_a_codec_keeps_length_pitch_and_level(codec):
    heard = codec(word())
    assert len(heard) == RATE and strongest_hz(heard) == pytest.approx(500, abs=3)
    assert speech_rms(heard) == pytest.approx(speech_rms(word()), rel=0.1) and (heard != word()).any()


def test_a_telephone_passes_no_high_sounds():
    assert speech_rms(telephone(word(6_000.0))) < 0.1 * speech_rms(word(6_000.0))


def test_a_room_keeps_the_length_and_rings_on():
    heard = reverberant(word(), response=np.concatenate([[1.0], np.zeros(4_999), [0.5]]).astype(np.float32))
    assert len(heard) == RATE and heard[10_500:14_500].any() and not word()[10_500:14_500].any()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Three clips of each label, a stream and talk."""
    return write_labelled_sound(tmp_path_factory.mktemp("sound"))


def test_the_command_measures_every_condition(tone_run, sound):
    arguments = ["validate", "--run", tone_run, "--clips", sound / "clips", "--robustness", "--stream", sound / "a.wav",
                 "--negatives", sound / "talk.wav", "--no-keep", "--json"]
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 3, done.stderr
    rows = {(one["group"], one["name"]): one for one in json.loads(done.stdout)["robustness"]}
    assert rows["as recorded", ""]["accuracy"] == 1.0 and rows["as recorded", ""]["clips"] == 9
    assert rows["level", "-10 dBFS"]["keywords"] == 6 and len({group for group, _ in rows}) >= 6
    assert rows["speakers", "worst tenth, 1 of 1"]["clips"] == 9


def test_robustness_without_clips_is_wrong_usage(tone_run, sound):
    arguments = ["validate", "--run", tone_run, "--robustness", "--stream", sound / "a.wav"]
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 2 and "needs clips" in done.output
