"""A real audio device without hardware: PulseAudio with a null sink whose monitor is the microphone.

PortAudio reaches it through ALSA's pulse plug-in. Everything lives in one folder and ends with `stop`: the daemon is
ours, on a socket of its own, and no other PulseAudio of this machine is touched; left alone by a test run that was
killed, it ends after half an hour.

    apt-get install --no-install-recommends pulseaudio pulseaudio-utils libasound2-plugins libportaudio2
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

import numpy as np

PACKAGES = {"pulseaudio": "pulseaudio", "pactl": "pulseaudio-utils", "pacat": "pulseaudio-utils"}
SINK = "speaker"
RATE_HZ = 16_000
START_S = 600  # only ends what would hang: a busy machine takes its time


def missing() -> str | None:
    """Why there can be no such device here, and how to change that; None if there can."""
    packages = {package for program, package in PACKAGES.items() if shutil.which(program) is None}
    plugins = ("/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so", "/usr/lib64/alsa-lib/libasound_module_pcm_pulse.so")
    if not any(any(Path("/").glob(pattern[1:])) for pattern in plugins):
        packages.add("libasound2-plugins")
    if find_library("portaudio") is None:
        packages.add("libportaudio2")
    if not packages:
        return None
    return f"no audio device to test with; get one with: apt-get install {' '.join(sorted(packages))}"


class PulseAudio:
    """A running daemon: `environment` leads PortAudio and the pa tools to it."""

    def __init__(self, *, rate_hz: int = 48_000, channels: int = 2, others: tuple[str, ...] = ()):
        """rate_hz, channels : of the null sink, and so of the microphone; others : names of further ones like it"""
        self.folder = Path(tempfile.mkdtemp(prefix="kws-pulse-"))
        self.socket = f"unix:{self.folder}/native"
        # Without norewinds a null sink works in blocks of up to two seconds, and its monitor with it.
        self.sink = f"sink_name={SINK} rate={rate_hz} channels={channels} norewinds=1"
        (self.folder / "default.pa").write_text(
            f"load-module module-native-protocol-unix socket={self.folder}/native auth-anonymous=1\n"
            f"load-module module-null-sink {self.sink}\n"
            + "".join(f"load-module module-null-sink sink_name={name} rate={rate_hz} norewinds=1\n" for name in others)
            + f"set-default-sink {SINK}\nset-default-source {SINK}.monitor\n")
        (self.folder / "asound.conf").write_text(
            f'pcm.default {{\n type pulse\n server "{self.socket}"\n hint {{ show on description "Null sink" }}\n}}\n'
            f'ctl.default {{\n type pulse\n server "{self.socket}"\n}}\n'
            + "".join(f'pcm.{name} {{\n type pulse\n server "{self.socket}"\n device "{name}.monitor"\n'
                      f' hint {{ show on description "{name}" }}\n}}\n' for name in others))
        self.environment = {"ALSA_CONFIG_PATH": str(self.folder / "asound.conf"), "PULSE_SERVER": self.socket,
                            "PULSE_RUNTIME_PATH": str(self.folder), "PULSE_STATE_PATH": str(self.folder)}
        self.start()

    def start(self) -> None:
        """Start the daemon and wait until it answers; also again after `kill`."""
        with open(self.folder / "log", "a") as log:
            self.daemon = subprocess.Popen(
                ["pulseaudio", "-n", "-F", self.folder / "default.pa", "--daemonize=no", "--exit-idle-time=1800",
                 "--use-pid-file=no", "--disable-shm=yes", "--high-priority=no", "--realtime=no"],
                env={**os.environ, **self.environment, "HOME": str(self.folder)}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while self.pactl("info", check=False).returncode:
            assert self.daemon.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def pactl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Control the daemon."""
        return subprocess.run(["pactl", *arguments], env={**os.environ, **self.environment}, check=check,
                              capture_output=True, text=True)

    def player(self, sink: str = SINK) -> subprocess.Popen[bytes]:
        """A process that plays what is written to its stdin: raw int16 at 16 kHz mono; it ends when stdin is closed.

        It starts when two seconds have been written, or stdin is closed: a busy machine makes no gaps.
        """
        return subprocess.Popen(
            ["pacat", "--playback", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1", f"--device={sink}"],
            env={**os.environ, **self.environment}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def play(self, samples: np.ndarray, *, sink: str = SINK) -> None:
        """Play int16 [n] at 16 kHz mono, and return when it has been played."""
        player = self.player(sink)
        played_s = len(samples) / RATE_HZ
        player.communicate(np.ascontiguousarray(samples).astype("<i2").tobytes(), timeout=START_S + played_s)
        assert player.returncode == 0

    def wait_for_listener(self, process: int, seconds: float = START_S) -> None:
        """Wait until the process of this id records from a sink's monitor. Raises TimeoutError if it does not."""
        deadline = time.monotonic() + seconds
        while f'application.process.id = "{process}"' not in self.pactl("list", "source-outputs").stdout:
            if time.monotonic() > deadline:
                raise TimeoutError("nothing records from the null sink")
            time.sleep(0.05)

    def remove_sink(self) -> None:
        """Unplug the microphone."""
        self.pactl("unload-module", "module-null-sink")

    def add_sink(self) -> None:
        """Plug it in again."""
        self.pactl("load-module", "module-null-sink", *self.sink.split())
        self.pactl("set-default-source", f"{SINK}.monitor")

    def kill(self) -> None:
        """End the daemon, as a crash would."""
        self.daemon.kill()
        self.daemon.wait()
        (self.folder / "native").unlink(missing_ok=True)

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """Have the daemon answer nobody for a while; what is asked meanwhile is answered afterwards."""
        self.daemon.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.daemon.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the daemon and remove its folder."""
        self.daemon.terminate()
        try:
            self.daemon.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
