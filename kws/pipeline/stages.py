"""Stages in their order, each left out if nothing that it depends on has changed since it was done.

What a stage depends on is a fingerprint; the one of the last time, with what came out, is kept in a small JSON file,
which is written anew after each stage, so that an interrupted run goes on where it was.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from kws.files import write_atomic


@dataclass(frozen=True)
class Result:
    """text : what came out, in a line; holds : whether the requirements that were looked at are met."""

    text: str
    holds: bool = True


@dataclass(frozen=True)
class Stage:
    """fingerprint : of everything that the stage depends on, asked for when its turn comes; work : does it

    whole : whether what it made last time is still there
    """

    name: str
    fingerprint: Callable[[], str]
    work: Callable[[], Result]
    whole: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Done:
    """skipped : nothing has changed, and `result` is that of last time."""

    name: str
    skipped: bool
    result: Result

    def __str__(self) -> str:
        state = "unchanged" if self.skipped else "done"
        return f"{self.name + ':':<11}{state + ',':<11}{self.result.text}{'' if self.result.holds else '  NOT MET'}"


def run_stages(stages: Iterable[Stage], state: Path, *, force: bool = False) -> Iterable[Done]:
    """Each stage as it is done or left out. state : the file; force : leave none out.

    What a stage raises ends it all; what was done before it is not done again next time.
    """
    known = read_state(state)
    for stage in stages:
        fingerprint = stage.fingerprint()
        last = known.get(stage.name)
        if not force and last is not None and last[0] == fingerprint and stage.whole():
            yield Done(stage.name, True, last[1])
            continue
        result = stage.work()
        known[stage.name] = fingerprint, result
        write_atomic(state, json.dumps({name: {"fingerprint": mark, **asdict(done)}
                                        for name, (mark, done) in known.items()}, indent=2) + "\n")
        yield Done(stage.name, False, result)


def read_state(path: Path) -> dict[str, tuple[str, Result]]:
    """Of every stage the fingerprint and the result; nothing from a file that is missing or damaged."""
    try:
        content = json.loads(path.read_bytes())
        return {str(name): (str(one["fingerprint"]), Result(str(one["text"]), bool(one["holds"])))
                for name, one in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
