"""Clips, the official split, reading audio, the cache of samples."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio.files import fit, read_samples, to_int16
from kws.audio.word_place import loudest
from kws.data import corpus
from kws.data.corpus import SPLITS, Clip, load_clips, scan, speaker_of, split_of
from kws.errors import DataError
from tests.helpers.paths import ROOT

SHARED = Path(os.environ.get("KWS_TEST_DATA", ROOT / ".." / "shared" / "data"))


def write(path: Path, samples: np.ndarray, rate_hz: int = 16_000, subtype: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def tone(count: int, *, peak: int = 8000, hz: float = 440.0, rate_hz: int = 16_000) -> np.ndarray:
    return np.rint(peak * np.sin(2 * np.pi * hz * np.arange(count) / rate_hz)).astype(np.int16)


def test_split_of_known_speakers():
    """One speaker of each official list, and one that is in neither."""
    assert [split_of(s) for s in ("004ae714", "a69b9b3e", "bb05582b")] == ["training", "validation", "testing"]
    assert speaker_of("004ae714_nohash_0") == speaker_of("004ae714_nohash_17") == "004ae714"
    assert speaker_of("my recording 3") == "my recording 3"


@pytest.mark.parametrize("part", ["training", "validation", "testing"])
def test_split_agrees_with_the_official_archives(part):
    """The packed recordings were sorted by the lists of the official archive, not by our rule."""
    archive = SHARED / f"speech_commands_{part}.zip"
    if not archive.exists():
        pytest.skip("no real recordings (set KWS_TEST_DATA)")
    with zipfile.ZipFile(archive) as packed:
        stems = [Path(name).stem for name in packed.namelist() if "_nohash_" in name]
    assert len(stems) > 1_000
    assert {split_of(speaker_of(stem)) for stem in stems} == {part}


def test_scan_finds_clips_and_noise_and_nothing_else(tmp_path):
    sound = tone(100)
    for name in ("mine/yes/b_nohash_1.wav", "mine/yes/b_nohash_0.flac", "mine/no/alone.wav", "mine/yes/.hidden.wav",
                 "mine/.git/x.wav", "mine/_silence_/1.wav", "mine/_background_noise_/tap.wav",
                 "mine/_background_noise_/deep/hum.wav", "demo/commands.wav", "a/yes/c_nohash_0.wav"):
        write(tmp_path / name, sound)
    (tmp_path / "mine/yes/notes.txt").write_text("not audio")
    found = scan(tmp_path)
    assert [(c.source, c.word, c.speaker, c.path.name) for c in found.clips] == [
        ("a", "yes", "c", "c_nohash_0.wav"), ("mine", "no", "alone", "alone.wav"),
        ("mine", "yes", "b", "b_nohash_0.flac"), ("mine", "yes", "b", "b_nohash_1.wav")]
    assert [path.name for path in found.noise] == ["hum.wav", "tap.wav"]
    assert found.words == ("no", "yes")
    assert len(found.of(word="yes")) == 3
    assert sorted(clip for split in SPLITS for clip in found.of(split=split)) == sorted(found.clips)


def test_scan_follows_a_linked_source(tmp_path):
    write(tmp_path / "elsewhere/yes/a_nohash_0.wav", tone(10))
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings/linked").symlink_to(tmp_path / "elsewhere")
    assert [clip.source for clip in scan(tmp_path / "recordings").clips] == ["linked"]


def test_scan_of_nothing_says_how_to_get_recordings(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DataError, match="kws data download"):
            scan(folder)


def test_plain_files_come_out_as_they_are(tmp_path):
    sound = tone(16_000)
    assert np.array_equal(read_samples(write(tmp_path / "a.wav", sound)), sound)
    assert np.array_equal(read_samples(tmp_path / "a.wav", samples=16_000), sound)
    padded = read_samples(tmp_path / "a.wav", samples=16_003)
    assert padded.dtype == np.int16 and np.array_equal(padded, np.append(sound, [0, 0, 0]))


@pytest.mark.parametrize(("rate_hz", "channels", "name"), [
    (8_000, 1, "a.wav"), (44_100, 2, "a.flac"), (48_000, 2, "a.ogg"), (48_000, 1, "a.mp3"), (11_025, 3, "a.aiff"),
    (96_000, 1, "b.wav")])
def test_any_rate_channels_and_format(tmp_path, rate_hz, channels, name):
    """A 440 Hz tone stays a 440 Hz tone of the same level and length."""
    sound = np.stack([tone(rate_hz, rate_hz=rate_hz)] * channels, axis=1)
    out = read_samples(write(tmp_path / name, sound, rate_hz)).astype(float)
    assert abs(len(out) - 16_000) <= 400  # lossy codecs may pad a little
    middle = out[4_000:12_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(8_000)))
    assert spectrum.argmax() == 220  # 440 Hz at 2 Hz per bin
    assert abs(middle.std() - 8000 / np.sqrt(2)) < 300


def test_channels_are_averaged_and_other_depths_scaled(tmp_path):
    pair = np.array([[1000, 3000], [-200, -100]], np.int16)
    assert read_samples(write(tmp_path / "two.wav", pair)).tolist() == [2000, -150]
    deep = write(tmp_path / "deep.wav", np.array([0.25, -0.5]), subtype="PCM_24")
    assert read_samples(deep).tolist() == [8192, -16384]


def test_what_passes_full_scale_is_scaled_not_clipped(tmp_path):
    loud = np.array([0.5, -2.0, 1.0])
    assert read_samples(write(tmp_path / "f.wav", loud, subtype="FLOAT")).tolist() == [8192, -32767, 16384]
    assert to_int16(np.array([-1.0, 0.99])).tolist() == [-32767, 32439]
    square = np.where(np.arange(44_100) // 50 % 2, 32767, -32768).astype(np.int16)  # overshoots when resampled
    assert np.abs(read_samples(write(tmp_path / "sq.wav", square, 44_100)).astype(int)).max() == 32767


def test_unreadable_files_are_refused_by_name(tmp_path):
    (tmp_path / "text.wav").write_text("this is not audio")
    (tmp_path / "empty.wav").touch()
    write(tmp_path / "none.wav", np.zeros(0, np.int16))
    write(tmp_path / "nan.wav", np.array([0.0, np.nan]), subtype="FLOAT")
    for name in ("text.wav", "empty.wav", "none.wav", "nan.wav", "missing.wav"):
        with pytest.raises(DataError, match=name):
            read_samples(tmp_path / name)


def test_loudest_stretch_holds_the_word_in_its_middle():
    audio = np.zeros(40_000, np.int16)
    audio[20_000:24_000:2], audio[20_001:24_000:2] = 1000, -1000
    start = loudest(audio, 16_000)
    assert abs(start + 8_000 - 22_000) < 200
    assert loudest(audio[:25_000], 16_000) == (7_920 + 9_000) // 2  # 2 % of 4,000 samples may be lost
    assert fit(audio, 16_000).tolist() == audio[start : start + 16_000].tolist()
    assert loudest(np.array([0, 0, 5, -5, 0, 0], np.int16), 2) == 2
    assert loudest(np.full(10, -300, np.int16), 4) == 3  # nothing but an offset: the middle
    assert fit(np.array([1, 2], np.int16), 4).tolist() == [1, 2, 0, 0]


def clips_of(folder: Path, count: int) -> list[Clip]:
    return [Clip(write(folder / f"s{i}_nohash_0.wav", np.full(20 + i, i, np.int16)), "yes", f"s{i}", "mine")
            for i in range(count)]


def test_load_clips_in_order_with_and_without_cache(tmp_path):
    clips = clips_of(tmp_path / "r/yes", 600)
    plain = load_clips(clips, samples=620)
    assert plain.shape == (600, 620) and plain.dtype == np.int16
    assert plain[7].tolist() == [7] * 27 + [0] * 593
    for _ in range(2):
        assert np.array_equal(load_clips(clips, samples=620, cache=tmp_path / "cache"), plain)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1
    assert np.array_equal(load_clips(clips[::-1], samples=620, cache=tmp_path / "cache"), plain[::-1])


def test_cache_notices_a_changed_clip(tmp_path):
    clips = clips_of(tmp_path / "r/yes", 3)
    load_clips(clips, samples=30, cache=tmp_path / "cache")
    write(clips[1].path, np.full(21, 77, np.int16))  # of the same length
    os.utime(clips[1].path, ns=(0, 1))
    assert load_clips(clips, samples=30, cache=tmp_path / "cache")[1, 0] == 77


def test_cache_keeps_within_its_limit(tmp_path, monkeypatch):
    clips = clips_of(tmp_path / "r/yes", 3)
    monkeypatch.setattr(corpus, "CACHE_BYTES", 500)
    for samples in (30, 31, 32):
        load_clips(clips, samples=samples, cache=tmp_path / "cache")
    left = list((tmp_path / "cache").rglob("*"))
    assert [path.stat().st_size for path in left if path.is_file()] == [128 + 3 * 32 * 2]


def test_clips_stay_although_another_process_makes_room_for_its_own(tmp_path, monkeypatch):
    clips, replace = clips_of(tmp_path / "r/yes", 3), os.replace

    def replace_and_lose(part, path):
        replace(part, path)
        os.unlink(path)

    monkeypatch.setattr(corpus.os, "replace", replace_and_lose)
    for _ in range(2):
        assert load_clips(clips, samples=30, cache=tmp_path / "cache")[:, 0].tolist() == [0, 1, 2]


def test_no_clips_are_read_without_a_bar(capsys):
    assert load_clips([], samples=30).shape == (0, 30)
    assert capsys.readouterr().err == ""


def test_load_clips_names_what_cannot_be_read_and_leaves_nothing(tmp_path):
    clips = clips_of(tmp_path / "r/yes", 3)
    clips[2].path.write_text("broken")
    with pytest.raises(DataError, match=r"s2_nohash_0\.wav: cannot be read"):
        load_clips(clips, samples=30, cache=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    clips[2].path.unlink()
    with pytest.raises(DataError, match=r"s2_nohash_0\.wav"):
        load_clips(clips, samples=30, cache=tmp_path / "cache")


def test_cache_needs_room_on_the_disk(tmp_path, monkeypatch):
    clips = clips_of(tmp_path / "r/yes", 3)
    full = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(DataError, match="free some space"):
        load_clips(clips, samples=30, cache=tmp_path / "cache")
