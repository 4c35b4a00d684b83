"""What kws data stream, tune and ablate let a person choose. Nothing heavy is imported here: help is quick."""

from enum import StrEnum


class Preset(StrEnum):
    """What a stream is like; kws.pipeline.stream makes it."""

    HOME = "home"
    CLEAN = "clean"
    TENSORFLOW = "tensorflow"
    MLPERF = "mlperf"


class Retrain(StrEnum):
    """What kws ablate leaves out of a training."""

    AUGMENTATION = "augmentation"
    LAYERS = "layers"


class Cost(StrEnum):
    """What kws tune weighs accuracy against."""

    INSTRUCTIONS = "instructions"
    FLASH = "flash"
    RAM = "ram"

    @property
    def unit(self) -> str:
        """For an axis and a table."""
        return {Cost.INSTRUCTIONS: "instructions per second of audio", Cost.FLASH: "bytes of flash",
                Cost.RAM: "bytes of RAM"}[self]
