"""Several processes that work side by side; a killed one costs only the batch it had in hand."""

from __future__ import annotations

import gc
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shelfwise.batch.blocks import Block, BlockMaker, Make, Work
from shelfwise.batch.process_server import few_threads, worker_context
from shelfwise.catalog import Catalog
from shelfwise.decision.ruling import Ruling
from shelfwise.encoders.allocator import keep_freed_arrow_memory
from shelfwise.engine.threads import compute_threads, hold_linear_algebra_to
from shelfwise.errors import ShelfwiseError
from shelfwise.profiling import Profile, active_profile, timed

if TYPE_CHECKING:
    from shelfwise.batch.request import PredictRequest
    from shelfwise.catalog.fetching.first import Input
    from shelfwise.catalog.fetching.options import FetchOptions

AHEAD = 2
"""Batches a worker that may be finished before their turn has come: they wait in memory."""
MOST_TRIES = 3
"""A batch that so many processes died of is not tried again."""
_LEAVE_WITHIN_S = 5.0


@dataclass(frozen=True)
class Job:
    """Predicting, as work for other processes. ``threads``: compute threads of each."""

    request: PredictRequest
    ruling: Ruling | None = None
    threads: int = 1

    def maker(self) -> BatchPredictor:
        """The model, loaded. Raises ModelFolderError."""
        return BatchPredictor(self)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    batch: int | None = None
    """The number of the batch in hand."""


@dataclass
class _Progress:
    """Batches by number: in hand or to be done again, how often each was tried, and blocks whose turn is not yet."""

    open: dict[int, Catalog] = field(default_factory=dict)
    again: deque[int] = field(default_factory=deque)
    tries: dict[int, int] = field(default_factory=dict)
    done: dict[int, Block] = field(default_factory=dict)
    next_out: int = 0


def share_of_threads(workers: int, threads: int | None = None) -> int:
    """Compute threads for each of ``workers``; ``threads`` in all, by default as many as this process may use."""
    return max(1, (threads or compute_threads()) // workers)


class WorkerPool:
    """Processes that each hold what the work takes; `blocks` is an `Engine`. Used as a context manager, which ends them.

    ``threads``: the compute threads of each.
    """

    def __init__(self, work: Work, workers: int, threads: int = 1) -> None:
        self._work, self._threads = work, threads
        self._profile = active_profile() is not None
        self._count = workers
        self._workers: list[_Worker] = []
        self._context = worker_context()

    def __enter__(self) -> Self:
        self._workers = [self._start() for _ in range(self._count)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_LEAVE_WITHIN_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def blocks(self, batches: Iterable[Catalog]) -> Iterator[Block]:
        """A block a batch, in their order. Raises what a worker raised, ShelfwiseError where workers keep dying."""
        source = enumerate(batches)
        progress, exhausted = _Progress(), False
        while True:
            for worker in self._workers:
                if worker.batch is None and not exhausted:
                    exhausted = not self._hand_out(worker, source, progress)
                elif worker.batch is None and progress.again:
                    self._hand_out(worker, source, progress)
            busy = {worker.pipe: worker for worker in self._workers if worker.batch is not None}
            if busy:
                with timed("wait for workers"):
                    ready = wait(list(busy))
                for pipe in ready:
                    self._collect(busy[pipe], progress)  # type: ignore[index]
            while progress.next_out in progress.done:
                yield progress.done.pop(progress.next_out)
                progress.next_out += 1
            if exhausted and not progress.open:
                return

    def _hand_out(self, worker: _Worker, source: Iterator[tuple[int, Catalog]], progress: _Progress) -> bool:
        """Give an idle worker a batch, unless too many wait for their turn; False where there is none left."""
        if progress.again:
            number = progress.again.popleft()
        elif len(progress.open) + len(progress.done) >= self._count * (1 + AHEAD):
            return True
        else:
            found = next(source, None)
            if found is None:
                return False
            number, progress.open[found[0]] = found
        progress.tries[number] = progress.tries.get(number, 0) + 1
        worker.batch = number
        with timed("hand out"), suppress(OSError):
            # A worker that has died in the meantime is met again, as one, when its answer is read.
            worker.pipe.send(progress.open[number])
        return True

    def _collect(self, worker: _Worker, progress: _Progress) -> None:
        number = worker.batch
        assert number is not None, "only workers with a batch in hand are waited for"
        try:
            with timed("collect"):
                answer = worker.pipe.recv()
        except (EOFError, OSError) as error:
            worker.process.join()
            worker.pipe.close()
            if progress.tries[number] >= MOST_TRIES:
                raise ShelfwiseError(
                    f"{MOST_TRIES} worker processes ended while they worked on the same {len(progress.open[number]):,} "
                    f"products (exit status {worker.process.exitcode}); if memory ran out, use fewer --workers"
                ) from error
            progress.again.append(number)
            self._workers[self._workers.index(worker)] = self._start()
            return
        if isinstance(answer, BaseException):
            raise answer
        worker.batch = None
        progress.done[number] = answer
        del progress.open[number], progress.tries[number]
        if (profile := active_profile()) is not None:
            profile.add(answer.stages)

    def _start(self) -> _Worker:
        mine, theirs = self._context.Pipe()
        arguments = (self._work, theirs, self._threads, self._profile)
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        with few_threads(self._threads):
            process.start()
        theirs.close()  # or its end would never be noticed
        return _Worker(process, mine)


def _work(work: Work, pipe: Connection, threads: int, profile: bool) -> None:
    """A worker's life: load what the work takes, then make blocks of what comes, until nothing more does."""
    # Ctrl-C reaches every process of a terminal; the first one decides what becomes of the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hold_linear_algebra_to(threads)  # the server may have been started for others
    keep_freed_arrow_memory()
    with suppress(EOFError, ConnectionError):  # the first process is gone: so is the need for this one
        try:
            make = work.maker()
        except ShelfwiseError as error:
            pipe.send(error)
            return
        gc.freeze()  # what is loaded by now stays, and need not be looked through for garbage again and again
        while True:
            batch = pipe.recv()
            answer: Block | ShelfwiseError | OSError
            try:
                answer = _profiled(make, batch) if profile else make(batch)
            except (ShelfwiseError, OSError) as error:
                answer = error
            pipe.send(answer)


def _profiled(make: Make, batch: Catalog) -> Block:
    """The block of a batch, with the time that it took."""
    with Profile() as profile:
        block = make(batch)
    return replace(block, stages=profile.stages)


class BatchPredictor:
    """A job's model in this process, held to its threads. Raises ModelFolderError where it cannot be loaded."""

    def __init__(self, job: Job) -> None:
        model = job.request.categorizer()
        held = model.recipe_.training.model_copy(update={"threads": job.threads})
        model.recipe_ = model.recipe_.model_copy(update={"training": held})
        self._inputs = model.recipe_.inputs
        self._make = BlockMaker(model, job.request.suffix, job.ruling).make
        self._fetch = job.request.fetch

    def __call__(self, batch: Catalog) -> Block:
        """The block of one batch."""
        return self._make(with_images(batch, self._fetch, self._inputs))


def with_images(batch: Catalog, options: FetchOptions, inputs: Iterable[Input]) -> Catalog:
    """The batch with those images of ``inputs`` that have to be fetched from the web first."""
    from shelfwise.catalog.fetching.first import FetchFirst

    with FetchFirst(options) as images_first:
        (fetched,) = images_first.batches([batch], inputs)
    return fetched
