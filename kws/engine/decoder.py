"""The decoder from Python: its tables, made from the spec, and the C behind `push`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from kws.arguments import Scores, check_array
from kws.errors import PlanError, SpecError
from kws.spec import SILENCE, UNKNOWN, Spec

NEVER = 256  # a threshold that no average reaches
SCORE_STEPS = 256  # a score of s steps is the probability s / 256


@dataclass(frozen=True, kw_only=True)
class DecoderTables:
    """The fields of the C struct kws_decoder_tables, in its order; see csrc/decoder/decoder.h for what they do.

    A hop is one decision of the network.
    labels : outputs of the network, 1..42; smoothing_hops : 1..200; refractory_hops : 0..1000;
    thresholds : per label 1..255, or 256: never; releases : per label 1..its threshold.
    talk_hops, talk_lag_hops, talk_limit : nothing triggers where the average score of unknown words over talk_hops hops
        (0..200; 0: off) that end talk_lag_hops before (0..200) is at talk_limit (1..255) or above.
    unknown_weight : 1..255, how many times as likely unknown words are in a stream as the network takes them to be.
    """

    labels: int
    smoothing_hops: int
    refractory_hops: int
    thresholds: tuple[int, ...]
    releases: tuple[int, ...]
    talk_hops: int = 0
    talk_lag_hops: int = 0
    talk_limit: int = 0
    unknown_weight: int = 1

    @property
    def minds_unknown(self) -> bool:
        """Whether unknown words' scores matter, which the C is compiled for."""
        return self.talk_hops > 0 or self.unknown_weight != 1

    @property
    def memory_bytes(self) -> int:
        """What one stream of the C decoder needs."""
        return self.labels * self.smoothing_hops + (self.talk_hops and self.talk_hops + self.talk_lag_hops)


def to_hops(duration_ms: float, *, hop_ms: float) -> int:
    """The nearest whole number of hops (half a hop counts as one)."""
    return int(duration_ms / hop_ms + 0.5)


def release_of(step: int, hysteresis: int) -> int:
    """To where a keyword's score must fall before it can trigger again, in steps of 1/256.

    So far below the threshold, but never below half of it: a score that rests a little above 0 would hold a low
    threshold's detection forever.
    """
    return NEVER if step == NEVER else max(step - hysteresis, step // 2, 1)


def build_decoder_tables(spec: Spec, *, thresholds: Mapping[str, float], smoothing_ms: float,
                         decide_every: int = 1) -> DecoderTables:
    """Tables for `spec`'s labels; silence and unknown words never trigger.

    thresholds   : 0..1 for every keyword
    smoothing_ms : averages are taken over the nearest whole number of decisions, at least one
    decide_every : the network's: front-end hops between two decisions
    """
    missing = [word for word in spec.keywords if word not in thresholds]
    if missing:
        raise SpecError(f"threshold of {missing[0]!r}: missing; every keyword needs one between 0 and 1")
    steps, releases = [], []
    for label in spec.labels:
        never = label in (SILENCE, UNKNOWN)
        step = NEVER if never else min(max(round(thresholds[label] * SCORE_STEPS), 1), 255)
        steps.append(step)
        releases.append(release_of(step, round(spec.detector.hysteresis * SCORE_STEPS)))
    hop_ms = spec.frontend.hop_ms * decide_every
    return DecoderTables(
        labels=len(spec.labels),
        smoothing_hops=max(to_hops(smoothing_ms, hop_ms=hop_ms), 1),
        refractory_hops=to_hops(spec.detector.refractory_ms, hop_ms=hop_ms),
        thresholds=tuple(steps),
        releases=tuple(releases),
    )


class Decoder:
    """The C decoder for one stream of scores."""

    def __init__(self, tables: DecoderTables):
        """Raises PlanError if the C refuses the tables."""
        from kws.native._native import ffi, lib
        from kws.native.reasons import reason

        values = asdict(tables)
        try:
            c_tables = ffi.new("kws_decoder_tables *", values)
        except (OverflowError, IndexError) as error:
            raise PlanError(f"decoder: {error}; see the ranges of DecoderTables") from None
        broken = lib.kws_decoder_check(c_tables)
        if broken:
            given = ", ".join(f"{name} = {value}" for name, value in values.items())
            raise PlanError(f"decoder: {reason('kws_decoder_error', broken)}; given: {given}")
        self._lib, self._ffi, self.labels = lib, ffi, tables.labels
        # The C state points to these.
        self._kept = c_tables, ffi.new("uint8_t[]", lib.kws_decoder_memory_bytes(c_tables))
        self.state, self._event = ffi.new("kws_decoder *"), ffi.new("kws_event *")
        lib.kws_decoder_init(self.state, *self._kept)

    def reset(self) -> None:
        """Forgets everything heard so far."""
        self._lib.kws_decoder_reset(self.state)

    def push(self, scores: Scores) -> list[tuple[int, int, int]]:
        """Detections (hop, label, score 1..255) in scores : int8 [hops, labels]; hop 0 is the first of these rows."""
        check_array("scores", scores, np.int8, "hops", self.labels)
        scores = np.ascontiguousarray(scores)
        rows, done, found = self._ffi.from_buffer("int8_t[]", scores), 0, []
        consumed = self._ffi.new("int32_t *")
        while done < len(scores):
            row = rows + done * self.labels
            hit = self._lib.kws_decoder_run(self.state, row, len(scores) - done, consumed, self._event)
            done += consumed[0]
            if hit:
                found.append((done - 1, self._event.label, self._event.score))
        return found
