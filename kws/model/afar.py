"""Epochs whose features a cluster makes, all batches of one at a time, before its first batch is used."""

import copy
import threading
from collections.abc import Callable, Sequence

from kws.data.pool import map_blocks
from kws.model.sound_jobs import SoundJob, Sounds, make_sounds


class Afar:
    """The last epoch that was asked for; threads that prepare batches may ask at the same time."""

    def __init__(self, scheduler: str | None):
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._epoch, self._made = -1, list[Sounds]()

    def sounds(self, epoch: int, batch: int, jobs: Callable[[], Sequence[SoundJob]]) -> Sounds:
        """Of one batch. jobs : of the whole epoch, asked for when it has not been made."""
        with self._lock:
            if epoch != self._epoch:
                wanted = jobs()
                self._made = map_blocks(make_sounds, wanted, scheduler=self._scheduler,
                                        title=f"hearing epoch {epoch + 1}", sizes=[len(job.paths) for job in wanted])
                self._epoch = epoch
            found = self._made[batch]
        return Sounds(found.features, found.taught, copy.deepcopy(found.rng))  # a batch may be asked for twice
