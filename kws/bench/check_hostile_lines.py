"""Hostile lines: what a serial port may bring, from noise to lines that nearly make sense.

    scripts/check hostile_lines [--count N] [--seed N]

Random bytes, damaged and joined lines of the protocol, absurd numbers and made-up keywords go to the parser and to a
listener whose commands and kept sound are watched. Nothing may raise, and only keywords of the run may act. The last
line counts; the exit status is 1 if something else happened.
"""

from collections.abc import Sequence

import numpy as np

from kws.bench.common import ROOT, counted_parser, header
from kws.detect.detector import Detection, Hop, load_detector
from kws.listen.actions import Actions
from kws.listen.serial.device import DeviceListener
from kws.listen.serial.protocol import LONGEST_BYTES, parse
from kws.listen.session import Status

COUNT = 200_000
BATCH = 200
LINES = (b"ready 0", b"ready 7", b"detected stop 1200 250", b"detected ../../../x 100 200", b"cost 50 4000",
         b"lost 512", b"sound 0 0 AAAA", b"error no sound", b"detected \xe5\xbc\x80\xe7\x81\xaf 1 255", b"report 1 0 0",
         b"boot: hello")


def line(rng: np.random.Generator) -> bytes:
    """One line, with its end or without."""
    kind = rng.integers(6)
    if kind == 0:
        return rng.bytes(int(rng.integers(60)))
    text = bytearray(LINES[rng.integers(len(LINES))])
    if kind == 1:
        text += LINES[rng.integers(len(LINES))]
    if kind == 2:
        text = bytearray(b" ".join(word if not word.isdigit() or rng.random() < 0.5 else b"9" * int(rng.integers(1, 40))
                                   for word in bytes(text).split()))
    if kind == 3:
        for _ in range(int(rng.integers(1, 4))):
            text[int(rng.integers(len(text)))] = int(rng.integers(256))
    if kind == 4 and rng.random() < 0.01:
        text *= LONGEST_BYTES // len(text) + 2
    return bytes(text) + (b"\r\n" if rng.random() < 0.9 else b"")


class Watched(Actions):
    """Starts nothing. acted : the keywords that would have."""

    def __init__(self) -> None:
        super().__init__((), note=print)
        self.acted: list[str] = []

    def detected(self, hit: Detection) -> None:
        self.acted.append(hit.keyword)


class Unseen:
    """A view that nobody looks at."""

    def hops(self, hops: list[Hop]) -> None: ...
    def hit(self, hit: Detection) -> None: ...
    def note(self, message: str) -> None: ...
    def status(self, status: Status) -> None: ...


def main(arguments: Sequence[str]) -> int:
    chosen = counted_parser(__doc__, count=COUNT).parse_args(arguments)
    header()
    detector, actions, raised = load_detector(ROOT / "models" / "commands"), Watched(), 0
    for start in range(0, chosen.count, BATCH):
        rng = np.random.default_rng([chosen.seed, start])
        lines = [line(rng) for _ in range(BATCH)]
        try:
            for one in lines:
                parse(one.rstrip(b"\r\n"))
            DeviceListener(detector, Unseen(), actions=actions).run(lines)
        except Exception as error:
            raised += 1
            print(f"lines {start} to {start + BATCH - 1}: {type(error).__name__}: {str(error)[:200]}")
    strange = sorted({word for word in actions.acted if word not in detector.plan.spec.keywords})
    print(f"{chosen.count:,} lines: {raised} batches raised something, {len(actions.acted):,} detections acted, "
          f"{len(strange)} of keywords that the run does not have")
    return 1 if raised or strange else 0
