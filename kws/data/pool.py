"""The same work on many blocks: on this machine's cores, or on a Dask cluster; results in order, progress on stderr.

    rows = map_blocks(measure, blocks, scheduler=None, title="reading clips", sizes=[len(block) for block in blocks])

`function` must be importable by name, since it runs in other processes; what it reads by path must lie at the same
path on every machine. A worker of the cluster that dies takes nothing with it: its blocks are done by another one.
"""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from kws.errors import KwsError
from kws.progress import progress

if TYPE_CHECKING:
    from distributed import Client, Future

Block = TypeVar("Block")
Result = TypeVar("Result")
AHEAD = 64  # blocks that a cluster has at a time, at least
DEATHS = 5  # workers that may die over one block before it is the block's fault


def map_blocks(function: Callable[[Block], Result], blocks: Sequence[Block], *, scheduler: str | None, title: str,
               sizes: Sequence[int]) -> list[Result]:
    """[function(block) for block in blocks].

    scheduler : address of a Dask scheduler, tcp://HOST:8786; None works on the cores of this machine
    sizes     : of the blocks, for the progress bar
    Raises KwsError if the cluster cannot be reached or is lost.
    """
    done = dict(done_blocks(function, blocks, scheduler=scheduler, title=title, sizes=sizes))
    return [done[index] for index in range(len(blocks))]


def done_blocks(function: Callable[[Block], Result], blocks: Sequence[Block], *, scheduler: str | None, title: str,
                sizes: Sequence[int], threads: bool = False) -> Iterator[tuple[int, Result]]:
    """(place, function(block)) as they come, so that nobody holds all results; otherwise as map_blocks.

    threads : on this machine, threads do the work instead of processes: for what waits for the disk
    """
    with progress(title, total=sum(sizes)) as advance:
        if scheduler is not None:
            source = distributed(function, blocks, scheduler)
        else:
            source = in_threads(function, blocks) if threads else local(function, blocks)
        for index, result in source:
            yield index, result
            advance(sizes[index])


def in_threads(function: Callable[[Block], Result], blocks: Sequence[Block]) -> Iterator[tuple[int, Result]]:
    """(index, result) in order, by a thread per core."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(cores()) as pool:
        yield from enumerate(pool.map(function, blocks))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(function: Callable[[Block], Result], blocks: Sequence[Block]) -> Iterator[tuple[int, Result]]:
    """(index, result) as they come, from one process per core; a few blocks are done right here."""
    if len(blocks) <= 1 or cores() == 1:
        yield from ((index, function(block)) for index, block in enumerate(blocks))
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of each worker: the cores are taken already
    with ProcessPoolExecutor(min(cores(), len(blocks)), multiprocessing.get_context("spawn"), end_with_parent) as pool:
        waiting = {pool.submit(function, block): index for index, block in enumerate(blocks)}
        try:
            for future in as_completed(list(waiting)):
                yield waiting.pop(future), future.result()
        finally:
            for future in waiting:
                future.cancel()


def end_with_parent() -> None:
    """Have this worker end when the process that started it does, however that ends: it would wait for work forever."""
    import multiprocessing
    import threading

    if (parent := multiprocessing.parent_process()) is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def distributed(function: Callable[[Block], Result], blocks: Sequence[Block],
                address: str) -> Iterator[tuple[int, Result]]:
    """(index, result) as they come, from the workers of a Dask scheduler."""
    client = connect(address)
    from distributed import as_completed

    with client:
        waiting = iter(enumerate(blocks))
        places: dict[str, int] = {}

        def submitted(count: int) -> list["Future"]:
            """The next blocks. Not all at once: what workers have done waits in their memory until it is fetched."""
            futures = []
            for index, block in islice(waiting, count):
                futures.append(client.submit(run_pickled, pickle.dumps((function, block)), pure=False, retries=DEATHS))
                places[futures[-1].key] = index
            return futures

        done = as_completed(submitted(max(AHEAD, 4 * sum(client.nthreads().values()))), loop=client.loop)
        for future in done:
            try:
                result = future.result()
            except KwsError:
                raise
            except Exception as error:
                raise KwsError(f"--scheduler {address}: {type(error).__name__}: {str(error)[:200]}; look at the "
                               "workers' output") from error
            yield places[future.key], result
            future.release()
            done.update(submitted(1))


def run_pickled(work: bytes) -> object:
    """What a worker does: function and block arrive together."""
    function, block = pickle.loads(work)
    return function(block)


def connect(address: str) -> "Client":
    """A client of the scheduler. Raises KwsError if Dask is missing or nobody answers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise KwsError("--scheduler needs Dask, which is not installed; next: pip install 'kws[cluster]', "
                       "in a clone: pip install '.[cluster]'") from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise KwsError(f"--scheduler {address}: no Dask scheduler answers there; start one: dask scheduler, and "
                       f"workers: dask worker {address}") from error
    if not client.scheduler_info()["workers"]:
        client.close()
        raise KwsError(f"--scheduler {address}: it has no workers; start some: dask worker {address}")
    return client
