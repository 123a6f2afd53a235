"""How many different n-grams a catalog's texts come to: what the weights of linear classifiers grow with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.encoders.ngrams import Ngrams
from shelfwise.encoders.registry import build_encoder
from shelfwise.ensemble import read_input
from shelfwise.recipe import InputRecipe

_SAMPLE = 5_000


def text_width(inputs: Sequence[InputRecipe], catalog: Catalog, seed: int) -> int:
    """About how many columns the spelled-out ``inputs`` that are n-grams of texts have together.

    Counted on up to 5,000 products, and taken to grow with their number, which is too much: the commonest come first.
    """
    some = np.sort(np.random.default_rng(seed).permutation(len(catalog))[:_SAMPLE])
    part, width = catalog.take(some), 0.0
    for one in inputs:
        options = dict(one.encoder or {})
        encoder = build_encoder(str(options.pop("kind")), options)
        if isinstance(encoder, Ngrams):
            encoder.fit(encoder.prepare(read_input(part, one)), np.arange(len(some)))
            width += min(encoder.width * len(catalog) / max(len(some), 1), encoder.options.max_features)
    return int(width)
