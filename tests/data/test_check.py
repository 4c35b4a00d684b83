"""The check of a whole folder: duplicates, voices, words, labels; setting aside and taking back."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kws.audio.files import encode, read_samples
from kws.data.check import Action, check_table
from kws.data.clip_table import measure_clips
from kws.data.corpus import scan
from kws.data.curation import review
from kws.data.label_suspects import confident, find_suspects
from kws.data.quarantine import fix, keep, kept, sessions, undo
from kws.errors import DataError

RATE = 16_000


def spoken(seed: int, *, low: float) -> np.ndarray:
    """int16 [16000]: a burst of noise of its own, around `low` Hz; no two seeds agree."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(RATE))
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    sound = np.fft.irfft(spectrum * np.exp(-((hz - low) / 300) ** 2), RATE)
    centre = 0.5 + 0.05 * rng.standard_normal()
    shape = np.exp(-(((np.arange(RATE) / RATE - centre) / 0.12) ** 2))
    loud = 4_000 * sound / sound.std() * shape + 10 * rng.standard_normal(RATE)
    return np.rint(loud).clip(-32_000, 32_000).astype(np.int16)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """own/low and own/high: 20 clips each, by ten speakers."""
    for word, low in (("low", 500), ("high", 1_500)):
        for n in range(20):
            path = tmp_path / "own" / word / f"s{n % 10}_nohash_{n}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(spoken(n + int(low), low=low)))
    return tmp_path


def found(recordings: Path) -> dict[str, list[str]]:
    """Names of the clips by kind of finding."""
    report = check_table(measure_clips(scan(recordings).clips, cache=None), samples=RATE)
    return {kind: [finding.name for finding in report.findings if finding.kind == kind] for kind in report.counts}


def test_different_clips_have_no_findings(recordings):
    assert found(recordings) == {}


def test_a_copy_in_the_same_word_is_a_duplicate_of_the_first(recordings):
    shutil.copy(recordings / "own/low/s1_nohash_1.wav", recordings / "own/low/s1_nohash_90.wav")
    assert found(recordings) == {"duplicate": ["own/low/s1_nohash_90.wav"]}


@pytest.mark.parametrize("change", ["shifted", "louder", "encoded again"])
def test_one_recording_in_two_files_is_a_near_duplicate(recordings, change):
    audio = read_samples(recordings / "own/low/s1_nohash_1.wav")
    if change == "shifted":
        audio = np.roll(audio, 1_000)
    elif change == "louder":
        audio = np.rint(audio * 1.9).clip(-32768, 32767).astype(np.int16)
    else:
        from kws.bench.injected_faults import encoded_again

        audio = encoded_again(audio, "OGG", "VORBIS")
    (recordings / "own/low/s1_nohash_90.wav").write_bytes(encode(audio))
    assert found(recordings) == {"near-duplicate": ["own/low/s1_nohash_90.wav"]}


@pytest.mark.parametrize(("agreement", "kinds"), [(0.90, {}), (0.97, {"near-duplicate"})])
def test_two_takes_that_are_much_alike_are_two_recordings(recordings, agreement, kinds):
    """Real takes of a short word by one voice reach a correlation of 0.902, real copies start at 0.993."""
    first, second = (np.fft.rfft(np.random.default_rng(seed).standard_normal(RATE)) for seed in (1, 2))
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    shape = np.exp(-(((np.arange(RATE) / RATE - 0.5) / 0.12) ** 2)) * 4_000
    for number, part in (("91", first), ("92", agreement * first + np.sqrt(1 - agreement**2) * second)):
        sound = np.fft.irfft(part * np.exp(-((hz - 1_000) / 300) ** 2), RATE)
        take = np.rint(sound / sound.std() * shape).clip(-32_000, 32_000).astype(np.int16)
        (recordings / f"own/low/s1_nohash_{number}.wav").write_bytes(encode(take))
    assert set(found(recordings)) - {"low SNR", "cut off"} == set(kinds)


def test_one_recording_under_two_names_is_one_voice_and_says_when_it_is_in_two_splits(recordings):
    shutil.copy(recordings / "own/low/s1_nohash_1.wav", recordings / "own/low/zoe_nohash_1.wav")
    report = check_table(measure_clips(scan(recordings).clips, cache=None), samples=RATE)
    assert [(finding.kind, finding.name) for finding in report.findings] == [("two voices", "own/low/zoe_nohash_1.wav")]
    splits = {finding.clip.split for finding in report.findings} | {"training"}
    assert ("in training and in" in report.findings[0].detail) == (len(splits) > 1)


def test_one_recording_under_two_words_names_both_files(recordings):
    shutil.copy(recordings / "own/low/s1_nohash_1.wav", recordings / "own/high/s1_nohash_90.wav")
    assert found(recordings)["two words"] == ["own/high/s1_nohash_90.wav", "own/low/s1_nohash_1.wav"]


def test_a_clip_in_the_wrong_folder_is_suspected_to_be_the_other_word(recordings):
    shutil.move(recordings / "own/low/s1_nohash_1.wav", recordings / "own/high/s1_nohash_90.wav")
    report = check_table(measure_clips(scan(recordings).clips, cache=None), samples=RATE)
    assert [(f.kind, f.name, f.word) for f in report.findings] == [("label", "own/high/s1_nohash_90.wav", "low")]


def test_confident_learning_counts_on_numbers_that_a_person_can_check():
    labels = np.array([0, 0, 0, 1, 1, 1])
    chances = np.array([[.9, .1], [.8, .2], [.01, .99], [.1, .9], [.2, .8], [.4, .6]])
    assert confident(chances, labels) == [(2, 1)]


def test_a_rare_word_that_is_hardly_ever_recognised_makes_no_suspects_of_odd_clips():
    labels = np.array([0, 0, 0, 1, 1, 2])
    chances = np.array([[.9, .1, 0], [.8, .2, 0], [.01, .02, .04], [.1, .9, 0], [.2, .8, 0], [.5, .45, .05]])
    assert confident(chances, labels) == [], "0.04 is nearly what label 2 usually gets, and says nothing"


def test_words_of_a_few_clips_are_not_judged():
    vectors = np.random.default_rng(0).standard_normal((14, 5))
    suspects, recognised = find_suspects(vectors, np.array(["a"] * 7 + ["b"] * 7), np.arange(14).astype(str))
    assert suspects == [] and recognised == 1.0


def test_an_unreadable_file_is_found_and_the_cache_forgets_a_changed_one(recordings, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    clips = scan(recordings).clips
    first = measure_clips(clips, cache=cache)
    again = measure_clips(clips, cache=cache)
    assert np.array_equal(first.rows, again.rows)
    clips[3].path.write_bytes(b"RIFF")
    changed = measure_clips(clips, cache=cache)
    assert [i for i in range(len(clips)) if changed.measures(i).samples == 0] == [3]
    assert np.array_equal(np.delete(changed.rows, 3), np.delete(first.rows, 3))


def test_fix_moves_with_a_reason_and_undo_brings_every_byte_back(recordings):
    (recordings / "own/low/s2_nohash_2.wav").write_bytes(b"RIFF")
    shutil.copy(recordings / "own/low/s1_nohash_1.wav", recordings / "own/low/s1_nohash_90.wav")
    gap = read_samples(recordings / "own/high/s3_nohash_3.wav")
    gap[8_000:8_100] = 0
    (recordings / "own/high/s3_nohash_3.wav").write_bytes(encode(gap))
    before = {path: path.read_bytes() for path in recordings.rglob("*.wav")}
    report = check_table(measure_clips(scan(recordings).clips, cache=None), samples=RATE)
    done = fix(recordings, report.findings)
    assert (done.aside, done.repaired, done.relabelled) == (2, 1, 0)
    assert (done.folder / "reasons.csv").read_text().splitlines()[1].startswith("own/low/s2_nohash_2.wav,unreadable,")
    assert found(recordings) == {}, "what was set aside is out of the corpus, what was repaired is sound"
    count, _ = undo(recordings)
    assert count == 3 and sessions(recordings) == []
    assert {path: path.read_bytes() for path in recordings.rglob("*.wav")} == before
    with pytest.raises(DataError, match="nothing to undo"):
        undo(recordings)


def test_undo_refuses_to_overwrite_what_came_meanwhile_and_then_moves_nothing(recordings):
    shutil.copy(recordings / "own/low/s1_nohash_1.wav", recordings / "own/low/s1_nohash_90.wav")
    report = check_table(measure_clips(scan(recordings).clips, cache=None), samples=RATE)
    fix(recordings, report.findings)
    (recordings / "own/low/s1_nohash_90.wav").write_bytes(b"new")
    with pytest.raises(DataError, match=r"s1_nohash_90\.wav has been made meanwhile"):
        undo(recordings)
    assert (recordings / "own/low/s1_nohash_90.wav").read_bytes() == b"new" and sessions(recordings) == [1]


class Answers:
    """A person at the keys."""

    def __init__(self, keys: str):
        self.keys, self.lines = list(keys), []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def ask(self, text: str, keys: str) -> str:
        key = self.keys.pop(0)
        assert key in keys
        return key


def test_a_review_plays_keeps_relabels_and_sets_aside(recordings):
    for n in (1, 4):
        shutil.move(recordings / f"own/low/s{n}_nohash_{n}.wav", recordings / f"own/high/s{n}_nohash_9{n}.wav")
    shutil.copy(recordings / "own/low/s2_nohash_2.wav", recordings / "own/low/s2_nohash_90.wav")
    report = check_table(measure_clips(scan(recordings).clips, cache=None), samples=RATE)
    copy, first, second = report.findings
    played: list[Path] = []
    decided = review([first, second, copy], Answers("pkra"), play=played.append)
    assert played == [first.clip.path]
    assert decided.kept == [first] and [finding.action for finding in decided.aside] == [Action.ASIDE] * 2
    keep(recordings, decided.kept)
    assert kept(recordings) == {(first.name, "label")}
    done = fix(recordings, decided.aside, relabel=decided.relabelled)
    assert (done.aside, done.relabelled) == (1, 1)
    assert (recordings / "own/low" / second.clip.path.name).is_file()
    undo(recordings)
    assert second.clip.path.is_file() and not (recordings / "own/low" / second.clip.path.name).exists()
