"""How far the training is, on stderr: a bar with loss, accuracy and time left; in a pipe one line per epoch."""

import sys
from collections.abc import Sequence
from math import isnan
from statistics import median

from kws.model.keras_types import Logs
from kws.run_metrics import Epoch


class TrainingProgress:
    """Context manager around the epochs. history : those that an interrupted process ran, each with its `seconds`."""

    def __init__(self, *, epochs: int, steps: int, history: Sequence[Epoch]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.epochs, self.steps = epochs, steps
        self._earlier_s, self._own_s = [epoch.seconds for epoch in history], list[float]()
        done = len(self._earlier_s)
        console = Console(file=sys.stderr)
        self.live = console.is_terminal
        self.bar = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
                            TextColumn("{task.fields[left]}"), console=console, disable=not self.live)
        self.task = self.bar.add_task("training", total=epochs * steps, completed=done * steps, left="")

    def __enter__(self) -> "TrainingProgress":
        self.bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.bar.stop()

    def step(self, number: int, logs: Logs) -> None:
        """One batch of epoch `number` is done; logs: "loss" and "accuracy" of the epoch so far."""
        text = f"epoch {number}/{self.epochs}"
        if logs:
            text += f"  loss {logs['loss']:.3f}  accuracy {logs['accuracy']:.1%}"
        self.bar.advance(self.task)
        epoch_s, task = self._epoch_s(), self.bar.tasks[0]
        left = "" if epoch_s is None else in_words((self.epochs * self.steps - task.completed) / self.steps * epoch_s)
        self.bar.update(self.task, description=text, left=left)

    def epoch_ended(self, number: int, epoch: Epoch) -> None:
        """Epoch `number` is done and saved."""
        self._own_s.append(epoch.seconds)
        left_s = (self.epochs - number) * (self._epoch_s() or 0.0)
        known = (("accuracy", epoch.accuracy), ("validation", epoch.validation_accuracy))
        shares = "".join(f"{name} {share:.1%}, " for name, share in known if not isnan(share))
        self.bar.console.print(
            f"epoch {number}/{self.epochs}: loss {epoch.loss:.3f}, {shares}"
            f"{epoch.seconds:.0f} s, {in_words(left_s)}", highlight=False, soft_wrap=True)

    def _epoch_s(self) -> float | None:
        """Seconds of an epoch to come.

        The first epoch of a process also compiles and fills caches: it does not count as long as there is another one,
        of this process or of the one before.
        """
        for known in (self._own_s[1:][-5:], self._earlier_s[1:][-5:], self._own_s, self._earlier_s):
            if known:
                return median(known)
        return None


def in_words(seconds: float) -> str:
    """The time that is left, as exactly as it can be known."""
    if seconds < 60:
        return "less than a minute left" if seconds > 0 else "done"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 90 else f"about {seconds / 3600:.1f} h left"
