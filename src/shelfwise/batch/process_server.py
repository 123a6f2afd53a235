"""What worker processes are forked from: a process that imports once, for all of them, what they need, and does nothing else.

Forked from the first process they might hang, because its libraries run threads; begun from nothing, each would import for
itself, which takes longer than predicting tens of thousands of products.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, SpawnContext

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_IMPORTS = ("shelfwise.categorizer", "shelfwise.batch.workers", "shelfwise.encoders.ngrams")
_NETWORKS = ("torch", "shelfwise.training.network")


def worker_context() -> SpawnContext | ForkServerContext:
    """How worker processes are started here: forked where that is safe, on other systems than Linux begun from nothing."""
    if sys.platform == "linux":
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def begin_importing(threads: int, networks: bool) -> None:
    """Have the server import while this process does something else; nothing where it runs already, or cannot be.

    ``threads``: compute threads of each process; ``networks``: whether they will need PyTorch.
    """
    context = worker_context()
    if isinstance(context, ForkServerContext):
        from multiprocessing import resource_tracker
        from multiprocessing.forkserver import ensure_running

        context.set_forkserver_preload([*_IMPORTS, *(_NETWORKS if networks else ())])
        resource_tracker.ensure_running()  # begun by the server's start, it would let Ctrl-C through again
        with few_threads(threads), _ctrl_c_held_back():
            ensure_running()


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """A process begun inside does not hear Ctrl-C, which is this one's to answer; here it counts as soon as this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def few_threads(threads: int) -> Iterator[None]:
    """Libraries that a process imports, if it is started inside, use so many threads."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
