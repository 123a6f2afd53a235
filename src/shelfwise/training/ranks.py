"""Several processes that train one model together, on one machine or more, as PyTorch's own launcher starts them.

``torchrun --nproc-per-node 4 -m shelfwise train …`` starts four processes that are told their number and how to reach each other.
They exchange bytes over gloo, which needs no GPU; what a classifier came to is small beside what it was trained from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from shelfwise.errors import ShelfwiseError

_PATIENCE = timedelta(days=7)
"""Ranks wait for each other's trainings, which may take days; a rank that dies is noticed at once, for its connection ends."""
_TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What the launcher puts into the environment of each process."""


@dataclass(frozen=True)
class Ranks:
    """This process's number ``index`` among the ``count`` that train together; 0 of 1 where it is alone."""

    index: int = 0
    count: int = 1

    @classmethod
    def current(cls) -> Ranks:
        """As PyTorch's process group of this process says, where there is one."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this is the process that tells and writes."""
        return self.index == 0

    def share(self, owner: int, data: bytes | None) -> bytes:
        """``data`` of the rank ``owner``, in every rank; all must ask in the same order. Others than the owner give None."""
        mine = data if self.index == owner and data is not None else b""
        length = torch.tensor([len(mine)], dtype=torch.int64)
        with _in_touch():
            distributed.broadcast(length, owner)
        body = torch.empty(int(length), dtype=torch.uint8)
        if not len(body):
            return b""
        if mine:
            body = torch.frombuffer(bytearray(mine), dtype=torch.uint8)
        with _in_touch():
            distributed.broadcast(body, owner)
        return body.numpy().tobytes()

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """The first process of each machine goes first, so that the others find in the cache what it has computed."""
        if self.count == 1:
            yield
            return
        first = os.environ.get("LOCAL_RANK", "0") == "0"
        if not first:
            _wait_for_all()
        yield
        if first:
            _wait_for_all()


def _wait_for_all() -> None:
    with _in_touch():
        distributed.barrier()


@contextmanager
def _in_touch() -> Iterator[None]:
    """Around every exchange. Raises ShelfwiseError where another process has ended, which is all that gloo's errors are here."""
    try:
        yield
    except RuntimeError as error:
        raise ShelfwiseError(
            "another process of this training has ended before it was done; see what it said"
        ) from error


def launched() -> bool:
    """Whether a launcher has started this process as one of several."""
    return os.environ.get("WORLD_SIZE", "1") not in ("", "1") and "RANK" in os.environ


@contextmanager
def together() -> Iterator[Ranks]:
    """Meet the other processes that the launcher has started, and part from them at the end; alone, nothing happens.

    With GPUs each process takes the one of its number on its machine. Raises ShelfwiseError where they cannot meet.
    """
    if not launched():
        yield Ranks.current()
        return
    missing = [name for name in _TOLD if name not in os.environ]
    if missing:
        raise ShelfwiseError(
            f"expected what torchrun tells each process, but {', '.join(missing)} is not set; start the training with "
            "'torchrun --nproc-per-node N -m shelfwise train …'"
        )
    try:
        distributed.init_process_group("gloo", timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise ShelfwiseError(
            f"the processes that are to train together could not meet at {os.environ['MASTER_ADDR']}:"
            f"{os.environ['MASTER_PORT']}: {str(error).splitlines()[0]}"
        ) from error
    try:
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
        yield Ranks.current()
    finally:
        distributed.destroy_process_group()
