"""What phones and browsers make, where no ffmpeg is on PATH: through PyAV, in a process of its own."""

from pathlib import Path

import numpy as np
import pytest

from kws.audio import foreign
from kws.audio.files import is_readable, read_samples
from kws.audio.reading import open_sound
from kws.errors import DataError

av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'kws[media]'")

FORMATS = [("m4a", "aac", 44_100), ("webm", "libopus", 48_000), ("3gp", "aac", 16_000), ("mka", "flac", 16_000)]


@pytest.fixture(autouse=True)
def _no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def tone(rate_hz: int, *, seconds: float = 3.0) -> np.ndarray:
    """int16 [n]: a tone that begins after one second."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.rint(9_000 * np.sin(2 * np.pi * 500 * t) * (t >= 1)).astype(np.int16)


def write(path: Path, codec: str, rate_hz: int, *, channels: int = 1) -> Path:
    samples = np.repeat(tone(rate_hz)[None], channels, axis=0).T.reshape(1, -1).copy()
    layout = "stereo" if channels == 2 else "mono"
    with av.open(str(path), "w", format={"m4a": "ipod", "mka": "matroska"}.get(path.suffix[1:])) as target:
        track = target.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.rate, frame.pts = rate_hz, 0
        for packet in (*track.encode(frame), *track.encode(None)):
            target.mux(packet)
    return path


@pytest.mark.parametrize(("suffix", "codec", "rate_hz"), FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_heard_from_a_name_and_from_bytes(suffix, codec, rate_hz, channels, tmp_path):
    assert foreign.ffmpeg() is None and is_readable(f"a.{suffix}")
    path = write(tmp_path / f"a.{suffix}", codec, rate_hz, channels=channels)
    from_name, from_bytes = read_samples(path), read_samples(path, data=path.read_bytes())
    assert (from_name == from_bytes).all() and abs(len(from_name) - 48_000) < 3_000
    assert np.abs(from_name[:14_000]).max() < 200 and 8_000 < np.abs(from_name[20_000:40_000]).max() < 10_000


def test_lossless_sound_comes_out_as_it_went_in(tmp_path):
    path = write(tmp_path / "a.mka", "flac", 16_000)
    assert (read_samples(path) == tone(16_000)).all() and open_sound(path).notices == ()


def test_a_file_that_was_cut_is_heard_as_far_as_it_goes_and_says_so(tmp_path):
    data = write(tmp_path / "a.mka", "flac", 16_000).read_bytes()
    middle = len(data) // 2
    sound = open_sound(tmp_path / "a.mka", data[:middle] + bytes(2_000) + data[middle + 2_000:])
    assert len(sound.notices) == 1 and "is damaged (PyAV: " in sound.notices[0]
    assert len(np.concatenate(list(sound.blocks()))) > 16_000


@pytest.mark.parametrize("content", [b"\0\0\0\x20ftypM4A " + bytes(100), b"\x1a\x45\xdf\xa3" + bytes(50), b"#!AMR\n"])
def test_damage_is_one_line(content, tmp_path):
    with pytest.raises(DataError, match=r"memo\.m4a: cannot be read as audio \(PyAV: .*\); replace or remove it$"):
        open_sound(tmp_path / "memo.m4a", content)
