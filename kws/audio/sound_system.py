"""The sound system as this process reaches it: through PortAudio, whose calls may never come back.

PortAudio waits for a driver or for the sound server. One that hangs, or a device that goes at the wrong moment, would
hold the whole program, and Ctrl-C with it, which Python handles only when the call is over. So every call that waits is
made in a thread of its own, and given up after a time; the thread stays behind until its call comes back, if it ever
does. That closing a stream can wait for ever is known of PortAudio with ALSA's pulse plug-in:
https://github.com/RustAudio/rust-portaudio/issues/165.

    stream = CALLS.ask(open_stream, late=close_stream)      # DeviceError after ANSWER_S
    CALLS.close(stream.close)                               # False after CLOSE_S
"""

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from types import ModuleType
from typing import TypeVar

from kws.errors import DeviceError

ANSWER_S = 15.0  # listing and opening take a tenth of a second, on a busy machine a few seconds
CLOSE_S = 1.5  # closing takes some 10 ms; a person who has pressed Ctrl-C waits for it
NO_ANSWER = ("the sound system does not answer; restart it (Linux: systemctl --user restart pipewire, or pulseaudio), "
             "then this program")

T = TypeVar("T")


def nothing(result: object) -> None:
    """What usually becomes of a result that nobody waits for any more."""


class Calls:
    """Calls that may never come back, each in a thread of its own."""

    def __init__(self) -> None:
        self._asking: list[threading.Thread] = []  # given up
        self._closing: list[threading.Thread] = []  # given up

    @property
    def closing(self) -> bool:
        """Whether a stream that was given up is not closed yet; until then PortAudio must not be started anew."""
        return any(thread.is_alive() for thread in self._closing)

    def ask(self, call: Callable[[], T], *, seconds: float = ANSWER_S, late: Callable[[T], object] = nothing) -> T:
        """What `call` returns or raises.

        late : gets what it returns when it has been given up
        Raises DeviceError after `seconds`, and at once while another one that was given up has not come back.
        """
        if any(thread.is_alive() for thread in self._asking):
            raise DeviceError(NO_ANSWER)
        try:
            return self._wait(call, seconds, late, self._asking)
        except CancelledError:
            raise DeviceError(NO_ANSWER) from None

    def close(self, call: Callable[[], object], *, seconds: float = CLOSE_S) -> bool:
        """Whether `call` has come back within `seconds`; what it raises is raised."""
        try:
            self._wait(call, seconds, nothing, self._closing)
        except CancelledError:
            return False
        return True

    def _wait(self, call: Callable[[], T], seconds: float, late: Callable[[T], object],
              given_up: list[threading.Thread]) -> T:
        """Its result. Raises CancelledError after `seconds`; a Ctrl-C in between gives it up as well."""
        future: Future[T] = Future()
        thread = threading.Thread(target=fulfil, args=(future, call, late), daemon=True)
        try:
            thread.start()
            wait([future], seconds)
        finally:
            if future.cancel():
                given_up.append(thread)
                leave_open_at_exit()
        return future.result()


CALLS = Calls()  # of this process, which has one PortAudio


def fulfil(future: "Future[T]", call: Callable[[], T], late: Callable[[T], object]) -> None:
    """Make the call, and hand over how it ended, unless it has been given up."""
    try:
        result = call()
    except BaseException as error:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
        return
    if future.set_running_or_notify_cancel():
        future.set_result(result)
    else:
        late(result)


def leave_open_at_exit() -> None:
    """At its end sounddevice closes PortAudio, and would wait for what does not come back: the system does it too."""
    atexit.unregister(getattr(sys.modules.get("sounddevice"), "_exit_handler", nothing))


def import_sounddevice() -> ModuleType:
    """The package sounddevice, which looks for devices when it is imported first.

    Raises DeviceError that says what to do if PortAudio is missing or does not answer.
    """
    def load() -> ModuleType:
        import sounddevice

        return sounddevice

    try:
        with quiet_stderr():
            return CALLS.ask(load)
    except OSError as error:
        raise DeviceError("the microphone needs the library PortAudio, which is missing; install it with: "
                          "apt-get install libportaudio2 (other systems: the package portaudio)") from error


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what ALSA and PortAudio print by themselves; their errors come as exceptions as well."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def reason(error: Exception) -> str:
    """PortAudio's own words, without its numbers."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.partition("[")[0].strip().removeprefix("Error opening InputStream: ").rstrip(".:")


def to_stderr(message: str) -> None:
    """A line for the person, where nobody else shows it."""
    print(message, file=sys.stderr, flush=True)
