"""Issue 14, section 2: files whose header, channels or numbers say something else than their sound does."""

import io
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from kws.audio import foreign
from kws.audio.containers import find_pieces
from kws.audio.mpeg import header_at
from kws.audio.reading import open_sound
from kws.audio.sources import open_pipe
from kws.bench import tones
from kws.cli import app
from kws.errors import DataError
from tests.helpers.paths import ROOT

RATE_HZ = 16_000


def sound(seconds: float = 20.0, *, rate_hz: int = RATE_HZ) -> np.ndarray:
    """float [n]: a tone of 440 Hz in bursts, in a little noise; the burst at the end is what a short reading misses."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    bursts = np.sin(2 * np.pi * 440 * t) * (t % 4 < 1) + np.sin(2 * np.pi * 440 * t) * (t > seconds - 1)
    return 0.3 * np.clip(bursts, -1, 1) + 0.001 * np.random.default_rng(1).standard_normal(len(t))


def encoded(audio: np.ndarray, container: str, subtype: str | None = None, *, rate_hz: int = RATE_HZ,
            **options: object) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, audio, rate_hz, format=container, subtype=subtype, **options)
    return data.getvalue()


def without_header_frame(mp3: bytes) -> bytes:
    """As a recorder writes it that streams: no frame that counts the others."""
    found = header_at(mp3, 0)
    assert (found is not None and b"Xing" in mp3[:found.length]) or b"Info" in mp3[:found.length]
    return mp3[found.length:]


def heard(data: bytes, name: str = "a") -> np.ndarray:
    return np.concatenate([*open_sound(Path(name), data).blocks(), np.zeros(0, np.int16)])


def loud_at_the_end(samples: np.ndarray) -> bool:
    return bool(np.abs(samples[-RATE_HZ // 2:]).max() > 5_000)


def test_a_variable_mp3_without_header_frame_is_heard_to_its_end():
    calm = np.concatenate([0.0005 * np.random.default_rng(2).standard_normal(40 * RATE_HZ), sound(20)])
    mp3 = encoded(calm, "MP3", bitrate_mode="VARIABLE", compression_level=0.3)
    samples = heard(without_header_frame(mp3))
    assert abs(len(samples) - 60 * RATE_HZ) < 2_000 and loud_at_the_end(samples)
    assert len(heard(mp3)) == 60 * RATE_HZ  # with its header frame: to the sample


@pytest.mark.parametrize(("container", "subtype"), [
    ("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16"), ("WAV", "PCM_16")])
def test_joined_files_are_heard_one_after_the_other(container, subtype):
    data = encoded(sound(), container, subtype) * 3
    assert len(heard(data)) == 60 * RATE_HZ
    assert open_sound(Path("a"), data).seconds == 60
    assert "a: 3 recordings joined in one file, heard one after the other" in open_sound(Path("a"), data).notices


def test_joined_files_may_differ_in_rate_and_channels():
    stereo = np.column_stack([sound(5, rate_hz=44_100)] * 2)
    for container in ("MP3", "OGG"):
        data = encoded(sound(5), container) + encoded(stereo, container, rate_hz=44_100)
        assert abs(len(heard(data)) - 10 * RATE_HZ) <= 2


def test_an_mp3_between_tags_is_what_it_is_without_them():
    mp3 = encoded(sound(3), "MP3")
    tagged = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + mp3 + b"TAG" + bytes(125)
    assert (heard(tagged) == heard(mp3)).all() and open_sound(Path("a"), tagged).notices == ()


def test_an_mp3_that_was_cut_says_so():
    mp3 = encoded(sound(), "MP3", bitrate_mode="CONSTANT")
    cut = open_sound(Path("a"), mp3[:len(mp3) // 2])
    assert any("is cut off: 1" in line for line in cut.notices)
    assert abs(len(heard(mp3[:len(mp3) // 2])) - 10 * RATE_HZ) < RATE_HZ


@pytest.mark.parametrize("total", [0, 50_000, (1 << 36) - 1])
def test_flac_is_heard_to_its_end_whatever_its_header_counts(total):
    """0 is what a FLAC has that was written into a pipe; the largest asked for 480 GiB."""
    data = bytearray(encoded(sound(), "FLAC", "PCM_16"))
    data[21] = data[21] & 0xF0 | total >> 32
    data[22:26] = struct.pack(">I", total & 0xFFFFFFFF)
    expected = np.rint(sound() * 32768)
    assert np.abs(heard(bytes(data)) - expected).max() <= 1


@pytest.mark.parametrize("size", [0, 1_000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_is_heard_to_its_end_whatever_its_header_counts(size):
    data = bytearray(encoded(sound(), "WAV", "PCM_16"))
    at = data.find(b"data")
    data[at + 4:at + 8] = struct.pack("<I", size)
    opened = open_sound(Path("a"), bytes(data))
    assert len(heard(bytes(data))) == 20 * RATE_HZ
    assert any("read to the end" in line for line in opened.notices) == (size <= 1_000)


def test_a_wav_that_was_cut_says_so():
    opened = open_sound(Path("a"), encoded(sound(), "WAV", "PCM_16")[:200_044])
    assert opened.notices == ("a: its header says 640,000 bytes of sound, 200,000 bytes are there: read to the end",)


def test_chunks_behind_the_sound_are_no_sound():
    data = encoded(sound(1), "WAV", "PCM_16") + b"LIST" + struct.pack("<I", 8) + b"INFOISFT"
    assert len(heard(data)) == RATE_HZ and open_sound(Path("a"), data).notices == ()


def test_several_stretches_of_sound_in_one_wav_are_heard_one_after_the_other():
    whole = encoded(sound(3), "WAV", "PCM_16")
    at = whole.find(b"data")
    note = b"LIST" + struct.pack("<I", 8) + b"INFOISFT"
    parts = [b"data" + struct.pack("<I", end - start) + whole[at + 8 + start:at + 8 + end]
             for start, end in ((0, 20_000), (20_000, 70_000), (70_000, 96_000))]
    data = whole[:at] + parts[0] + note + parts[1] + parts[2] + note
    assert (heard(data) == heard(whole)).all() and (heard(data + whole) == np.tile(heard(whole), 2)).all()


def test_an_aiff_whose_header_counts_too_little_is_heard_to_its_end():
    data = bytearray(encoded(sound(), "AIFF", "PCM_16"))
    at = data.find(b"SSND")
    data[at + 4:at + 8] = struct.pack(">I", 8 + 32_000)
    common = data.find(b"COMM")
    data[common + 10:common + 14] = struct.pack(">I", 16_000)
    assert len(heard(bytes(data))) == 20 * RATE_HZ
    assert any("read to the end" in line for line in open_sound(Path("a"), bytes(data)).notices)


def test_stereo_with_one_side_inverted_is_heard_on_one_channel():
    one = sound(3)
    opened = open_sound(Path("a"), data := encoded(np.column_stack([one, -one]), "WAV", "PCM_16"))
    assert opened.notices == ("a: the 2 channels cancel each other (one is inverted: their mean is 120 dB too low); "
                              "channel 1 is heard alone",)
    assert np.abs(heard(data) - np.rint(one * 32768)).max() <= 1


def test_ordinary_stereo_is_averaged():
    """The same on both sides; one side only; two that know nothing of each other; out of step by 5 ms."""
    one, rng = sound(3), np.random.default_rng(4)
    noise = 0.1 * rng.standard_normal(len(one))
    for other in (one, np.zeros(len(one)), 0.1 * rng.standard_normal(len(one)), np.roll(noise, 80)):
        first = noise if other is not one else one
        opened = open_sound(Path("a"), encoded(np.column_stack([first, other]), "WAV", "PCM_16"))
        assert opened.notices == ("a: 2 channels averaged",)


def test_16_bit_values_in_a_32_bit_file_are_taken_for_what_they_are():
    values = np.rint(sound(3) * 32768).astype(np.int32)
    data = encoded(values, "WAV", "PCM_32")
    assert (heard(data) == values).all()
    assert "16-bit numbers in a 32-bit file" in open_sound(Path("a"), data).notices[0]


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_float_files_in_steps_of_integers_are_scaled_by_one_rule(bits):
    steps = sound(3) * 2.0 ** (bits - 1)
    data = encoded(steps, "WAV", "DOUBLE")
    assert np.abs(heard(data) - np.rint(sound(3) * 32768)).max() <= 1
    assert f"taken as steps of {bits}-bit sound" in open_sound(Path("a"), data).notices[0]


def test_small_integers_in_a_float_file_are_steps_too():
    values = np.tile([3.0, -3.0, 0.0], 8_000)
    assert (heard(encoded(values, "WAV", "FLOAT")) == values).all()


def test_a_float_file_beyond_full_scale_is_scaled_down_as_a_whole():
    data = encoded(1.5 * sound(3) / np.abs(sound(3)).max(), "WAV", "FLOAT")
    expected = 32767 * sound(3) / np.abs(sound(3)).max()
    assert np.abs(heard(data) - np.clip(expected, -32768, 32767)).max() <= 1
    assert open_sound(Path("a"), data).notices == ("a: passes full scale by 3.5 dB: scaled down as a whole",)


@pytest.mark.parametrize("peak", [1e12, 3e38, np.inf, np.nan])
def test_numbers_that_no_sound_has_are_refused(peak):
    """Near float's largest the mean of two channels overflows, and what is scaled down becomes zeros."""
    values = np.column_stack([sound(1), sound(1)])
    values[5] = peak
    with pytest.raises(DataError, match=r"a: holds values (up to|that are not finite)"):
        heard(encoded(values, "WAV", "FLOAT"))


def test_a_header_with_a_rate_that_no_sound_has_is_refused():
    """A rate of 1 Hz made 8.6 GB of a file of 32 kB."""
    data = bytearray(encoded(sound(1), "WAV", "PCM_16"))
    data[24:28] = struct.pack("<I", 1)
    with pytest.raises(DataError, match="a: has a rate of 1 Hz"):
        heard(bytes(data))


@pytest.mark.skipif(foreign.ffmpeg() is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize(("suffix", "options"), [
    ("m4a", ("-c:a", "aac")), ("webm", ("-c:a", "libopus", "-ar", "48000")), ("3gp", ("-c:a", "aac")),
    ("aac", ("-c:a", "aac"))])
def test_what_phones_and_browsers_make_is_read_through_ffmpeg(tmp_path, suffix, options):
    soundfile.write(tmp_path / "a.wav", sound(5), RATE_HZ)
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", tmp_path / "a.wav", "-ac", "1", *options,
                    tmp_path / f"a.{suffix}"], check=True)
    for data in (None, (tmp_path / f"a.{suffix}").read_bytes()):
        samples = np.concatenate(list(open_sound(tmp_path / f"a.{suffix}", data).blocks()))
        assert abs(len(samples) - 5 * RATE_HZ) < 3_000 and np.abs(samples[RATE_HZ // 4:RATE_HZ // 2]).max() > 5_000


def test_without_ffmpeg_and_pyav_the_line_to_install_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(foreign, "pyav", lambda: False)
    (tmp_path / "memo.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(DataError, match=r"memo\.m4a: .*apt-get install ffmpeg.*pip install 'kws\[media\]'"):
        open_sound(tmp_path / "memo.m4a")


class Pipe:
    """A pipe that hands out its bytes a few at a time."""

    def __init__(self, data: bytes, piece: int = 4_000):
        self.data, self.piece = data, piece

    def read1(self, limit: int) -> bytes:
        size = min(self.piece, limit)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU", "CAF", "FLAC", "OGG", "W64", "RF64", "VOC", "NIST", "MP3"])
def test_a_file_in_a_pipe_is_recognised(container):
    samples = np.concatenate(list(open_pipe(Pipe(encoded(sound(3), container))).blocks))
    assert abs(len(samples) - 3 * RATE_HZ) < 2 and abs(int(np.abs(samples).max()) - 9_900) < 400


def test_a_wav_stream_is_heard_as_it_comes():
    """What arecord writes: sizes that it does not know yet. The first seconds are heard before the last ones come."""
    data = bytearray(encoded(sound(4, rate_hz=48_000), "WAV", "PCM_16", rate_hz=48_000))
    at = data.find(b"data")
    data[at + 4:at + 8] = struct.pack("<I", 0x80000000)
    pipe = Pipe(bytes(data))
    opened = open_pipe(pipe)
    first = next(block for block in opened.blocks if len(block))
    assert len(first) and len(pipe.data) > len(data) // 2 and not opened.is_file
    assert abs(len(first) + sum(map(len, opened.blocks)) - 4 * RATE_HZ) <= 2
    assert opened.notices == ("standard input: WAV, resampled from 48000 Hz to 16000 Hz",)


@pytest.mark.parametrize(("data", "kind"), [
    (b"PK\x03\x04" + bytes(100), "a zip archive"), (b"\x1f\x8b\x08" + bytes(100), "a gzip file"),
    (b"<html><body>not found</body></html>\n" * 4, "text"), (b"%PDF-1.7" + bytes(100), "a PDF file")])
def test_what_is_no_sound_in_a_pipe_is_refused_by_name(data, kind):
    with pytest.raises(DataError, match=f"standard input: holds {kind}, not sound"):
        open_pipe(Pipe(data))


def test_raw_samples_in_a_pipe_stay_raw_samples():
    samples = np.random.default_rng(3).integers(-32768, 32768, 50_000).astype("<i2")
    opened = open_pipe(Pipe(samples.tobytes(), 333))
    assert (np.concatenate(list(opened.blocks)) == samples).all() and not opened.is_file and opened.notices == ()
    assert find_pieces(samples.tobytes()).notices == ()


# At the command line

def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def two_words() -> np.ndarray:
    """int16 [48000]: low at 1 s, high at 2 s."""
    return tones.spoken({1.0: "low", 2.0: "high"}, seconds=3, rng=np.random.default_rng(5))


def unknown_length(data: bytes, container: str) -> bytes:
    """As a program writes it into a pipe: no length."""
    changed = bytearray(data)
    if container == "FLAC":
        changed[21] &= 0xF0
        changed[22:26] = bytes(4)
    else:
        at = data.find(b"data" if container == "WAV" else b"data\0") + 4
        unknown = bytes(4) if container == "WAV" else 8 * b"\xff"
        changed[at:at + len(unknown)] = unknown
    return bytes(changed)


@pytest.mark.parametrize("name", ["joined.mp3", "joined.ogg", "joined.opus", "pipe.flac", "empty.wav", "pipe.caf",
                                  "stream.mp3"])
def test_detect_and_import_hear_the_whole_file(tone_run, tmp_path, name):
    """Two words in each of three parts, or two behind a header that counts none of them."""
    start, _, suffix = name.partition(".")
    audio = two_words() / 32768
    data = encoded(audio, {"opus": "OGG"}.get(suffix, suffix.upper()), "OPUS" if suffix == "opus" else None,
                   **({"bitrate_mode": "VARIABLE", "compression_level": 0.3} if start == "stream" else {}))
    parts = 3 if start == "joined" else 1
    data = data * 3 if start == "joined" else (without_header_frame(data) if start == "stream" else
                                               unknown_length(data, suffix.upper()))
    (tmp_path / "in/low").mkdir(parents=True)
    (tmp_path / "in/low" / name).write_bytes(data)
    done = call("detect", tmp_path / "in/low" / name, "--run", tone_run)
    assert done.exit_code == 0 and [line.split()[2] for line in done.stdout.splitlines()] == ["low", "high"] * parts
    assert call("new", tmp_path / "w", "--keywords", "low").exit_code == 0
    done = call("-C", tmp_path / "w", "data", "import", tmp_path / "in")
    assert done.exit_code == 0 and "1 written" in done.stdout, done.output


@pytest.mark.slow
def test_whole_clips_of_known_words_are_detected(real_data, tmp_path):
    """One second, nothing but the word: none of 360 was detected, with quiet around them 325."""
    words = ("yes", "no", "stop", "left", "go")
    clips = [path for word in words for path in sorted((real_data / "speech_commands" / word).glob("*.wav"))[:8]]
    done = call("detect", *clips, "--run", ROOT / "models" / "commands", "--json")
    found = {tuple(line.split('"')[i] for i in (3, 7)) for line in done.stdout.splitlines()}
    assert sum((str(path), path.parent.name) in found for path in clips) >= 0.8 * len(clips)


@pytest.mark.parametrize(("change", "hint"), [
    (lambda x: x // 1_000, "very quiet: its loudest tenth of a second has"), (np.zeros_like, "nothing but zeros"),
    (lambda x: np.clip(x.astype(int) * 40, -32768, 32767).astype(np.int16), "too loud: the sound clips")])
def test_a_level_that_no_word_is_heard_at_is_said(tone_run, tmp_path, change, hint):
    recording = two_words()
    soundfile.write(tmp_path / "a.wav", change(recording), RATE_HZ)
    done = call("detect", tmp_path / "a.wav", "--run", tone_run)
    assert done.exit_code == 0 and hint in done.stderr
    soundfile.write(tmp_path / "b.wav", recording, RATE_HZ)
    assert len(call("detect", tmp_path / "b.wav", "--run", tone_run).stderr.splitlines()) == 1  # no hint


def test_inverted_stereo_and_16_bit_values_in_a_32_bit_file_are_heard(tone_run, tmp_path):
    recording = two_words()
    soundfile.write(tmp_path / "a.wav", np.column_stack([recording, -recording]), RATE_HZ)
    soundfile.write(tmp_path / "b.wav", recording.astype(np.int32), RATE_HZ, subtype="PCM_32")
    soundfile.write(tmp_path / "c.wav", recording.astype(float), RATE_HZ, subtype="FLOAT")
    for name, notice in (("a", "cancel each other"), ("b", "16-bit numbers in a 32-bit file"), ("c", "a float file")):
        done = call("detect", tmp_path / f"{name}.wav", "--run", tone_run)
        assert [line.split()[2] for line in done.stdout.splitlines()] == ["low", "high"] and notice in done.stderr


@pytest.mark.parametrize("container", ["AIFF", "AU", "CAF", "FLAC", "WAV"])
def test_a_file_in_a_pipe_is_heard_as_that_file(tone_run, tmp_path, container):
    recording = two_words()
    path = tmp_path / "a"
    soundfile.write(path, recording, RATE_HZ, format=container, subtype="PCM_16")
    command = [sys.executable, "-m", "kws", "detect", "-", "--run", str(tone_run)]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=True, cwd=ROOT)
    assert [line.split()[2] for line in done.stdout.decode().splitlines()] == ["low", "high"]
