"""kws listen --report: what `kws monitor` reads, as JSON or as a device prints it with the time before it."""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kws.cli.common import print_json

if TYPE_CHECKING:
    from kws.detect.detector import Detection, Detector
    from kws.listen.field_report import FieldReport, SessionStart
    from kws.listen.listener import Reporting
    from kws.listen.serial.protocol import Ready


class FieldPrinter:
    """Detections, starts and reports on stdout, each with the device's name, its session and the time."""

    def __init__(self, device: str, *, as_json: bool):
        self._device, self._as_json = device, as_json
        self._session = secrets.token_hex(4)

    def of_detector(self, detector: "Detector", period_s: float) -> "Reporting":
        """What counts for a detector of this PC, and tells here."""
        from kws.listen.field_counter import FieldCounter
        from kws.listen.listener import Reporting

        return Reporting(FieldCounter(detector.plan, session=self._session, period_s=period_s), self.tell)

    def tell(self, line: "Ready | SessionStart | FieldReport") -> None:
        """A start or a report."""
        from kws.listen.serial.protocol import Ready

        if isinstance(line, Ready):
            self._session = secrets.token_hex(4)  # unless it says its own
            if not self._as_json:
                self._print(f"ready {line.failed}")
            return
        self._session = line.session
        if self._as_json:
            print_json({**line.to_json(), "device": self._device, "at": now()})
        else:
            self._print(line.line())

    def hit(self, source: str, hit: "Detection") -> None:
        """A detection. source : the port or the microphone."""
        if self._as_json:
            print_json({"file": source, "keyword": hit.keyword, "time_s": round(hit.time_s, 3),
                        "score": round(hit.score, 4), "device": self._device, "session": self._session, "at": now()})
        else:
            from kws.engine.decoder import SCORE_STEPS

            score = min(round(hit.score * SCORE_STEPS), SCORE_STEPS - 1)
            self._print(f"detected {hit.keyword} {round(hit.time_s * 1000)} {score}")

    def _print(self, line: str) -> None:
        print(f"{now()} {line}", flush=True)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
