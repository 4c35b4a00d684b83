"""AMR as phones record it: the encoders of Android, through ctypes; ffmpeg reads AMR and writes none."""

import ctypes
from ctypes.util import find_library

import numpy as np
import pytest

PACKAGES = {"opencore-amrnb": "libopencore-amrnb0", "vo-amrwbenc": "libvo-amrwbenc0"}
BEST_NARROW, BEST_WIDE = 7, 8  # 12.2 and 23.85 kbit/s
LARGEST_FRAME_BYTES = 64


def library(name: str) -> ctypes.CDLL:
    """The encoder; the test is skipped if it is not installed."""
    path = find_library(name)
    if path is None:
        pytest.skip(f"no encoder of AMR is here: apt-get install {PACKAGES[name]}")
    return ctypes.CDLL(path)


def narrow(samples: np.ndarray) -> bytes:
    """int16 [n] at 8 kHz -> an .amr file, AMR-NB."""
    encoder = library("opencore-amrnb")
    encoder.Encoder_Interface_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(encoder.Encoder_Interface_init(0))
    made = bytearray(b"#!AMR\n")
    out = ctypes.create_string_buffer(LARGEST_FRAME_BYTES)
    for frame in framed(samples, 160):
        size = encoder.Encoder_Interface_Encode(state, BEST_NARROW, frame.tobytes(), out, 0)
        made += out.raw[:size]
    encoder.Encoder_Interface_exit(state)
    return bytes(made)


def wide(samples: np.ndarray) -> bytes:
    """int16 [n] at 16 kHz -> an .awb file, AMR-WB."""
    encoder = library("vo-amrwbenc")
    encoder.E_IF_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(encoder.E_IF_init())
    made = bytearray(b"#!AMR-WB\n")
    out = ctypes.create_string_buffer(LARGEST_FRAME_BYTES)
    for frame in framed(samples, 320):
        size = encoder.E_IF_encode(state, BEST_WIDE, frame.tobytes(), out, 0)
        made += out.raw[:size]
    encoder.E_IF_exit(state)
    return bytes(made)


def framed(samples: np.ndarray, size: int) -> np.ndarray:
    """int16 [n] -> int16 [frames, size]; what does not fill a frame is left out."""
    return samples[:len(samples) // size * size].astype("<i2").reshape(-1, size)
