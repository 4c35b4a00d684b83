"""From a source and the name of a target to a folder."""

from pathlib import Path

from kws.errors import KwsError
from kws.export.boards import arduino_package, esp_idf_package, zephyr_package
from kws.export.c import c_package
from kws.export.package import Package, refuse, write_package
from kws.export.source import Source
from kws.export.tflm import tflm_package

PACKAGES = {"c": c_package, "arduino": arduino_package, "esp-idf": esp_idf_package, "zephyr": zephyr_package,
            "tflm": tflm_package}


def export_to(target: str, source: Source, out: Path, *, force: bool = False) -> Package:
    """Write the package of `target` to the folder `out`.

    Raises KwsError for an unknown target, and where `out` exists and is not empty, unless it holds an older export and
    `force` is set.
    """
    check(target, out, force=force, compress=source.compressed is not None)
    package = PACKAGES[target](source)
    write_package(package, out, force=force)
    return package


def check(target: str, out: Path, *, force: bool, compress: bool) -> None:
    """What `export_to` refuses, before any work is done."""
    if target not in PACKAGES:
        raise KwsError(f"unknown target {target!r}; kws export makes: {', '.join(PACKAGES)}")
    if compress and target == "tflm":
        raise KwsError("--compress: TFLM reads its own file, uncompressed; the other targets can be compressed")
    refuse(out, force=force)
