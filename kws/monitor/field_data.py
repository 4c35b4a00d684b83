"""What the store knows, as arrays: an hour a row, by device and model; and what it is held against."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from kws.audio.resampling import SAMPLE_RATE_HZ
from kws.listen.field_report import FEATURES, LEVELS, SCORES
from kws.monitor.baseline import Baseline, baseline_from_json
from kws.monitor.drift import Drift, histogram_drift, rate_drift
from kws.monitor.mixture import mixed, mixture_drifts, nearest_mixture
from kws.monitor.store import HOUR_MS, Store
from kws.monitor.validated import SPEECH, levels_drift, limit_drift, loudness_drifts, rate_limit
from kws.monitor.validation_sound import TALK

DAY_MS = 24 * HOUR_MS
ENOUGH_DAYS, STRETCH_HOURS = 4, 6  # fewer days than this are cut into stretches
STRETCHES = 12  # of a baseline
UNKNOWN_MODEL = "unknown"
WHOLE_HOURS = 12  # of a day that counts as one
RATES = {"activations": "detections", "near misses": "near_misses"}
AT_REST = {"levels": 0, "scores": 1, "features": 0}  # bins that are left out: most decisions are of silence


@dataclass(frozen=True, eq=False)
class Hours:
    """Reports in their order, int64 or float [n] each, histograms [n, bins]. time_ms : where each ends, since 1970."""

    time_ms: np.ndarray
    seconds: np.ndarray
    detections: np.ndarray
    near_misses: np.ndarray
    clipped: np.ndarray
    lost: np.ndarray
    levels: np.ndarray
    scores: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.time_ms)

    def pick(self, rows: np.ndarray) -> "Hours":
        """Some of them, by a mask or by their places."""
        return Hours(*(getattr(self, field.name)[rows] for field in fields(self)))

    def first(self, count: int) -> "Hours":
        return self.pick(np.arange(min(count, len(self))))

    def between(self, start_ms: int, end_ms: int) -> "Hours":
        return self.pick((self.time_ms > start_ms) & (self.time_ms <= end_ms))

    @property
    def total_hours(self) -> float:
        return float(self.seconds.sum()) / 3_600


@dataclass(frozen=True, eq=False)
class Reference:
    """source : in words; continuous : sound as it is in a room, so that rates and scores can be compared
    mixture : blocks of which no room is, but any room is a mixture
    kinds : of what validation sound each row is; empty if that is not known
    """

    source: str
    continuous: bool
    hours: Hours
    mixture: bool = False
    kinds: tuple[str, ...] = ()


def of_baseline(baseline: Baseline) -> Reference:
    """Each block a row."""
    n = len(baseline.seconds)
    zeros = np.zeros(n, np.int64)
    hours = Hours(np.arange(n), np.array(baseline.seconds), np.array(baseline.detections, np.int64),
                  np.array(baseline.near_misses, np.int64), zeros, zeros, *(baseline.counts(name) for name in
                                                                            ("levels", "scores", "features")))
    source = f"the nearest mixture of its {baseline.source}" if baseline.mixture else baseline.source
    kinds = baseline.kinds if len(baseline.kinds) == n else ()
    return Reference(source, baseline.continuous, hours, baseline.mixture, kinds)


# ---- from the store

def reported(store: Store) -> dict[tuple[str, str], Hours]:
    """By (device, model): every report, in the order of time. Where no clock is known, time starts at 1970."""
    offsets = store.offsets()
    rows: dict[tuple[str, str], list[tuple[int, ...]]] = {}
    histograms: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    query = ("SELECT name, model, session_id, uptime_s, samples, detections, near_misses, clipped, lost, levels, "
             "scores, features FROM reports JOIN sessions ON session_id = sessions.id "
             "JOIN devices ON device_id = devices.id")
    for device, model, session, uptime_s, samples, *counts, levels, scores, features in store.db.execute(query):
        key = device, model or UNKNOWN_MODEL
        rows.setdefault(key, []).append((offsets.get(session, 0) + 1000 * uptime_s, samples, *counts))
        histograms.setdefault(key, []).append((levels, scores, features))
    return {key: in_order(rows[key], histograms[key]) for key in sorted(rows)}


def in_order(rows: list[tuple[int, ...]], histograms: list[tuple[str, str, str]]) -> Hours:
    """Arrays of them."""
    table = np.array(rows, np.int64).reshape(-1, 6)
    counts = [np.array([texts[i].split(",") for texts in histograms], np.int64).reshape(-1, bins)
              for i, bins in enumerate((LEVELS, SCORES, FEATURES))]
    hours = Hours(table[:, 0], table[:, 1] / SAMPLE_RATE_HZ, *(table[:, i] for i in range(2, 6)), *counts)
    return hours.pick(np.argsort(hours.time_ms, kind="stable"))


@dataclass(frozen=True)
class Activations:
    """Detections of a device with a model: how many in which hours, and of which words. near : single near misses."""

    time_ms: tuple[int, ...]
    counts: tuple[int, ...]
    words: dict[str, int]
    near: int


def activations(store: Store) -> dict[tuple[str, str], Activations]:
    """By (device, model), from single events; an hour is one of the device's counter."""
    offsets = store.offsets()
    names = dict(store.db.execute("SELECT id, word FROM words").fetchall())
    sessions = {number: (device, model or UNKNOWN_MODEL) for number, device, model in store.db.execute(
        "SELECT sessions.id, name, model FROM sessions JOIN devices ON device_id = devices.id")}
    hours: dict[tuple[str, str], dict[int, int]] = {}
    words: dict[tuple[str, str], dict[str, int]] = {}
    nears: dict[tuple[str, str], int] = {}
    for session, hour, word, count, near in store.db.execute(
            "SELECT session_id, hour, word_id, count(*), sum(near) FROM events GROUP BY session_id, hour, word_id"):
        key, time_ms = sessions[session], offsets.get(session, 0) + HOUR_MS * hour
        hours.setdefault(key, {})[time_ms] = hours.setdefault(key, {}).get(time_ms, 0) + count - near
        words.setdefault(key, {})[names[word]] = words.setdefault(key, {}).get(names[word], 0) + count - near
        nears[key] = nears.get(key, 0) + near
    return {key: Activations(tuple(sorted(found)), tuple(found[hour] for hour in sorted(found)), words[key], nears[key])
            for key, found in sorted(hours.items())}


def stored_baselines(store: Store) -> dict[str, Baseline]:
    """By the fingerprint of the model."""
    return {model: baseline_from_json(json.loads(content))
            for model, content in store.db.execute("SELECT model, content FROM baselines")}


# ---- comparing

def clusters(hours: Hours) -> list[np.ndarray]:
    """Places of reports that belong together: days, or stretches of STRETCH_HOURS if there are few days."""
    if not len(hours):
        return []
    start = hours.time_ms[0] - HOUR_MS
    days = (hours.time_ms - start - 1) // DAY_MS
    if len(np.unique(days)) < ENOUGH_DAYS:
        days = (hours.time_ms - start - 1) // (STRETCH_HOURS * HOUR_MS)
    return [np.flatnonzero(days == day) for day in np.unique(days)]


def stretches(reference: Hours) -> list[np.ndarray]:
    """Neighbouring blocks of a baseline together, for they resemble each other."""
    borders = np.linspace(0, len(reference), min(STRETCHES, len(reference)) + 1).round().astype(int)
    return [np.arange(start, end) for start, end in pairwise(borders)]


def summed(values: np.ndarray, places: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([values[rows].sum(axis=0) for rows in places])


def beside(hours: Hours, reference: Reference) -> dict[str, np.ndarray]:
    """Of each histogram what the reference says it should be, [bins], in any unit."""
    known = {name: getattr(reference.hours, name) for name in AT_REST}
    if not reference.mixture:
        return {name: counts.sum(axis=0) for name, counts in known.items()}
    weights = nearest_mixture({name: getattr(hours, name).sum(axis=0) for name in AT_REST}, known)
    return {name: mixed(counts, weights) for name, counts in known.items()}


def whole_days(hours: Hours) -> list[np.ndarray]:
    """Places of the reports of each day, counted from the first one, that has WHOLE_HOURS of sound or more."""
    days = (hours.time_ms - hours.time_ms[0] + HOUR_MS - 1) // DAY_MS
    found = [np.flatnonzero(days == day) for day in np.unique(days)]
    return [rows for rows in found if hours.seconds[rows].sum() >= 3_600 * WHOLE_HOURS]


def beside_validation(hours: Hours, reference: Reference) -> list[Drift]:
    """Levels and rates, as far as validation sound can say anything about them."""
    known, kinds, here = reference.hours, np.array(reference.kinds), clusters(hours)
    weights = nearest_mixture({name: getattr(hours, name).sum(axis=0) for name in AT_REST},
                              {name: getattr(known, name) for name in AT_REST})
    found = [levels_drift(summed(hours.levels, here), known.levels),
             *loudness_drifts(summed(hours.levels, whole_days(hours)).reshape(-1, LEVELS),
                              float(weights[np.isin(kinds, SPEECH)].sum()), known.levels, reference.kinds)]
    if TALK in kinds:
        found += [limit_drift(name, summed(getattr(hours, field), here), summed(hours.seconds, here) / 3_600,
                              rate_limit(getattr(known, field), known.seconds / 3_600, reference.kinds))
                  for name, field in RATES.items()]
    return found


def drifts(hours: Hours, reference: Reference) -> list[Drift]:
    """Everything that can be compared, of one device."""
    here = clusters(hours)
    if reference.mixture:
        found = mixture_drifts({name: summed(getattr(hours, name), here) for name in AT_REST},
                               {name: getattr(reference.hours, name) for name in AT_REST}, AT_REST)
        return [*found, *(beside_validation(hours, reference) if reference.kinds else [])]
    known = stretches(reference.hours) if reference.continuous else clusters(reference.hours)
    found = [histogram_drift(name, here=summed(getattr(hours, name), here)[:, AT_REST[name]:],
                             there=summed(getattr(reference.hours, name), known)[:, AT_REST[name]:])
             for name in ("levels", "scores", "features")]
    seconds, known_seconds = summed(hours.seconds, here) / 3_600, summed(reference.hours.seconds, known) / 3_600
    for name, field in RATES.items():
        found.append(rate_drift(name, here=summed(getattr(hours, field), here), here_hours=seconds,
                                there=summed(getattr(reference.hours, field), known), there_hours=known_seconds))
    return found
