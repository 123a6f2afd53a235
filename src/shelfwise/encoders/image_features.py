"""One walk over a catalog's images: every row gets features, and each distinct image is computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from shelfwise.catalog.column import ImageSource, RawImage, State
from shelfwise.catalog.decoding import DecodedBatch, DecodingJob, decoder_threads
from shelfwise.encoders.base import Progress
from shelfwise.encoders.feature_cache import FeatureCache, content_key
from shelfwise.encoders.image_preprocessing import ImagePreprocessing

_ROWS_AT_ONCE = 128  # undecoded images in memory
_REMEMBER_EVERY, _REMEMBER_BYTES = (
    1024,
    32 << 20,
)  # computed features between writes to the cache, and their size


class FeatureRun:
    """The features of N products' images, from the cache or from ``compute``.

    ``compute`` takes pixels uint8 [B, 3, side, side], B ≤ ``batch``, to [B, width]. ``features`` [N, width], zeros of the
    cache's type, are filled in by ``all_rows`` (zeros stay where there is no image), and so are ``state`` int8 [N] and
    ``reasons`` by row.
    """

    def __init__(
        self,
        source: ImageSource,
        preprocessing: ImagePreprocessing,
        compute: Callable[[np.ndarray], np.ndarray],
        batch: int,
        cache: FeatureCache,
        features: np.ndarray,
        progress: Progress,
    ) -> None:
        count = len(source)
        self.features = features
        self.state = np.full(count, State.ABSENT, dtype=np.int8)
        self.reasons: dict[int, str] = {}
        self._source, self._preprocessing, self._compute, self._batch = source, preprocessing, compute, batch
        self._cache, self._progress = cache, progress
        self._first_row: dict[bytes, int] = {}  # content → the first row that carries it
        self._fresh: dict[bytes, int] = {}  # computed here, not yet written to the cache
        bytes_each = max(1, features.shape[1] * features.dtype.itemsize)
        self._remember_every = max(batch, min(_REMEMBER_EVERY, _REMEMBER_BYTES // bytes_each))

    def all_rows(self) -> None:
        """Go through the source in small parts; what is computed is remembered even on an interrupt."""
        try:
            with ThreadPoolExecutor(decoder_threads(), thread_name_prefix="decode") as pool:
                for start in range(0, len(self.state), _ROWS_AT_ONCE):
                    self._some_rows(pool, list(range(start, min(start + _ROWS_AT_ONCE, len(self.state)))))
                    if len(self._fresh) >= self._remember_every:
                        self._remember()
        finally:
            self._remember()

    def _remember(self) -> None:
        """Write what was computed since the last time to the cache."""
        if self._fresh:
            self._cache.put(list(self._fresh), self.features[list(self._fresh.values())])
            self._fresh = {}

    def _some_rows(self, pool: ThreadPoolExecutor, rows: list[int]) -> None:
        copies: list[tuple[int, int]] = []  # (row, an earlier row with the same image)
        new: dict[bytes, tuple[int, RawImage]] = {}
        for row, raw in zip(rows, self._source.load(rows), strict=True):
            self.state[row] = raw.state
            if raw.state == State.FAILED:
                self.reasons[row] = raw.reason
            elif raw.state == State.PRESENT:
                key = content_key(raw.data or b"")
                first = self._first_row.setdefault(key, row)
                if first == row:
                    new[key] = (row, raw)
                else:
                    copies.append((row, first))
        computed = self._new_images(pool, new)
        for row, first in copies:
            self.features[row], self.state[row] = self.features[first], self.state[first]
            if first in self.reasons:
                self.reasons[row] = self.reasons[first]
        self._progress(len(rows) - computed)

    def _new_images(self, pool: ThreadPoolExecutor, new: dict[bytes, tuple[int, RawImage]]) -> int:
        """Fill in images not seen before; return how many were computed, and so already reported as done."""
        if not new:
            return 0
        found, cached = self._cache.get(list(new))
        if found.any():
            self.features[np.array([row for row, _ in new.values()])[found]] = cached[found]
        missing = [(key, *new[key]) for key, here in zip(new, found, strict=True) if not here]
        if not missing:
            return 0
        keys, rows, raws = zip(*missing, strict=True)
        side, square = self._preprocessing.side, self._preprocessing.square
        decoded = DecodingJob(pool, np.array(rows), raws, side, square).result()
        self.state[decoded.rows] = decoded.states
        self.reasons.update(decoded.reasons)
        return self._computed(keys, decoded)

    def _computed(self, keys: Sequence[bytes], decoded: DecodedBatch) -> int:
        good = np.flatnonzero(decoded.states == State.PRESENT)
        for start in range(0, len(good), self._batch):
            part = good[start : start + self._batch]
            self.features[decoded.rows[part]] = self._compute(decoded.pixels[part])
            self._fresh.update((keys[place], int(decoded.rows[place])) for place in part)
            self._progress(len(part))
        return len(good)
