"""What a validation leaves in the run: figures (validation.json), moments to play (failures.json), its page anew."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from kws.detect.detector import Detector
from kws.files import in_turn, write_atomic, write_files
from kws.records import to_json
from kws.spec import Requirements
from kws.validate.clips import ClipSet
from kws.validate.failures import CLIP, FALSE_ALARM, Failure, alarm_failures, clip_failures
from kws.validate.gate import VALIDATION_NAME
from kws.validate.page import FAILURES_NAME, REPORT_NAME, Known, known_of, page
from kws.validate.robustness import Condition
from kws.validate.run import Outcome
from kws.validate.summary import negatives_json, stream_json
from kws.workspace import list_again

# What another operating point changes.
DECODED = ("stream", "negatives", "curve")
DECODED_LIMITS = ("miss_rate_percent", "latency_ms", "false_alarms_per_hour")


@dataclass(frozen=True)
class Findings:
    """figures : parts of validation.json; failures : of the kinds that were looked at, `kinds`."""

    figures: Mapping[str, Any]
    failures: tuple[Failure, ...]
    kinds: tuple[str, ...]


def findings(detector: Detector, outcome: Outcome, conditions: Sequence[Condition], *, sounds: bool,
             today: date) -> Findings:
    """What one validation found; no path of this machine is in it. sounds : with moments to play."""
    day, figures = today.isoformat(), dict[str, Any]()
    failures: list[Failure] = []
    if outcome.clips:
        clips, source = outcome.clips, Path(outcome.clips.source).name or outcome.clips.source
        told = {"date": day, "from": f"{len(clips.result.truth):,} clips, {source}"}
        figures["clips"] = {**told, **clips.result.to_json(), "speakers": by_speaker(clips.clips, outcome)}
        if conditions:
            figures["robustness"] = {**told, "conditions": [one.to_json() for one in conditions]}
        failures += clip_failures(detector, clips.clips, clips.result) if sounds else []
        if outcome.layers:
            figures["quantization"] = {**told, "layers": [to_json(one) for one in outcome.layers]}
    figures |= heard_figures(outcome, day)
    if outcome.negatives and sounds:
        failures += alarm_failures(detector, outcome.negatives.worst)
    figures["measured"] = {one.name: {"measured": one.measured, "note": one.note, "date": day}
                           for one in outcome.measured if one.measured is not None}
    kinds = ((CLIP,) if outcome.clips else ()) + ((FALSE_ALARM,) if outcome.negatives else ())
    return Findings(figures, tuple(failures), kinds)


def heard_figures(outcome: Outcome, day: str) -> dict[str, Any]:
    """The parts on hours of sound."""
    figures: dict[str, Any] = {}
    if outcome.stream:
        told = f"{outcome.stream.total.events:,} keywords in {outcome.stream.hours:.2f} hours"
        figures["stream"] = {"date": day, "from": told, **stream_json(outcome.stream)}
    if outcome.negatives:
        hours = f"{outcome.negatives.total.hours:.2f} hours without keywords"
        found = negatives_json(outcome.negatives)
        worst = [{**one, "file": Path(one["file"]).name} for one in found["worst"]]
        figures["negatives"] = {"date": day, "from": hours, **found, "worst": worst}
        if outcome.curve:
            figures["curve"] = {"date": day, "from": f"{figures['stream']['from']} and {hours}",
                                "hours": outcome.negatives.total.hours,
                                "points": [point.to_json() for point in outcome.curve]}
    return figures


def by_speaker(clips: ClipSet, outcome: Outcome) -> list[list[Any]]:
    """[name, clips, right] of each known speaker."""
    assert outcome.clips is not None
    result, counts = outcome.clips.result, dict[str, list[int]]()
    right = result.scores["streaming"].argmax(axis=1) == result.truth
    for speaker, correct in zip(clips.speakers, right, strict=True):
        if speaker:
            count = counts.setdefault(speaker, [0, 0])
            count[0] += 1
            count[1] += int(correct)
    return [[name, *count] for name, count in sorted(counts.items())]


def joined(run: Known, found: Findings) -> Known:
    """What was known with what was found: a part that was measured again takes the place of the older one."""
    old = {name: part for name, part in run.validation.items() if name != "measured"}
    if {"stream", "negatives"} & set(found.figures):
        old.pop("curve", None)  # it would be of other sound than its neighbours
    measured = {**run.validation.get("measured", {}), **found.figures["measured"]}
    kept = [one for one in run.failures if one["kind"] not in found.kinds]
    return replace(run, validation={**old, **found.figures, "measured": measured},
                   failures=[*kept, *(one.to_json() for one in found.failures)])


def keep(folder: Path, found: Findings, limits: Requirements) -> None:
    """Write what was found into the run, beside what earlier validations found."""
    with in_turn(folder):
        run = joined(known_of(folder, limits), found)
        files = {VALIDATION_NAME: json.dumps(run.validation) + "\n", REPORT_NAME: page(run)}
        if run.failures or (folder / FAILURES_NAME).exists():
            files[FAILURES_NAME] = json.dumps({"failures": list(run.failures)}) + "\n"
        write_files(folder, files)
        list_again(folder, tuple(files))


def renew(folder: Path, limits: Requirements | None = None, *, name: str | None = None) -> None:
    """Write the run's page anew from its files. name : of the run, if its folder has another one for now."""
    run = known_of(folder, limits)
    write_atomic(folder / REPORT_NAME, page(replace(run, name=name or run.name)))
    list_again(folder, (REPORT_NAME,))


def forget_decoded(folder: Path) -> None:
    """Leave of earlier validations what holds at another operating point too: the clips."""
    run = known_of(folder)
    if run.validation:
        parts = {name: part for name, part in run.validation.items() if name not in DECODED}
        measured = {name: one for name, one in run.validation.get("measured", {}).items() if name not in DECODED_LIMITS}
        write_atomic(folder / VALIDATION_NAME, json.dumps({**parts, "measured": measured}) + "\n")
    if run.failures:
        kept = [one for one in run.failures if one["kind"] != FALSE_ALARM]
        write_atomic(folder / FAILURES_NAME, json.dumps({"failures": kept}) + "\n")
