"""The thresholds of the keywords, chosen together with smoothing, hysteresis and refractory time: an operating point.

For each smoothing, hysteresis and refractory time the decoder is run with the same threshold for every keyword, at
every level. That gives each keyword's hits and false alarms over the level. False alarms are few where it matters, and
the thresholds that happen to let none of them through would let others through tomorrow: so beyond the level at which
ANCHOR of them are left, the rate is not their count but an exponential tail over the score's logit, fitted to them.
The thresholds are those with the most hits among all whose rates add up to the target at most (Lagrange's multiplier,
found by bisection). Of all settings that hold latency and target, the one with the most hits is taken. Where keywords
need only be heard after a pause, rules about talk before them are tried like the other settings; so is how much
unknown words weigh: in a stream they are far more frequent than the network learnt, and what sounds like a keyword and
a little like another word, too, mostly is one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from kws.arguments import check_number
from kws.calibrate.sound import NO_RULE, DecoderSettings, Outcome, Sound, TalkRule

LEVELS = np.array([*range(32, 192, 8), *range(192, 224, 4), *range(224, 246, 2), *range(246, 256)])
ANCHOR = 8  # false alarms from which on a count is trusted
PRIOR = 3.0  # the weight of all keywords' tail in each one's, in false alarms
SMOOTHING_MS = (60, 100, 160, 220, 300, 400, 500, 600, 800, 1_000)
HYSTERESIS = (13, 38, 77)  # in steps of 1/256: 0.05, 0.15, 0.3
REFRACTORY_MS = (300, 500, 750, 1_000)
TALK_MS, TALK_LAG_MS = 800, 900  # of the unknown word's score before a word: how long, and how long before the decision
TALK_LIMITS = (64, 96, 128, 192)
UNKNOWN_WEIGHTS = (1, 4, 20)
UNHEARD_LEVEL, UNHEARD_LEVEL_WITHOUT_TALK = 96, 160  # lowest for a keyword that nobody says in what is chosen on
STREAM_WORDS = 100  # keywords for which one false alarm is let through if there is no talk to choose on
ROUNDS = 12  # tries to bring what was counted under the target


Combination = tuple[int, int, int, TalkRule, int]  # smoothing, hysteresis, refractory time, talk, unknown_weight
T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """What is wanted: so many false alarms per hour at most, or so many misses (0..1) at most; the other is None."""

    false_alarms_per_hour: float | None = None
    miss_rate: float | None = None

    def __post_init__(self) -> None:
        """Raises ArgumentError for what nobody can want."""
        if self.false_alarms_per_hour is not None:
            check_number("false_alarms_per_hour", self.false_alarms_per_hour, low=0, whole=False)
        elif self.miss_rate is not None:
            check_number("miss_rate", self.miss_rate, low=0, high=1, whole=False)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What may be chosen, in the decoder's integers; one entry: fixed. level : every keyword's, if it is fixed."""

    level: int | None = None
    smoothing_hops: tuple[int, ...]
    hysteresis: tuple[int, ...] = (38,)
    refractory_hops: tuple[int, ...]
    talk: tuple[TalkRule, ...] = (NO_RULE,)
    unknown_weight: tuple[int, ...] = (1,)
    latency_ms: float = float("inf")


@dataclass(frozen=True, eq=False)
class Sweep:
    """Every keyword at every level, all at the same: hits, false_alarms : int [levels, keywords]."""

    levels: np.ndarray
    hits: np.ndarray
    false_alarms: np.ndarray


@dataclass(frozen=True, eq=False)
class Choice:
    """settings : what was chosen; outcome : what it does on the sound it was chosen on (so: rather too well)."""

    settings: DecoderSettings
    outcome: Outcome
    expected_per_hour: float
    allowed_per_hour: float
    hours: float


def choose(sound: Sound, target: Target, grid: Grid, *, advance: Callable[[], None] = lambda: None) -> Choice:
    """The best settings of the grid for the target.

    Smoothing is chosen first, with the middle of the other settings; then the weight of unknown words and the rule
    about talk, then the others with them; then smoothing once more. `advance` is called `tries(grid)` times.
    """
    start = (grid.smoothing_hops[0], middle(grid.hysteresis), middle(grid.refractory_hops), middle(grid.talk),
             middle(grid.unknown_weight))
    tried: dict[Combination, Choice] = {}

    def best_of(combinations: Iterable[Combination]) -> Combination:
        for combination in combinations:
            if combination not in tried:
                tried[combination] = best_levels(sound, target, combination, level=grid.level)
            advance()
        return max(tried, key=lambda combination: merit(tried[combination], target, grid))

    best = best_of((hops, *start[1:]) for hops in grid.smoothing_hops)
    best = best_of((*best[:4], weight) for weight in grid.unknown_weight)
    best = best_of((*best[:3], talk, best[4]) for talk in grid.talk)
    best = best_of((best[0], low, quiet, *best[3:]) for low in grid.hysteresis for quiet in grid.refractory_hops)
    best = best_of((hops, *best[1:]) for hops in grid.smoothing_hops)
    return tried[best]


def tries(grid: Grid) -> int:
    """How often `choose` tells of its progress."""
    return (2 * len(grid.smoothing_hops) + len(grid.unknown_weight) + len(grid.talk)
            + len(grid.hysteresis) * len(grid.refractory_hops))


def middle(values: Sequence[T]) -> T:
    return values[len(values) // 2]


def merit(choice: Choice, target: Target, grid: Grid) -> tuple[bool, bool, float, float]:
    """What makes one choice better than another: in time, on target, then the figure that the target leaves free."""
    late = choice.outcome.late_ms
    in_time = late is None or late <= grid.latency_ms
    if target.miss_rate is not None:
        holds = choice.outcome.miss_rate <= target.miss_rate
        return in_time, holds, -choice.expected_per_hour if holds else -choice.outcome.miss_rate, 0.0
    counted, allowed = choice.outcome.total_false_alarms / choice.hours, choice.allowed_per_hour
    holds = max(counted, choice.expected_per_hour) <= allowed
    return in_time, holds, float(choice.outcome.hits.sum()) if holds else -counted, -(late or 0.0)


def best_levels(sound: Sound, target: Target, combination: Combination, *, level: int | None = None) -> Choice:
    """The thresholds for one combination of the other settings; level : every keyword's, if it is fixed."""
    base = DecoderSettings((1,) * len(sound.keywords), *combination)
    if level is not None:
        base = replace(base, levels=(level,) * len(sound.keywords))
        return Choice(base, sound.outcome(base), 0.0, float("inf"), sound.hours)
    swept = sweep(sound, base)
    expected = expected_false_alarms(swept) if sound.negatives else falling(swept.false_alarms)
    rates = expected / sound.hours
    if target.miss_rate is not None:
        return fewest_false_alarms(sound, base, swept, rates, target.miss_rate)
    assert target.false_alarms_per_hour is not None
    return most_hits(sound, base, swept, rates, allowed_per_hour(sound, target.false_alarms_per_hour))


def allowed_per_hour(sound: Sound, per_hour: float) -> float:
    """False alarms per hour that may be counted: the target.

    Without negatives it is one at least, and one per STREAM_WORDS keywords: a stream of words is no hour of a day, and
    who says a word every three seconds is misheard more often than that.
    """
    if sound.negatives or not sound.hours:
        return per_hour
    return max(per_hour, max(1.0, sound.events / STREAM_WORDS) / sound.hours)


def sweep(sound: Sound, base: DecoderSettings, levels: np.ndarray = LEVELS) -> Sweep:
    """Run the decoder at every level."""
    found = [sound.outcome(replace(base, levels=(int(level),) * len(sound.keywords))) for level in levels]
    return Sweep(levels, np.array([one.hits for one in found]), np.array([one.false_alarms for one in found]))


def expected_false_alarms(swept: Sweep) -> np.ndarray:
    """Mean number of false alarms to expect at each level: float [levels, keywords], falling with the level.

    The count itself if there are ANCHOR or more, an exponential tail over the score's logit beyond. The tail's scale
    is the mean excess of the counted ones, drawn towards that of all keywords as far as there are few of them.
    """
    x = np.log(swept.levels / (256 - swept.levels))
    counts = falling(swept.false_alarms)
    anchors = [int(np.flatnonzero(column >= ANCHOR)[-1]) if column[0] >= ANCHOR else 0 for column in counts.T]
    numbers = np.array([column[i] for column, i in zip(counts.T, anchors, strict=True)])
    excess = np.array([float(np.sum(column[i + 1:] * np.diff(x[i:])))
                       for column, i in zip(counts.T, anchors, strict=True)])
    shared = max(float(excess.sum()) / max(float(numbers.sum()), 1.0), 0.1)
    for column, i, number, beyond in zip(counts.T, anchors, numbers, excess, strict=True):
        scale = (beyond + PRIOR * shared) / (number + PRIOR)
        column[i:] = max(number, 0.5) * np.exp(-(x[i:] - x[i]) / scale)
    return counts


def falling(counts: np.ndarray) -> np.ndarray:
    """float [levels, keywords]: what was counted, where a higher level never has more."""
    return np.maximum.accumulate(counts[::-1].astype(float))[::-1]


def most_hits(sound: Sound, base: DecoderSettings, swept: Sweep, rates: np.ndarray, per_hour: float) -> Choice:
    """The levels with the most hits whose rates add up to `per_hour`, and that count no more than that here."""
    budget = per_hour
    for _ in range(ROUNDS):
        chosen = allocate(swept.hits, rates, budget, lowest=lowest_of(sound))
        choice = decoded(sound, base, swept, rates, chosen, per_hour)
        if choice.outcome.total_false_alarms <= max(per_hour * sound.hours, 0):
            break
        budget *= 0.75
    return choice


def fewest_false_alarms(sound: Sound, base: DecoderSettings, swept: Sweep, rates: np.ndarray,
                        miss_rate: float) -> Choice:
    """The levels with the fewest false alarms that miss at most `miss_rate`; the lowest ones if none does."""
    low, high = 0.0, float(rates.sum(axis=1).max()) + 1.0
    best = decoded(sound, base, swept, rates, np.zeros(len(sound.keywords), np.int64))
    for _ in range(30):
        budget = (low + high) / 2
        choice = decoded(sound, base, swept, rates, allocate(swept.hits, rates, budget, lowest=lowest_of(sound)))
        if choice.outcome.miss_rate <= miss_rate:
            best, high = choice, budget
        else:
            low = budget
    return best


def decoded(sound: Sound, base: DecoderSettings, swept: Sweep, rates: np.ndarray, chosen: np.ndarray,
            allowed: float = float("inf")) -> Choice:
    """The outcome of one level per keyword, all of them decoded together. chosen : int [keywords], places in levels."""
    settings = replace(base, levels=tuple(int(swept.levels[i]) for i in chosen))
    expected = float(sum(rates[i, k] for k, i in enumerate(chosen)))
    return Choice(settings, sound.outcome(settings), expected, allowed, sound.hours)


def lowest_of(sound: Sound) -> int:
    """The place in LEVELS of the lowest threshold of a keyword that nobody said: below, chance is heard.

    Without talk nobody knows what talk would do, and no guess is enough.
    """
    return int(np.searchsorted(LEVELS, UNHEARD_LEVEL if sound.negatives else UNHEARD_LEVEL_WITHOUT_TALK))


def allocate(hits: np.ndarray, rates: np.ndarray, budget: float, *, lowest: int) -> np.ndarray:
    """One level per keyword: int [keywords], with the most hits at rates that add up to the budget at most.

    hits, rates : [levels, keywords]. A keyword that was never said gets its share of the budget, at level `lowest` or
    above. If even the highest levels exceed the budget, it is they.
    """
    highest = np.full(hits.shape[1], len(hits) - 1)
    unheard = hits.max(axis=0) == 0
    share = budget / max(hits.shape[1], 1)
    fallback = np.array([max(first_below(column, share), lowest) for column in rates.T])
    spent = float(sum(rates[i, k] for k, i in enumerate(fallback) if unheard[k]))
    left = budget - spent
    low, high, best = 0.0, 1e6, highest
    for _ in range(80):
        price = np.sqrt(max(low, 1e-6) * high)
        value = hits - price * rates
        chosen = len(hits) - 1 - np.argmax(value[::-1], axis=0)  # of equals the highest
        if rates[chosen, np.arange(hits.shape[1])][~unheard].sum() <= left:
            best, high = chosen, price
        else:
            low = price
    return np.where(unheard, fallback, relaxed(hits, rates, np.where(unheard, fallback, best), budget))


def relaxed(hits: np.ndarray, rates: np.ndarray, chosen: np.ndarray, budget: float) -> np.ndarray:
    """Each level moved to the middle of those with as many hits, as far as the budget has room: the cheapest first.

    The highest level with as many hits lies next to the softest word that was heard; tomorrow's is softer.
    """
    found = chosen.copy()
    spent = float(sum(rates[i, k] for k, i in enumerate(found)))
    moves = []
    for k, i in enumerate(chosen):
        same = np.flatnonzero(hits[:i + 1, k] != hits[i, k])
        lowest = int(same[-1]) + 1 if len(same) else 0
        centre = (lowest + int(i) + 1) // 2
        moves.append((float(rates[centre, k] - rates[i, k]), k, centre))
    for cost, k, centre in sorted(moves):
        if spent + cost <= budget:
            found[k], spent = centre, spent + cost
    return found


def first_below(rates: np.ndarray, limit: float) -> int:
    """The place of the lowest level whose rate is at most `limit`; the last one if there is none."""
    fine = np.flatnonzero(rates <= limit)
    return int(fine[0]) if len(fine) else len(rates) - 1
