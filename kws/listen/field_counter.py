"""Counting, on a PC, what the device's csrc/field.c counts: it is the same C."""

from collections.abc import Iterable

import numpy as np

from kws.audio.files import SAMPLE_RATE_HZ
from kws.detect.detector import Hop
from kws.engine.decoder import SCORE_STEPS, Decoder
from kws.engine.plan import Plan
from kws.listen.field_report import PERIOD_S, FieldReport, SessionStart

SAMPLES_PER_CALL = 1 << 30


class FieldCounter:
    """What one detector reports. start : the line for the beginning."""

    def __init__(self, plan: Plan, *, session: str, period_s: float = PERIOD_S):
        """session : eight hexadecimal digits that differ from start to start; period_s : sound between two reports"""
        from kws.native._native import ffi, lib

        self._ffi, self._lib = ffi, lib
        self.start = SessionStart(plan.fingerprint, session)
        self._decoder = Decoder(plan.decoder)  # holds the tables
        self._steps = SCORE_STEPS * plan.decoder.smoothing_hops
        self._period = round(period_s * SAMPLE_RATE_HZ)
        self._field = ffi.new("kws_field *")
        hop = plan.frontend.hop_samples
        lib.kws_field_init(self._field, hop, max(SAMPLE_RATE_HZ // (hop * plan.program.decide_every), 1), 0)

    def push(self, samples: np.ndarray, hops: Iterable[Hop]) -> None:
        """samples : int16 [n], what was heard; hops : what the detector saw in it."""
        samples = np.ascontiguousarray(samples)
        pointer = self._ffi.from_buffer("int16_t[]", samples)
        for done in range(0, len(samples), SAMPLES_PER_CALL):
            self._lib.kws_field_samples(self._field, pointer + done, min(len(samples) - done, SAMPLES_PER_CALL))
        tables = self._decoder.state.tables
        for hop in hops:
            if hop.averages is not None:
                sums = np.rint(hop.averages * self._steps).astype(np.uint16)
                self._lib.kws_field_decision(self._field, tables, self._ffi.from_buffer("uint16_t[]", sums),
                                             self._ffi.from_buffer("int8_t[]", hop.row), len(hop.row),
                                             hop.hit is not None)

    def lost(self, samples: int) -> None:
        """Samples that nobody heard."""
        self._lib.kws_field_lost(self._field, samples)

    @property
    def due(self) -> bool:
        """Whether it is time for a report."""
        return int(self._field.samples) >= self._period

    @property
    def empty(self) -> bool:
        return int(self._field.samples) == 0

    def take(self) -> FieldReport:
        """The report, and the next one begins."""
        field = self._field
        report = FieldReport(
            model=self.start.model, session=self.start.session,
            uptime_s=self._lib.kws_field_uptime_s(field, SAMPLE_RATE_HZ), samples=field.samples,
            decisions=field.decisions, detections=field.detections, near_misses=field.near_misses,
            clipped=field.clipped, lost=field.lost, levels=tuple(field.levels), scores=tuple(field.scores),
            features=tuple(field.features))
        self._lib.kws_field_next(field, SAMPLE_RATE_HZ)
        return report
