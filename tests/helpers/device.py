"""A device at a serial port without hardware: an exported example, compiled here, behind a pseudo-terminal."""

import contextlib
import os
import pty
import select
import subprocess
import termios
import threading
import tty
from pathlib import Path

from kws.export.export import export_to
from kws.export.source import Source
from tests.helpers.child import Child
from tests.helpers.exported import CONFIGURED, STRICT, run, sources_of
from tests.helpers.waiting import SILENCE_S


def compile_example(source: Source, folder: Path, *flags: str) -> Path:
    """The example of `kws export c`, as a program of this computer. flags : -DKWS_SEND_SOUND"""
    export_to("c", source, folder)
    run(["gcc", "-O2", *STRICT, CONFIGURED, *flags, "-I.", *sources_of(folder), "-o", "example"], cwd=folder)
    return folder / "example"


class Device:
    """Plug it in with `plug`: then `link` is the port, and what the program prints comes out of it."""

    def __init__(self, folder: Path):
        self.link = folder / "ttyDEVICE"
        self._said = 0

    def plug(self) -> None:
        """The port appears."""
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        tty.setraw(slave, termios.TCSANOW)
        self._slave = slave
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))

    def send(self, data: bytes) -> None:
        """Bytes at the port, as they are; waits while nobody reads, and fails if nobody does at all."""
        while data:
            assert select.select([], [self.master], [], SILENCE_S)[1], f"nobody has read the port for {SILENCE_S:g} s"
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self.master, data):]

    def play(self, program: Path, samples: bytes, *, spoil=lambda line: line) -> None:
        """Run the example on raw int16 sound. spoil : what becomes of a line on its way (bytes to bytes)"""
        with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            feeder = threading.Thread(target=lambda: (process.stdin.write(samples), process.stdin.close()))
            feeder.start()
            for line in process.stdout:
                self.send(spoil(line))
            feeder.join()

    def wait_until_read(self, listener: Child) -> None:
        """Wait until kws listen has worked through all that was sent: it goes through the lines in their order, and
        repeats the last one, which is of no other consequence."""
        self._said += 1
        self.send(f"error that was part {self._said}\n".encode())
        listener.errors.next(f"the device says: that was part {self._said}\n")

    def unplug(self) -> None:
        """The port is gone."""
        self.link.unlink()
        os.close(self._slave)
        os.close(self.master)
