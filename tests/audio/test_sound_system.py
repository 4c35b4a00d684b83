"""Calls that never come back: given up, told of, never in the way of Ctrl-C or of the end of the program."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from kws.audio.sound_system import Calls
from kws.errors import DeviceError
from tests.helpers.paths import ROOT
from tests.helpers.waiting import SILENCE_S, wait_until


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
def hangs():
    """A call that comes back only when `hangs.go` is set."""
    def call():
        call.begun.set()
        call.go.wait()
        return "late"

    call.begun, call.go = threading.Event(), threading.Event()
    yield call
    call.go.set()


def test_what_a_call_returns_or_raises(calls):
    def refuse():
        raise ValueError("no such rate")

    assert calls.ask(lambda: 7) == 7 and calls.close(lambda: None)
    for way in (calls.ask, calls.close):
        with pytest.raises(ValueError, match="no such rate"):
            way(refuse)


def test_a_question_that_is_not_answered_is_given_up_and_nothing_else_asked_meanwhile(calls, hangs):
    asked, left = [], []
    with pytest.raises(DeviceError, match="the sound system does not answer; restart it"):
        calls.ask(hangs, seconds=0.05, late=left.append)
    with pytest.raises(DeviceError, match="the sound system does not answer; restart it"):
        calls.ask(lambda: asked.append(1))
    assert asked == [] and left == [] and not calls.closing
    hangs.go.set()
    wait_until(lambda: left == ["late"], seconds=SILENCE_S)

    def answered():
        try:
            return calls.ask(lambda: True)
        except DeviceError:
            return False

    wait_until(answered, seconds=SILENCE_S)


def test_a_question_that_fails_late_troubles_nobody(calls, hangs):
    def fails():
        hangs()
        raise OSError("late")

    with pytest.raises(DeviceError):
        calls.ask(fails, seconds=0.05, late=lambda result: pytest.fail("there is none"))
    hangs.go.set()


def test_closing_that_hangs_is_left_and_questions_are_still_answered(calls, hangs):
    assert not calls.close(hangs, seconds=0.05) and calls.closing
    assert calls.ask(lambda: 7) == 7
    hangs.go.set()
    wait_until(lambda: not calls.closing, seconds=SILENCE_S)


def test_ctrl_c_gives_a_call_up(calls, hangs):
    left = []

    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        return hangs()

    with pytest.raises(KeyboardInterrupt):
        calls.ask(interrupted, seconds=SILENCE_S, late=left.append)
    with pytest.raises(DeviceError):
        calls.ask(lambda: 7)
    hangs.go.set()
    wait_until(lambda: left == ["late"], seconds=SILENCE_S)


@pytest.mark.audio
def test_a_program_ends_with_its_own_status_when_a_call_has_not_come_back():
    """At its end sounddevice would close PortAudio, and wait as well."""
    pytest.importorskip("sounddevice", exc_type=OSError)
    program = ("import sys, threading\n"
               "from kws.audio.sound_system import CALLS, import_sounddevice\n"
               "sounddevice = import_sounddevice()\n"
               "sounddevice._terminate = threading.Event().wait\n"
               "assert not CALLS.close(threading.Event().wait, seconds=0.05)\n"
               "sys.exit(3)\n")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=SILENCE_S, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
