"""Exported models are numbered: models/numbers.json has the number of each fingerprint, from its first export on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from kws.errors import KwsError
from kws.files import write_atomic

NAME = "numbers.json"


@dataclass(frozen=True)
class Numbered:
    """number : 1, 2, …; fingerprint : of its plan; run : its name."""

    number: int
    fingerprint: str
    run: str


def read_numbers(models: Path) -> list[Numbered]:
    """In their order. Raises KwsError if the file is damaged."""
    try:
        return [Numbered(int(one["number"]), str(one["fingerprint"]), str(one["run"]))
                for one in json.loads((models / NAME).read_bytes())]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise KwsError(f"{models / NAME} is damaged ({error}); move it away to start numbering again") from error


def number_of(models: Path, fingerprint: str, *, run: str) -> int:
    """The number of a model, the next free one where it was never exported before."""
    known = read_numbers(models)
    for one in known:
        if one.fingerprint == fingerprint:
            return one.number
    number = max((one.number for one in known), default=0) + 1
    content = [asdict(one) for one in (*known, Numbered(number, fingerprint, run))]
    write_atomic(models / NAME, json.dumps(content, indent=2) + "\n")
    return number


def model_names(models: Path) -> dict[str, str]:
    """What people call the models that were exported, by fingerprint."""
    return {one.fingerprint: f"model {one.number}, {one.run}" for one in read_numbers(models)}
