"""What is wrong in the field, how sure that is, and what would cure it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from kws.audio.resampling import SAMPLE_RATE_HZ
from kws.monitor.baseline import Baseline
from kws.monitor.drift import ALPHA, VALIDATED_ALPHA, Drift, rate_drift
from kws.monitor.field_data import DAY_MS, RATES, Hours, Reference, clusters, drifts, of_baseline, reported, summed
from kws.monitor.store import HOUR_MS, Store
from kws.records import Json
from kws.spec import Requirements
from kws.validate.metrics import poisson_interval, wilson_interval

WINDOW_DAYS = 7
SILENT_HOURS = 26.0  # a day and some: a laptop sleeps at night
LOST_PERCENT, CLIPPED_PERCENT = 1.0, 0.1
TRUE, SKIPPED = "true", "skip"  # labels of clips; any other is the word that was said, or "false" for none
FALSE = "false"
DIFFERS = 3.0  # no two homes are alike
CURES = {
    "levels": "its microphone hears different levels: check its place and gain, then record there "
              "(kws record, or kws listen --save) and train with kws run",
    "loudness": "people talk too softly for it: check its microphone's place and gain",
    "range": "its microphone is dead, covered, or drowned in its own noise, or nothing made a sound there",
    "scores": "the network reacts to other sounds than before: save them (kws listen --save DIR --near-misses), "
              "label and promote them, then kws run",
    "features": "it hears a room or a noise that the training did not: put half an hour of it into "
                "recordings/<source>/_background_noise_/, then kws run",
    "activations": "label what it detected (kws monitor label), promote the false ones (kws monitor promote), then "
                   "kws run",
    "near misses": "label its near misses: those that are true are missed words, those that are false are talk to "
                   "learn; kws monitor promote, then kws run",
    "false_alarms_per_hour": "kws monitor promote files its false alarms as talk to learn; then kws run, or raise the "
                             "thresholds with kws calibrate",
    "miss_rate_percent": "kws monitor promote files the missed words; then kws run, or lower the thresholds with "
                         "kws calibrate",
    "silent": "check whether it runs, and whether its lines arrive",
    "lost": "it loses sound: its processor or its serial line is too slow (kws profile)",
    "clipped": "its microphone clips: lower its gain",
    "differs": "it hears something that the other devices do not: label what it detected first",
}


@dataclass(frozen=True)
class Finding:
    """name : a requirement, or what was looked at; measured, low, high : it and its 95 % interval, in the unit of limit

    limit : what it is held against; holds : whether all is well; text : in a line; cure : what to do, empty where well
    """

    device: str
    model: str
    name: str
    measured: float
    low: float
    high: float
    limit: float
    holds: bool
    text: str

    @property
    def cure(self) -> str:
        return "" if self.holds else CURES[self.name]

    def to_json(self) -> dict[str, Json]:
        return {**asdict(self), "cure": self.cure}


def judge(store: Store, requirements: Requirements, *, now_ms: int, baselines: Mapping[str, Baseline],
          days: int = WINDOW_DAYS) -> list[Finding]:
    """Everything that was looked at in the last `days`, of each device with the model that it has now.

    baselines : by the model's fingerprint
    """
    found: list[Finding] = []
    everything = reported(store)
    for (device, model), hours in current(everything).items():
        end_ms = int(hours.time_ms[-1])
        window = hours.between(end_ms - days * DAY_MS, end_ms)
        found += health(device, model, window, now_ms=now_ms)
        for reference in references_of(hours, baselines.get(model), days=days):
            found += [of_drift(device, model, drift, reference) for drift in drifts(window, reference)]
        found += labelled(store, device, model, window, requirements)
    return [*found, *differing(current(everything), days=days)]


def current(everything: Mapping[tuple[str, str], Hours]) -> dict[tuple[str, str], Hours]:
    """Of each device the model that reported last."""
    latest: dict[str, tuple[str, str]] = {}
    for key, hours in everything.items():
        if key[0] not in latest or hours.time_ms[-1] > everything[latest[key[0]]].time_ms[-1]:
            latest[key[0]] = key
    return {key: everything[key] for key in sorted(latest.values())}


def references_of(hours: Hours, baseline: Baseline | None, *, days: int = WINDOW_DAYS) -> list[Reference]:
    """What a device is held against: a recorded baseline alone, for that place is as it should be; else its own first
    week, once it has had one, and its run's validation sound.

    Clips one after the other are no room, and say nothing about one.
    """
    if baseline is not None and baseline.continuous:
        return [of_baseline(baseline)]
    found = [of_baseline(baseline)] if baseline is not None and baseline.mixture else []
    start_ms = int(hours.time_ms[0])
    first = hours.between(start_ms - HOUR_MS, start_ms - HOUR_MS + days * DAY_MS)
    if int(hours.time_ms[-1]) - start_ms < (days + 1) * DAY_MS or len(first) < 2:
        return found
    return [Reference("its own first week with this model", False, first), *found]


def health(device: str, model: str, window: Hours, *, now_ms: int) -> Iterator[Finding]:
    """Whether it speaks at all, loses sound, or clips."""
    silent = max(now_ms - int(window.time_ms[-1]), 0) / HOUR_MS
    yield Finding(device, model, "silent", silent, silent, silent, SILENT_HOURS, silent <= SILENT_HOURS,
                  f"last heard of {silent:.0f} hours ago")
    samples = max(float(window.seconds.sum()) * SAMPLE_RATE_HZ, 1.0)
    for name, limit in (("lost", LOST_PERCENT), ("clipped", CLIPPED_PERCENT)):
        percent = 100 * float(getattr(window, name).sum()) / samples
        yield Finding(device, model, name, percent, percent, percent, limit, percent <= limit,
                      f"{percent:.2f} % of its sound {name}")


def of_drift(device: str, model: str, drift: Drift, reference: Reference) -> Finding:
    """As a finding."""
    alpha = VALIDATED_ALPHA if reference.mixture else ALPHA
    return Finding(device, model, drift.name, drift.distance, drift.distance, drift.distance, alpha, not drift.alarm,
                   f"{told(drift, reference)}, p {drift.p:.1g})")


def told(drift: Drift, reference: Reference) -> str:
    """In words, up to the probability."""
    if drift.name == "loudness":
        return (f"loudness: its loudest hundredth has {drift.here:.0f} dB of full scale; with talk it should be "
                f"{drift.there:.0f} or more, as in its validation sound (6 dB allowed")
    if drift.name == "range":
        return (f"range: its loudest thousandth is {drift.here:.0f} dB above its middle; a microphone that hears "
                f"something has {drift.there:.0f} or more (mean of days")
    if drift.limit:
        return (f"{drift.name} per hour: {drift.here:.2f}, and the words and false alarms of its validation sound "
                f"explain at most {drift.there:.0f} (ratio {drift.distance:.2f}")
    unit = " per hour" if drift.name in RATES else ", mean step"
    measure = "ratio" if drift.name in RATES else "stability index"
    return (f"{drift.name}{unit}: {drift.here:.2f}, and {drift.there:.2f} in {reference.source} "
            f"({measure} {drift.distance:.2f}")


def labelled(store: Store, device: str, model: str, window: Hours, requirements: Requirements) -> Iterator[Finding]:
    """What the labels of saved clips prove. What has no label counts for neither side, only for the upper bounds."""
    start_ms = int(window.time_ms[0]) - HOUR_MS
    counts: dict[tuple[int, str], int] = {}
    for near, word, label, count in store.db.execute(
            "SELECT near, word, coalesce(label, ''), count(*) FROM clips JOIN devices ON device_id = devices.id WHERE "
            "name = ? AND at_ms > ? AND coalesce(model, ?) = ? GROUP BY 1, 2, 3", (device, start_ms, model, model)):
        kind = TRUE if label in (TRUE, word) else label if label in ("", SKIPPED) else FALSE
        counts[near, kind] = counts.get((near, kind), 0) + count
    hits, wrong, missed = counts.get((0, TRUE), 0), counts.get((0, FALSE), 0), counts.get((1, TRUE), 0)
    if hits + wrong:
        open_ = counts.get((0, ""), 0) + counts.get((0, SKIPPED), 0)
        hours, limit = max(window.total_hours, 1e-9), requirements.false_alarms_per_hour
        low, high = poisson_interval(wrong)[0] / hours, poisson_interval(wrong + open_)[1] / hours
        yield Finding(device, model, "false_alarms_per_hour", wrong / hours, low, high, limit, low <= limit,
                      f"{wrong} false alarms among {hits + wrong} labelled detections in {hours:.1f} hours: "
                      f"{wrong / hours:.2f} per hour ({low:.2f} to {high:.2f}), at most {limit:g} wanted")
    if hits + missed and missed:
        low, high = (100 * bound for bound in wilson_interval(missed, missed + hits))
        limit, percent = requirements.miss_rate_percent, 100 * missed / (missed + hits)
        yield Finding(device, model, "miss_rate_percent", percent, low, high, limit, low <= limit,
                      f"{missed} of {missed + hits} words that were labelled true were near misses: {percent:.1f} % "
                      f"({low:.1f} to {high:.1f}), at most {limit:g} wanted; what came nowhere near is not known")


def differing(latest: Mapping[tuple[str, str], Hours], *, days: int) -> Iterator[Finding]:
    """Devices whose detections per hour are not those of the others with the same model, of three or more.

    Each is held against the one in the middle of the others; where two are in the middle, against the nearer one.
    """
    windows = {key: one.between(int(one.time_ms[-1]) - days * DAY_MS, int(one.time_ms[-1]))
               for key, one in latest.items()}
    for (device, model), hours in windows.items():
        others = sorted((one for (name, same), one in windows.items() if same == model and name != device),
                        key=per_hour)
        if len(others) < 2:
            continue
        middle = others[(len(others) - 1) // 2:len(others) // 2 + 1]
        other = min(middle, key=lambda one: abs(np.log(per_hour(one) / per_hour(hours))))
        drift = rate_drift("differs", here=summed(hours.detections, clusters(hours)),
                           here_hours=summed(hours.seconds, clusters(hours)) / 3_600,
                           there=summed(other.detections, clusters(other)),
                           there_hours=summed(other.seconds, clusters(other)) / 3_600,
                           alpha=ALPHA / len(latest), matters=DIFFERS)
        yield Finding(device, model, "differs", drift.distance, drift.distance, drift.distance, ALPHA, not drift.alarm,
                      f"{drift.here:.2f} detections per hour, the others about {drift.there:.2f} (p {drift.p:.1g})")


def per_hour(hours: Hours) -> float:
    """Detections; half a one if there is none."""
    return (float(hours.detections.sum()) + 0.5) / max(hours.total_hours, 1e-9)
