"""The live picture of `kws listen` in a terminal.

What is heard is noted here as it comes; the screen asks for the picture from a thread of its own, so that a slow
terminal cannot hold up the listening.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Detection, Detector, Hop
from kws.engine.decoder import NEVER, SCORE_STEPS
from kws.features.tables import FrontendTables
from kws.listen.screen import RESET, Painter, Piece, Screen
from kws.listen.session import Status

FRAMES_PER_SECOND = 6
SPAN_S = 6.0  # of the spectrogram, about
FLASH_S, NOTE_S = 1.2, 12.0
RANGE_S = 0.5  # how often the spectrogram's contrast is looked at
MOST_COLUMNS = 400
LOWEST_DB = -60.0
LABEL_WIDTH, CELL_WIDTH, HITS_WIDTH = 7, 26, 26
EIGHTHS = " ▏▎▍▌▋▊▉█"
SHADES = " ░▒▓█"
ZONES = ((0.7, "#38b764"), (0.9, "#e8b53c"), (1.0, "#e5484d"))  # of the level meter
# From silence to loud: anchors of a colour map, red green blue.
HEAT = ((8, 8, 16), (24, 18, 66), (86, 22, 112), (160, 40, 100), (222, 84, 62), (248, 152, 40), (250, 230, 140))
LEVELS = 12


def heat(level: float) -> str:
    """The colour of 0..1 as #rrggbb."""
    place = np.linspace(0, 1, len(HEAT))
    red, green, blue = (round(float(np.interp(level, place, [colour[i] for colour in HEAT]))) for i in range(3))
    return f"#{red:02x}{green:02x}{blue:02x}"


class MelView:
    """Rows of features as levels of mel bands, whatever the features are. bands : how many."""

    def __init__(self, tables: FrontendTables):
        self.bands = tables.bands
        self._step = 2.0 ** tables.shift.astype(float) / tables.multiplier / 65_536
        self._cosines = tables.dct_q15.reshape(-1, tables.bands) / 32_768 if tables.dct_count else None

    def levels(self, row: np.ndarray) -> np.ndarray:
        """row : int8 [features] -> float [bands] 0..1, low bands first."""
        if self._cosines is None:
            return (row + 128.0) / 255.0
        nepers = ((row + 0.5) * self._step) @ self._cosines  # about the middle of the training clips
        return np.clip(nepers / 12 + 0.5, 0, 1)


class Display:
    """A View that draws. Use as a context manager; `notes` holds what was noted, for after the screen has gone."""

    def __init__(self, detector: Detector, *, title: str, microphone: bool = True, console: Console | None = None,
                 clock: Callable[[], float] = time.monotonic, now: Callable[[], datetime] = datetime.now):
        self._console, self._clock, self._now, self._title = console or Console(), clock, now, title
        self._mel = MelView(detector.plan.frontend)
        self._hop_s = detector.plan.frontend.hop_samples / SAMPLE_RATE_HZ
        thresholds = detector.plan.decoder.thresholds
        self._words = [(label, i, thresholds[i] / SCORE_STEPS) for i, label in enumerate(detector.labels)
                       if thresholds[i] != NEVER]
        self._scores = np.zeros(len(detector.labels), np.float32)
        self._columns: deque[np.ndarray] = deque(maxlen=MOST_COLUMNS)
        self._marks: deque[tuple[int, str]] = deque(maxlen=50)  # number of the column, keyword
        self._done = self._in_column = 0
        self._hits: deque[tuple[datetime, Detection]] = deque(maxlen=50)
        self._flash: dict[str, float] = {}
        self._status: Status | None = None
        self.notes: deque[tuple[datetime, str]] = deque(maxlen=100)
        self._noted_s = -NOTE_S
        self._microphone = microphone
        self._lock = threading.Lock()
        self._painter = Painter(self._console)
        self._palette = palette(self._painter) if self._painter.coloured else None
        self._range, self._range_s = (0.0, 1.0), -RANGE_S  # of the spectrogram's levels
        self._screen = Screen(self._console, self.frame, frames_per_second=FRAMES_PER_SECOND)

    def __enter__(self) -> "Display":
        self._screen.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._screen.stop()

    # What comes

    def hops(self, hops: list[Hop]) -> None:
        with self._lock:
            per_column = self._hops_per_column()
            for hop in hops:
                levels = self._mel.levels(hop.row)
                if self._in_column == 0:
                    self._columns.append(levels)
                    self._done += 1
                else:
                    self._columns[-1] = np.maximum(self._columns[-1], levels)
                self._in_column = (self._in_column + 1) % per_column
                if hop.averages is not None:
                    self._scores = np.maximum(self._scores, hop.averages)

    def hit(self, hit: Detection) -> None:
        with self._lock:
            self._hits.append((self._now(), hit))
            self._flash[hit.keyword] = self._clock()
            self._marks.append((self._done, hit.keyword))

    def note(self, message: str) -> None:
        with self._lock:
            self.notes.append((self._now(), message))
            self._noted_s = self._clock()

    def status(self, status: Status) -> None:
        with self._lock:
            self._status = status

    # The picture

    def _hops_per_column(self) -> int:
        return max(round(SPAN_S / self._hop_s / max(self._console.width - LABEL_WIDTH - 2, 1)), 1)

    def frame(self, width: int, height: int) -> list[str]:
        """The picture as lines for the terminal."""
        with self._lock:
            bars = self._bars(width, at_least=height - 9 - self._mel.bands // 2)
            # title, level, two empty lines, marks, axis, empty line, note, footer
            rows = min(height - 9 - len(bars), self._mel.bands // 2)
            lines = [self._row(self._head(width), width)]
            if self._microphone or self._columns:
                lines.append(self._row(self._level(width), width))
                if rows >= 3:
                    lines += ["", *self._spectrogram(width, rows)]
            lines += ["", *(self._row(bar, width) for bar in bars[:max(height - 5, 1)])]
            lines += [""] * (height - 2 - len(lines))
            lines += [self._row([self._note_line()], width), self._row([self._footer()], width)]
            self._scores = self._scores * np.float32(0.7)
        return lines[:height]

    def _row(self, pieces: list[Piece], width: int) -> str:
        return self._painter.row(pieces, width)

    def _head(self, width: int) -> list[Piece]:
        head = [(" kws listen ", "bold white on #5a1672"), ("  ", ""), (self._title, "bold")]
        if self._status is not None:
            clock = f"{int(self._status.elapsed_s) // 60:d}:{int(self._status.elapsed_s) % 60:02d} "
            room = width - 14 - cell_len(self._title) - len(clock)
            head += [(" " * max(room, 1), ""), (clock, "dim")]
        return head

    def _level(self, width: int) -> list[Piece]:
        """The meter: average as a bar, peak as a line."""
        room = max(min(width - LABEL_WIDTH - 26, 72), 8)
        peak_db = self._status.peak_db if self._status else LOWEST_DB
        rms_db = self._status.rms_db if self._status else LOWEST_DB
        peak, rms = (max(0.0, min(1 - db / LOWEST_DB, 1.0)) for db in (peak_db, rms_db))
        cells, mark = bar_cells(rms, room), min(int(peak * room), room - 1)
        return [(f" {'level':<{LABEL_WIDTH}}", "dim"), *bar_pieces(cells[:mark], ZONES, room),
                ("▏" if peak > 0 else "·", "bold white"),
                *bar_pieces(cells[mark + 1:], ZONES, room, start=mark + 1),
                (f" {rms_db:5.0f} dB, peak {peak_db:4.0f} dB", "dim")]

    def _spectrogram(self, width: int, rows: int) -> list[str]:
        """Two bands per line, the highest at the top; below it the keywords where they were heard."""
        room = max(width - LABEL_WIDTH - 2, 1)
        steps = self._steps(2 * rows, room)
        names = {0: "high", rows // 2: "mel", rows - 1: "low"}
        lines = []
        for row in range(rows):
            label = self._row([(f" {names.get(row, ''):<{LABEL_WIDTH}}", "dim")], width)
            pair = steps[2 * row:2 * row + 2]
            lines.append(label + (self._half_blocks(*pair) if self._palette else shades(pair.max(axis=0))))
        return [*lines, self._row([(" " * (LABEL_WIDTH + 1) + self._marked(room), "bold #7ce38b")], width)]

    def _steps(self, bands: int, room: int) -> np.ndarray:
        """int [bands, room] 0..LEVELS - 1: the newest columns, at the right end, the highest band first."""
        steps = np.zeros((bands, room), np.int64)
        newest = list(self._columns)[-room:]
        if newest:
            edges = np.arange(bands) * self._mel.bands // bands
            grid = np.maximum.reduceat(np.array(newest), edges, axis=1)
            if self._clock() - self._range_s >= RANGE_S:
                self._range, self._range_s = usual_range(grid), self._clock()
            low, high = self._range
            levels = (grid.T[::-1] - low) * (LEVELS / (high - low))
            steps[:, room - len(newest):] = np.clip(levels, 0, LEVELS - 1)
        return steps

    def _half_blocks(self, upper: np.ndarray, lower: np.ndarray) -> str:
        """A line of cells, each with two colours."""
        key = upper * LEVELS + lower
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        lengths = np.diff(np.append(starts, len(key)))
        assert self._palette is not None
        runs, last = [], (-1, -1)
        for k, n in zip(key[starts].tolist(), lengths.tolist(), strict=True):
            levels = divmod(k, LEVELS)
            codes = [self._palette[half][levels[half]] for half in (0, 1) if levels[half] != last[half]]
            runs.append(f"\x1b[{';'.join(codes)}m" + "▀" * n)
            last = levels
        return "".join(runs) + RESET

    def _marked(self, room: int) -> str:
        line = [" "] * room
        for column, keyword in self._marks:
            end = room - (self._done - column)
            label = f"{keyword}▴"
            if end - len(label) >= 0:
                line[end - len(label):end] = label
        return "".join(line)

    def _bars(self, width: int, *, at_least: int) -> list[list[Piece]]:
        """Scores in columns on the left, the last detections on the right, `at_least` lines of them."""
        with_hits = width >= CELL_WIDTH + HITS_WIDTH
        room = width - 1 - (HITS_WIDTH if with_hits else 0)
        columns = max(min(room // CELL_WIDTH, 3, -(-len(self._words) // 5)), 1)
        cell, rows = room // columns, -(-len(self._words) // columns)
        hits = list(self._hits)[::-1]
        lines = []
        for row in range(max(rows, 5, at_least) if with_hits else rows):
            line = [(" ", "")]
            for column in range(columns):
                place = column * rows + row
                line += (self._bar(*self._words[place], cell) if row < rows and place < len(self._words)
                         else [(" " * cell, "")])
            if with_hits and row < len(hits):
                line += hit_pieces(*hits[row], newest=row == 0)
            lines.append(line)
        return lines

    def _bar(self, word: str, index: int, threshold: float, width: int) -> list[Piece]:
        """Name, bar with the threshold as a line across it, and the score."""
        room, score = max(width - 18, 1), float(self._scores[index])
        hot = self._clock() - self._flash.get(word, -FLASH_S) < FLASH_S
        zones = ((1.0, "#7ce38b" if hot or score >= threshold else "#5b8def"),)
        cells, mark = bar_cells(score, room), int(threshold * room)
        return [(set_cell_size(word, 9), "bold black on #7ce38b" if hot else ""), (" ", ""),
                *bar_pieces(cells[:mark], zones, room),
                ("│", f"#e8b53c on {zones[0][1]}" if cells[mark] == "█" else "#e8b53c"),
                *bar_pieces(cells[mark + 1:], zones, room, start=mark + 1),
                (f" {score:4.2f}", "bold" if hot else "dim"), ("   ", "")]

    def _note_line(self) -> Piece:
        """What needs attention: a lost device, a fresh note, or the hint about the level."""
        lost = self._status is not None and self._status.lost
        if self.notes and (lost or self._clock() - self._noted_s < NOTE_S):
            return f" ! {self.notes[-1][1]}", "bold #e5484d" if lost else "bold #e8b53c"
        hint = self._status.hint if self._status else None
        return f" {hint}" if hint else "", "#e8b53c"

    def _footer(self) -> Piece:
        status = self._status
        if status is None:
            return " waiting for sound; Ctrl-C ends", "dim"
        if status.footer is not None:
            return f" {status.footer}", "dim"
        overflows = f"{status.overflows} overflow{'' if status.overflows == 1 else 's'}"
        return (f" latency {status.latency_s * 1000:3.0f} ms   load {status.load * 100:4.1f} % of a core   "
                f"{overflows}   Ctrl-C ends", "dim")


def usual_range(grid: np.ndarray) -> tuple[float, float]:
    """The levels that are dark and bright, so that the room's noise is dark, and the loudest on the screen bright."""
    low, high = np.quantile(grid, (0.5, 0.998))
    return float(low) - 0.03, max(float(high), float(low) + 0.27)


def palette(painter: Painter) -> tuple[list[str], list[str]]:
    """The codes of each level's colour for the upper half of a cell, which "▀" fills, and for its lower half."""
    colours = [heat(i / (LEVELS - 1)) for i in range(LEVELS)]
    upper, lower = ([painter.codes(half + colour) for colour in colours] for half in ("", "on "))
    return upper, lower


def shades(steps: np.ndarray) -> str:
    """Levels [n] without colours."""
    return "".join(SHADES[step * len(SHADES) // LEVELS] for step in steps.tolist())


def bar_cells(value: float, width: int) -> str:
    """0..1 as a bar of `width` cells, in eighths of a cell."""
    eighths = round(max(0.0, min(value, 1.0)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def bar_pieces(cells: str, zones: tuple[tuple[float, str], ...], room: int, *, start: int = 0) -> list[Piece]:
    """A part of a bar of `room` cells, from cell `start` on. zones : up to which share of the room which colour."""
    filled = cells.rstrip(" ")
    pieces, done = [], 0
    for share, colour in zones:
        end = min(max(round(share * room) - start, done), len(filled))
        if end > done:
            pieces.append((filled[done:end], colour))
            done = end
    if len(cells) > len(filled):
        pieces.append(("·" * (len(cells) - len(filled)), "#3a3f4b"))
    return pieces


def hit_pieces(at: datetime, hit: Detection, *, newest: bool) -> list[Piece]:
    """One detection: clock, keyword, score."""
    return [(f"{at:%H:%M:%S}  ", "dim"), (set_cell_size(hit.keyword, 11), "bold #7ce38b" if newest else ""),
            (f"{hit.score:.2f}", "dim")]
