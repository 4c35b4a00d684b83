"""The fixed-point front end from Python: the C that runs on the device, over many clips or over a stream.

Features are int8; a network sees q * INPUT_SCALE with zero point 0. Raw features are int32 in Q16: 65,536 is 1 in units
of the natural logarithm (of magnitudes in units of the unnormalised FFT of the int16 samples).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.arguments import Features, Samples, check_array, check_number
from kws.errors import DataError, PlanError
from kws.features.cache import cached, features_fingerprint
from kws.features.tables import (
    FRONTEND_ARRAYS,
    LARGEST_OFFSET,
    LARGEST_SCALE,
    FrontendTables,
    Normalisation,
    build_tables,
)
from kws.native.cffi_types import Pointer, Struct
from kws.spec import FrontendSpec

INPUT_SCALE = 1 / 32
RAW_SCALE = 2.0**-16
CLIPS_PER_TASK = 64
LOW_QUANTILE, HIGH_QUANTILE = 0.0002, 0.9998
NARROWEST_RANGE = 1.0  # of a feature that hardly varies, in natural logarithms

C_TYPES = {"u1": "uint8_t", "<i2": "int16_t", "<u2": "uint16_t", "<i4": "int32_t"}

def bind(tables: FrontendTables) -> tuple[Struct, list[Pointer]]:
    """The C struct of `tables` and what must be kept alive as long as it is used.

    PlanError when the tables break a rule of kws_frontend_check.
    """
    from kws.native._native import ffi, lib
    from kws.native.reasons import reason

    struct, keep = ffi.new("kws_frontend_tables *"), []
    for field in fields(tables):
        value = getattr(tables, field.name)
        if field.name in FRONTEND_ARRAYS:
            kind, count = FRONTEND_ARRAYS[field.name]
            if value.dtype != kind or value.size != getattr(tables, count):
                raise PlanError(f"front end: {field.name} has {value.size} entries of {value.dtype}; "
                                f"must be {getattr(tables, count)} of {np.dtype(kind)}")
            value = ffi.from_buffer(f"{C_TYPES[kind]}[]", np.ascontiguousarray(value))
            keep.append(value)
        setattr(struct, field.name, value)
    code = lib.kws_frontend_check(struct)
    if code != 0:
        raise PlanError(f"front end: {reason('kws_frontend_error', code)}; build the run again with kws train")
    return struct, keep


def _memory(struct: Struct) -> tuple[np.ndarray, Pointer]:
    """Memory for one stream, aligned, and its C pointer."""
    from kws.native._native import ffi, lib

    memory = np.zeros(-(-lib.kws_frontend_memory_bytes(struct) // 4), np.int32)
    return memory, ffi.from_buffer("int32_t[]", memory)


def network_input(features: Features) -> NDArray[np.float32]:
    """int8 [n, frames, features] as a network sees it: float32 [n, frames, features, 1]."""
    check_array("features", features, np.int8, "n", "frames", "features")
    return (features.astype(np.float32) * np.float32(INPUT_SCALE))[..., None]


def log_mel(spec: FrontendSpec, audio: Samples) -> NDArray[np.float64]:
    """int16 [n] -> float [frames, bands]: natural logarithms of the mel bands, whatever the network is given."""
    check_array("audio", audio, np.int16, "n")
    bands = Frontend(build_tables(replace(spec, coefficients=0), Normalisation.identity(spec.bands)))
    return bands.raw(audio[None])[0] * RAW_SCALE


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Frontend:
    """Features of whole clips. May be used from several threads at once."""

    def __init__(self, tables: FrontendTables) -> None:
        self.tables = tables
        self._struct, self._keep = bind(tables)

    def frames(self, samples: int) -> int:
        """Rows of a clip of `samples` samples."""
        extra = samples - self.tables.window_samples
        return 0 if extra < 0 else 1 + extra // self.tables.hop_samples

    def extract(self, clips: Samples, *, threads: int | None = None, cache: Path | None = None) -> Features:
        """clips : int16 [n, samples] -> int8 [n, frames, features]. All cores unless `threads` says otherwise.

        cache : folder to keep the result in, under a fingerprint of tables, arithmetic and clips; what lies there
        already is not computed again. The array is then read-only.

        Examples:
            >>> import numpy as np
            >>> from kws.features.frontend import Frontend
            >>> from kws.features.tables import Normalisation, build_tables
            >>> from kws.spec import FrontendSpec
            >>> spec = FrontendSpec(coefficients=10)
            >>> frontend = Frontend(build_tables(spec, Normalisation.identity(spec.features)))
            >>> rows = frontend.extract(np.zeros((2, 16_000), np.int16))
            >>> rows.shape, rows.dtype  # two clips of a second: 49 windows of 10 coefficients each
            ((2, 49, 10), dtype('int8'))
        """
        check_array("clips", clips, np.int16, "n", "samples")
        shape = (len(clips), self.frames(clips.shape[-1]), self.tables.features)
        if cache is None or 0 in shape:
            return self._run(clips, threads=threads, with_raw=False)[0]
        fingerprint = features_fingerprint(self.tables, self._probe(), clips)
        return cached(cache, fingerprint, shape, lambda: self._run(clips, threads=threads, with_raw=False)[0])

    def _probe(self) -> np.ndarray:
        """Raw features of a fixed noise that dies away."""
        noise = np.random.default_rng(0).integers(-32768, 32767, 8 * self.tables.fft_points)
        return self.raw((noise >> np.arange(noise.size) * 16 // noise.size).astype(np.int16)[None], threads=1)

    def raw(self, clips: Samples, *, threads: int | None = None) -> NDArray[np.int32]:
        """clips : int16 [n, samples] -> int32 [n, frames, features] before quantization, Q16."""
        raw = self._run(clips, threads=threads, with_raw=True)[1]
        assert raw is not None
        return raw

    def _run(self, clips: np.ndarray, *, threads: int | None, with_raw: bool) -> tuple[np.ndarray, np.ndarray | None]:
        check_array("clips", clips, np.int16, "n", "samples")
        if threads is not None:
            check_number("threads", threads, low=1)
        shape = (len(clips), self.frames(clips.shape[1]), self.tables.features)
        rows, raw = np.empty(shape, np.int8), np.empty(shape, np.int32) if with_raw else None
        slices = [slice(start, start + CLIPS_PER_TASK) for start in range(0, len(clips), CLIPS_PER_TASK)]
        threads = min(threads or cores(), max(len(slices), 1))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: self._part(clips[part], rows[part], None if raw is None else raw[part]), slices))
        return rows, raw

    def _part(self, clips: np.ndarray, rows: np.ndarray, raw: np.ndarray | None) -> None:
        """One slice, in C without the GIL, straight into the slice of the result."""
        from kws.native._native import ffi, lib

        _memory_array, memory = _memory(self._struct)
        lib.kws_frontend_clips(
            self._struct, memory, ffi.from_buffer("int16_t[]", np.ascontiguousarray(clips)), *clips.shape,
            ffi.from_buffer("int8_t[]", rows), ffi.NULL if raw is None else ffi.from_buffer("int32_t[]", raw))


class FrontendStream:
    """Features of one stream; where it is cut into chunks does not matter."""

    def __init__(self, tables: FrontendTables) -> None:
        from kws.native._native import ffi, lib

        self.tables = tables
        self._struct, self._keep = bind(tables)
        self._memory = _memory(self._struct)
        self.state = ffi.new("kws_frontend *")
        lib.kws_frontend_init(self.state, self._struct, self._memory[1])

    def push(self, samples: Samples) -> Features:
        """samples : int16 [n], any n -> int8 [k, features], the rows that they complete."""
        from kws.native._native import ffi, lib

        check_array("samples", samples, np.int16, "n")
        rows = np.empty((1 + len(samples) // self.tables.hop_samples, self.tables.features), np.int8)
        chunk, out = ffi.from_buffer("int16_t[]", np.ascontiguousarray(samples)), ffi.from_buffer("int8_t[]", rows)
        taken, done, count = ffi.new("int32_t *"), 0, 0
        while lib.kws_frontend_push(self.state, chunk + done, len(samples) - done, taken,
                                    out + count * self.tables.features):
            done += taken[0]
            count += 1
        return rows[:count]

    def reset(self) -> None:
        """Forgets all samples."""
        from kws.native._native import lib

        lib.kws_frontend_reset(self.state)


def measure_normalisation(spec: FrontendSpec, clips: Samples) -> Normalisation:
    """The 0.02 % to 99.98 % quantiles of each feature over `clips` (int16 [n, samples]) on -128..127.

    A feature that hardly varies (all clips silent, say) is given a range of at least NARROWEST_RANGE.
    DataError when the clips hold not a single window.
    """
    raw = Frontend(build_tables(spec, Normalisation.identity(spec.features))).raw(clips).reshape(-1, spec.features)
    if len(raw) == 0:
        raise DataError(f"normalisation: {len(clips)} clips of {clips.shape[1]} samples hold no window of "
                        f"{spec.window_samples} samples; give recordings")
    low, high = np.quantile(raw, (LOW_QUANTILE, HIGH_QUANTILE), axis=0) * RAW_SCALE
    spread = np.maximum(high - low, NARROWEST_RANGE)
    scale = np.minimum(spread / 255.0, LARGEST_SCALE)
    offset = np.clip((low + high) / 2 + scale / 2, -LARGEST_OFFSET, LARGEST_OFFSET)  # q = -0.5 in the middle
    return Normalisation(offset=tuple(offset.tolist()), scale=tuple(scale.tolist()))
