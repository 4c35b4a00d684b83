"""What phones, browsers and old recorders make, through ffmpeg and through PyAV: tracks, joined files, codings."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio import foreign
from kws.audio.reading import open_sound
from kws.errors import DataError
from tests.helpers import amr

FFMPEG = foreign.ffmpeg() or ""
needs_ffmpeg = pytest.mark.skipif(not FFMPEG, reason="ffmpeg is not installed: apt-get install ffmpeg")


@pytest.fixture(params=["ffmpeg", "PyAV"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs with each of them; ffmpeg is still there to write files with."""
    if request.param == "PyAV":
        pytest.importorskip("av", reason="PyAV is not installed: pip install 'kws[media]'")
        monkeypatch.setattr(foreign, "ffmpeg", lambda: None)
    elif not FFMPEG:
        pytest.skip("ffmpeg is not installed: apt-get install ffmpeg")
    return str(request.param)


def chirp(rate_hz: int = 16_000, *, seconds: float = 4.0, begins_s: float = 1.0, hz: float = 500.0) -> np.ndarray:
    """int16 [n]: quiet, then a tone."""
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.rint(9_000 * np.sin(2 * np.pi * hz * t) * (t >= begins_s)).astype(np.int16)


def heard(path: Path, data: bytes | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """(int16 [n], remarks)"""
    sound = open_sound(path, data)
    return np.concatenate(list(sound.blocks())), sound.remarks


def loud_s(samples: np.ndarray) -> list[int]:
    """The quarters of a second in which there is a tone."""
    quarters = samples[:len(samples) // 4_000 * 4_000].reshape(-1, 4_000)
    return [index for index, quarter in enumerate(quarters) if np.abs(quarter[800:3200]).max() > 4_000]


def ffmpeg(*arguments: object, folder: Path) -> None:
    done = subprocess.run([FFMPEG, "-nostdin", "-v", "error", "-y", *map(str, arguments)], cwd=folder,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def recording(folder: Path, name: str, *, coding: tuple[str, ...], samples: np.ndarray | None = None) -> Path:
    soundfile.write(folder / "from.wav", chirp() if samples is None else samples, 16_000)
    ffmpeg("-i", "from.wav", *coding, name, folder=folder)
    return folder / name


@pytest.mark.parametrize("suffix", ["amr", "awb"])
def test_amr_is_heard_from_a_name_and_from_bytes(decoder, suffix, tmp_path):
    made = amr.narrow(chirp(8_000)) if suffix == "amr" else amr.wide(chirp())
    (tmp_path / f"memo.{suffix}").write_bytes(made)
    for samples, remarks in (heard(tmp_path / f"memo.{suffix}"), heard(Path("memo"), made)):
        assert abs(len(samples) - 64_000) <= 640 and remarks == ()
        assert loud_s(samples) == list(range(4, 16))


@needs_ffmpeg
@pytest.mark.parametrize(("coding", "suffix"), [
    ("amr", "3gp"), ("amr", "3g2"), ("amr", "mov"), ("amr", "caf"), ("awb", "3gp"), ("awb", "3g2"), ("awb", "mov")])
def test_amr_in_other_files_as_phones_make_them(decoder, coding, suffix, tmp_path):
    (tmp_path / f"memo.{coding}").write_bytes(amr.narrow(chirp(8_000)) if coding == "amr" else amr.wide(chirp()))
    ffmpeg("-i", f"memo.{coding}", "-c", "copy", f"memo.{suffix}", folder=tmp_path)
    samples, remarks = heard(tmp_path / f"memo.{suffix}")
    assert abs(len(samples) - 64_000) <= 640 and remarks == () and loud_s(samples) == list(range(4, 16))


@needs_ffmpeg
@pytest.mark.parametrize(("name", "coding"), [
    ("a.m4a", ("-c:a", "aac")), ("a.3gp", ("-c:a", "aac")), ("a.wma", ("-c:a", "wmav2")),
    ("a.mp4", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov")), ("a.mka", ("-c:a", "flac")),
    ("a.aac", ("-c:a", "aac"))])
def test_files_that_were_joined_are_heard_one_after_the_other(decoder, name, coding, tmp_path):
    """FFmpeg itself stops behind the first one of most of them, with status 0."""
    first = recording(tmp_path, name, coding=coding).read_bytes()
    second = recording(tmp_path, name, coding=coding, samples=chirp(begins_s=2.0)).read_bytes()
    samples, remarks = heard(tmp_path / name, first + second)
    assert abs(len(samples) - 128_000) < 5_000 and abs(len(loud_s(samples)) - (12 + 8)) <= 1
    if name not in ("a.mka", "a.aac"):  # these two are made to be joined
        assert remarks == ("2 recordings joined in one file, heard one after the other",)


def test_joined_amr_is_heard_one_after_the_other(decoder):
    samples, remarks = heard(Path("a.amr"), amr.narrow(chirp(8_000)) + amr.narrow(chirp(8_000, begins_s=3.0)))
    assert loud_s(samples) == [*range(4, 16), *range(28, 32)]
    assert remarks == ("2 recordings joined in one file, heard one after the other",)


@needs_ffmpeg
@pytest.mark.parametrize(("name", "codec"), [
    ("a.mp4", "aac"), ("a.mkv", "aac"), ("a.mov", "aac"), ("a.ogg", "libvorbis")])
def test_of_several_tracks_the_first_is_heard_and_the_others_are_told(decoder, name, codec, tmp_path):
    soundfile.write(tmp_path / "other.wav", chirp(begins_s=3.0), 16_000)
    soundfile.write(tmp_path / "from.wav", chirp(), 16_000)
    ffmpeg("-i", "from.wav", "-i", "other.wav", "-map", 0, "-map", 1, "-c:a", codec, name, folder=tmp_path)
    samples, remarks = heard(tmp_path / name)
    assert loud_s(samples) == list(range(4, 16)) and remarks == ("has 2 sound tracks: the first is heard",)


@needs_ffmpeg
@pytest.mark.parametrize(("name", "coding"), [
    ("a.caf", ("-c:a", "libopus")), ("a.caf", ("-c:a", "alac")), ("b.ogg", ("-c:a", "libspeex")),
    ("c.ogg", ("-c:a", "flac")), ("a.wav", ("-c:a", "wmav2")), ("a.wav", ("-c:a", "adpcm_yamaha")),
    ("a.wav", ("-c:a", "g722")), ("a.au", ("-c:a", "g722"))])
def test_codings_that_libsndfile_does_not_know_are_read_all_the_same(decoder, name, coding, tmp_path):
    samples, remarks = heard(recording(tmp_path, name, coding=coding))
    assert abs(len(samples) - 64_000) < 4_000 and abs(len(loud_s(samples)) - 12) <= 1 and remarks == ()


@needs_ffmpeg
def test_without_a_decoder_the_line_to_install_one_is_said(tmp_path, monkeypatch):
    path = recording(tmp_path, "a.caf", coding=("-c:a", "libopus"))
    monkeypatch.setattr(foreign, "ffmpeg", lambda: None)
    monkeypatch.setattr(foreign, "pyav", lambda: False)
    with pytest.raises(DataError, match=r"a\.caf: libsndfile does not read this format; install ffmpeg"):
        open_sound(path)


def test_a_damaged_header_is_no_unknown_coding(decoder):
    """What libsndfile refuses of its own codings is damage, and no other decoder guesses at it."""
    data = io.BytesIO()
    soundfile.write(data, chirp(), 16_000, format="WAV", subtype="PCM_16")
    damaged = bytearray(data.getvalue())
    damaged[34:36] = (999).to_bytes(2, "little")  # bits of a sample
    with pytest.raises(DataError, match="cannot be read as audio"):
        heard(Path("a.wav"), bytes(damaged))


def svx(left: np.ndarray, right: np.ndarray | None = None, *, packed: bool = False) -> bytes:
    """8SVX, int8 [n] each: the channels lie one behind the other."""
    def chunk(name: bytes, content: bytes) -> bytes:
        return name + len(content).to_bytes(4, "big") + content
    head = len(left).to_bytes(4, "big") + bytes(8) + (16_000).to_bytes(2, "big") + bytes([1, packed]) + b"\0\1\0\0"
    body = chunk(b"VHDR", head) + (chunk(b"CHAN", (6).to_bytes(4, "big")) if right is not None else b"")
    body += chunk(b"BODY", left.tobytes() + (b"" if right is None else right.tobytes()))
    return b"FORM" + (len(body) + 4).to_bytes(4, "big") + b"8SVX" + body


def test_channels_that_lie_one_behind_the_other_are_no_mixture(decoder):
    left, right = ((chirp(begins_s=begins_s) // 256).astype(np.int8) for begins_s in (1.0, 3.0))
    mono, _ = heard(Path("a"), svx(left))
    assert np.abs(mono - left.astype(int) * 256).max() <= 1
    stereo, _ = heard(Path("a"), svx(left, right))
    assert len(stereo) == 64_000 and np.abs(stereo - (left.astype(int) + right) * 128).max() <= 1


def test_an_instrument_has_no_rate():
    data = io.BytesIO()
    soundfile.write(data, chirp(), 44_100, format="XI", subtype="DPCM_16")
    with pytest.raises(DataError, match="is an instrument"):
        heard(Path("a"), data.getvalue())
