"""report.html of a run: one page that needs nothing else, from what training, calibration and validation wrote down.

kws train writes it with what it knows; kws calibrate and kws validate write it anew with what they found. What it says
stands in the run's manifest.json, metrics.json, validation.json and failures.json, so nothing is lost on the way.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from kws.run_metrics import Accuracy, LayerQuantization, Metrics, read_metrics
from kws.spec import Requirements, Spec
from kws.validate import sections, training_sections
from kws.validate.failures import Failure, read_failures
from kws.validate.figures import Validation, read_validation
from kws.validate.gate import gate_of
from kws.validate.html import document
from kws.validate.plots import drawable
from kws.workspace import Manifest, read_manifest, spec_of_run

REPORT_NAME = "report.html"


@dataclass(frozen=True)
class Known:
    """What a run's files say. created : date of the training; limits : the requirements as they are now."""

    name: str
    created: str
    spec: Spec
    limits: Requirements
    manifest: Manifest
    metrics: Metrics | None
    validation: Validation
    failures: tuple[Failure, ...]


def known_of(run: Path, limits: Requirements | None = None) -> Known:
    """Read a run; limits : those that it was trained with, by default."""
    manifest, spec = read_manifest(run), spec_of_run(run)
    return Known(run.name, manifest.created_utc[:10], spec, limits or spec.requirements, manifest,
                 read_metrics(run), read_validation(run), read_failures(run))


def page(run: Known) -> str:
    """The page as HTML."""
    parts = [(title, text) for title, text in contents(run) if text]
    links = "".join(f'<a href="#part-{k}">{escape(title)}</a> ' for k, (title, _) in enumerate(parts))
    body = [f"<h1>{escape(run.name)}: {escape(', '.join(run.spec.keywords))}</h1>",
            f'<p class="about">{escape(heading(run))}</p>',
            sections.verdict(gate_of(run.limits, run.metrics, run.validation)), f"<nav>{links}</nav>"]
    if not drawable():
        body.append("<p>Without drawings: matplotlib was not installed.</p>")
    for k, (title, text) in enumerate(parts):
        body += [f'<h2 id="part-{k}">{escape(title)}</h2>', text]
    return document(f"{run.name}, {run.created}: {', '.join(run.spec.keywords)}", body)


def heading(run: Known) -> str:
    """When and from what."""
    clips, recordings = (run.manifest.clips or {}).get("training"), run.manifest.data_fingerprint
    validated = run.validation.date
    return (f"Trained {run.created}" + (f" on {clips:,} clips" if clips else "")
            + (f" (recordings {recordings})" if recordings else "")
            + (f"; validated {validated}" if validated else "; not validated yet: kws validate") + ".")


def contents(run: Known) -> list[tuple[str, str]]:
    """Title and text of every part; the text is empty if there is nothing to say."""
    said, metrics = run.validation, run.metrics
    clips, about = tested_clips(run)
    speakers = said.clips.speakers if said.clips else ()
    return [
        ("Misses against false alarms", sections.curve_part(said.curve, said.stream) if said.curve else ""),
        ("A recording with its truth", sections.stream_part(said.stream) if said.stream else ""),
        ("Hours without keywords", sections.negatives_part(said.negatives) if said.negatives else ""),
        ("Confusions", sections.confusion_part(clips, about) if clips else ""),
        ("The same words under other conditions", sections.robustness_part(said.robustness) if said.robustness else ""),
        ("Where it fails", sections.failures_part(run.failures)),
        ("Costs", training_sections.costs_part(metrics) if metrics else ""),
        ("Speakers", sections.speakers_part(speakers, about)),
        ("What quantization did", training_sections.quantization_part(layers_of(run)) if layers_of(run) else ""),
        ("The training", training_sections.history_part(metrics) if metrics and metrics.epochs else ""),
        ("Thresholds", training_sections.thresholds_part(metrics.operating_point) if metrics else ""),
        ("Where it comes from", sections.provenance(run.manifest, run.spec)),
    ]


def layers_of(run: Known) -> tuple[LayerQuantization, ...]:
    """Those of the training, or else those that a validation looked at."""
    if run.metrics and run.metrics.quantization:
        return run.metrics.quantization
    return run.validation.quantization.layers if run.validation.quantization else ()


def tested_clips(run: Known) -> tuple[Accuracy | None, str]:
    """The clips that were validated last, or else those of the training's own test or validation split."""
    if clips := run.validation.clips:
        return clips.figures.found, sections.measured_on(clips.measured)
    splits = run.metrics.splits if run.metrics else {}
    for split in ("testing", "validation"):
        found = splits[split].int8 if split in splits else None
        if found:
            return found, f'<p class="about">The {split} split, when the run was trained.</p>'
    return None, ""
