"""A whole terminal that is drawn again and again, cheaply: lines that have not changed are not sent again.

A library that lays out styled text takes several milliseconds for a screen of this size, more than the detector needs
in a second; here a line is a string that is put together once.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[?25h\x1b[?1049l"
RESET = "\x1b[0m"
Piece = tuple[str, str]  # text and its style, as rich writes it: "bold #7ce38b"


class Painter:
    """Styles as what this terminal wants to hear. coloured : whether it has colours at all."""

    def __init__(self, console: Console):
        self.coloured = console.color_system is not None and not console.no_color
        self._system = COLOR_SYSTEMS[console.color_system or "standard"]
        self._plain = console.color_system is None
        self.start = lru_cache(1_024)(self._start)

    def _start(self, style: str) -> str:
        """What begins a style; RESET ends it."""
        codes = self.codes(style)
        return f"\x1b[{codes}m" if codes else ""

    def codes(self, style: str) -> str:
        """The numbers of a style, with ; between them."""
        parsed = Style.parse(style)
        codes = [code for code, wanted in (("1", parsed.bold), ("2", parsed.dim)) if wanted and not self._plain]
        if self.coloured and parsed.color:
            codes += parsed.color.downgrade(self._system).get_ansi_codes()
        if self.coloured and parsed.bgcolor:
            codes += parsed.bgcolor.downgrade(self._system).get_ansi_codes(foreground=False)
        return ";".join(codes)

    def row(self, pieces: Iterable[Piece], width: int) -> str:
        """One line of at most `width` cells."""
        painted, room = [], width
        for text, style in pieces:
            if (cells := cell_len(text)) > room:
                text, cells = set_cell_size(text, room), room
            room -= cells
            start = self.start(style) if style else ""
            painted.append(f"{start}{text}{RESET}" if start else text)
        return "".join(painted)


class Screen:
    """Draws `frame`, a function of width and height, so many times a second from a thread of its own."""

    def __init__(self, console: Console, frame: Callable[[int, int], list[str]], *, frames_per_second: float):
        self._console, self._frame, self._pause_s = console, frame, 1 / frames_per_second
        self._shown: list[str] = []
        self._size = (0, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._write(ENTER)
        self._thread.start()

    def stop(self) -> None:
        """Draws once more, and gives the terminal back as it was."""
        self._stop.set()
        self._thread.join(2)
        with contextlib.suppress(OSError):
            self._write(LEAVE)

    def draw(self) -> None:
        """What has changed since the last time."""
        size = self._console.size
        rows = self._frame(size.width, size.height)[:size.height]
        text = [] if (size.width, size.height) == self._size else ["\x1b[2J"]
        before = self._shown if not text else []
        for number, row in enumerate(rows):
            if number >= len(before) or before[number] != row:
                text.append(f"\x1b[{number + 1}H{row}\x1b[K")
        text += [f"\x1b[{number + 1}H\x1b[K" for number in range(len(rows), len(before))]
        self._shown, self._size = rows, (size.width, size.height)
        self._write("".join(text))

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone; the listening ends by itself
            while not self._stop.wait(self._pause_s):
                self.draw()

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()
