"""How much the service takes on at once: every limit in one place, so that none is met by surprise."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PRODUCTS = 256
"""Products of one request."""
MAX_FIELDS = 200
"""Fields of one product."""
MAX_FIELD_CHARACTERS = 100_000
"""Of one field's text; the models read its first 20,000."""
MAX_LISTED = 1_000
"""Texts of a field that is a list."""
MAX_ID_CHARACTERS = 1_000
MAX_JSON_PARTS = 500_000
"""Texts, brackets and commas of a request's JSON: three times those of 256 products with 200 fields each."""


@dataclass(frozen=True)
class ServeSettings:
    """Limits of one service.

    ``queue_products`` and ``queue_bytes`` bound what is accepted and not yet answered: one request more gets a 503.
    ``wait_ms``: how long the first of a batch waits for others to be computed with. ``batch_products``: most products that
    are computed together. ``timeout_s``: an accepted request that takes longer is answered with a 503. ``body_s``:
    how long a request may take to arrive.
    """

    max_body_bytes: int = 64 << 20
    max_pixels: int = 25_000_000
    queue_products: int = 2_048
    queue_bytes: int = 512 << 20
    batch_products: int = 256
    wait_ms: float = 2.0
    timeout_s: float = 30.0
    body_s: float = 30.0
    shutdown_s: int = 60
    """How long accepted requests may take after the service was told to stop."""
