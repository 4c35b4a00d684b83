"""What every listening session has: totals, somebody to tell, and a device that may go away and return.

A device that goes away is looked for until it is back; nothing is heard across such a gap.
"""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from kws.detect.detector import Detection, Hop
from kws.errors import DeviceError
from kws.listen.actions import Actions
from kws.listen.sound_keeper import Keeper

RETRY_S = 1.0
STATUS_S = 0.1  # how often the display is told how it stands


@dataclass(frozen=True)
class Lost:
    """The device is gone."""

    reason: str


@dataclass(frozen=True)
class Back:
    """The device is there again; what follows does not join what came before."""


class Closable(Protocol):
    def close(self) -> None: ...


DEVICE = TypeVar("DEVICE", bound=Closable)
HEARD = TypeVar("HEARD")  # what a device brings


def recovering(device: DEVICE, reopen: Callable[[], DEVICE], listen: Callable[[DEVICE], Iterator[HEARD]], *,
               idle: HEARD, sleep: Callable[[float], None] = time.sleep) -> Generator[HEARD | Lost | Back]:
    """Everything that a device brings, for ever: when it has gone it is looked for, once every RETRY_S.

    reopen : tries once; listen : brings its events until it is gone. Both raise DeviceError.
    idle : comes while it is away
    """
    while True:
        try:
            yield from listen(device)
        except DeviceError as error:
            yield Lost(str(error))
        finally:
            device.close()
        while True:
            try:
                device = reopen()
                break
            except DeviceError:
                yield idle
                sleep(RETRY_S)
        yield Back()


@dataclass(frozen=True)
class Status:
    """How it stands, for the display.

    elapsed_s : since the first sound; peak_db, rms_db : relative to full scale; hint : what to do about the level
    latency_s : from the air to the decision, without the decoder's smoothing; load : share of one core
    footer : what stands in the last line instead of latency, load and overflows
    """

    elapsed_s: float
    peak_db: float
    rms_db: float
    hint: str | None
    latency_s: float
    load: float
    overflows: int
    lost: bool
    footer: str | None = None


class View(Protocol):
    """Who is told. Called from one thread; should return quickly."""

    def hops(self, hops: list[Hop]) -> None: ...
    def hit(self, hit: Detection) -> None: ...
    def note(self, message: str) -> None: ...
    def status(self, status: Status) -> None: ...


@dataclass
class SessionTotals:
    """What there was, for the summary. hits : detections of each keyword; losses : times that the device was away."""

    elapsed_s: float = 0.0
    hits: Counter[str] = field(default_factory=Counter)
    losses: int = 0
    lost_s: float = 0.0


TOTALS = TypeVar("TOTALS", bound=SessionTotals)


class Session(ABC, Generic[TOTALS, HEARD]):
    """The part that listening to a microphone and to a device share."""

    totals: TOTALS

    def __init__(self, view: View, *, actions: Actions | None, keeper: Keeper | None, clock: Callable[[], float]):
        self._view, self._actions, self._keeper, self._clock = view, actions, keeper, clock
        self._lost_since_s: float | None = None
        self._status_s = 0.0

    def run(self, events: Iterable[HEARD | Lost | Back], *, seconds: float | None = None) -> None:
        """Handle events until they end, or for `seconds`; whatever ends it, all is tidied up."""
        try:
            for event in events:
                self.handle(event)
                if seconds is not None and self.totals.elapsed_s >= seconds:
                    break
        finally:
            self._finish()

    def handle(self, event: HEARD | Lost | Back) -> None:
        """One event: something that was heard, or the device that went or came back."""
        now_s = self._clock()
        self.totals.elapsed_s = self._elapsed_s(event, now_s)
        if isinstance(event, Lost):
            self._lost(event)
        elif isinstance(event, Back):
            self._back()
        else:
            self._heard(event)
        if self._actions is not None:
            self._actions.poll()
        if now_s - self._status_s >= STATUS_S:
            self._status_s = now_s
            self._view.status(self._status(now_s))

    @abstractmethod
    def _elapsed_s(self, event: HEARD | Lost | Back, now_s: float) -> float:
        """Time since the session's start; `event` may be what starts it."""

    @abstractmethod
    def _heard(self, event: HEARD, /) -> None:
        """What the device brought."""

    @abstractmethod
    def _status(self, now_s: float) -> Status:
        """How it stands."""

    def _lost(self, lost: Lost) -> None:
        self.totals.losses += 1
        self._lost_since_s = self._clock()
        self._view.note(f"device lost, looking for it ({lost.reason})")
        if self._keeper is not None:
            self._keeper.flush()

    def _back(self) -> None:
        self._end_loss()
        self._view.note("device back: listening again")

    def _end_loss(self) -> None:
        if self._lost_since_s is not None:
            self.totals.lost_s += self._clock() - self._lost_since_s
            self._lost_since_s = None

    def _finish(self) -> None:
        """Pieces of sound that wait for their end, and commands that run."""
        self._end_loss()
        if self._keeper is not None:
            self._keeper.flush()
        if self._actions is not None:
            self._actions.close()
