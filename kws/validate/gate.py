"""Every requirement of kws.toml, measured or with what would measure it: one table for every command."""

from collections.abc import Iterable
from pathlib import Path

from kws.requirements import KINDS, Requirement, at_least, at_most, unmeasured
from kws.run_metrics import Budget, Metrics, PointCheck, WordCounts, read_metrics
from kws.spec import Requirements
from kws.validate.figures import Validation, read_validation

DEVICE = ("flash_bytes", "ram_bytes", "duty_percent", "decisions_per_second")
HINTS = {
    **dict.fromkeys(DEVICE, "kws profile"),
    "latency_ms": "give --stream WAV --truth CSV",
    "miss_rate_percent": "give --stream WAV --truth CSV",
    "false_alarms_per_hour": "give --negatives PATH, hours of audio without keywords",
    "accuracy_percent": "kws validate without --negatives and --stream, or give --clips DIR",
    "clips_per_word": "kws data stats", "speakers_per_word": "kws data stats",
}


def gate(limits: Requirements, measured: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Every requirement in the order of kws.toml: as it was measured, or with what would measure it."""
    found = {requirement.name: requirement for requirement in measured}
    return tuple(found.get(name) or unmeasured(name, limit=getattr(limits, name), hint=HINTS[name]) for name in KINDS)


def gate_of_run(run: Path, limits: Requirements) -> tuple[Requirement, ...]:
    """Every requirement as far as a run's files tell it: trained, calibrated, validated, the latest last."""
    return gate_of(limits, read_metrics(run), read_validation(run))


def gate_of(limits: Requirements, metrics: Metrics | None,
            validation: Validation | None = None) -> tuple[Requirement, ...]:
    """The same from the content of metrics.json and validation.json."""
    check = metrics.operating_point.check if metrics else None
    return gate(limits, [*from_metrics(metrics, limits), *from_check(check, limits),
                         *from_validation(validation or Validation(), limits)])


def against(limits: Requirements, name: str, measured: float, *, note: str = "") -> Requirement:
    """One requirement of kws.toml against what was measured."""
    side = at_least if KINDS[name][0] == "at least" else at_most
    return side(name, limit=getattr(limits, name), measured=measured, note=note)


def from_check(check: PointCheck | None, limits: Requirements) -> list[Requirement]:
    """What the sound told on which the operating point was checked; false alarms count if that was talk."""
    found = []
    if check is not None and check.events:
        found.append(against(limits, "miss_rate_percent", 100 * check.miss_rate,
                             note=f"{check.events:,} words, when it was calibrated"))
    if check is not None and check.latency_p95_ms is not None:
        found.append(against(limits, "latency_ms", check.latency_p95_ms, note="95th percentile, when calibrated"))
    if check is not None and check.talk and check.false_alarms_per_hour is not None:
        found.append(against(limits, "false_alarms_per_hour", check.false_alarms_per_hour,
                             note=f"{check.false_alarms} in {check.hours:.1f} h of talk, when calibrated"))
    return found


def from_metrics(metrics: Metrics | None, limits: Requirements) -> list[Requirement]:
    """What a run's metrics.json tells about the device and the recordings, against these limits."""
    if metrics is None:
        return []
    found = from_device(metrics.device, limits)
    tested = metrics.splits["testing"].int8 if "testing" in metrics.splits else None
    if tested and tested.accuracy is not None:
        found.append(against(limits, "accuracy_percent", 100 * tested.accuracy, note="when it was trained"))
    return [*found, *from_counts(metrics.data, limits)]


def from_device(budget: Budget, limits: Requirements) -> list[Requirement]:
    """What a detector takes of the device."""
    return [against(limits, one.name, one.measured) for one in budget.requirements
            if one.name in DEVICE and one.measured is not None]


def from_counts(data: WordCounts | None, limits: Requirements) -> list[Requirement]:
    """The keyword with the fewest clips, and the one with the fewest speakers."""
    found = []
    for name, counts in (("clips_per_word", data.clips_per_word), ("speakers_per_word", data.speakers_per_word)) \
            if data else ():
        if counts:
            word = min(counts, key=lambda keyword: counts[keyword])
            found.append(against(limits, name, counts[word], note=f"fewest: {word}"))
    return found


def from_validation(validation: Validation, limits: Requirements) -> list[Requirement]:
    """What kws validate measured, whenever that was."""
    return [against(limits, name, found.measured,
                    note=", ".join(filter(None, (found.note, f"validated {found.date}"))))
            for name, found in validation.measured.items() if name in KINDS]
