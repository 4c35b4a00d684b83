"""The C engine's network, from Python."""

import numpy as np

from kws.arguments import Features, Scores, check_array, window_of
from kws.engine.plan import buffer_words, op_words
from kws.engine.schedule import Program
from kws.errors import PlanError
from kws.native._native import ffi, lib
from kws.native.cffi_types import Struct
from kws.native.reasons import reason


def check_network(tables: Struct) -> None:
    """Raise PlanError for a kws_network_tables that the C engine refuses."""
    where = ffi.new("int32_t *")
    code = lib.kws_network_check(tables, where)
    if code != lib.KWS_NETWORK_OK:
        raise PlanError(f"the engine cannot run the network: {reason('kws_network_error', code)} (number {where[0]})")


class NetworkTables:
    """A kws_network_tables in memory (`tables`), checked, with everything that it points to."""

    def __init__(self, program: Program):
        self.arrays = (buffer_words(program.buffers), op_words(program.ops), np.ascontiguousarray(program.pool, "<i4"))
        buffers, ops, pool = self.arrays
        self.tables = ffi.new("kws_network_tables *", {
            "buffers": ffi.cast("kws_buffer *", ffi.from_buffer(buffers)), "buffer_count": len(program.buffers),
            "ops": ffi.cast("kws_op *", ffi.from_buffer(ops)), "op_count": len(program.ops),
            "pool": ffi.cast("int32_t *", ffi.from_buffer(pool)), "pool_words": len(pool)})
        for name in ("frames", "features", "labels", "decide_every", "windowed", "input", "output", "arena_bytes",
                     "scratch_words", "row_pointers", "sum_words"):
            setattr(self.tables, name, getattr(program, name))
        check_network(self.tables)


class Network:
    """The network as a stream: a row of features in, scores out once the window has filled."""

    def __init__(self, program: Program):
        self.program = program
        self._bound = NetworkTables(program)
        self._memory = ffi.new("int64_t[]", lib.kws_network_memory_bytes(self._bound.tables) // 8 + 1)
        self.state = ffi.new("kws_network *")
        lib.kws_network_init(self.state, self._bound.tables, self._memory)
        self._scores = np.empty(program.labels, np.int8)

    def reset(self) -> None:
        """Forget everything heard."""
        lib.kws_network_reset(self.state)

    def push(self, row: Features) -> Scores | None:
        """row : int8 [features]. Scores int8 [labels], or None while the window fills or between decisions."""
        check_array("row", row, np.int8, self.program.features)
        row = np.ascontiguousarray(row)
        scores = ffi.from_buffer("int8_t[]", self._scores)
        done = lib.kws_network_push(self.state, ffi.from_buffer("int8_t[]", row), scores)
        return self._scores.copy() if done else None

    def stream(self, rows: Features) -> Scores:
        """rows : int8 [n, features]. Scores int8 [decisions, labels] of pushing them one after the other."""
        check_array("rows", rows, np.int8, "n", self.program.features)
        decisions = [scores for row in rows if (scores := self.push(row)) is not None]
        return np.array(decisions, np.int8).reshape(-1, self.program.labels)

    def window(self, features: Features) -> Scores:
        """features : int8 [frames, features], or in the .tflite's own shape [1, frames, ...]. Scores int8 [labels]."""
        window = window_of(features, self.program.frames, self.program.features)
        self.reset()
        return self.stream(window)[0]
