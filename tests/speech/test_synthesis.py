"""Speech, noise and whole corpora out of nothing: the same every time, and split by voice."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio.files import read_samples
from kws.data.corpus import scan, speaker_of, split_of
from kws.data.truth import Event, read_truth, write_truth
from kws.errors import DataError
from kws.speech import voices
from kws.speech.engines.espeak import Espeak
from kws.speech.noise import add_noise, at_level, babble, coloured, fan, hum, room
from kws.speech.spoken_stream import Spoken, make_stream, write_script, write_stream
from kws.speech.synthesis import TALK, Made, all_near, clip, make_clips, make_corpus, takes
from kws.speech.texts import FILLERS, SENTENCES, fillers_for, holds_keyword, near_misses, sentences_for
from kws.speech.voices import TIMBRES, Voice, draw_voice, phonemes, synthesize, timbres_of
from tests.helpers.paths import ROOT

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def digests(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*.wav"))}


def test_speech_depends_on_text_and_voice_alone():
    """The library keeps flutter and phase between utterances; ours must not."""
    voice = Voice(timbre="f2", accent="en-gb-scotland", pitch=40, rate_wpm=150)
    first = synthesize("stop", voice)
    synthesize("something else in between", Voice(timbre="klatt4", pitch=80))
    again = synthesize("stop", voice)
    assert first.dtype == np.float32 and np.array_equal(first, again)
    assert 0.2 < len(first) / 16_000 < 1 and 0.05 < np.abs(first).max() <= 1


def test_every_timbre_and_accent_speaks_differently():
    spoken = [synthesize("yes", Voice(timbre=timbre)) for timbre in TIMBRES]
    spoken += [synthesize("stop", Voice(timbre="m3", accent=accent)) for accent in voices.ACCENTS]
    assert all(1_600 < len(audio) < 20_000 and np.abs(audio).max() > 0.05 for audio in spoken)
    assert len({audio.tobytes() for audio in spoken}) == len(spoken)


def test_rate_and_pitch_have_their_effect():
    fast, slow = (synthesize("seven", Voice(timbre="m3", rate_wpm=rate)) for rate in (220, 110))
    assert len(slow) > 1.5 * len(fast)
    low, high = (synthesize("zoo", Voice(timbre="m3", pitch=pitch, range=0)) for pitch in (10, 90))

    def period(audio):
        """Samples per cycle, 50 to 400 Hz, by autocorrelation."""
        same = np.correlate(audio, audio, "full")[len(audio) - 1 :]
        return 40 + same[40:320].argmax()

    assert period(low) > 1.2 * period(high)


@pytest.mark.parametrize("wrong", [{"timbre": "nobody"}, {"timbre": "f2", "accent": "xx"},
                                   {"timbre": "f2", "pitch": 100}, {"timbre": "f2", "rate_wpm": 20}])
def test_impossible_voices_are_refused_by_name(wrong):
    field = list(wrong)[-1]
    with pytest.raises(DataError, match=f"{field} = .*must be"):
        Voice(**wrong)


def test_the_voices_of_one_split_alone(tmp_path):
    everyone, training = tmp_path / "all", tmp_path / "training"
    make_clips(everyone, ("yes",), count=20)
    assert make_clips(training, ("yes",), count=20, split="training").written == 16
    kept = digests(training)
    assert kept.items() < digests(everyone).items()
    assert {split_of(speaker_of(name.split("/")[-1])) for name in kept} == {"training"}


def test_nothing_to_say_is_refused():
    with pytest.raises(DataError, match="nothing to say"):
        synthesize("", Voice(timbre="f2"))


def test_without_the_synthesizer_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DataError, match=r"pip install 'kws\[train\]'"):
        make_clips(tmp_path, ("yes",), count=1)


def test_a_long_installation_path_works(tmp_path, monkeypatch):
    """espeak-ng cuts the path of its data at 160 bytes."""
    import espeakng_loader

    link = tmp_path / ("x" * 150)
    link.symlink_to(espeakng_loader.get_data_path())
    expected = synthesize("yes", Voice(timbre="f2"))
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(link))
    assert np.array_equal(synthesize("yes", Voice(timbre="f2")), expected)


def test_timbres_are_split_like_speakers():
    parts = {split: set(timbres_of(split)) for split in ("training", "validation", "testing")}
    assert [len(part) for part in parts.values()] == [58, 7, 8]
    assert set.union(*parts.values()) == set(TIMBRES)
    assert all(draw_voice("f2", rng(i)).split == "testing" for i in range(5))


def test_what_sounds_like_a_keyword_is_no_filler():
    assert phonemes("right") == phonemes("write") != phonemes("light")
    assert holds_keyword("I know that.", ("no",)) and holds_keyword("Write it!", ("right",))
    assert not holds_keyword("A knot is nothing.", ("no",))
    assert set(FILLERS) - set(fillers_for(("too", "dog"))) == {"two", "dog"}
    assert len(fillers_for(COMMANDS)) == len(set(FILLERS)) == len(FILLERS)
    assert len(sentences_for(COMMANDS)) >= 15
    with pytest.raises(DataError, match="fewer keywords"):
        sentences_for({word.strip(".,").lower() for text in SENTENCES for word in text.split()})


def test_noise_has_its_colour_and_level():
    for slope in (0, 1, 2):
        noise = coloured(160_000, rng(), slope=slope)
        power = np.abs(np.fft.rfft(noise)) ** 2
        low, high = power[2_000:4_000].mean(), power[16_000:32_000].mean()  # 200..400 Hz, 1600..3200 Hz
        assert abs(np.log2(low / high) / 3 - slope) < 0.1
        assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.1, rel=0.01)
    for noise in (hum(32_000, rng()), fan(32_000, rng()), babble(32_000, rng(), keywords=COMMANDS)):
        assert noise.dtype == np.float32 and len(noise) == 32_000 and np.abs(noise).max() < 1
        assert 0.05 < np.sqrt(np.mean(noise**2)) < 0.11


def test_noise_is_added_at_the_ratio_asked_for():
    audio = np.concatenate([np.zeros(8_000), np.full(1_600, 0.5), np.zeros(6_400)])
    noisy = add_noise(audio, np.ones(16_000), snr_db=20)
    assert np.allclose(noisy - audio, 0.05)
    assert at_level(np.zeros(10)).tolist() == [0] * 10


def test_a_room_keeps_the_direct_sound_and_adds_a_tail():
    impulse = np.zeros(16_000)
    impulse[100] = 1
    wet = room(impulse, rng())
    assert wet[100] == pytest.approx(1) and np.allclose(wet[:100], 0, atol=1e-6)
    assert 0.01 <= np.sum(wet[101:] ** 2) <= 0.26  # -20 to -6 dB


def test_clip_holds_the_word_at_its_level():
    audio = clip(synthesize("stop", Voice(timbre="f2")), rng(), samples=16_000)
    assert audio.dtype == np.int16 and len(audio) == 16_000
    assert 3_270 <= np.abs(audio.astype(int)).max() <= 29_210  # -20 to -1 dB
    long = synthesize("a very long keyword of many words", Voice(timbre="f2"))
    assert len(long) > 16_000 == len(clip(long, rng(), samples=16_000))


def test_takes_use_all_voices_and_keep_their_numbers():
    def said(word: str, count: int, seed: int) -> list[tuple[str, str]]:
        return [(take.voice, take.file_name) for take in takes(word, count=count, seed=seed, engines=(Espeak(),))]

    few, many = said("yes", 100, 3), said("yes", 1_000, 3)
    assert many[:100] == few and len(set(many)) == 1_000
    assert {timbre for timbre, _ in many} == set(TIMBRES)
    splits = [Voice(timbre=timbre).split for timbre, _ in few]
    assert [splits.count(split) for split in ("training", "validation", "testing")] == [80, 10, 10]
    assert few != said("no", 100, 3)
    assert not {name for _, name in few} & {name for _, name in said("yes", 100, 4)}


def test_corpus_is_the_same_again_and_grows(tmp_path):
    made = make_clips(tmp_path / "a", ("yes", "no"), count=10, seed=5)
    assert made == Made(written=20, kept=0)
    make_clips(tmp_path / "b", ("no",), count=12, seed=5)
    first, other = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert {name: other[name] for name in first if name.startswith("no/")}.items() <= first.items()
    assert make_clips(tmp_path / "a", ("yes", "no"), count=12, seed=5) == Made(written=4, kept=20)
    assert first.items() <= digests(tmp_path / "a").items()
    assert len(set(digests(tmp_path / "a").values())) == 24
    info = soundfile.info(next((tmp_path / "a").rglob("*.wav")))
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (16_000, 1, 16_000, "PCM_16")


def test_takes_of_one_timbre_differ(tmp_path):
    make_clips(tmp_path, ("up",), count=100)
    speakers = [path.name.split("_nohash_")[0] for path in (tmp_path / "up").iterdir()]
    assert len(set(speakers)) < 100 == len(set(digests(tmp_path).values()))
    lengths = {len(np.flatnonzero(np.abs(soundfile.read(path)[0]) > 0.02)) for path in (tmp_path / "up").iterdir()}
    assert len(lengths) > 90  # nor are they one utterance in several noises


def test_a_corpus_from_nothing_can_train(tmp_path, monkeypatch):
    """Keywords, other words and noise; the second call finds them there."""
    monkeypatch.setattr("kws.speech.synthesis.NOISE_SECONDS", 2)
    monkeypatch.setattr("kws.speech.texts.FILLERS", ("no", "bed", "cat"))
    settings = {"keywords": ("yes", "no"), "unknown": None, "noise": None, "samples": 16_000, "seed": 1}
    made = make_corpus(tmp_path / "synth", ("yes",), count=10, **settings)
    assert made == {"yes": Made(10, 0), "2 other words": Made(4, 0), "background noise": Made(6, 0)}
    corpus = scan(tmp_path)
    assert corpus.words == ("bed", "cat", "yes") and len(corpus.noise) == 6
    assert {clip.split for clip in corpus.of(word="yes")} == {"training", "validation", "testing"}
    assert make_corpus(tmp_path / "synth", ("no",), count=1, **settings) == {"no": Made(1, 0)}


def test_near_misses_are_pieces_and_neighbours_but_never_the_word():
    found = near_misses("computer")
    assert {"comp", "comput", "uter", "camfuter"} <= set(found)
    assert len(found) == len({phonemes(word) for word in found})
    assert not any(holds_keyword(word, ["computer"]) for word in (*found, *near_misses("alexa")))
    assert near_misses("go") == () and near_misses("computer") == found


def test_near_misses_and_running_speech_without_the_word(tmp_path):
    made = make_corpus(tmp_path / "synth", ("alexa",), keywords=("alexa",), count=0, unknown=0, noise=False,
                       samples=16_000, seed=1, near_misses=10)
    near = len(all_near(("alexa",), ("alexa",)))
    assert near >= len(near_misses("alexa"))
    assert made == {f"{near} near misses": Made(near * 8, 0), "running speech": Made(near * 10, 0)}
    talk = [read_samples(path) for path in (tmp_path / "synth" / TALK).iterdir()]
    assert len(talk) == near * 10 and all(len(clip) == 16_000 and np.abs(clip).max() > 2_000 for clip in talk)
    clips = scan(tmp_path).clips
    assert {clip.split for clip in clips if clip.word != TALK} == {"training"}
    assert {clip.split for clip in clips if clip.word == TALK} == {"training", "validation", "testing"}
    assert not (tmp_path / "synth" / "alexa").exists()


@pytest.mark.parametrize("word", ["", "Yes", "../x", "_noise", "two words"])
def test_words_that_are_no_folder_names_are_refused(tmp_path, word):
    with pytest.raises(DataError, match="must be a word"):
        make_clips(tmp_path, (word,), count=1)


def test_stream_puts_the_words_where_the_truth_says():
    voice = Voice(timbre="f5")
    script = (Spoken(text="yes", voice=voice, gap_s=1.0), Spoken(text="bed", voice=voice, gap_s=0.5, peak_db=-20),
              Spoken(text="no", voice=voice, gap_s=2.0))
    audio, events = make_stream(script, keywords=("yes", "no"), noise_db=-60, rng=rng())
    assert [event.keyword for event in events] == ["yes", "no"] and events[0].start_s == 3.0
    lengths = [len(synthesize(item.text, voice)) / 16_000 for item in script]
    assert events[0].end_s == pytest.approx(3 + lengths[0], abs=1e-3)
    assert events[1].start_s == pytest.approx(3 + lengths[0] + 0.5 + lengths[1] + 2, abs=1e-3)
    word = audio[round(events[1].start_s * 16_000) : round(events[1].end_s * 16_000)]
    before = audio[round(events[1].start_s * 16_000) - 16_000 : round(events[1].start_s * 16_000)].astype(float)
    assert np.abs(word.astype(int)).max() == pytest.approx(16_423, abs=200)  # -6 dB
    assert 20 * np.log10(before.std() / 32768) == pytest.approx(-60, abs=3)


def test_script_says_each_keyword_by_voices_of_one_split():
    script = write_script(COMMANDS, count=3, rng=rng())
    assert {item.voice.split for item in script} == {"testing"}
    assert sorted(item.text for item in script if item.text in COMMANDS) == sorted(COMMANDS * 3)
    assert not any(holds_keyword(item.text, COMMANDS) for item in script if item.text not in COMMANDS)


def test_stream_files_and_truth(tmp_path):
    length_s, events = write_stream(tmp_path / "a.flac", ("yes", "no"), count=2, seed=7)
    write_stream(tmp_path / "b.wav", ("yes", "no"), count=2, seed=7)
    assert soundfile.info(tmp_path / "a.flac").duration == pytest.approx(length_s)
    assert np.array_equal(soundfile.read(tmp_path / "a.flac")[0], soundfile.read(tmp_path / "b.wav")[0])
    assert read_truth(tmp_path / "a.csv") == events and len(events) == 4
    with pytest.raises(DataError, match=r"must end in \.wav or \.flac"):
        write_stream(tmp_path / "a.mp3", ("yes", "no"), count=1, seed=7)


def test_truth_as_text(tmp_path):
    write_truth(tmp_path / "t.csv", [Event(1.0, 1.5, "yes"), Event(2.25, 2.5, "no")])
    assert (tmp_path / "t.csv").read_text() == "start_s,end_s,keyword\n1.000,1.500,yes\n2.250,2.500,no\n"


@pytest.mark.parametrize(("text", "message"), [
    ("", "line 1"), ("time,word\n", "line 1"), ("start_s,end_s,keyword\n1,2\n", "line 2"),
    ("start_s,end_s,keyword\n1,2,yes\nx,2,no\n", "line 3"), ("start_s,end_s,keyword\n3,2,yes\n", "start_s <= end_s"),
    ("start_s,end_s,keyword\nnan,2,yes\n", "start_s <= end_s"), ("start_s,end_s,keyword\n1,2, \n", "no keyword"),
    ("start_s,end_s,keyword\n1,2,yes\n1.0,2.0,Yes\n", "line 3.*the same as line 2")])
def test_wrong_truth_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_truth(tmp_path / "t.csv")


@pytest.mark.parametrize(("text", "encoding"), [
    ("start_s;end_s;keyword\n1,5;2,25;Gru\u0308n \n", "utf-8"),
    ("Keyword\tstart_s\tend_s\ngrün\t1.5\t2.25\n", "utf-16")])
def test_a_truth_of_another_program_is_read(tmp_path, text, encoding):
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert read_truth(tmp_path / "t.csv") == (Event(1.5, 2.25, "grün"),)


def test_the_demo_recording_is_what_its_script_speaks(tmp_path):
    root = ROOT
    subprocess.run([sys.executable, "-m", "kws.bench", "demo_audio", tmp_path], check=True, stdout=subprocess.DEVNULL,
                   env=os.environ | {"PYTHONPATH": str(root)})
    ours, again = (soundfile.read(folder / "commands.flac", dtype="int16")[0]
                   for folder in (root / "recordings/demo", tmp_path))
    assert np.array_equal(ours, again)
    truth = read_truth(root / "recordings/demo/commands.csv")
    assert truth == read_truth(tmp_path / "commands.csv")
    assert sorted(event.keyword for event in truth) == sorted(COMMANDS * 2)
    for event in truth:
        word = ours[round(event.start_s * 16_000) : round(event.end_s * 16_000)].astype(float)
        before = ours[round(event.start_s * 16_000) - 12_000 : round(event.start_s * 16_000)].astype(float)
        assert word.std() > 10 * before.std()


def test_the_demo_recording_is_no_clip(tmp_path):
    (tmp_path / "demo").symlink_to(ROOT / "recordings/demo")
    with pytest.raises(DataError, match="no recordings here"):
        scan(tmp_path)
