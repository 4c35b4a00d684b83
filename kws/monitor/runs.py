"""Which run of a workspace a model's fingerprint means, and what was validated of it."""

from pathlib import Path

from kws.detect.detector import PLAN_NAME
from kws.engine.plan import Plan
from kws.errors import KwsError
from kws.monitor.baseline import Baseline, baseline_from_json
from kws.workspace import list_runs, read_artefact, read_json

METRICS, KEY = "metrics.json", "field_baseline"


def fingerprint_of(run: Path) -> str:
    """Raises KwsError for a run that is not whole."""
    return Plan.from_bytes(read_artefact(run, PLAN_NAME)).fingerprint


def baselines_of_runs(models: Path, *, only: Path | None = None) -> dict[str, Baseline]:
    """By fingerprint; runs that are damaged, or have none, are left out."""
    found = {}
    for run in [only] if only else list_runs(models):
        try:
            content = read_json(run, METRICS).get(KEY)
            if content is not None:
                found[fingerprint_of(run)] = baseline_from_json(content)
        except (KwsError, ValueError):
            continue
    return found
