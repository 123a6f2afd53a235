"""One walk over a catalog's images: every row gets features, and each distinct image is decoded and computed once.

Decoding runs ahead of the network in a few threads, and no further than a few batches, so that neither waits for long and memory
stays bounded. Where the network can run in any thread (``in_threads``), a batch is decoded and computed by one thread: all cores
then work all the time, whichever of the two takes longer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from shelfwise.catalog.column import ImageSource, RawImage, State
from shelfwise.catalog.decoding import decode_one
from shelfwise.encoders.base import Progress
from shelfwise.encoders.feature_cache import content_key
from shelfwise.encoders.image_preprocessing import ImagePreprocessing
from shelfwise.encoders.open_cache import FeatureStore
from shelfwise.engine.threads import compute_threads

_ROWS_AT_ONCE = 128  # undecoded images read together
_AHEAD = 2  # batches in work or done, for each thread
_REMEMBER_EVERY, _REMEMBER_BYTES = (
    1024,
    32 << 20,
)  # computed features between writes to the cache, and their size

Compute = Callable[[np.ndarray], np.ndarray]
"""Pixels uint8 [B, 3, side, side], B ≤ ``batch`` → features [B, width]."""


@dataclass(frozen=True)
class _Image:
    """An image not seen before: the first row that carries it, its content's key and its bytes."""

    row: int
    key: bytes
    raw: RawImage


@dataclass(frozen=True)
class _Done:
    """A batch decoded: ``pixels`` of the ``good`` images, or already their ``features``; the others' reasons by row."""

    good: list[_Image]
    reasons: dict[int, str]
    pixels: np.ndarray
    features: np.ndarray | None


class FeatureRun:
    """The features of N products' images, from the cache or from ``compute``.

    ``features`` [N, width], zeros of the cache's type, are filled in by ``all_rows`` (zeros stay where there is no image), and
    so are ``state`` int8 [N] and ``reasons`` by row. ``in_threads``: ``compute`` may be called by several threads at once.
    """

    def __init__(
        self,
        source: ImageSource,
        preprocessing: ImagePreprocessing,
        compute: Compute,
        batch: int,
        cache: FeatureStore,
        features: np.ndarray,
        progress: Progress,
        in_threads: bool = False,
    ) -> None:
        count = len(source)
        self.features = features
        self.state = np.full(count, State.ABSENT, dtype=np.int8)
        self.reasons: dict[int, str] = {}
        self._source, self._preprocessing, self._compute, self._batch = source, preprocessing, compute, batch
        self._cache, self._progress, self._in_threads = cache, progress, in_threads
        self._first_row: dict[bytes, int] = {}  # content → the first row that carries it
        self._copies: list[tuple[int, int]] = []  # (row, an earlier row with the same image)
        self._fresh: dict[bytes, int] = {}  # computed here, not yet written to the cache
        bytes_each = max(1, features.shape[1] * features.dtype.itemsize)
        self._remember_every = max(batch, min(_REMEMBER_EVERY, _REMEMBER_BYTES // bytes_each))

    def all_rows(self) -> None:
        """Go through the source in small parts; what is computed is remembered even on an interrupt."""
        threads = compute_threads()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="images")
        running: deque[Future[_Done]] = deque()
        try:
            for images in self._batches():
                running.append(pool.submit(self._work, images))
                if len(running) > _AHEAD * threads:
                    self._take_in(running.popleft().result())
            while running:
                self._take_in(running.popleft().result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._remember()
        for row, first in self._copies:
            self.features[row], self.state[row] = self.features[first], self.state[first]
            if first in self.reasons:
                self.reasons[row] = self.reasons[first]
        self._progress(len(self._copies))

    def _batches(self) -> Iterator[list[_Image]]:
        """Images that have to be computed, ``batch`` at a time; all other rows are dealt with on the way."""
        waiting: list[_Image] = []
        for start in range(0, len(self.state), _ROWS_AT_ONCE):
            waiting += self._to_compute(range(start, min(start + _ROWS_AT_ONCE, len(self.state))))
            while len(waiting) >= self._batch:
                yield waiting[: self._batch]
                waiting = waiting[self._batch :]
        if waiting:
            yield waiting

    def _to_compute(self, rows: range) -> list[_Image]:
        new: list[_Image] = []
        copies = len(self._copies)
        for row, raw in zip(rows, self._source.load(rows), strict=True):
            self.state[row] = raw.state
            if raw.state == State.FAILED:
                self.reasons[row] = raw.reason
            elif raw.state == State.PRESENT:
                key = content_key(raw.data or b"")
                first = self._first_row.setdefault(key, row)
                if first == row:
                    new.append(_Image(row, key, raw))
                else:
                    self._copies.append((row, first))
        found, cached = self._cache.get([image.key for image in new])
        if found.any():
            self.features[np.array([image.row for image in new])[found]] = cached[found]
        missing = [image for image, here in zip(new, found, strict=True) if not here]
        self._progress(len(rows) - len(missing) - (len(self._copies) - copies))
        return missing

    def _work(self, images: list[_Image]) -> _Done:
        """Decode a batch, in a thread of the pool; compute it too where the network can run there."""
        side, square = self._preprocessing.side, self._preprocessing.square
        pixels = np.empty((len(images), 3, side, side), np.uint8)
        good: list[_Image] = []
        reasons: dict[int, str] = {}
        for image in images:
            reason = decode_one(image.raw, pixels[len(good)], square)
            if reason:
                reasons[image.row] = reason
            else:
                good.append(image)
        pixels = pixels[: len(good)]
        features = self._compute(pixels) if self._in_threads and good else None
        return _Done(good, reasons, pixels, features)

    def _take_in(self, done: _Done) -> None:
        for row, reason in done.reasons.items():
            self.state[row], self.reasons[row] = State.FAILED, reason
        if done.good:
            found = self._compute(done.pixels) if done.features is None else done.features
            self.features[[image.row for image in done.good]] = found
            self._fresh.update((image.key, image.row) for image in done.good)
        if len(self._fresh) >= self._remember_every:
            self._remember()
        self._progress(len(done.good) + len(done.reasons))

    def _remember(self) -> None:
        """Write what was computed since the last time to the cache."""
        if self._fresh:
            self._cache.put(list(self._fresh), self.features[list(self._fresh.values())])
            self._fresh = {}
