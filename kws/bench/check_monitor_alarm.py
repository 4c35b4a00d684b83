"""How often is the monitor's alarm false, and what does it hear?

    scripts/check monitor_alarm [--weeks 400]

A home is made of minutes: quiet, talk, television or kitchen, in stretches, by the time of the day, some days more than
others; every minute has a level and a mix of scores of its own. The reference is the week before, or two hours of such
minutes; a week is looked at once a day. In a quiet week nothing differs but chance; in the others something does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.bench.common import header, parser
from kws.listen.field_report import FEATURES, LEVELS, SCORES
from kws.monitor.drift import WEEK_ALPHA
from kws.monitor.field_data import Hours, Reference, drifts
from kws.validate.metrics import wilson_interval

MINUTES = 60
HOPS = 3_000  # in a minute
LEVEL = np.array([2.5, 7.0, 6.0, 8.0])  # mean bin of each state
BUSY = np.array([0.002, 0.06, 0.05, 0.01])  # share of the decisions that are not at rest
RATE = np.array([0.05, 6.0, 3.0, 0.5])  # detections in an hour of it
STAY = 0.92  # that a minute is like the one before


@dataclass(frozen=True)
class Home:
    """What can differ from where the detector was validated."""

    level: float = 0.0  # bins of 6 dB
    rise: float = 0.5  # how many scores are in a bin, of those in the bin below
    rate: float = 1.0
    television: float = 1.0  # how much more of it


CHANGES = {
    "nothing": Home(), "microphone 6 dB quieter": Home(level=-1.0), "microphone 12 dB quieter": Home(level=-2.0),
    "twice the detections": Home(rate=2.0), "four times the detections": Home(rate=4.0),
    "scores that rise higher": Home(rise=0.8), "three times the television": Home(television=3.0),
}


def states(home: Home, hours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """hours : int [n], of the day -> int [n, MINUTES], which state each minute is in."""
    day = np.exp(rng.normal(0, 0.3, 4))  # some days are louder
    found = np.empty((len(hours), MINUTES), np.int64)
    state = 0
    for i, hour in enumerate(hours):
        if i and hour == 0:
            day = np.exp(rng.normal(0, 0.3, 4))
        awake = 0.05 + 0.95 * (7 <= hour <= 22)
        weights = np.array([1.0, 0.25 * awake, 0.25 * awake * home.television * (1 + (hour >= 18)),
                            0.2 * awake * (hour in (7, 8, 12, 18, 19))]) * day
        weights /= weights.sum()
        for minute in range(MINUTES):
            if rng.random() > STAY:
                state = int(rng.choice(4, p=weights))
            found[i, minute] = state
    return found


def counted(home: Home, minutes: np.ndarray, rng: np.random.Generator) -> Hours:
    """minutes : int [n, k], states -> what is reported of each of n stretches."""
    n, k = minutes.shape
    levels, scores, features = (np.zeros((n, bins), np.int64) for bins in (LEVELS, SCORES, FEATURES))
    rest = np.array([0.0, *(home.rise ** np.arange(SCORES - 1))])
    for i in range(n):
        for state in minutes[i]:
            centre = LEVEL[state] + home.level + rng.normal(0, 0.7)
            levels[i] += rng.multinomial(HOPS, bump(LEVELS, centre, 1.2))
            busy = min(BUSY[state] * rng.gamma(2.0, 0.5), 0.9)
            scores[i] += rng.multinomial(HOPS, busy * rest / rest.sum() + (1 - busy) * (np.arange(SCORES) == 0))
            features[i] += rng.multinomial(10 * HOPS, bump(FEATURES, centre / LEVELS * FEATURES + 1, 2.0))
    per_minute = RATE * home.rate / 60
    detections = rng.poisson(per_minute[minutes] * rng.gamma(4.0, 0.25, (n, 1))).sum(axis=1)
    near = rng.poisson(2 * per_minute[minutes]).sum(axis=1)
    return Hours(time_ms=np.arange(n) * 3_600_000, seconds=np.full(n, 60.0 * k), detections=detections,
                 near_misses=near, clipped=np.zeros(n, np.int64), lost=np.zeros(n, np.int64), levels=levels,
                 scores=scores, features=features)


def bump(bins: int, centre: float, width: float) -> np.ndarray:
    shape = np.exp(-0.5 * ((np.arange(bins) - centre) / width) ** 2) + 1e-9
    share: np.ndarray = shape / shape.sum()
    return share


def week_of(home: Home, rng: np.random.Generator) -> Hours:
    return counted(home, states(home, np.tile(np.arange(24), 7), rng), rng)


def week_before(rng: np.random.Generator) -> Reference:
    return Reference("the week before", False, week_of(Home(), rng))


def two_hours(rng: np.random.Generator) -> Reference:
    """Of such minutes from any time of the day, in 12 stretches of ten minutes."""
    days = states(Home(), np.tile(np.arange(24), 12), rng)
    rows = [days[day * 24 + int(rng.integers(24)), start:start + 10]
            for day, start in zip(range(12), rng.integers(0, 50, 12), strict=True)]
    return Reference("two hours", True, counted(Home(), np.array(rows), rng))


def flagged(home: Home, rng: np.random.Generator, known: Reference) -> bool:
    """Whether any of the week's looks raises an alarm."""
    week = week_of(home, rng)
    return any(drift.alarm for day in range(1, 8) for drift in drifts(week.first(24 * day), known))


def main(arguments: Sequence[str]) -> int:
    known = parser(__doc__)
    known.add_argument("--weeks", type=int, default=400, metavar="N")
    known.add_argument("--seed", type=int, default=1, metavar="N")
    options = known.parse_args(arguments)
    header()
    failed = False
    for name, home in CHANGES.items():
        for reference in (week_before, two_hours) if name == "nothing" else (week_before,):
            weeks = options.weeks if name == "nothing" else max(options.weeks // 10, 20)
            rng = np.random.default_rng([options.seed, weeks, sum(map(ord, name + reference.__name__))])
            count = sum(flagged(home, rng, reference(rng)) for _ in range(weeks))
            low, high = wilson_interval(count, weeks)
            print(f"{name}, beside {reference.__name__.replace('_', ' ')}: {count} of {weeks} weeks flagged, "
                  f"{100 * count / weeks:.1f} % ({100 * low:.1f} to {100 * high:.1f})", flush=True)
            failed |= name == "nothing" and low > WEEK_ALPHA
    return int(failed)

