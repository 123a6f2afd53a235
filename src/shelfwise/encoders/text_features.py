"""One walk over a catalog's texts: every row gets a vector, and each distinct text is computed once, ever."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.encoders.base import Progress
from shelfwise.encoders.feature_cache import content_key
from shelfwise.encoders.open_cache import FeatureStore
from shelfwise.encoders.text_backbone import TextBackbone

_TEXTS_AT_ONCE = 8_192  # tokenized and ordered by length together
_REMEMBER_EVERY = 512  # computed vectors between writes to the cache

Backbone = Callable[[], TextBackbone]
"""Gives the backbone, which is loaded only when a text is not in the cache."""


def text_features(
    texts: pa.Array,
    present: np.ndarray,
    width: int,
    backbone: Backbone,
    cache: FeatureStore,
    progress: Progress,
) -> np.ndarray:
    """Vectors float32 [N, width] of N texts, from the cache or the backbone; zeros where ``present`` (bool [N]) is false.

    What was computed is remembered even when this is interrupted.
    """
    features = np.zeros((len(texts), width), dtype=np.float32)
    rows = np.flatnonzero(present)
    progress(len(texts) - len(rows))
    if not len(rows):
        return features
    encoded = pc.dictionary_encode(texts.take(pa.array(rows)))
    distinct = encoded.dictionary
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(codes, minlength=len(distinct))
    vectors = np.zeros((len(distinct), width), dtype=np.float32)
    for start in range(0, len(distinct), _TEXTS_AT_ONCE):
        part = slice(start, start + _TEXTS_AT_ONCE)
        some = distinct.slice(start, _TEXTS_AT_ONCE).to_pylist()
        _fill(vectors[part], some, counts[part], backbone, cache, progress)
    features[rows] = vectors[codes]
    return features


def _fill(
    vectors: np.ndarray,
    texts: list[str],
    counts: np.ndarray,
    backbone: Backbone,
    cache: FeatureStore,
    progress: Progress,
) -> None:
    """The vectors of distinct texts, written into ``vectors``; ``counts``: in how many rows each stands."""
    keys = [content_key(text.encode()) for text in texts]
    found, cached = cache.get(keys)
    if found.any():
        vectors[found] = cached[found]
    progress(int(counts[found].sum()))
    missing = np.flatnonzero(~found)
    if not len(missing):
        return
    network = backbone()
    fresh: list[int] = []
    try:
        for places, made in network.vectors(network.tokens([texts[place] for place in missing])):
            here = missing[places]
            vectors[here] = made
            fresh += here.tolist()
            if len(fresh) >= _REMEMBER_EVERY:
                _remember(cache, keys, vectors, fresh)
            progress(int(counts[here].sum()))
    finally:
        _remember(cache, keys, vectors, fresh)


def _remember(cache: FeatureStore, keys: list[bytes], vectors: np.ndarray, fresh: list[int]) -> None:
    """Write what was computed since the last time to the cache."""
    if fresh:
        cache.put([keys[place] for place in fresh], vectors[fresh])
        fresh.clear()
