"""Recordings from elsewhere: any layout, any format, twice without change."""

import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.data import importer, shelf
from kws.data.corpus import scan
from kws.data.import_report import Imported
from kws.data.importer import import_path, source_name
from kws.data.shelf import safe_name
from kws.errors import DataError


def write(path: Path, samples: int = 16_000, rate_hz: int = 16_000, value: int = 1_000, channels: int = 1) -> Path:
    """A file whose samples are value and -value in turns of four: too steady for speech, too loud for silence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.resize(np.array([value] * 4 + [-value] * 4, np.int16), samples)
    soundfile.write(path, np.stack([audio] * channels, axis=1), rate_hz)
    return path


@pytest.fixture
def words(tmp_path) -> Path:
    """A folder in the official layout."""
    root = tmp_path / "in"
    write(root / "yes/0a_nohash_0.wav")
    write(root / "yes/0a_nohash_1.wav", value=1_900)
    write(root / "no/0b_nohash_0.wav", samples=12_000)
    write(root / "_background_noise_/tap.wav", samples=50_000)
    (root / "validation_list.txt").write_text("yes/0a_nohash_0.wav\n")
    return root


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes and the time it was written."""
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*")) if path.is_file()}


def pack(root: Path, archive: Path, top: str = ".") -> Path:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted(root.rglob("*")):
                packed.write(path, os.path.join(top, path.relative_to(root)))
    else:
        with tarfile.open(archive, "w:gz" if archive.name.endswith("gz") else "w") as packed:
            packed.add(root, top)
    return archive


def test_official_names_stay_and_noise_keeps_its_length(words, tmp_path):
    target = tmp_path / "recordings/words"
    report = import_path(words, target)
    assert report == Imported(written=4, padded=1)
    assert sorted(tree(target)) == ["_background_noise_/tap.wav", "no/0b_nohash_0.wav", "yes/0a_nohash_0.wav",
                                    "yes/0a_nohash_1.wav"]
    assert soundfile.info(target / "_background_noise_/tap.wav").frames == 50_000
    short = soundfile.read(target / "no/0b_nohash_0.wav", dtype="int16")[0]
    assert len(short) == 16_000 and not short[12_000:].any() and short[:12_000].all()
    assert [clip.speaker for clip in scan(tmp_path / "recordings").clips] == ["0b", "0a", "0a"]


@pytest.mark.parametrize("name", ["w.tar.gz", "w.tgz", "w.tar", "w.zip"])
@pytest.mark.parametrize("top", [".", "archive/speech_commands"])
def test_archives_at_any_depth_are_the_same_as_their_folder(words, tmp_path, name, top):
    import_path(words, tmp_path / "recordings/a")
    report = import_path(pack(words, tmp_path / name, top), tmp_path / "recordings/b")
    assert report == Imported(written=4, padded=1)
    plain, packed = tree(tmp_path / "recordings/a"), tree(tmp_path / "recordings/b")
    assert {name: data for name, (data, _) in plain.items()} == {name: data for name, (data, _) in packed.items()}


def test_importing_again_changes_nothing(words, tmp_path):
    write(words / "yes/my take.flac", samples=20_000, rate_hz=22_050)
    write(words / "Yes/0a_nohash_0.wav", value=8_123)  # the same name in another folder for the same word
    target = tmp_path / "recordings/words"
    assert import_path(words, target).written == 6
    before = tree(target)
    for _ in range(2):
        assert import_path(words, target) == Imported(kept=6)
    assert import_path(pack(words, tmp_path / "w.zip"), target) == Imported(kept=6)
    assert tree(target) == before


def test_same_name_with_other_content_gets_a_number_of_its_own(words, tmp_path):
    target = tmp_path / "recordings/words"
    import_path(words, target)
    write(words / "yes/0a_nohash_0.wav", value=7_077)
    assert import_path(words, target) == Imported(written=1, kept=3)
    assert import_path(words, target) == Imported(kept=4)
    assert len(list((target / "yes").glob("0a_nohash_*.wav"))) == 3


def test_any_rate_channels_and_format(tmp_path):
    for name, rate_hz, channels in (("a.flac", 8_000, 1), ("b.ogg", 48_000, 2), ("c.mp3", 44_100, 2),
                                    ("d.aiff", 96_000, 3)):
        path = tmp_path / "in/yes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = 0.5 * np.sin(2 * np.pi * 700 * np.arange(rate_hz) / rate_hz)
        soundfile.write(path, np.stack([tone] * channels, axis=1), rate_hz)
    assert import_path(tmp_path / "in", tmp_path / "recordings/in").written == 4
    for path in (tmp_path / "recordings/in/yes").iterdir():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (16_000, 1, 16_000, "PCM_16")


def test_longer_files_are_cut_to_the_loudest_second(tmp_path):
    audio = np.zeros(64_000, np.int16)
    audio[40_000:44_000:2], audio[40_001:44_000:2] = 5_000, -5_000
    (tmp_path / "in/yes").mkdir(parents=True)
    soundfile.write(tmp_path / "in/yes/long.wav", audio, 16_000)
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert (report.written, report.cut, report.own_speaker) == (1, 1, 1)
    [clip] = scan(tmp_path / "recordings").clips
    data = soundfile.read(clip.path, dtype="int16")[0]
    assert len(data) == 16_000 and np.count_nonzero(data) == 4_000 and not data[:4_000].any()
    assert clip.speaker == "long"


def test_names_without_a_speaker_are_stable(tmp_path):
    """The number comes out of the content: whatever order, whatever else is imported."""
    write(tmp_path / "a/yes/anna 1.wav", value=5_005)
    write(tmp_path / "b/yes/zoe.wav", value=6_006)
    write(tmp_path / "b/yes/anna 1.wav", value=5_005)
    import_path(tmp_path / "a", tmp_path / "recordings/x")
    [first] = scan(tmp_path / "recordings").clips
    assert first.speaker == "anna_1"
    assert import_path(tmp_path / "b", tmp_path / "recordings/x").kept == 1
    import_path(tmp_path / "a", tmp_path / "recordings/y", speaker="anna")
    assert [clip.speaker for clip in scan(tmp_path / "recordings").clips] == ["anna_1", "zoe", "anna"]


def test_single_files_need_their_word(tmp_path):
    file = write(tmp_path / "one.wav")
    with pytest.raises(DataError, match="--word yes"):
        import_path(file, tmp_path / "recordings/own")
    assert import_path(file, tmp_path / "recordings/own", word="stop", speaker="me").own_speaker == 0
    assert [(c.word, c.speaker, c.source) for c in scan(tmp_path / "recordings").clips] == [("stop", "me", "own")]
    assert import_path(file, tmp_path / "recordings/own", word="_background_noise_").written == 1
    assert [path.name for path in scan(tmp_path / "recordings").noise] == ["one.wav"]


def test_a_folder_can_be_filed_under_one_word(tmp_path):
    write(tmp_path / "in/a.wav", value=1_001)
    write(tmp_path / "in/sub/b.wav", value=2_002)
    assert import_path(tmp_path / "in", tmp_path / "recordings/in", word="stop").written == 2
    assert scan(tmp_path / "recordings").words == ("stop",)


def test_what_cannot_be_read_is_listed_and_the_rest_imported(words, tmp_path):
    (words / "yes/broken.wav").write_text("no audio")
    (words / "yes/.hidden.wav").write_text("ignored")
    (words / "__MACOSX/yes").mkdir(parents=True)
    (words / "__MACOSX/yes/x.wav").write_text("ignored")
    write(words / "loose.wav")
    write(words / "w@rd/c.wav")
    report = import_path(words, tmp_path / "recordings/words")
    assert report.written == 4
    refused = sorted(line.split(":")[0].rpartition("/")[2] for line in report.refused)
    assert refused == ["broken.wav", "c.wav", "loose.wav"]


def test_test_labels_are_left_out_and_counted(words, tmp_path):
    write(words / "_silence_/1.wav")
    write(words / "_unknown_/2.wav")
    report = import_path(words, tmp_path / "recordings/words")
    assert (report.written, report.test_labels, report.refused) == (4, 2, [])
    shutil.rmtree(words / "yes")
    shutil.rmtree(words / "no")
    shutil.rmtree(words / "_background_noise_")
    with pytest.raises(DataError, match="only 2 files of test labels"):
        import_path(words, tmp_path / "recordings/more")


@pytest.mark.parametrize("name", ["../../evil_nohash_0.wav", "/tmp/evil_nohash_0.wav"])
def test_hostile_archives_write_nothing(tmp_path, name):
    sound = write(tmp_path / "a.wav")
    with tarfile.open(tmp_path / "w.tar.gz", "w:gz") as packed, sound.open("rb") as file:
        packed.add(sound, "yes/a_nohash_0.wav")
        info = tarfile.TarInfo(name)  # add() would make an absolute name relative
        info.size = sound.stat().st_size
        packed.addfile(info, file)
    with pytest.raises(DataError, match="leads out"):
        import_path(tmp_path / "w.tar.gz", tmp_path / "recordings/w")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "w.tar.gz"]


def test_nothing_to_import_says_what_is_needed(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="no audio files"):
        import_path(tmp_path / "in", tmp_path / "recordings/in")
    with pytest.raises(DataError, match="no such file"):
        import_path(tmp_path / "missing", tmp_path / "recordings/in")
    (tmp_path / "in/notes.txt").write_text("text")
    with pytest.raises(DataError, match="neither an audio file nor a known kind of archive"):
        import_path(tmp_path / "in/notes.txt", tmp_path / "recordings/in", word="yes")
    (tmp_path / "in/x.wav").write_text("text")
    with pytest.raises(DataError, match=r"nothing imported; .*x\.wav"):
        import_path(tmp_path / "in/x.wav", tmp_path / "recordings/in", word="yes")


def test_impossible_names_are_refused(tmp_path):
    file = write(tmp_path / "a.wav")
    for wrong in ({"word": "../x"}, {"word": "Yes"}, {"word": "_silence_"}, {"word": "yes", "speaker": "a/b"},
                  {"word": "yes", "speaker": "a_nohash_1"}, {"word": "yes", "speaker": ".a"}):
        with pytest.raises(DataError, match=f"{list(wrong)[-1]} = "):
            import_path(file, tmp_path / "recordings/own", **wrong)


def test_recordings_are_not_imported_into_themselves(words, tmp_path):
    import_path(words, tmp_path / "recordings/words")
    for path in (tmp_path / "recordings/words", tmp_path):
        with pytest.raises(DataError, match="import from somewhere else"):
            import_path(path, tmp_path / "recordings/again")


def test_a_full_disk_is_noticed_before_anything_is_written(words, tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=60_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    assert import_path(words, tmp_path / "recordings/fits").written == 4
    monkeypatch.setattr(importer, "SPARE_BYTES", 59_900_000)
    with pytest.raises(DataError, match="free some space"):
        import_path(words, tmp_path / "recordings/words")
    assert not (tmp_path / "recordings/words").exists()


def test_an_interrupted_import_leaves_whole_files_and_goes_on(words, tmp_path, monkeypatch):
    original, calls = shelf.write_new, []

    def interrupt(path, data):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(path, data)

    monkeypatch.setattr(shelf, "write_new", interrupt)
    with pytest.raises(KeyboardInterrupt):
        import_path(words, tmp_path / "recordings/words")
    assert len(tree(tmp_path / "recordings")) == 2
    monkeypatch.setattr(shelf, "write_new", original)
    assert import_path(words, tmp_path / "recordings/words") == Imported(written=2, kept=2, padded=0)


def test_links_are_followed_once(words, tmp_path):
    (words / "loop").symlink_to(words)
    other = write(tmp_path / "elsewhere/c_nohash_0.wav").parent
    (words / "up").symlink_to(other)
    assert import_path(words, tmp_path / "recordings/words") == Imported(written=5, padded=1)


def test_safe_names():
    assert safe_name("anna 1") == "anna_1" and safe_name("..x/y") == "x_y" and safe_name("häuser") == "häuser"
    assert safe_name("...") == "unnamed"
    long = safe_name("x" * 300)
    assert len(long) == 80 and long != safe_name("x" * 299)


def test_source_names(tmp_path):
    assert source_name(tmp_path) == tmp_path.name
    archive = tmp_path / "speech_commands_v0.02.tar.gz"
    archive.touch()
    assert source_name(archive) == "speech_commands_v0.02"
    assert source_name(write(tmp_path / "a.wav")) == "own"
