"""What the product must hold against what was measured."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from kws.records import UNWRITTEN, Json, to_json

# name in [requirements] of kws.toml -> (at least or at most, unit)
KINDS = {
    "flash_bytes": ("at most", "bytes"), "ram_bytes": ("at most", "bytes"), "duty_percent": ("at most", "%"),
    "latency_ms": ("at most", "ms"), "decisions_per_second": ("at least", "per second"),
    "accuracy_percent": ("at least", "%"), "miss_rate_percent": ("at most", "%"),
    "false_alarms_per_hour": ("at most", "per hour"), "clips_per_word": ("at least", "clips"),
    "speakers_per_word": ("at least", "speakers"),
}


@dataclass(frozen=True)
class Requirement:
    """name : its field in [requirements] of kws.toml; limit, measured : in the unit of that field; holds : met?

    measured, holds : None if it was not measured
    note            : what else a person should know: the interval, or what would measure it
    """

    name: str
    limit: float
    measured: float | None
    holds: bool | None
    note: str = field(default="", metadata=UNWRITTEN)

    def to_json(self) -> dict[str, Json]:
        """{"name", "limit", "measured", "holds"}; the last two are null if nothing was measured."""
        return to_json(self)

    @property
    def verdict(self) -> str:
        if self.holds is None:
            return "not measured"
        return "holds" if self.holds else "NOT MET"

    @property
    def wanted(self) -> str:
        """The limit in words: at most 128,000 bytes."""
        side, unit = KINDS.get(self.name.split()[0], ("", ""))
        return f"{side} {number(self.limit)} {unit}".strip()

    def __str__(self) -> str:
        if self.measured is None:
            return f"{self.name}: {self.wanted}: not measured: {self.note}"
        return f"{self.name}: {number(self.measured)} of {self.wanted}: {self.verdict}" + (
            f" ({self.note})" if self.note else "")


def number(value: float) -> str:
    """Thousands grouped, and no more digits than a person reads: 46,334; 14.7; 0.35."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def at_least(name: str, *, limit: float, measured: float, note: str = "") -> Requirement:
    """The requirement that `measured` is `limit` or more."""
    return Requirement(name, limit, measured, measured >= limit, note)


def at_most(name: str, *, limit: float, measured: float, note: str = "") -> Requirement:
    """The requirement that `measured` is `limit` or less."""
    return Requirement(name, limit, measured, measured <= limit, note)


def unmeasured(name: str, *, limit: float, hint: str) -> Requirement:
    """A requirement about which nothing is known. hint : what would measure it."""
    return Requirement(name, limit, None, None, hint)


def broken(requirements: Iterable[Requirement]) -> bool:
    """Whether one of them was measured and is not met."""
    return any(requirement.holds is False for requirement in requirements)
