"""The live picture of `kws listen` in a terminal.

What is heard is noted here as it comes; rich draws it from a thread of its own, so that a slow terminal cannot hold up
the listening. Lines are put together as segments by hand: a spectrogram of a thousand cells ten times a second must
not cost what the detector costs.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime

import numpy as np
from rich.console import COLOR_SYSTEMS, Console, ConsoleOptions
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.style import Style
from rich.text import Text

from kws.data.audio import SAMPLE_RATE_HZ
from kws.detect.detector import Detection, Detector, Hop
from kws.detect.listen import Status
from kws.engine.decoder import NEVER, SCORE_STEPS
from kws.features.tables import FrontendTables

FRAMES_PER_SECOND = 6
SPAN_S = 6.0  # of the spectrogram, about
FLASH_S, NOTE_S = 1.2, 12.0
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

    def __init__(self, detector: Detector, *, title: str, console: Console | None = None,
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
        self._lock = threading.Lock()
        self._palette: list[str] = []
        self._live = Live(get_renderable=lambda: self, console=self._console, screen=True, auto_refresh=True,
                          refresh_per_second=FRAMES_PER_SECOND, redirect_stdout=False, redirect_stderr=False)

    def __enter__(self) -> "Display":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

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

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text | Segment]:
        width, height = options.max_width, options.height or console.height
        with self._lock:
            if not self._palette and console.color_system is not None:
                self._palette = palette(console.color_system)
            bars = self._bars(width, at_least=height - 9 - self._mel.bands // 2)
            # title, level, two empty lines, marks, axis, empty line, note, footer
            rows = min(height - 9 - len(bars), self._mel.bands // 2)
            lines = [self._head(width), self._level(width)]
            if rows >= 3:
                lines += [Text(), *self._spectrogram(width, rows, coloured=console.color_system is not None)]
            lines += [Text(), *bars[:max(height - 5, 1)]]
            while len(lines) < height - 2:
                lines.append(Text())
            lines += [self._note_line(), self._footer()]
            self._scores = self._scores * np.float32(0.7)
        for line in lines[:height]:
            if isinstance(line, Text):
                line.no_wrap, line.overflow, line.end = True, "crop", ""
                yield line
            else:
                yield from line
            yield Segment.line()

    def _head(self, width: int) -> Text:
        head = Text.assemble((" kws listen ", "bold white on #5a1672"), ("  ", ""), (self._title, "bold"))
        if self._status is not None:
            clock = f"{int(self._status.elapsed_s) // 60:d}:{int(self._status.elapsed_s) % 60:02d} "
            head.append(" " * max(width - head.cell_len - len(clock), 1) + clock, "dim")
        return head

    def _level(self, width: int) -> Text:
        """The meter: average as a bar, peak as a line."""
        room = max(min(width - LABEL_WIDTH - 26, 72), 8)
        peak_db = self._status.peak_db if self._status else LOWEST_DB
        rms_db = self._status.rms_db if self._status else LOWEST_DB
        peak, rms = (max(0.0, min(1 - db / LOWEST_DB, 1.0)) for db in (peak_db, rms_db))
        line, cells = Text.assemble((f" {'level':<{LABEL_WIDTH}}", "dim")), bar_cells(rms, room)
        mark = min(int(peak * room), room - 1)
        append_cells(line, cells[:mark], ZONES, room)
        line.append("▏" if peak > 0 else "·", "bold white")
        append_cells(line, cells[mark + 1:], ZONES, room, start=mark + 1)
        line.append(f" {rms_db:5.0f} dB, peak {peak_db:4.0f} dB", "dim")
        return line

    def _spectrogram(self, width: int, rows: int, *, coloured: bool) -> Iterator[list[Segment] | Text]:
        """Two bands per line, the highest at the top; below it the keywords where they were heard."""
        room = width - LABEL_WIDTH - 2
        cells = np.zeros((2 * rows, room))
        newest = list(self._columns)[-room:]
        if newest:
            edges = np.arange(2 * rows) * self._mel.bands // (2 * rows)
            grid = np.maximum.reduceat(np.array(newest), edges, axis=1)
            cells[:, room - len(newest):] = contrast(grid).T[::-1]
        steps = np.clip(cells * LEVELS, 0, LEVELS - 1).astype(int)
        names = {0: "high", rows // 2: "mel", rows - 1: "low"}
        for row in range(rows):
            label = Segment(f" {names.get(row, ''):<{LABEL_WIDTH}}", Style(dim=True))
            pair = steps[2 * row:2 * row + 2]
            if coloured:
                yield [label, Segment(" " * room), self._half_blocks(*pair)]
            else:
                yield [label, Segment(shades(pair.max(axis=0)))]
        yield self._mark_line(room)

    def _half_blocks(self, upper: np.ndarray, lower: np.ndarray) -> Segment:
        """A line of cells, each with two colours, drawn over the blanks before it.

        To rich it is a control sequence, which it passes on as it is: a thousand styled segments would take it 5 ms.
        """
        key = upper * LEVELS + lower
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        lengths = np.diff(np.append(starts, len(key)))
        runs = (self._palette[key[i]] + "▀" * n for i, n in zip(starts.tolist(), lengths.tolist(), strict=True))
        return Segment(f"\x1b[{len(key)}D{''.join(runs)}\x1b[0m", None, [(ControlType.CURSOR_BACKWARD, len(key))])

    def _mark_line(self, room: int) -> Text:
        line = [" "] * room
        for column, keyword in self._marks:
            end = room - (self._done - column)
            label = f"{keyword}▴"
            if end - len(label) >= 0:
                line[end - len(label):end] = label
        return Text(" " * (LABEL_WIDTH + 1) + "".join(line), "bold #7ce38b")

    def _bars(self, width: int, *, at_least: int) -> list[Text]:
        """Scores in columns on the left, the last detections on the right, `at_least` lines of them."""
        with_hits = width >= CELL_WIDTH + HITS_WIDTH
        room = width - 1 - (HITS_WIDTH if with_hits else 0)
        columns = max(min(room // CELL_WIDTH, 3, -(-len(self._words) // 5)), 1)
        cell, rows = room // columns, -(-len(self._words) // columns)
        hits = list(self._hits)[::-1]
        lines = []
        for row in range(max(rows, 5, at_least) if with_hits else rows):
            line = Text(" ")
            for column in range(columns):
                place = column * rows + row
                line.append_text(self._bar(*self._words[place], cell) if row < rows and place < len(self._words)
                                 else Text(" " * cell))
            if with_hits and row < len(hits):
                line.append_text(hit_line(*hits[row], newest=row == 0))
            lines.append(line)
        return lines

    def _bar(self, word: str, index: int, threshold: float, width: int) -> Text:
        """Name, bar with the threshold as a line across it, and the score."""
        room, score = width - 18, float(self._scores[index])
        hot = self._clock() - self._flash.get(word, -FLASH_S) < FLASH_S
        text = Text.assemble((f"{word[:9]:<9}", "bold black on #7ce38b" if hot else ""), " ")
        zones = ((1.0, "#7ce38b" if hot or score >= threshold else "#5b8def"),)
        cells, mark = bar_cells(score, room), int(threshold * room)
        append_cells(text, cells[:mark], zones, room)
        text.append("│", f"#e8b53c on {zones[0][1]}" if cells[mark] == "█" else "#e8b53c")
        append_cells(text, cells[mark + 1:], zones, room, start=mark + 1)
        text.append(f" {score:4.2f}", "bold" if hot else "dim")
        return text.append("   ")

    def _note_line(self) -> Text:
        """What needs attention: a lost device, a fresh note, or the hint about the level."""
        lost = self._status is not None and self._status.lost
        if self.notes and (lost or self._clock() - self._noted_s < NOTE_S):
            return Text(f" ! {self.notes[-1][1]}", "bold #e5484d" if lost else "bold #e8b53c")
        hint = self._status.hint if self._status else None
        return Text(f" {hint}" if hint else "", "#e8b53c")

    def _footer(self) -> Text:
        if self._status is None:
            return Text(" waiting for sound; Ctrl-C ends", "dim")
        status = self._status
        overflows = f"{status.overflows} overflow{'' if status.overflows == 1 else 's'}"
        return Text(f" latency {status.latency_s * 1000:3.0f} ms   load {status.load * 100:4.1f} % of a core   "
                    f"{overflows}   Ctrl-C ends", "dim")


def contrast(grid: np.ndarray) -> np.ndarray:
    """Levels on 0..1 such that what is usual on the screen, the room's noise, is dark, and the loudest is bright."""
    low, high = np.quantile(grid, (0.5, 0.998))
    low -= 0.03
    return np.clip((grid - low) / max(float(high - low), 0.3), 0, 1)


def palette(color_system: str) -> list[str]:
    """What a terminal wants to hear before "▀", for each pair of levels: upper half and lower half of a cell."""
    colours = [heat(i / (LEVELS - 1)) for i in range(LEVELS)]
    styles = [Style(color=upper, bgcolor=lower) for upper in colours for lower in colours]
    return [style.render("▀", color_system=COLOR_SYSTEMS[color_system]).partition("▀")[0] for style in styles]


def shades(steps: np.ndarray) -> str:
    """Levels [n] without colours."""
    return "".join(SHADES[step * len(SHADES) // LEVELS] for step in steps)


def bar_cells(value: float, width: int) -> str:
    """0..1 as a bar of `width` cells, in eighths of a cell."""
    eighths = round(max(0.0, min(value, 1.0)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def append_cells(text: Text, cells: str, zones: tuple[tuple[float, str], ...], room: int, *, start: int = 0) -> None:
    """A part of a bar of `room` cells, from cell `start` on. zones : up to which share of the room which colour."""
    filled = cells.rstrip(" ")
    done = 0
    for share, colour in zones:
        end = min(max(round(share * room) - start, done), len(filled))
        if end > done:
            text.append(filled[done:end], colour)
            done = end
    if len(cells) > len(filled):
        text.append("·" * (len(cells) - len(filled)), "#3a3f4b")


def hit_line(at: datetime, hit: Detection, *, newest: bool) -> Text:
    """One detection: clock, keyword, score."""
    text = Text(f"{at:%H:%M:%S}  ", "dim")
    text.append(f"{hit.keyword[:10]:<10} ", "bold #7ce38b" if newest else "")
    return text.append(f"{hit.score:.2f}", "dim")
