"""Run folders without a training: a random network, or one that was damaged on purpose."""

from pathlib import Path

from kws.export.source import Source
from kws.workspace import write_manifest


def write_run(folder: Path, source: Source) -> Path:
    """A run as kws train leaves it, as far as the export reads it."""
    folder.mkdir(parents=True)
    (folder / "model.kws").write_bytes(source.plan.to_bytes())
    (folder / "model.tflite").write_bytes(source.tflite)
    write_manifest(folder, {})
    return folder
