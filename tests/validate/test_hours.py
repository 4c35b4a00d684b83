"""Hours without keywords and recordings with their truth, heard by the network of tones."""

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import kws
from kws.bench import tones
from kws.cli import app
from kws.data.truth import Event, read_truth, write_truth
from kws.errors import DataError
from kws.validate.negatives import covered_s, gather, hear_negatives, judge_negatives, moment
from kws.validate.streams import hear_stream
from kws.validate.summary import stream_report


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Two sources. One: a recording with "low" at 1 s, one with "low" at 1 s and 2.5 s, one without; two: none."""
    folder, rng = tmp_path_factory.mktemp("talk"), np.random.default_rng(3)
    for name, content in (("one/a", {1.0: "low"}), ("one/b", {1.0: "low", 2.5: "high"}), ("one/c", {}), ("two/d", {})):
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / f"{name}.wav", tones.spoken(content, seconds=4, rng=rng), 16_000)
    return folder


def judged(tone_run, *paths):
    detector = kws.load(tone_run)
    return judge_negatives(hear_negatives(detector, paths), detector.plan.decoder)


def test_false_alarms_by_source_keyword_and_moment(tone_run, talk):
    found = judged(tone_run, talk / "one", talk / "two")
    assert found.per_keyword == {"low": 2, "high": 1}
    assert {name: count.false_alarms for name, count in found.per_source.items()} == {"one": 3, "two": 0}
    assert found.total.hours == pytest.approx(16 / 3600) and found.per_hour == pytest.approx(3 * 225)
    assert sorted(alarm.path.name for alarm in found.worst) == ["a.wav", "b.wav", "b.wav"]
    late = next(alarm for alarm in found.worst if alarm.keyword == "high")
    assert 2.5 < late.time_s < 3.5 and len(moment(late)[0]) == 32_000


def test_what_was_heard_of_the_recording_before_is_played_too(tone_run, tmp_path):
    whole = tones.spoken({3.85: "low"}, seconds=6, rng=np.random.default_rng(5))
    for name, part in (("a", whole[:64_000]), ("b", whole[64_000:64_800]), ("c", whole[64_800:])):
        soundfile.write(tmp_path / f"{name}.wav", part, 16_000)
    alarm, = judged(tone_run, tmp_path).worst
    assert (alarm.path.name, [path.name for path in alarm.before]) == ("c.wav", ["a.wav", "b.wav"])
    sound, into_s = moment(alarm)
    at = round((alarm.time_s + 4.05) * 16_000)
    assert into_s == 1.5 and (sound == whole[at - 24_000:at + 8_000]).all()


def test_what_a_transcript_says_holds_a_keyword_is_left_out(tone_run, talk, tmp_path):
    (talk / "one" / "said.csv").write_text("file,text\na,very low\nb,nothing of the kind\n")
    found = judged(tone_run, talk / "one")
    (talk / "one" / "said.csv").unlink()
    assert (found.total.false_alarms, found.total.left_out) == (2, 1)
    assert found.total.hours == pytest.approx(8 / 3600)


def test_word_times_leave_out_their_stretch_alone(tone_run, talk):
    (talk / "one" / "times.csv").write_text("file,word,start_s,end_s\nb,low,1.0,1.2\n")
    found = judged(tone_run, talk / "one")
    (talk / "one" / "times.csv").unlink()
    assert found.per_keyword == {"low": 1, "high": 1}  # of b only "high" is left
    assert found.total.hours == pytest.approx((12 - 1.2) / 3600)  # the word and a second after it


def test_how_files_are_cut_does_not_change_what_is_heard(tone_run, talk, tmp_path):
    """The recordings of a source are one continuous sound: the same as one file of them all."""
    whole = np.concatenate([soundfile.read(talk / "one" / f"{name}.wav", dtype="int16")[0] for name in "abc"])
    soundfile.write(tmp_path / "whole.wav", whole, 16_000)
    one, = hear_negatives(kws.load(tone_run), [talk / "one"])
    other, = hear_negatives(kws.load(tone_run), [tmp_path / "whole.wav"])
    assert (one.track.scores == other.track.scores).all() and (one.track.heard == other.track.heard).all()
    assert [(hit.keyword, hit.time_s) for hit in kws.load(tone_run).push(whole)] == [
        (hit.keyword, hit.time_s) for hit in one.wrong(kws.load(tone_run).plan.decoder)]


def test_stretches_that_overlap_count_once():
    assert covered_s([(0, 2), (1, 3), (5, 6)]) == 4 and covered_s([]) == 0


def test_folders_of_one_name_are_sources_of_their_own_and_none_counts_twice(talk, tmp_path):
    copies = [tmp_path / place / "x" / "talk" for place in "abc"]
    for copy in copies:
        copy.mkdir(parents=True)
        (copy / "d.wav").write_bytes((talk / "two" / "d.wav").read_bytes())
    assert list(gather(copies)) == ["talk", "x/talk", str(copies[2])]
    with pytest.raises(DataError, match="given twice"):
        gather([talk / "two", talk / "one" / ".." / "two"])


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_nothing_to_hear(tone_run, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no such file or folder|no audio in it"):
        judged(tone_run, tmp_path / name)


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """Ten seconds: low, high, low that nobody wrote down, and a high that nobody speaks."""
    path = tmp_path_factory.mktemp("stream") / "kitchen.wav"
    soundfile.write(path, tones.spoken({1.0: "low", 3.0: "high", 5.0: "low"}, seconds=10,
                                       rng=np.random.default_rng(4)), 16_000)
    write_truth(path.with_suffix(".csv"), [Event(1.0, 1.2, "low", "anna"), Event(3.0, 3.2, "high", "ben"),
                                           Event(8.0, 8.2, "high", "ben")])
    return path


def test_a_recording_with_its_truth(tone_run, stream):
    detector = kws.load(tone_run)
    found = hear_stream(detector, stream, read_truth(stream.with_suffix(".csv"))).judge(detector.plan.decoder)
    total = found.total
    assert (total.events, total.hits, total.false_alarms, total.duplicates) == (3, 2, 1, 0)
    assert found.miss_rate == pytest.approx(1 / 3) and found.hours == pytest.approx(10 / 3600)
    assert (found.of("low").misses, found.of("high").misses) == (0, 1)
    assert 0 < found.latency_ms(0.5) < 600
    low, high = found.miss_interval
    assert low < 1 / 3 < high


def test_words_of_the_truth_that_are_no_keywords_are_named(tone_run, stream):
    detector = kws.load(tone_run)
    truth = (*read_truth(stream.with_suffix(".csv")), Event(6, 6.5, "hihg"), Event(7, 7.5, "hihg"))
    found = hear_stream(detector, stream, truth).judge(detector.plan.decoder)
    assert found.total.events == 3 and found.others == ("hihg", "hihg")
    assert "no keywords of this run: hihg 2" in stream_report(found)


def test_a_truth_of_another_recording_is_refused(tone_run, stream):
    with pytest.raises(DataError, match=r"is 10\.0 s long, but the truth has 'low' at 60\.0 s"):
        hear_stream(kws.load(tone_run), stream, (Event(60, 61, "low"),))
    with pytest.raises(DataError, match="none of the words in its truth"):
        hear_stream(kws.load(tone_run), stream, (Event(1, 2, "other"),))


def call(*arguments):
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def test_the_command_on_hours_and_on_a_stream(tone_run, talk, stream, tmp_path):
    done = call("--run", tone_run, "--negatives", talk / "one", talk / "two", "--stream", stream, "--json",
                "--save", tmp_path)
    assert done.exit_code == 3, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"negatives", "stream", "curve", "requirements"}
    assert [point["false_alarms"] for point in found["curve"] if point["shift"] == 0] == [3]
    assert found["negatives"]["false_alarms"] == 3 and len(found["negatives"]["interval"]) == 2
    assert found["stream"]["events"] == 3 and found["stream"]["misses"] == 1
    holds = {item["name"]: item["holds"] for item in found["requirements"]}
    assert holds["false_alarms_per_hour"] is holds["miss_rate_percent"] is False and holds["latency_ms"] is True
    assert holds["flash_bytes"] is True and holds["clips_per_word"] in (None, True, False)
    assert len(list(tmp_path.glob("*.wav"))) == 3


def test_what_is_not_measured_says_what_would_measure_it(tone_run, talk):
    done = call("--run", tone_run, "--negatives", talk / "two")
    assert done.exit_code == 0, done.stdout
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "not measured: give --stream WAV --truth CSV" in lines["latency_ms"]
    assert "not proven; that would take 3.0 h with no more false alarms" in lines["false_alarms_per_hour"]
