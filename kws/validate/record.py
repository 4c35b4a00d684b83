"""What a validation leaves in the run: figures (validation.json), moments to play (failures.json), its page anew."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from kws.detect.detector import Detector
from kws.files import in_turn, write_atomic, write_files
from kws.records import to_json
from kws.spec import Requirements
from kws.validate.clips import ClipSet
from kws.validate.failures import (
    CLIP,
    FAILURES_NAME,
    FALSE_ALARM,
    Failure,
    Failures,
    alarm_failures,
    clip_failures,
)
from kws.validate.figures import (
    VALIDATION_NAME,
    ClipPart,
    CurvePart,
    Measured,
    MeasuredRequirement,
    NegativePart,
    QuantizationPart,
    RobustnessPart,
    StreamPart,
    Validation,
)
from kws.validate.page import REPORT_NAME, Known, known_of, page
from kws.validate.robustness import Condition
from kws.validate.run import Outcome
from kws.workspace import list_again

# What another operating point changes.
DECODED_LIMITS = ("miss_rate_percent", "latency_ms", "false_alarms_per_hour")


@dataclass(frozen=True)
class Findings:
    """figures : of this validation alone; failures : of the kinds that were looked at, `kinds`."""

    figures: Validation
    failures: tuple[Failure, ...]
    kinds: tuple[str, ...]


def findings(detector: Detector, outcome: Outcome, conditions: Sequence[Condition], *, sounds: bool,
             today: date) -> Findings:
    """What one validation found; no path of this machine is in it. sounds : with moments to play."""
    day = today.isoformat()
    figures = with_clips(with_hours(Validation(), outcome, day), outcome, conditions, day)
    measured = {one.name: MeasuredRequirement(one.measured, one.note, day)
                for one in outcome.measured if one.measured is not None}
    failures: list[Failure] = []
    if outcome.clips and sounds:
        failures += clip_failures(detector, outcome.clips.clips, outcome.clips.result)
    if outcome.negatives and sounds:
        failures += alarm_failures(detector, outcome.negatives.worst)
    kinds = ((CLIP,) if outcome.clips else ()) + ((FALSE_ALARM,) if outcome.negatives else ())
    return Findings(replace(figures, measured=measured), tuple(failures), kinds)


def with_clips(figures: Validation, outcome: Outcome, conditions: Sequence[Condition], day: str) -> Validation:
    """With the parts on clips."""
    if not outcome.clips:
        return figures
    clips, source = outcome.clips, Path(outcome.clips.source).name or outcome.clips.source
    told = Measured(day, f"{len(clips.result.truth):,} clips, {source}")
    return replace(
        figures, clips=ClipPart(told, clips.result.figures(), by_speaker(clips.clips, outcome)),
        robustness=RobustnessPart(told, tuple(one.figures() for one in conditions)) if conditions else None,
        quantization=QuantizationPart(told, outcome.layers) if outcome.layers else None)


def with_hours(figures: Validation, outcome: Outcome, day: str) -> Validation:
    """With the parts on hours of sound."""
    keywords = hours = ""
    if outcome.stream:
        keywords = f"{outcome.stream.total.events:,} keywords in {outcome.stream.hours:.2f} hours"
        figures = replace(figures, stream=StreamPart(Measured(day, keywords), outcome.stream.figures()))
    if outcome.negatives:
        hours = f"{outcome.negatives.total.hours:.2f} hours without keywords"
        found = outcome.negatives.figures()
        worst = tuple(replace(one, file=Path(one.file).name) for one in found.worst)
        figures = replace(figures, negatives=NegativePart(Measured(day, hours), replace(found, worst=worst)))
        if outcome.curve:
            points = tuple(point.figures() for point in outcome.curve)
            figures = replace(figures, curve=CurvePart(Measured(day, f"{keywords} and {hours}"),
                                                       outcome.negatives.total.hours, points))
    return figures


def by_speaker(clips: ClipSet, outcome: Outcome) -> tuple[tuple[str, int, int], ...]:
    """(name, clips, right) of each known speaker."""
    assert outcome.clips is not None
    result, counts = outcome.clips.result, dict[str, list[int]]()
    right = result.scores["streaming"].argmax(axis=1) == result.truth
    for speaker, correct in zip(clips.speakers, right, strict=True):
        if speaker:
            count = counts.setdefault(speaker, [0, 0])
            count[0] += 1
            count[1] += int(correct)
    return tuple((name, total, correct) for name, (total, correct) in sorted(counts.items()))


def joined(run: Known, found: Findings) -> Known:
    """What was known with what was found: a part that was measured again takes the place of the older one."""
    old, new = run.validation, found.figures
    heard = new.stream or new.negatives  # an older curve would be of other sound than its neighbours
    validation = Validation(
        clips=new.clips or old.clips, robustness=new.robustness or old.robustness,
        quantization=new.quantization or old.quantization, stream=new.stream or old.stream,
        negatives=new.negatives or old.negatives, curve=new.curve or (None if heard else old.curve),
        measured={**old.measured, **new.measured})
    kept = tuple(one for one in run.failures if one.kind not in found.kinds)
    return replace(run, validation=validation, failures=(*kept, *found.failures))


def keep(folder: Path, found: Findings, limits: Requirements) -> None:
    """Write what was found into the run, beside what earlier validations found."""
    with in_turn(folder):
        run = joined(known_of(folder, limits), found)
        files = {VALIDATION_NAME: as_text(run.validation), REPORT_NAME: page(run)}
        if run.failures or (folder / FAILURES_NAME).exists():
            files[FAILURES_NAME] = as_text(Failures(run.failures))
        write_files(folder, files)
        list_again(folder, tuple(files))


def as_text(record: Validation | Failures) -> str:
    return json.dumps(to_json(record)) + "\n"


def renew(folder: Path, limits: Requirements | None = None, *, name: str | None = None) -> None:
    """Write the run's page anew from its files. name : of the run, if its folder has another one for now."""
    run = known_of(folder, limits)
    write_atomic(folder / REPORT_NAME, page(replace(run, name=name or run.name)))
    list_again(folder, (REPORT_NAME,))


def forget_decoded(folder: Path) -> None:
    """Leave of earlier validations what holds at another operating point too: the clips."""
    run = known_of(folder)
    if run.validation != Validation():
        measured = {name: one for name, one in run.validation.measured.items() if name not in DECODED_LIMITS}
        left = replace(run.validation, stream=None, negatives=None, curve=None, measured=measured)
        write_atomic(folder / VALIDATION_NAME, as_text(left))
    if run.failures:
        write_atomic(folder / FAILURES_NAME, as_text(Failures(tuple(one for one in run.failures
                                                                    if one.kind != FALSE_ALARM))))
