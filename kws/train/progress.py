"""How far the training is, on stderr: a bar with loss, accuracy and time left; in a pipe one line per epoch."""

import sys
from math import isnan
from typing import Any


class TrainingProgress:
    """Context manager around the epochs; `done` of `epochs` were run before."""

    def __init__(self, *, epochs: int, steps: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.epochs = epochs
        console = Console(file=sys.stderr)
        self.live = console.is_terminal
        self.bar = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
                            TimeRemainingColumn(), TextColumn("left"), console=console, disable=not self.live)
        self.task = self.bar.add_task("training", total=epochs * steps, completed=done * steps)

    def __enter__(self) -> "TrainingProgress":
        self.bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.bar.stop()

    def step(self, number: int, logs: dict[str, Any]) -> None:
        """One batch of epoch `number` is done; logs: "loss" and "accuracy" of the epoch so far."""
        text = f"epoch {number}/{self.epochs}"
        if logs:
            text += f"  loss {logs['loss']:.3f}  accuracy {logs['accuracy']:.1%}"
        self.bar.update(self.task, advance=1, description=text)

    def epoch_ended(self, number: int, epoch: Any) -> None:
        """Epoch `number` is done and saved."""
        left_s = (self.epochs - number) * epoch.seconds
        validation = "" if isnan(epoch.validation_accuracy) else f"validation {epoch.validation_accuracy:.1%}, "
        self.bar.console.print(
            f"epoch {number}/{self.epochs}: loss {epoch.loss:.3f}, accuracy {epoch.accuracy:.1%}, "
            f"{validation}{epoch.seconds:.0f} s, about {left_s / 60:.0f} min left",
            highlight=False, soft_wrap=True)
