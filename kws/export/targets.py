"""What kws export makes, by name: the one list of targets. Nothing is imported here, so that help is quick."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from kws.registry import load

if TYPE_CHECKING:
    from kws.export.package import Package
    from kws.export.source import Source

# Name on the command line -> the function that makes the package, as module:function.
TARGETS = {
    "c": "kws.export.c:c_package",
    "arduino": "kws.export.boards:arduino_package",
    "esp-idf": "kws.export.boards:esp_idf_package",
    "zephyr": "kws.export.boards:zephyr_package",
    "tflm": "kws.export.tflm:tflm_package",
}


def maker(target: str) -> "Callable[[Source], Package]":
    """The function that makes the package of a target, one of TARGETS."""
    return cast("Callable[[Source], Package]", load(TARGETS[target]))
