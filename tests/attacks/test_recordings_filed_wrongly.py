"""Issue 14, section 3: what is imported is what was said, under the right word and the right person."""

import io
import subprocess
import sys
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from kws.audio import files, foreign
from kws.audio.word_place import utterances, word_place
from kws.cli import app
from kws.data import importer, shelf
from kws.data.choices import Layout
from kws.data.corpus import scan
from kws.data.import_report import Imported
from kws.data.importer import import_path

RATE_HZ = 16_000


def word(seed: int, *, level: float = 6_000.0, seconds: float = 0.5) -> np.ndarray:
    """float [n]: like a spoken word: a gliding pitch with its harmonics, in two syllables; every seed is another."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(rng.uniform(100, 220) * (1 + 0.2 * np.sin(2 * np.pi * 2 * t))) / RATE_HZ
    voice = sum(np.sin(k * phase) * rng.uniform(0.2, 1) for k in range(1, 18))
    sound = voice * (0.15 + np.sin(2 * np.pi * t / seconds) ** 2)
    return level * sound / np.abs(sound).max()


def take(seed: int, *, seconds: float = 1.0, at_s: float = 0.25, level: float = 6_000.0) -> np.ndarray:
    """int16 [n]: a word in a little noise."""
    audio = 3 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    spoken = word(seed, level=level)
    audio[round(at_s * RATE_HZ):][:len(spoken)] += spoken
    return np.rint(audio).astype(np.int16)


def lay(path: Path, audio: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, RATE_HZ)
    return path


def thump(seed: int, seconds: float = 0.4) -> np.ndarray:
    """float [n]: a microphone that is switched on: full scale, low, with a crack at its beginning."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = np.exp(-t / rng.uniform(0.03, 0.1)) * np.sin(2 * np.pi * rng.uniform(30, 90) * t + 1)
    sound += 0.5 * np.exp(-t / 0.003) * rng.standard_normal(len(t))
    return 30_000 * sound / np.abs(sound).max()


def filed(folder: Path) -> dict[str, set[str]]:
    """word -> speakers."""
    found: dict[str, set[str]] = {}
    for clip in scan(folder).clips:
        found.setdefault(clip.word, set()).add(clip.speaker)
    return found


@pytest.mark.parametrize(("audio", "reason"), [
    (np.zeros(RATE_HZ, np.int16), "nothing but zeros"), (np.full(RATE_HZ, 77, np.int16), "nothing but one value"),
    (np.tile(np.array([32_767, -32_768], np.int16), RATE_HZ // 2), "clipped"),
    (np.random.default_rng(1).integers(-3, 4, RATE_HZ).astype(np.int16), "nothing said")])
def test_clips_without_a_word_lie_aside_with_their_reason(tmp_path, audio, reason):
    lay(tmp_path / "in/yes/good.wav", take(1))
    lay(tmp_path / "in/yes/bad.wav", audio)
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert report == Imported(written=1, own_speaker=1) and report.aside == {reason: 1}
    assert [clip.speaker for clip in scan(tmp_path / "recordings").clips] == ["good"]
    aside = tmp_path / "recordings/in/_refused_"
    [clip] = (aside / "yes").iterdir()
    assert clip.name.startswith("bad_nohash_") and f"yes/{clip.name},{reason}" in (aside / "reasons.csv").read_text()
    assert "--accept" in report.reasons(aside)[0]
    assert import_path(tmp_path / "in", tmp_path / "recordings/in") == Imported(kept=1)


def test_accept_takes_what_lies_aside(tmp_path):
    lay(tmp_path / "in/yes/bad.wav", np.zeros(RATE_HZ, np.int16))
    import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert import_path(tmp_path / "in", tmp_path / "recordings/in", accept=True).written == 1
    assert list((tmp_path / "recordings/in/_refused_/yes").iterdir()) == []
    assert import_path(tmp_path / "in", tmp_path / "recordings/in") == Imported(kept=1)


def test_what_the_recorder_would_have_refused_is_told(tmp_path):
    rng = np.random.default_rng(2)
    lay(tmp_path / "in/yes/noisy.wav", np.clip(take(2) + 2_500 * rng.standard_normal(RATE_HZ), -32768, 32767)
        .astype(np.int16))
    lay(tmp_path / "in/yes/quiet.wav", take(3, level=250))
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert report.written == 2 and report.remarks == {"too noisy": 1, "too quiet": 1}
    assert "would have asked again" in report.reasons(tmp_path)[0]


@pytest.mark.parametrize("seed", range(5))
def test_the_word_is_found_beside_the_thump_of_switching_on(tmp_path, seed):
    audio = 20 * np.random.default_rng(seed).standard_normal(4 * RATE_HZ)
    at = round((1.5 + 0.3 * seed) * RATE_HZ)
    spoken = word(seed, level=3_000)
    audio[at:at + len(spoken)] += spoken
    audio[1_000:1_000 + len(thump(seed))] += thump(seed)
    audio[-4_000:] += thump(seed + 100)[:4_000]
    lay(tmp_path / "in/yes/a.wav", np.clip(np.rint(audio), -32768, 32767).astype(np.int16))
    import_path(tmp_path / "in", tmp_path / "recordings/in")
    [clip] = scan(tmp_path / "recordings").clips
    kept = soundfile.read(clip.path, dtype="int16")[0].astype(float)
    # Cutting it out moves nothing, so the clip is a piece of what was written.
    start = next(i for i in range(len(audio) - RATE_HZ + 1) if abs(audio[i] - kept[0]) < 1 and
                 np.abs(audio[i:i + 200] - kept[:200]).max() < 1)
    assert start <= at and at + len(spoken) <= start + RATE_HZ


def test_a_word_is_kept_whole_and_in_the_middle():
    audio = np.zeros(5 * RATE_HZ)
    spoken = word(3, seconds=0.9)
    audio[2 * RATE_HZ:][:len(spoken)] += spoken
    start = word_place(np.rint(audio).astype(np.int16), RATE_HZ)
    assert abs(start - (2 * RATE_HZ + len(spoken) // 2 - RATE_HZ // 2)) < 400


def test_of_several_utterances_the_weightiest_is_taken_and_clicks_are_none():
    audio = 2 * np.random.default_rng(1).standard_normal(6 * RATE_HZ)
    for at_s, seconds in ((1, 0.3), (3, 0.7)):
        spoken = word(5, seconds=seconds)
        audio[at_s * RATE_HZ:][:len(spoken)] += spoken
    audio[5 * RATE_HZ:][:160] += 20_000 * np.random.default_rng(2).standard_normal(160)
    samples = np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
    assert [round(start / RATE_HZ) for start, _, _ in utterances(samples)] == [1, 3]
    assert 2.5 * RATE_HZ < word_place(samples, RATE_HZ) < 3.1 * RATE_HZ


LAYOUTS = {
    "word/speaker": ("yes/anna/1.wav", "yes/bert/1.wav", "no/anna/1.wav", "no/bert/1.wav"),
    "speaker/word": ("anna/yes/1.wav", "bert/yes/1.wav", "anna/no/1.wav", "bert/no/1.wav"),
    "speaker/word deeper": ("set/anna/yes/1.wav", "set/bert/yes/1.wav", "set/anna/no/1.wav", "set/bert/no/1.wav"),
    "word/speaker in parts": ("train/yes/anna/1.wav", "train/yes/bert/1.wav", "test/no/anna/1.wav",
                              "test/no/bert/1.wav"),
}


@pytest.mark.parametrize("paths", LAYOUTS.values(), ids=LAYOUTS)
def test_folders_of_people_above_and_below_the_words(tmp_path, paths):
    for i, path in enumerate(paths):
        lay(tmp_path / "in" / path, take(i))
    report = import_path(tmp_path / "in", tmp_path / "recordings/in", keywords=("yes", "no"))
    assert filed(tmp_path / "recordings") == {"yes": {"anna", "bert"}, "no": {"anna", "bert"}}
    assert report.table() == ["  no: 2 clips by 2 speakers", "  yes: 2 clips by 2 speakers"]
    assert report.own_speaker == 0


def test_without_keywords_the_layout_can_be_named(tmp_path):
    for i, path in enumerate(LAYOUTS["word/speaker"]):
        lay(tmp_path / "in" / path, take(i))
    report = import_path(tmp_path / "in", tmp_path / "recordings/a", keywords=("left",))
    assert set(report.clips) == {"anna", "bert"}  # a guess, and the command says that none is a keyword
    import_path(tmp_path / "in", tmp_path / "recordings/b", keywords=("left",), layout=Layout.WORD_SPEAKER)
    assert {clip.word for clip in scan(tmp_path / "recordings").clips if clip.source == "b"} == {"yes", "no"}


def test_edge_impulse_exports(tmp_path):
    for i, path in enumerate(("training/yes.2k1hjf8s.wav", "training/no.1kd3k3.s2.wav", "testing/yes.9zz.wav",
                              "training/noise.44.wav", "testing/unknown.5.wav")):
        lay(tmp_path / "in" / path, take(i))
    (tmp_path / "in/info.labels").write_text("{}")
    report = import_path(tmp_path / "in", tmp_path / "recordings/in", keywords=("yes", "no"))
    assert report.clips == {"yes": 2, "no": 1, "unknown": 1}
    assert len(scan(tmp_path / "recordings").noise) == 1 and report.passed_over == {".labels": 1}


@pytest.mark.parametrize("folder", ["_background_noise_", "background_noise", "_problem_noise_", "noise",
                                    "Background Noise"])
def test_folders_of_noise_by_their_usual_names(tmp_path, folder):
    lay(tmp_path / "in/yes/a.wav", take(1))
    lay(tmp_path / "in" / folder / "hum.wav", take(2, seconds=3))
    import_path(tmp_path / "in", tmp_path / "recordings/in", keywords=("yes",))
    corpus = scan(tmp_path / "recordings")
    assert corpus.words == ("yes",) and [path.name for path in corpus.noise] == ["hum.wav"]


def test_two_peoples_files_of_one_name_stay_two_speakers(tmp_path):
    """In one import from folders that say nothing, and in two imports into one source."""
    lay(tmp_path / "in/data/yes/1.wav", take(1))
    lay(tmp_path / "in/audio/yes/1.wav", take(2))
    import_path(tmp_path / "in", tmp_path / "recordings/a")
    assert len(filed(tmp_path / "recordings")["yes"]) == 2
    for person in ("anna", "bert"):
        lay(tmp_path / person / "no/1.wav", take(len(person) + ord(person[0])))
        import_path(tmp_path / person, tmp_path / "recordings/own")
        assert import_path(tmp_path / person, tmp_path / "recordings/own") == Imported(kept=1)
    assert len(filed(tmp_path / "recordings")["no"]) == 2


def test_case_twins_and_the_same_sound_under_two_words_are_reported(tmp_path):
    lay(tmp_path / "in/On/a.wav", take(1))
    lay(tmp_path / "in/on/b.wav", take(2))
    lay(tmp_path / "in/off/c.wav", take(1))
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert report.notes == ["the folders 'On', 'on' are filed as one word, 'on'",
                            "1 times the same sound lies under two words or two speakers: On/a.wav and off/c.wav"]


def test_inverted_stereo_and_other_finds_are_told_by_import(tmp_path):
    one = take(1)
    lay(tmp_path / "in/yes/a.wav", np.column_stack([one, -one]))
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert report.written == 1 and "yes/a.wav: the 2 channels cancel each other" in report.notes[0]


def test_phone_recordings_are_counted_where_ffmpeg_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "can_convert", lambda: False)
    lay(tmp_path / "in/yes/a.wav", take(1))
    for name in ("b.m4a", "c.M4A", "d.webm", "notes.txt"):
        (tmp_path / "in/yes" / name).write_bytes(b"\0\0\0\x20ftypM4A ")
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert report.passed_over == {".m4a": 2, ".webm": 1, ".txt": 1} and report.written == 1


@pytest.mark.skipif(foreign.ffmpeg() is None, reason="ffmpeg is not installed")
def test_phone_recordings_are_imported_through_ffmpeg(tmp_path):
    lay(tmp_path / "a.wav", take(1, seconds=2))
    (tmp_path / "in/yes").mkdir(parents=True)
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "aac", tmp_path / "in/yes/a.m4a"],
                   check=True)
    with tarfile.open(tmp_path / "w.tar", "w") as packed:
        packed.add(tmp_path / "in/yes/a.m4a", "no/a.m4a")
    assert import_path(tmp_path / "in", tmp_path / "recordings/a").written == 1
    assert import_path(tmp_path / "w.tar", tmp_path / "recordings/b").written == 1


def test_two_imports_at_once_lose_nothing(tmp_path):
    """Two processes, one source, sixty takes each under the same names: every one of 120 is there afterwards."""
    for person in range(2):
        for i in range(60):
            lay(tmp_path / f"{person}/yes/anna_nohash_{i}.wav", take(1_000 * person + i))
    script = "import sys; from pathlib import Path; from kws.data.importer import import_path\n" \
             "print(import_path(Path(sys.argv[1]), Path(sys.argv[2])).written)"
    target = str(tmp_path / "recordings/x")
    runs = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / str(person)), target],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for person in range(2)]
    assert [int(run.communicate()[0]) for run in runs] == [60, 60]
    clips = scan(tmp_path / "recordings").clips
    assert len({clip.path.read_bytes() for clip in clips}) == len(clips) == 120


def test_a_name_that_another_import_takes_at_the_last_moment_is_left_to_it(tmp_path, monkeypatch):
    lay(tmp_path / "in/yes/anna_nohash_0.wav", take(1))
    original, first = shelf.write_new, []

    def raced(path: Path, data: bytes) -> bool:
        if not first:
            first.append(path)
            path.parent.mkdir(parents=True)
            path.write_bytes(b"another process was faster")
        return original(path, data)

    monkeypatch.setattr(shelf, "write_new", raced)
    assert import_path(tmp_path / "in", tmp_path / "recordings/x").written == 1
    assert first[0].read_bytes() == b"another process was faster"
    assert len(list((tmp_path / "recordings/x/yes").iterdir())) == 2


def test_one_bad_file_never_ends_an_import(tmp_path, monkeypatch):
    lay(tmp_path / "in/yes/a.wav", take(1))
    (tmp_path / "in/yes/b.flac").write_bytes(b"fLaC\x00\x00\x00\x22" + bytes(200))
    (tmp_path / "in/yes/c.wav").write_bytes(b"RIFF" + b"\xff" * 500)
    lay(tmp_path / "in/yes/d.wav", take(2))
    original = importer.open_sound

    def fail(path: Path, data: bytes | None = None) -> object:
        if path.name == "d.wav":
            raise MemoryError("array is too big")
        return original(path, data)

    monkeypatch.setattr(importer, "open_sound", fail)
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    assert report.written == 1 and len(report.refused) == 3
    assert any("MemoryError" in line for line in report.refused)


def test_an_archive_with_a_name_twice_gives_both_sounds(tmp_path):
    with tarfile.open(tmp_path / "w.tar", "w") as packed:
        for seed in (1, 2):
            data = io.BytesIO()
            soundfile.write(data, take(seed), RATE_HZ, format="WAV")
            info = tarfile.TarInfo("yes/anna_nohash_0.wav")
            info.size = len(data.getvalue())
            packed.addfile(info, io.BytesIO(data.getvalue()))
    assert import_path(tmp_path / "w.tar", tmp_path / "recordings/w").written == 2


@pytest.mark.slow
def test_hours_in_one_file_are_refused_without_being_held(tmp_path):
    """Silence packs well: four hours of stereo take 0.5 MB."""
    path = tmp_path / "in/yes/long.flac"
    path.parent.mkdir(parents=True)
    with soundfile.SoundFile(path, "w", 4_000, 2, "PCM_16") as file:
        for _ in range(4 * 60):
            file.write(np.zeros((4_000 * 60, 2), np.int16))
    lay(tmp_path / "in/yes/a.wav", take(1))
    tracemalloc.start()
    report = import_path(tmp_path / "in", tmp_path / "recordings/in")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.written == 1 and "is longer than 3 hours" in report.refused[0] and peak < 100_000_000


def test_the_loudest_second_of_a_long_recording_needs_little_memory():
    audio = np.zeros(400 * RATE_HZ, np.int16)
    audio[300 * RATE_HZ:301 * RATE_HZ:2] = 9_000  # too high for speech: the loudest second it is
    audio[300 * RATE_HZ + 1:301 * RATE_HZ:2] = -9_000
    tracemalloc.start()
    start = word_place(audio, RATE_HZ)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(start - 300 * RATE_HZ) <= 160 and peak < 30_000_000


# At the command line

def data(folder: Path, *arguments: object) -> Result:
    """kws data in the workspace w, made for yes and no."""
    runner = CliRunner()
    if not (folder / "w").exists():
        assert runner.invoke(app, ["new", str(folder / "w"), "--keywords", "yes,no"]).exit_code == 0
    return runner.invoke(app, ["-C", str(folder / "w"), "data", *map(str, arguments)])


def test_import_says_if_no_word_is_a_keyword_and_takes_the_layout(tmp_path):
    for person in ("anna", "bert"):
        for word in ("left", "right"):
            lay(tmp_path / f"mine/{word}/{person}/1.wav", take(len(word + person)))
    result = data(tmp_path, "import", tmp_path / "mine")
    assert "  anna: 2 clips by 2 speakers\n  bert: 2 clips by 2 speakers\n" in result.stdout
    assert "none of these words is a keyword of kws.toml (yes, no); if they are people: --layout word/speaker" \
        in result.stderr
    result = data(tmp_path, "import", tmp_path / "mine", "--source", "b", "--layout",
                 "word/speaker")
    assert "  left: 2 clips by 2 speakers\n  right: 2 clips by 2 speakers\n" in result.stdout


def test_what_lies_aside_is_taken_with_accept(tmp_path):
    lay(tmp_path / "mine/yes/good.wav", take(1))
    lay(tmp_path / "mine/yes/zeros.wav", np.zeros(RATE_HZ, np.int16))
    result = data(tmp_path, "import", tmp_path / "mine")
    assert result.exit_code == 0 and "1 written" in result.stdout
    assert "not taken: nothing but zeros 1; they lie in" in result.stderr and "--accept" in result.stderr
    result = data(tmp_path, "import", tmp_path / "mine", "--accept")
    assert "1 written, 1 there already" in result.stdout and "not taken" not in result.stderr


def test_stats_name_what_is_no_clip(tmp_path):
    data(tmp_path, "stats")  # makes the workspace
    lay(tmp_path / "w/recordings/own/yes/a.wav", take(1))
    (tmp_path / "w/recordings/own/yes/b.m4a").write_bytes(b"x")
    result = data(tmp_path, "stats")
    assert "own/yes/b.m4a: this form is not read here" in result.stderr


def test_a_folder_of_clips_alone_needs_its_word(tmp_path):
    """Its help promised another word than it took for such a folder; now it asks for the word."""
    lay(tmp_path / "my/yes/a.wav", take(1))
    told = " ".join(data(tmp_path, "import", "--help").stdout.split())
    assert "Default: the name of a folder, in lower case" in told
    assert "  yes: 1 clip by 1 speaker" in data(tmp_path, "import", tmp_path / "my").stdout
    refused = data(tmp_path, "import", tmp_path / "my/yes", "--source", "b")
    assert refused.exit_code == 1
    assert "a.wav: is not in a word's folder; import it separately with --word" in refused.stderr
    taken = data(tmp_path, "import", tmp_path / "my/yes", "--source", "b", "--word", "yes")
    assert "  yes: 1 clip by 1 speaker" in taken.stdout


def test_sentences_in_a_folder_are_told_as_such(tmp_path):
    """Common Voice keeps sentences in clips/: they became a word "clips", one second of each."""
    for number in range(3):
        lay(tmp_path / f"cv/clips/common_voice_de_{number}.wav", take(number, seconds=5.0))
        lay(tmp_path / f"words/yes/{number}.wav", take(10 + number, seconds=2.5))
    told = "clips: 3 of 3 recordings are several times longer than a word; if they are sentences"
    assert told in data(tmp_path, "import", tmp_path / "cv").stderr
    assert "longer than a word" not in data(tmp_path, "import", tmp_path / "words").output
