"""Records of many downloads that end at once are committed together, and none counts before it is safe."""

from __future__ import annotations

import asyncio

from shelfwise.catalog.fetching.index import Index, Record
from shelfwise.errors import FetchError


class Journal:
    """Writes records to an index in the background of one event loop."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._pending: list[tuple[Record, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def record(self, record: Record) -> None:
        """Returns once the record would survive a kill. Raises FetchError where it cannot be written."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((record, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._pending:
            group, self._pending = self._pending, []
            try:
                await asyncio.to_thread(self._index.record, [record for record, _ in group])
            except FetchError as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in group:
                    if not done.done():
                        done.set_result(None)
