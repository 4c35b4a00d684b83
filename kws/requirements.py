"""What the product must hold against what was measured."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Requirement:
    """name : its field in [requirements] of kws.toml; limit, measured : in the unit of that field; holds : met?"""

    name: str
    limit: float
    measured: float
    holds: bool

    def to_json(self) -> dict:
        return asdict(self)

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "NOT MET"
        return f"{self.name}: {self.measured:.1f} measured, {self.limit:.1f} required: {verdict}"


def at_least(name: str, *, limit: float, measured: float) -> Requirement:
    """The requirement that `measured` is `limit` or more."""
    return Requirement(name, limit, measured, measured >= limit)


def at_most(name: str, *, limit: float, measured: float) -> Requirement:
    """The requirement that `measured` is `limit` or less."""
    return Requirement(name, limit, measured, measured <= limit)
