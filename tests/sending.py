"""What an object is like once it has been sent to another process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TypeVar

Thing = TypeVar("Thing")


def sent(thing: Thing) -> Thing:
    """``thing`` as it comes out of the pipe that worker processes are talked to by."""
    here, there = Pipe()
    # From a thread of its own: a pipe holds little, and nobody else reads it.
    with closing(here), ThreadPoolExecutor(1) as pool:
        sending = pool.submit(_send, there, thing)
        try:
            received: Thing = here.recv()
        except EOFError:
            sending.result()  # raises why it could not be sent
            raise
        return received


def _send(pipe: Connection, thing: object) -> None:
    with closing(pipe):
        pipe.send(thing)
