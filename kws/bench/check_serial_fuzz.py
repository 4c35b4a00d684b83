"""Fuzz what reads the lines of a serial port, guided by the lines of code that an input reaches.

    scripts/check serial_fuzz [--seconds N] [--seed N]

An input is what a port brings, in pieces as long as its first byte says; it goes to a listener that splits it into
lines, parses them, compares with its own engine, and acts. The last line says how much was run; the exit status is 1 if
an input raised anything, or a keyword acted that the run does not have, and it is kept. `one_input` is the target, for
a fuzzer of your own.
"""

from collections.abc import Sequence
from functools import cache

from kws.bench.check_hostile_lines import LINES, Unseen, Watched
from kws.bench.check_import_fuzz import fuzz_for_a_while
from kws.bench.common import ROOT
from kws.detect.detector import Detector, load_detector
from kws.listen.serial.device import DeviceListener

WATCHED = (str(ROOT / "kws" / "listen" / "serial"), str(ROOT / "kws" / "listen" / "field_report.py"))


@cache
def run() -> Detector:
    return load_detector(ROOT / "models" / "small")


def one_input(data: bytes) -> None:
    """Hear what a port brings. Raises what must never be raised."""
    size, content = (data[0] % 64 + 1, data[1:]) if data else (1, b"")
    pieces = [content[start:start + size] for start in range(0, len(content), size)]
    detector, actions = run(), Watched()
    detector.reset()
    DeviceListener(detector, Unseen(), actions=actions, compare=True).run(pieces)
    if foreign := set(actions.acted) - set(detector.plan.spec.keywords):
        raise AssertionError(f"{sorted(foreign)} acted")


def seeds() -> list[bytes]:
    """Sessions of a few lines, in pieces of several lengths."""
    whole = [b"".join(line + b"\r\n" for line in LINES[start:start + count])
             for start in range(len(LINES)) for count in (1, 4)]
    return [bytes([7 * number % 64]) + content for number, content in enumerate(whole)]


def main(arguments: Sequence[str]) -> int:
    return fuzz_for_a_while(arguments, __doc__, "serial", one_input, lambda _: seeds(), WATCHED)
