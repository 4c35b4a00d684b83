"""Devices that report for weeks, as lines."""

import json
from datetime import UTC, datetime

import numpy as np

from kws.listen.field_report import FieldReport

MODEL, OTHER_MODEL = "0123abcd", "fedcba98"
SCORES = (179_000, 500, 300, 100, 50, 20, 15, 10, 5, 0)
START_S = 1_700_000_000


def reports(device, *, days, level=5, per_hour=1.0, model=MODEL, start_day=0, session="00000001", seed=0):
    """A report an hour: levels around `level`, detections by chance."""
    rng = np.random.default_rng([seed, days, level, start_day])
    lines = []
    for hour in range(1, 24 * days + 1):
        levels = np.bincount(np.clip(np.round(rng.normal(level + rng.normal(0, 0.3), 1.5, 500)), 0, 13).astype(int),
                             minlength=14)
        report = FieldReport(model, session, 3_600 * hour, 57_600_000, 180_000, int(rng.poisson(per_hour)),
                             int(rng.poisson(per_hour)), 0, 0, tuple(int(n) for n in levels), SCORES, (180_000,) * 10)
        at = datetime.fromtimestamp(START_S + 86_400 * start_day + 3_600 * hour, UTC).isoformat()
        lines.append(json.dumps({"device": device, "at": at, **report.to_json()}).encode())
    return lines


def end_ms(days):
    return 1000 * (START_S + 86_400 * days)
