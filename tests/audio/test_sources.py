"""Audio files and raw pipes as blocks: every format, constant memory, errors that say what to do."""

import io

import numpy as np
import pytest
import soundfile

from kws.audio.files import read_samples
from kws.audio.reading import open_sound
from kws.audio.sources import raw_blocks
from kws.errors import DataError


def sine(*, seconds, rate_hz, frequency_hz=440.0, level=0.5):
    return level * np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate_hz)) / rate_hz)


def heard(path):
    blocks = list(open_sound(path).blocks())
    assert all(block.dtype == np.int16 and block.ndim == 1 for block in blocks)
    return np.concatenate(blocks)


def test_16_bit_mono_at_16_khz_comes_out_as_it_is(tmp_path):
    samples = np.random.default_rng(1).integers(-32768, 32768, size=40_001).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    audio = open_sound(tmp_path / "a.wav")
    assert audio.notices == () and audio.seconds == pytest.approx(2.5, abs=1e-3)
    blocks = list(audio.blocks())
    assert [len(block) for block in blocks] == [16_000, 16_000, 8_001]
    assert (np.concatenate(blocks) == samples).all()


@pytest.mark.parametrize(("rate_hz", "channels", "suffix", "subtype"), [
    (44_100, 2, "wav", "PCM_24"), (8_000, 1, "flac", "PCM_16"), (48_000, 1, "ogg", "VORBIS"),
    (16_000, 2, "wav", "FLOAT"), (11_025, 3, "wav", "PCM_U8"), (16_000, 1, "au", "ULAW"),
])
def test_other_rates_channels_and_formats(tmp_path, rate_hz, channels, suffix, subtype):
    path = tmp_path / f"a.{suffix}"
    wave = sine(seconds=3.3, rate_hz=rate_hz)
    soundfile.write(path, np.column_stack([wave] * channels), rate_hz, subtype=subtype)
    samples = heard(path)
    assert abs(len(samples) - 52_800) <= 2
    middle = slice(2_000, 50_000)
    expected = 16384 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / 16_000)
    assert np.sqrt(np.mean((samples[middle] - expected[middle]) ** 2)) < 400
    assert np.abs(samples[middle] - read_samples(path)[middle].astype(int)).max() <= 8  # as a clip read whole


def test_the_notice_says_what_is_done(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((4_410, 2)), 44_100)
    assert open_sound(tmp_path / "a.wav").notices == (
        f"{tmp_path}/a.wav: resampled from 44100 Hz to 16000 Hz, 2 channels averaged",)


def test_what_passes_full_scale_is_scaled_down_as_a_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0.0, 1.5, -1.5, 1.0, -1.0]), 16_000, subtype="FLOAT")
    assert heard(tmp_path / "a.wav").tolist() == [0, 32767, -32767, 21845, -21845]


def test_memory_stays_constant(tmp_path):
    import tracemalloc

    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 44_100, 2, "PCM_16") as file:
        for _ in range(300):
            file.write(np.zeros((44_100, 2), np.int16))
    tracemalloc.start()
    total = sum(len(block) for block in open_sound(path).blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(total - 300 * 16_000) <= 2 and peak < 4_000_000  # the file has 53 MB


@pytest.mark.parametrize(("content", "message"), [
    (b"", "cannot be read as audio"), (b"no audio at all" * 100, "cannot be read as audio"),
])
def test_files_that_are_no_audio(tmp_path, content, message):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.wav: {message}.*replace or remove"):
        open_sound(tmp_path / "a.wav")


def test_empty_missing_folder_and_not_finite(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 16_000, subtype="FLOAT")
    wrong = (("empty.wav", "holds no samples"), ("missing.wav", "no such file"), (".", "is a folder"))
    for name, message in wrong:
        with pytest.raises(DataError, match=message):
            open_sound(tmp_path / name)
    with pytest.raises(DataError, match="not finite"):
        heard(tmp_path / "nan.wav")


def test_a_file_that_is_damaged_in_the_middle_gives_an_error_or_its_sound_part(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(1).integers(-9000, 9000, 160_000).astype(np.int16), 16_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2:len(data) // 2 + 2_000] = bytes(2_000)
    path.write_bytes(data)
    try:
        assert len(heard(path)) <= 160_000
    except DataError as error:
        assert "cannot be read as audio" in str(error)


class Pipe(io.RawIOBase):
    """A pipe that hands out its bytes in pieces of the given sizes."""

    def __init__(self, data, sizes):
        self.data, self.sizes = data, iter(sizes)

    def read1(self, limit):
        size = min(next(self.sizes, limit), limit)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


def test_raw_pipe_that_cuts_samples_in_two():
    samples = np.arange(-500, 500, dtype="<i2")
    assert (np.concatenate(list(raw_blocks(Pipe(samples.tobytes(), [1, 2, 3, 1, 1, 7, 500])))) == samples).all()


@pytest.mark.parametrize(("data", "message"), [
    (b"", "is empty"), (b"\x01\x02\x03", "middle of a sample"),
])
def test_raw_pipe_errors_say_what_to_pipe(data, message):
    with pytest.raises(DataError, match=rf"{message}.*ffmpeg"):
        list(raw_blocks(Pipe(data, [])))
