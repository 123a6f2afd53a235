"""What is said while products are worked through batch by batch: each remark once, and at Ctrl-C what is kept."""

from __future__ import annotations

import re

from shelfwise.batch.blocks import Block
from shelfwise.catalog.carried import Carried, sparse_inputs
from shelfwise.progress import Reporter

_NUMBERS = re.compile(r"\d[\d,]*")


class BatchInterrupted(KeyboardInterrupt):
    """Ctrl-C while products are worked through; the message says what is kept."""


class Remarks:
    """Passes each remark on once, for every block would repeat it.

    Notes of a catalog count from its start ("3 product(s) have an empty id"): one is said when it first comes, and
    by `finish` again where its numbers have grown. What inputs the products lack is told by `finish`, of all together.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._said: set[str] = set()
        self._notes: dict[str, str] = {}
        self._carried: dict[str, Carried] = {}

    def hear(self, block: Block) -> None:
        """Say what is new in a block."""
        for note in block.notes:
            form = _NUMBERS.sub("#", note)
            if form not in self._notes:
                self._say(note)
            self._notes[form] = note
        for message in block.said:
            self._say(message)
        for name, carried in block.carried.items():
            self._carried[name] = self._carried[name] + carried if name in self._carried else carried

    def finish(self) -> None:
        """Say the last state of what was said with other numbers, and what can be told of all products only."""
        for note in self._notes.values():
            self._say(note)
        for line in sparse_inputs(self._carried):
            self._say(line)

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._reporter.say(message)
