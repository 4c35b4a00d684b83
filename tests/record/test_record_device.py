"""Recording sessions on a real audio device, in real time, the terminal driven through a pseudo-terminal."""

import signal
import threading
from collections import Counter

import numpy as np
import pytest
import soundfile

from kws.audio.microphone import Microphone, find_device
from kws.data.corpus import NOISE, scan
from tests.helpers.child import Child
from tests.helpers.recording import RATE, TONES_HZ, beep, files, run_kws, workspace
from tests.helpers.terminal import ROOT, Terminal
from tests.helpers.waiting import SILENCE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.audio]

# Without a microphone in between, models/commands understands each word by each voice, wherever its hops begin.
WORDS = ("on", "go", "off")
VOICES = ("Alex", "Andrea", "Diogo", "Henrique", "f2", "Mario", "aunty")


class TestDevice:
    """Through the null sink, in real time."""

    def say(self, null_sink, terminal, speech):
        """Wait for the next prompt and speak; the word, or None at the end."""
        prompt = terminal.wait_for(r"say: (\w+) ")
        if prompt is None:
            return None
        null_sink.play(speech(prompt[1]))
        return prompt[1]

    def test_twenty_takes_of_synthesized_words_hold_the_words(self, null_sink, tmp_path):
        pytest.importorskip("espeakng_loader", reason="no speech synthesizer here")
        import kws
        from kws.speech.voices import Voice, synthesize

        spoken = Counter()

        def speech(word):
            timbre = VOICES[spoken[word] % len(VOICES)]
            audio = synthesize(word, Voice(timbre=timbre, rate_wpm=150))
            return (0.4 * 32767 * audio / np.abs(audio).max()).astype(np.int16)

        workspace(tmp_path, *WORDS)
        terminal = Terminal("record", *WORDS, "--speaker", "anna", "--count", "7", "--countdown", "0.3", "-C", tmp_path)
        while (word := self.say(null_sink, terminal, speech)) is not None:
            spoken[word] += 1
        status, out = terminal.finish()
        assert status == 0, terminal.shown
        assert "21 takes (" + ", ".join(f"{word} 7" for word in sorted(WORDS)) + ")" in out
        assert "clips of off: 43 more" in out and "speakers of off: 4 more" in out
        clips = scan(tmp_path / "recordings").clips
        assert Counter(clip.word for clip in clips) == dict.fromkeys(WORDS, 7)
        detector = kws.load(ROOT / "models" / "commands")
        heard = 0
        for clip in clips:
            audio = np.concatenate((np.zeros(RATE // 2), soundfile.read(clip.path, dtype="int16")[0],
                                    np.zeros(RATE))).astype(np.int16)
            detector.reset()
            best = detector.scores(audio)[0][:, 2:].max(axis=0).argmax()  # of the keywords
            heard += detector.labels[2 + best] == clip.word
        assert heard >= 20, f"{heard} of 21 are what is heard in them most clearly"

    def test_undo_pause_and_quit(self, null_sink, tmp_path):
        workspace(tmp_path, "low", "high")
        terminal = Terminal("record", "--speaker", "anna", "--count", "3", "--countdown", "1", "-C", tmp_path)
        speech = lambda word: beep(word).astype(np.int16)  # noqa: E731
        for _ in range(2):
            self.say(null_sink, terminal, speech)
            terminal.wait_for("good: ")
        terminal.press("u")
        terminal.wait_for("undone: ")
        terminal.press("p")
        terminal.wait_for("paused; press any key to continue")
        terminal.press(" ")
        terminal.wait_for("get ready")
        terminal.press("q")
        status, out = terminal.finish()
        assert status == 0 and "1 take (" in out and "still to say: 5" in out
        assert len(files(tmp_path)) == 1
        assert "[#" in terminal.shown, "the meter moved"

    def test_unplugged_in_the_middle_keeps_the_takes(self, null_sink, tmp_path):
        workspace(tmp_path, "low", "high")
        terminal = Terminal("record", "--speaker", "anna", "--count", "2", "--countdown", "0.3", "-C", tmp_path)
        self.say(null_sink, terminal, lambda word: beep(word).astype(np.int16))
        terminal.wait_for("good: ")
        null_sink.remove_sink()
        try:
            status, out = terminal.finish()
        finally:
            null_sink.add_sink()
        assert status == 1 and "is gone and sends no more sound; plug it in again" in terminal.shown
        assert "1 take (" in out and len(files(tmp_path)) == 1

    @pytest.mark.parametrize("interrupted", [False, True])
    def test_a_sound_system_that_hangs_holds_nobody(self, null_sink, tmp_path, interrupted):
        """The session ends as with an unplugged microphone, or at Ctrl-C, and the takes are kept."""
        workspace(tmp_path, "low", "high")
        terminal = Terminal("record", "--speaker", "anna", "--count", "2", "--countdown", "0.3", "-C", tmp_path)
        self.say(null_sink, terminal, lambda word: beep(word).astype(np.int16))
        terminal.wait_for("good: ")
        with null_sink.hung():
            if interrupted:
                terminal.process.send_signal(signal.SIGINT)
            status, out = terminal.finish()
        assert status == (130 if interrupted else 1)
        assert ("interrupted" if interrupted else "is gone and sends no more sound; plug it in again") in terminal.shown
        assert "default: the sound system does not close it, so it stays open until this program ends" in terminal.shown
        assert "1 take (" in out and len(files(tmp_path)) == 1

    def test_noise_in_a_pipe(self, null_sink, tmp_path):
        workspace(tmp_path, "low")
        sound = (300 * np.random.default_rng(1).standard_normal(10 * RATE)).astype(np.int16)
        player = threading.Thread(target=null_sink.play, args=(sound,))
        player.start()
        with Microphone(find_device(None, cache=tmp_path).device) as microphone:
            wait_until(lambda: microphone.read().any(), seconds=SILENCE_S)
        result = run_kws("record", "--noise", "--seconds", "1.5", "--speaker", "kitchen", "-C", tmp_path)
        player.join()
        assert result.returncode == 0, result.stderr
        path = tmp_path / "recordings" / "own" / NOISE / "kitchen_nohash_1.wav"
        assert result.stdout.startswith(f"{path}: 1.5 s at -4")
        assert scan(tmp_path / "recordings").noise == (path,)
        assert "\x1b" not in result.stderr and "\r" not in result.stderr

    def test_one_long_take_is_cut_apart_and_reviewed(self, null_sink, tmp_path):
        workspace(tmp_path, "low", "high")
        terminal = Terminal("record", "--continuous", "--speaker", "anna", "-C", tmp_path)
        terminal.wait_for("recording 1 s")
        null_sink.play(np.concatenate([np.append(beep(word), np.zeros(RATE * 3 // 4)) for word in
                                       ("low", "high", "low")]).astype(np.int16))
        terminal.press("x")
        for key in "12d":
            terminal.wait_for(r"\d of 3: .* 1 low, 2 high, d drop, r replay")
            terminal.press(key)
        status, out = terminal.finish()
        assert status == 0 and "2 takes (high 1, low 1), 1 of 3 dropped" in out
        for word, hz in TONES_HZ.items():
            audio = soundfile.read(tmp_path / "recordings" / "own" / word / "anna_nohash_1.wav")[0]
            assert abs(np.abs(np.fft.rfft(audio)).argmax() - hz) < 5

    def test_ctrl_c_keeps_the_takes(self, null_sink, tmp_path):
        workspace(tmp_path, "low", "high")
        terminal = Terminal("record", "--speaker", "anna", "--count", "2", "--countdown", "0.3", "-C", tmp_path)
        self.say(null_sink, terminal, lambda word: beep(word).astype(np.int16))
        terminal.wait_for("good: ")
        terminal.process.send_signal(signal.SIGINT)
        status, out = terminal.finish()
        assert status == 130 and "1 take (" in out and "interrupted" in terminal.shown
        assert len(files(tmp_path)) == 1

    def test_a_session_in_a_pipe_is_plain_lines(self, null_sink, tmp_path):
        workspace(tmp_path, "low", "high")
        with Child(["record", "--speaker", "anna", "--count", "1", "--countdown", "0.3", "-C", tmp_path]) as command:
            for _ in range(2):
                null_sink.play(beep(command.errors.next("say: ").split()[1]).astype(np.int16))
            assert command.wait() == 0 and "2 takes (high 1, low 1)" in str(command.out)
        shown = f"{command.errors}{command.out}"
        assert "\x1b" not in shown and "\r" not in shown
        assert [line.split(":")[0] for line in command.errors.lines[-4:]] == ["say", "good"] * 2
