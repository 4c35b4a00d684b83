"""What kws data stream lets choose."""

from enum import StrEnum


class Preset(StrEnum):
    """What a stream is like."""

    HOME = "home"
    CLEAN = "clean"
    TENSORFLOW = "tensorflow"
    MLPERF = "mlperf"


class DeviceName(StrEnum):
    """The devices of kws.data.simulated_device."""

    NONE = "none"
    PHONE = "phone"
    CHEAP = "cheap"
