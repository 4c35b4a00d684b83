"""From a source and the name of a target to a folder."""

from pathlib import Path

from kws.errors import KwsError
from kws.export.package import Package, refuse, write_package
from kws.export.source import Source
from kws.export.targets import TARGETS, maker


def export_to(target: str, source: Source, out: Path, *, force: bool = False) -> Package:
    """Write the package of `target` to the folder `out`.

    Raises KwsError for an unknown target, and if `out` exists and is not empty, unless it holds an older export and
    `force` is set.
    """
    check(target, out, force=force, compress=source.compressed is not None)
    package = maker(target)(source)
    write_package(package, out, force=force)
    return package


def check(target: str, out: Path, *, force: bool, compress: bool) -> None:
    """What `export_to` refuses, before any work is done."""
    if target not in TARGETS:
        raise KwsError(f"unknown target {target!r}; kws export makes: {', '.join(TARGETS)}")
    if compress and target == "tflm":
        raise KwsError("--compress: TFLM reads its own file, uncompressed; the other targets can be compressed")
    refuse(out, force=force)
