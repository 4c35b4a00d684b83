"""The plan file model.kws: front end, network and decoder as the C engine reads them, and a description for people.

csrc/host/plan.h states the format. Everything that reads a plan goes through the C reader's checks first.
"""

import hashlib
import json
import struct
import zlib
from dataclasses import asdict, astuple, dataclass, fields

import numpy as np

from kws.engine.decoder import DecoderTables
from kws.engine.schedule import OP_WORDS, Buffer, Op, Program
from kws.errors import PlanError
from kws.features.tables import FRONTEND_ARRAYS, FrontendTables
from kws.records import Fields
from kws.spec import Spec

MAGIC, HEADER = b"KWSP", struct.Struct("<4sIII8I")
VERSION, TALK_VERSION, UNKNOWN_VERSION = 2, 3, 4
# How many numbers the decoder has at its end: a program that does not know them refuses the plan.
LAST_NUMBERS = {VERSION: 0, TALK_VERSION: 3, UNKNOWN_VERSION: 4}
UNUSED = (0, 0, 0, 1)  # those numbers, where a plan has none
REBUILD = "build the run again with kws train"
PROGRAM_NUMBERS = ("frames", "features", "labels", "decide_every", "windowed", "input", "output", "arena_bytes",
                   "scratch_words", "row_pointers", "sum_words")


@dataclass(frozen=True, eq=False)
class Plan:
    """A detector, ready to run. spec : the settings that it was made with; its labels name the network's outputs."""

    spec: Spec
    frontend: FrontendTables
    program: Program
    decoder: DecoderTables

    @property
    def labels(self) -> tuple[str, ...]:
        return self.spec.labels

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that tell this detector from any other, thresholds and all: of its SHA-256."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:8]

    def to_bytes(self) -> bytes:
        """The file. The same plan gives the same bytes."""
        program = [getattr(self.program, name) for name in PROGRAM_NUMBERS]
        program += [len(self.program.buffers), len(self.program.ops), len(self.program.pool)]
        decoder = [np.array(v, "<i4") if isinstance(v, tuple) else v for v in astuple(self.decoder)]
        version = version_of(self.decoder)
        decoder = decoder[: len(decoder) - len(UNUSED) + LAST_NUMBERS[version]]
        frontend = [getattr(self.frontend, field.name) for field in fields(self.frontend)]
        program += [buffer_words(self.program.buffers), op_words(self.program.ops), self.program.pool]
        description = json.dumps({"spec": asdict(self.spec)}, sort_keys=True).encode()
        sections = [description, _section(frontend), _section(program), _section(decoder)]
        body, table = b"", []
        for section in sections:
            table += [HEADER.size + len(body), len(section)]
            body += section + bytes(-len(section) % 4)
        return HEADER.pack(MAGIC, version, HEADER.size + len(body), zlib.crc32(body), *table) + body

    @classmethod
    def from_bytes(cls, file: bytes) -> "Plan":
        """The plan in a file. Raises PlanError for one that is damaged, hostile or of another version."""
        check_plan(file)
        table = HEADER.unpack_from(file)[4:]
        description, frontend, program, decoder = (file[o:o + n] for o, n in zip(table[::2], table[1::2], strict=True))
        try:
            spec = Spec.from_dict(json.loads(description)["spec"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PlanError(f"the plan's description is damaged ({error}); {REBUILD}") from error
        plan = cls(spec, _frontend(_Fields(frontend)), _program(_Fields(program)),
                   _decoder(_Fields(decoder), HEADER.unpack_from(file)[1]))
        if len(plan.labels) != plan.decoder.labels:
            raise PlanError(f"the plan names {len(plan.labels)} labels for {plan.decoder.labels} scores; {REBUILD}")
        return plan


def version_of(decoder: DecoderTables) -> int:
    """The oldest version that can say what the decoder does."""
    return UNKNOWN_VERSION if decoder.unknown_weight != 1 else TALK_VERSION if decoder.talk_hops else VERSION


def buffer_words(buffers: tuple[Buffer, ...]) -> np.ndarray:
    """int32 [buffers * 3], as kws_buffer lies in memory."""
    return np.array([astuple(buffer) for buffer in buffers], "<i4").ravel()


def op_words(ops: tuple[Op, ...]) -> np.ndarray:
    """int32 [ops * OP_WORDS], as kws_op lies in memory."""
    rows = [[word for value in astuple(op) for word in (value if isinstance(value, tuple) else (value,))] for op in ops]
    return np.array(rows, "<i4").ravel()


def check_plan(file: bytes) -> None:
    """Raise PlanError, with the reason, for a file that the C engine refuses."""
    from kws.native._native import ffi, lib
    from kws.native.reasons import reason

    copy = ffi.new("int32_t[]", len(file) // 4 + 1)
    ffi.memmove(copy, file, len(file))
    detail = ffi.new("int32_t *")
    code = lib.kws_plan_read(ffi.new("kws_plan *"), copy, len(file), detail)
    if code != lib.KWS_PLAN_OK:
        why = reason("kws_plan_error", code, detail=detail[0])
        raise PlanError(f"the plan cannot be used: {why}; {REBUILD}")


def _section(values: list[int | np.ndarray]) -> bytes:
    """Numbers as words, arrays as (offset, bytes) of what follows."""
    words = sum(1 if isinstance(value, int) else 2 for value in values)
    head, tail = b"", b""
    for value in values:
        if isinstance(value, int):
            head += struct.pack("<i", value)
        else:
            raw = np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes()
            head += struct.pack("<II", 4 * words + len(tail), len(raw))
            tail += raw + bytes(-len(raw) % 4)
    return head + tail


class _Fields:
    """Reads a section that the C engine has checked."""

    def __init__(self, section: bytes):
        self.section, self.at = section, 0

    def number(self) -> int:
        self.at += 4
        return struct.unpack_from("<i", self.section, self.at - 4)[0]

    def array(self, kind: str) -> np.ndarray:
        offset, size = self.number(), self.number()
        return np.frombuffer(self.section[offset:offset + size], kind)


def _frontend(section: _Fields) -> FrontendTables:
    values: Fields = {
        field.name: section.number() if field.type is int else section.array(FRONTEND_ARRAYS[field.name][0])
        for field in fields(FrontendTables)}
    return FrontendTables(**values)


def _program(section: _Fields) -> Program:
    numbers = {name: section.number() for name in PROGRAM_NUMBERS}
    section.at += 12  # how many buffers, ops and constants there are: the arrays say it themselves
    rows = section.array("<i4").reshape(-1, 3).tolist()
    words = section.array("<i4").reshape(-1, OP_WORDS).tolist()
    return Program(**numbers, buffers=tuple(Buffer(*row) for row in rows), ops=tuple(_op(row) for row in words),
                   pool=section.array("<i4"))


def _op(words: list[int]) -> Op:
    left = iter(words)
    values: Fields = {field.name: next(left) if field.name != "scale" else tuple(next(left) for _ in range(6))
                              for field in fields(Op)}
    return Op(**values)


def _decoder(section: _Fields, version: int = VERSION) -> DecoderTables:
    labels, smoothing_hops, refractory_hops = section.number(), section.number(), section.number()
    thresholds, releases = (tuple(section.array("<i4").tolist()) for _ in range(2))
    last = [section.number() for _ in range(LAST_NUMBERS[version])]
    talk_hops, talk_lag_hops, talk_limit, unknown_weight = (*last, *UNUSED[len(last):])
    return DecoderTables(labels=labels, smoothing_hops=smoothing_hops, refractory_hops=refractory_hops,
                         thresholds=thresholds, releases=releases, talk_hops=talk_hops,
                         talk_lag_hops=talk_lag_hops, talk_limit=talk_limit, unknown_weight=unknown_weight)
