"""What a recording session shows and which keys it takes: on a terminal, or in a pipe."""

import contextlib
import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kws.arguments import Samples
from kws.errors import DeviceError
from kws.files import printable

if TYPE_CHECKING:
    from kws.record.recorder import Screen

METER_LOW_DB, METER_CELLS = -60, 20


class PlainScreen:
    """Lines on stderr, nothing that moves, no keys: for pipes, logs and screen readers."""

    def line(self, text: str) -> None:
        """Print a line."""
        print(printable(text), file=sys.stderr, flush=True)

    def live(self, text: str, level_db: float) -> None:
        """Nothing: a log does not need the meter."""

    def clear(self) -> None:
        """Nothing."""

    def key(self) -> str | None:
        """No key."""
        return None

    def ask(self, text: str, keys: str) -> str:
        """The first of `keys`."""
        return keys[0]


class LiveScreen:
    """A meter in the last line of the terminal, and keys without Return; made by `open_screen`."""

    def __init__(self) -> None:
        self._bold = ("", "") if "NO_COLOR" in os.environ else ("\x1b[1m", "\x1b[0m")

    def line(self, text: str) -> None:
        """Print a line above the meter; what is to be said stands out."""
        before, after = self._bold if text.startswith("say:") else ("", "")
        self._write(f"\r\x1b[K{before}{printable(text)}{after}\r\n")

    def live(self, text: str, level_db: float) -> None:
        """Show the meter: [######--------------] -40 dB text."""
        shown = f"{meter(level_db)} {printable(text)}"
        self._write(f"\r\x1b[K{shown[: columns() - 1]}")

    def clear(self) -> None:
        """Remove the meter, so that results can follow."""
        self._write("\r\x1b[K")

    def key(self) -> str | None:
        """A key that was pressed, in lower case; None if none was."""
        if not select.select([sys.stdin], [], [], 0)[0]:
            return None
        pressed = os.read(sys.stdin.fileno(), 1).decode("ascii", "replace").lower()
        if not pressed:
            raise KeyboardInterrupt  # the terminal is gone
        return pressed

    def ask(self, text: str, keys: str) -> str:
        """Wait for one of `keys`; Return is the first of them."""
        self._write(f"\r\x1b[K{text[: columns() - 1]}")
        while True:
            select.select([sys.stdin], [], [])
            pressed = self.key()
            if pressed in ("\r", "\n"):
                return keys[0]
            if pressed is not None and pressed in keys:
                return pressed

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def columns() -> int:
    """Width of the terminal behind stderr."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def meter(level_db: float) -> str:
    """[######--------------] -42 dB: from -60 to 0 dB of full scale."""
    cells = round((level_db - METER_LOW_DB) / -METER_LOW_DB * METER_CELLS)
    cells = min(max(cells, 0), METER_CELLS)
    return f"[{'#' * cells}{'-' * (METER_CELLS - cells)}] {level_db:4.0f} dB"


def is_interactive(*, plain: bool) -> bool:
    """Whether a person can press keys and see the meter."""
    return not plain and sys.stdin.isatty() and sys.stderr.isatty()


@contextlib.contextmanager
def open_screen(*, plain: bool) -> Iterator[PlainScreen | LiveScreen]:
    """The screen that fits; the terminal is as it was afterwards."""
    if not is_interactive(plain=plain):
        yield PlainScreen()
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    screen = LiveScreen()
    try:
        tty.setcbreak(descriptor)
        yield screen
    finally:
        screen.clear()
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def player(screen: "Screen") -> Callable[[Samples], None]:
    """Plays a clip; if that is impossible, says so and goes on."""
    from kws.audio.microphone import play

    def play_or_tell(clip: Samples) -> None:
        try:
            play(clip)
        except DeviceError as error:
            screen.line(str(error))

    return play_or_tell
