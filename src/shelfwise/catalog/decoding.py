"""Many images decoded at once: a few threads, bounded memory, and every row comes out in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from shelfwise.catalog.column import ImageSource, RawImage, State
from shelfwise.catalog.image_source import ROWS_PER_LOAD
from shelfwise.catalog.images import MAX_PIXELS, decode_image, square_pixels
from shelfwise.catalog.rows import Progress, no_progress
from shelfwise.engine.threads import compute_threads
from shelfwise.errors import ImageError
from shelfwise.profiling import timed

MakeSquare = Callable[[Image.Image, int], np.ndarray]
"""An RGB image and a side → uint8 [3, side, side]."""

Seen = TypeVar("Seen")

_MAX_WORKERS = 16
_MAX_LOOKERS = 4
"""Decoding leaves Python's lock, but reading mostly waits for the disk."""
_SLICES_PER_WORKER = 2


@dataclass(frozen=True)
class DecodedBatch:
    """Some rows of a source as pixels.

    ``rows`` int64 [B] as they were asked for; ``pixels`` uint8 [B, 3, side, side], zeros where not PRESENT;
    ``states`` int8 [B]; ``reasons`` by row, for the FAILED ones.
    """

    rows: np.ndarray
    pixels: np.ndarray
    states: np.ndarray
    reasons: dict[int, str]

    def __len__(self) -> int:
        return len(self.rows)


def decoder_threads() -> int:
    """How many threads decode: one per core that this process may use, at most 16 (Pillow releases the interpreter lock)."""
    return min(_MAX_WORKERS, compute_threads())


def each_image(
    source: ImageSource, look: Callable[[RawImage], Seen], progress: Progress = no_progress
) -> Iterator[list[Seen]]:
    """What ``look`` makes of every image, in order, block by block: one block is in memory, looked at by a few threads.

    ``progress`` is told how many products are done.
    """
    with ThreadPoolExecutor(min(_MAX_LOOKERS, compute_threads())) as pool:
        for start in range(0, len(source), ROWS_PER_LOAD):
            rows = range(start, min(start + ROWS_PER_LOAD, len(source)))
            yield list(pool.map(look, source.load(rows)))
            progress(len(rows))


@timed("decode")
def decode_one(
    raw: RawImage, out: np.ndarray, square: MakeSquare = square_pixels, max_pixels: int = MAX_PIXELS
) -> str:
    """Write the pixels of a PRESENT image into ``out`` uint8 [3, side, side]; return why that is not possible, else ""."""
    side = out.shape[1]
    try:
        out[:] = square(decode_image(raw.data or b"", side=side, max_pixels=max_pixels), side)
    except ImageError as error:
        return str(error)
    return ""


class DecodingJob:
    """One batch being decoded by a pool; ``result`` waits for it.

    Each thread writes its own slice of the batch, so order never depends on which thread is first.
    """

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        rows: np.ndarray,
        raws: Sequence[RawImage],
        side: int,
        square: MakeSquare = square_pixels,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        if len(raws) != len(rows):
            raise ValueError(f"expected one raw image for each of {len(rows)} rows, got {len(raws)}")
        self._rows, self._raws = rows, raws
        self._side, self._square, self._max_pixels = side, square, max_pixels
        self._pixels = np.zeros((len(rows), 3, side, side), dtype=np.uint8)
        self._states = np.full(len(rows), State.ABSENT, dtype=np.int8)
        self._reasons: dict[int, str] = {}
        slices = np.array_split(np.arange(len(rows)), _SLICES_PER_WORKER * decoder_threads())
        self._futures: list[Future[None]] = [
            pool.submit(self._decode_slice, int(part[0]), int(part[-1]) + 1) for part in slices if len(part)
        ]

    def _decode_slice(self, start: int, stop: int) -> None:
        for place in range(start, stop):
            raw = self._raws[place]
            state, reason = raw.state, raw.reason
            if state == State.PRESENT:
                reason = decode_one(raw, self._pixels[place], self._square, self._max_pixels)
                state = State.FAILED if reason else state
            self._states[place] = state
            if state == State.FAILED:
                self._reasons[int(self._rows[place])] = reason

    def result(self) -> DecodedBatch:
        """The finished batch; what a thread raised, other than ImageError, is raised here."""
        for future in self._futures:
            future.result()
        return DecodedBatch(self._rows, self._pixels, self._states, dict(sorted(self._reasons.items())))


def decode_many(
    source: ImageSource,
    rows: Sequence[int] | np.ndarray,
    side: int,
    *,
    square: MakeSquare = square_pixels,
    batch: int = 256,
    workers: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[DecodedBatch]:
    """The images of ``rows`` as pixels, in that order, ``batch`` at a time.

    While one batch is handed out the next is being read and decoded: two batches are in memory, never more.
    The source is read by the calling thread alone. An interrupt, or dropping the iterator, stops the threads.
    """
    wanted = np.asarray(rows, dtype=np.int64)
    pool = ThreadPoolExecutor(workers or decoder_threads(), thread_name_prefix="decode")
    running: DecodingJob | None = None
    try:
        for start in range(0, len(wanted), batch):
            part = wanted[start : start + batch]
            job = DecodingJob(pool, part, source.load(part.tolist()), side, square, max_pixels)
            if running is not None:
                yield running.result()
            running = job
        if running is not None:
            yield running.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
