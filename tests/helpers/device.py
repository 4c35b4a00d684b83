"""A device at a serial port without hardware: an exported example, compiled here, behind a pseudo-terminal."""

import fcntl
import os
import pty
import subprocess
import termios
import threading
import tty
from pathlib import Path

from kws.export.export import export_to
from kws.export.source import Source
from tests.helpers.exported import CONFIGURED, STRICT, run, sources_of
from tests.helpers.waiting import wait_until, work_of


def compile_example(source: Source, folder: Path, *flags: str) -> Path:
    """The example of `kws export c`, as a program of this computer. flags : -DKWS_SEND_SOUND"""
    export_to("c", source, folder)
    run(["gcc", "-O2", *STRICT, CONFIGURED, *flags, "-I.", *sources_of(folder), "-o", "example"], cwd=folder)
    return folder / "example"


class Device:
    """Plug it in with `plug`: then `link` is the port, and what the program prints comes out of it."""

    def __init__(self, folder: Path):
        self.link = folder / "ttyDEVICE"
        self._thread = None

    def plug(self) -> None:
        """The port appears."""
        self.master, slave = pty.openpty()
        tty.setraw(slave, termios.TCSANOW)
        self._slave = slave
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))

    def send(self, data: bytes) -> None:
        """Bytes at the port, as they are; waits while nobody reads."""
        while data:
            data = data[os.write(self.master, data):]

    def play(self, program: Path, samples: bytes, *, spoil=lambda line: line) -> None:
        """Run the example on raw int16 sound. spoil : what becomes of a line on its way (bytes to bytes)"""
        with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            feeder = threading.Thread(target=lambda: (process.stdin.write(samples), process.stdin.close()))
            feeder.start()
            for line in process.stdout:
                self.send(spoil(line))
            feeder.join()

    def wait_until_read(self, process: subprocess.Popen[str]) -> None:
        """Wait until a process has read what was sent and worked it through: nothing is left at the port, and from one
        look to the next it slept."""
        before = work_of(process.pid)

        def has_read() -> bool:
            nonlocal before
            waiting = int.from_bytes(fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4)), "little")
            last, before = before, work_of(process.pid)
            return waiting == 0 and before == last and before[0] == "S"

        wait_until(has_read)

    def unplug(self) -> None:
        """The port is gone."""
        self.link.unlink()
        os.close(self._slave)
        os.close(self.master)
