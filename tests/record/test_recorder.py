"""Recording sessions: on arrays with a person who misspeaks, and files that are cut apart."""

import csv
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.cli.terminal import meter
from kws.data.corpus import scan
from kws.data.quality import Fault
from kws.errors import DataError, DeviceError
from kws.record.recorder import Recorder, Session, cut_apart, review
from kws.record.takes import Takes, check_words
from tests.helpers.paths import ROOT
from tests.helpers.recording import RATE, TONES_HZ, beep, files, run_kws, workspace
from tests.helpers.waiting import DEADLINE_S

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
GOOD, NOTHING, TWICE, LOUD, GAP = "good", "nothing", "twice", "loud", "gap"


def performance(word, manner):
    """What a person says at a prompt, float [n]."""
    pause, beeps = np.zeros(4_800), {GOOD: 1, GAP: 1, TWICE: 2, NOTHING: 0, LOUD: 1}[manner]
    said = beep(word, level=90_000 if manner == LOUD else 6_000)
    return np.concatenate([pause, *[np.concatenate((said, pause))] * beeps])


class Person:
    """Source and screen in one: speaks when a word is shown, in the given manners, and presses keys at given lines."""

    def __init__(self, manners=(), *, keys=None):
        self.manners, self.keys = list(manners), dict(keys or {})
        self.lines, self.pressed, self.overflows = [], None, 0
        self.speech = np.zeros(0)
        self.rng = np.random.default_rng(1)

    def read(self):
        block, self.speech = self.speech[:800], self.speech[800:]
        noise = 10 * self.rng.standard_normal(800)
        noise[: len(block)] += block
        return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)

    def line(self, text):
        self.lines.append(text)
        self.pressed = self.keys.pop(len(self.lines) - 1, None)
        if text.startswith("say: ") and not self.pressed:
            manner = self.manners.pop(0) if self.manners else GOOD
            self.overflows += manner == GAP
            self.speech = performance(text.split()[1], manner)
            if manner == GAP:
                self.read = self._read_with_gap

    def _read_with_gap(self):
        del self.read
        self.overflows += 1
        return Person.read(self)

    def live(self, text, level_db):
        assert -90 <= level_db <= 0

    def clear(self):
        pass

    def key(self):
        pressed, self.pressed = self.pressed, None
        return pressed

    def ask(self, text, keys):
        return self.keys.pop("ask", keys[0])


def recorder(person, folder, *, play=lambda clip: None):
    takes = Takes(folder, speaker="anna", device="USB Mic", rate_hz=44_100)
    return Recorder(person, person, takes, samples=RATE, countdown_s=0.5, clock=lambda: NOW, play=play)


def session(*, count=2, have=None):
    return Session(have or {"low": 0, "high": 0}, count=count, rng=np.random.default_rng(3))


class TestSession:
    def test_every_word_comes_as_often_as_it_is_missing_in_random_order(self):
        orders = {tuple(Session({"a": 0, "b": 2, "c": 5}, count=3, rng=np.random.default_rng(i)).waiting)
                  for i in range(20)}
        assert {tuple(sorted(order)) for order in orders} == {("a", "a", "a", "b")} and len(orders) == 4

    def test_skip_puts_a_word_last_and_undo_brings_it_back_first(self):
        one = session()
        order = list(one.waiting)
        one.skip()
        assert one.waiting == [*order[1:], order[0]]
        one.accept(Path("x.wav"))
        assert one.undo() == Path("x.wav") and one.waiting == [*order[1:], order[0]]
        assert one.undo() is None


class TestRecorder:
    def test_good_takes_become_clips_that_the_corpus_finds(self, tmp_path):
        person = Person()
        one = recorder(person, tmp_path / "own")
        assert one.measure_room() == pytest.approx(-70.3, abs=0.5)  # 10 of 32768
        one.run(session())
        clips = scan(tmp_path).clips
        assert [(clip.word, clip.speaker, clip.path.name) for clip in clips] == [
            (word, "anna", f"anna_nohash_{n}.wav") for word in ("high", "low") for n in (1, 2)]
        for clip in clips:
            audio, rate_hz = soundfile.read(clip.path, dtype="int16")
            assert rate_hz == RATE and audio.shape == (RATE,)
            spectrum = np.abs(np.fft.rfft(audio.astype(float)))
            assert abs(spectrum.argmax() - TONES_HZ[clip.word]) < 5
            assert 5_000 < np.abs(audio).argmax() < 11_000, "the word is in the middle"

    @pytest.mark.parametrize(("manner", "fault"), [
        (NOTHING, Fault.NOTHING), (TWICE, Fault.TWICE), (LOUD, Fault.CLIPPED), (GAP, Fault.LOST)])
    def test_a_bad_take_is_refused_with_its_reason_and_said_again(self, tmp_path, manner, fault):
        person = Person([GOOD, manner, GOOD])
        one, what = recorder(person, tmp_path), session()
        one.room_db = -70.0
        one.run(what)
        assert what.refused == {fault: 1} and len(files(tmp_path)) == 4
        says = [line.split()[1] for line in person.lines if line.startswith("say: ")]
        assert len(says) == 5 and says[1] == says[2]
        again = next(line for line in person.lines if line.startswith("again: "))
        assert again.startswith(f"again: {fault.value} - ")

    def test_undo_removes_the_file_and_its_row(self, tmp_path):
        person = Person(keys={3: "u"})  # lines: say, good, say, good, ...
        one, what = recorder(person, tmp_path), session()
        one.room_db = -70.0
        one.run(what)
        assert any(line.startswith("undone: ") for line in person.lines)
        assert sum(line.startswith("good: ") for line in person.lines) == 5
        assert len(files(tmp_path)) == 4 == len(one.takes.rows())

    def test_quit_loses_nothing_and_the_next_session_goes_on(self, tmp_path):
        person = Person(keys={2: "q"})
        one = recorder(person, tmp_path)
        one.room_db = -70.0
        one.run(session())
        assert len(files(tmp_path)) == 1
        have = {word: one.takes.count(word) for word in TONES_HZ}
        one.run(session(have=have))
        assert Counter(name.split("/")[0] for name in files(tmp_path)) == {"low": 2, "high": 2}

    def test_pause_replay_skip_and_other_keys(self, tmp_path):
        played = []
        person = Person(keys={0: "s", 1: "p", 2: " ", 5: "r", 7: "?"})
        one = recorder(person, tmp_path, play=played.append)
        one.room_db = -70.0
        one.run(session())
        assert len(files(tmp_path)) == 4
        assert "paused; press any key to continue" in person.lines and len(played) == 1 and played[0].shape == (RATE,)
        assert "s skip, u undo, p pause, r replay, q quit" in person.lines

    def test_a_long_take_survives_ctrl_c_and_a_lost_device(self, tmp_path):
        for error in (KeyboardInterrupt(), DeviceError("Mic: is gone")):
            person = Person()
            blocks = iter([np.arange(800, dtype=np.int16)] * 3)

            def read(blocks=blocks, error=error):
                for block in blocks:
                    return block
                raise error

            person.read = read
            audio = recorder(person, tmp_path).record("recording", seconds=None, any_key_ends=True)
            assert audio.tolist() == [*range(800)] * 3
        assert person.lines == ["Mic: is gone; continuing with the 0.1 s that were recorded"]

    def test_the_table_says_how_each_take_was_recorded(self, tmp_path):
        one = recorder(Person(), tmp_path)
        one.room_db = -70.0
        one.run(session(count=1))
        rows = list(csv.DictReader((tmp_path / "takes.csv").read_text().splitlines()))
        assert [row["file"] for row in rows] == [f"{row['word']}/anna_nohash_1.wav" for row in rows]
        for row in rows:
            assert (row["speaker"], row["device"], row["rate_hz"]) == ("anna", "USB Mic", "44100")
            assert row["time_utc"] == "2026-05-04T03:02:01+00:00"
            assert -20 < float(row["level_db"]) < -10 and -75 < float(row["noise_db"]) < -65


def test_numbers_of_takes_go_on_after_the_highest(tmp_path):
    takes = Takes(tmp_path, speaker="a.b", device="d", rate_hz=1)
    for name in ("a.b_nohash_7.wav", "axb_nohash_9.wav", "a.b_nohash_x.wav"):
        (tmp_path / "yes").mkdir(exist_ok=True)
        (tmp_path / "yes" / name).write_bytes(b"")
    assert takes.count("yes") == 1
    path = takes.add("yes", np.zeros(10, np.int16), level_db=-20, noise_db=-60, now=NOW)
    assert path.name == "a.b_nohash_8.wav"


def test_names_that_cannot_be(tmp_path):
    for speaker in ("a b", "", "x_nohash_1", "../x"):
        with pytest.raises(DataError, match="speaker = "):
            Takes(tmp_path, speaker=speaker, device="d", rate_hz=1)
    with pytest.raises(DataError, match="'Yes': must be a word"):
        check_words(("no", "Yes"))


def long_take():
    parts = [np.zeros(RATE)]
    for word in ("low", "high", "low"):
        parts += [beep(word), np.zeros(RATE // 2)]
    parts += [beep("low", level=90_000), np.zeros(RATE)]
    noise = 10 * np.random.default_rng(2).standard_normal(sum(map(len, parts)))
    return np.clip(np.concatenate(parts) + noise, -32768, 32767).astype(np.int16)


def test_review_keeps_drops_and_names_what_was_cut_apart():
    found = cut_apart(long_take(), samples=RATE)
    assert [one.fault for one in found] == [None, None, None, Fault.CLIPPED]
    answers, played = iter("12r1"), []
    person = Person()
    person.ask = lambda text, keys: next(answers)
    kept = review(found, person, ("low", "high"), play=played.append)
    assert [word for word, _ in kept] == ["low", "high", "low"] and len(played) == 1
    assert "dropped: clipped - " in person.lines[-1]
    person.ask = lambda text, keys: "d"
    assert review(found, person, ("low",), play=played.append) == []


def test_two_people_who_record_at_once_lose_no_row(tmp_path):
    script = ("import sys, numpy as np; from datetime import datetime, UTC; from kws.record.takes import Takes\n"
              "from pathlib import Path; takes = Takes(Path(sys.argv[1]), speaker=sys.argv[2], device='d', rate_hz=1)\n"
              "for i in range(30): takes.add('yes', np.full(9, i, np.int16), level_db=0, noise_db=0, "
              "now=datetime.now(UTC))")
    people = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name], cwd=ROOT)
              for name in ("anna", "bert", "anna")]
    assert [person.wait(DEADLINE_S) for person in people] == [0, 0, 0]
    rows = Takes(tmp_path, speaker="anna", device="d", rate_hz=1).rows()
    assert len(rows) == 90 == len({row[0] for row in rows}) == len(list((tmp_path / "yes").iterdir()))


def test_the_meter():
    assert meter(-90) == "[--------------------]  -90 dB"
    assert meter(-30) == "[##########----------]  -30 dB"
    assert meter(0) == "[####################]    0 dB"


class TestCommand:
    def test_from_a_file_in_a_pipe(self, tmp_path):
        workspace(tmp_path, "low")
        soundfile.write(tmp_path / "long.wav", np.repeat(long_take(), 2), 2 * RATE)
        result = run_kws("record", "low", "--speaker", "anna", "--from", tmp_path / "long.wav", "-C", tmp_path)
        assert result.returncode == 0, result.stderr
        folder = tmp_path / "recordings" / "own"
        assert result.stdout == f"{folder}: 3 takes (low 3), 1 of 4 dropped\n"
        assert "4 of 4: " in result.stderr and "dropped: clipped" in result.stderr
        assert files(folder) == [f"low/anna_nohash_{n}.wav" for n in (1, 2, 3)]
        assert "\x1b" not in result.stderr + result.stdout and "\r" not in result.stderr + result.stdout
        assert "file long.wav,32000," in (folder / "takes.csv").read_text()

    def test_the_same_file_again_gives_no_take_twice(self, tmp_path):
        workspace(tmp_path, "low")
        soundfile.write(tmp_path / "long.wav", long_take(), RATE)
        arguments = ("record", "low", "--speaker", "anna", "--from", tmp_path / "long.wav", "-C", tmp_path)
        run_kws(*arguments)
        folder = tmp_path / "recordings" / "own"
        (folder / "low" / "anna_nohash_2.wav").unlink()  # one that was thrown away comes again
        for takes, said in ((1, "1 take (low 1)"), (0, "0 takes (none)")):
            result = run_kws(*arguments)
            assert result.returncode == 0 and said in result.stdout
            assert f"{3 - takes} of 4 words in this file were kept before" in result.stderr
            assert len(files(folder)) == 3

    @pytest.mark.parametrize("arguments", [
        ("low", "high", "--from", "x.wav"), ("low", "--noise", "--continuous")], ids=" ".join)
    def test_what_does_not_go_together_is_wrong_usage(self, tmp_path, arguments):
        result = run_kws("record", *arguments, "--speaker", "anna", "-C", workspace(tmp_path, "low"))
        assert result.returncode == 2 and "Usage: " in result.stderr

    def test_silence_in_a_file_is_an_error(self, tmp_path):
        soundfile.write(tmp_path / "long.wav", np.zeros(RATE * 3), RATE)
        result = run_kws("record", "low", "--speaker", "anna", "--from", tmp_path / "long.wav",
                         "-C", workspace(tmp_path, "low"))
        assert result.returncode == 1 and "error: no word was found in 3.0 s" in result.stderr
        assert not (tmp_path / "recordings").exists()
