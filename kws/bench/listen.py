"""The share of one core that `kws listen` takes, with its display and without, as it says itself at the end.

    scripts/bench listen [SECONDS] [RUN]      default: 60 s each, the newest run; 0 s: only the cost of a frame

First the processor time of one frame of the display, of its own thread, so that other processes do not matter. Then it
plays the demo recording into a null sink at 48 kHz (null_sink.py says what to install) while kws listen draws into a
pseudo-terminal of that size, whose other end only reads. The share is processor time of the whole process, PortAudio's
threads included, over the time from the first sound to the end. The terminal's own work is not in it.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from kws.audio.files import SAMPLE_RATE_HZ, read_samples
from kws.bench import null_sink
from kws.bench.common import DEMO_RECORDING, ROOT, header, parser
from kws.detect.detector import load_detector
from kws.listen.display import FRAMES_PER_SECOND, Display
from kws.listen.screen import Screen
from kws.workspace import locate_run

SIZES = ((80, 24), (120, 40), (200, 60))


def frame_cost(run: Path, size: tuple[int, int]) -> str:
    """Of the first 20 s of the recording, drawn FRAMES_PER_SECOND times for each second of it."""
    detector = load_detector(run)
    hops = detector.watch(read_samples(DEMO_RECORDING)[:20 * SAMPLE_RATE_HZ])
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=size[0], height=size[1])
    display = Display(detector, title="bench", console=console)
    screen = Screen(console, display.frame, frames_per_second=FRAMES_PER_SECOND)
    costs = []
    for first in range(0, len(hops), 8):
        display.hops(hops[first:first + 8])
        start = time.thread_time()
        screen.draw()
        costs.append(time.thread_time() - start)
    median_ms = 1000 * float(np.median(costs))
    return (f"a frame of {size[0]} × {size[1]} cells costs {median_ms:.2f} ms, "
            f"{median_ms * FRAMES_PER_SECOND / 10:.2f} % of one core at {FRAMES_PER_SECOND} per second")


def listen(command: list[str], environment: dict[str, str], size: tuple[int, int]) -> str:
    """Everything that the command shows in a terminal of this size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 65_536)
        except OSError:
            break
    os.close(master)
    process.wait()
    return shown.decode(errors="replace")


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("seconds", nargs="?", type=float, default=60, metavar="SECONDS")
    options.add_argument("run", nargs="?", metavar="RUN")
    given = options.parse_args(arguments)
    seconds, run = given.seconds, locate_run(given.run)
    header(run.name)
    for size in SIZES:
        print(f"{frame_cost(run, size)}", flush=True)
    if not seconds:
        return 0
    sound = np.resize(read_samples(DEMO_RECORDING), round((seconds + 5) * SAMPLE_RATE_HZ))
    server = null_sink.PulseAudio()
    environment = {**os.environ, **server.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor",
                   "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "kws", "listen", "--run", str(run), "--seconds", str(seconds)]
    try:
        for size, more in ((SIZES[0], ["--plain"]), *((size, []) for size in SIZES)):
            player = threading.Thread(target=server.play, args=(sound,))
            player.start()
            shown = listen([*command, *more], environment, size)
            player.join()
            share = re.findall(r"(\d+ overflows?), (\d+\.\d % of one core)", shown)[-1]
            print(f"load {os.getloadavg()[0]:.0f}: {share[1]}, {share[0]}, "
                  f"{'no display' if more else f'display in {size[0]} × {size[1]} cells'}, "
                  f"{len(shown) / seconds / 1000:.0f} kB/s to the terminal", flush=True)
    finally:
        server.stop()
    return 0

