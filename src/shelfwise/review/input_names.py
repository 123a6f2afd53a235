"""Which inputs and fields the queued products have: what filters and rules can name."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from shelfwise.review.schema import arrivals, details

_LOOKED_AT = 200


def input_names(connection: Connection) -> list[str]:
    """The model's inputs, as the prediction files name them."""
    facts = connection.execute(select(arrivals.c.facts).order_by(arrivals.c.id.desc()).limit(20)).scalars()
    return list(dict.fromkeys(name for one in facts for name in json.loads(one).get("inputs", {})))


def field_names(connection: Connection) -> list[str]:
    """The columns that products' pages show, by the products that arrived last."""
    rows = connection.execute(
        select(details.c.fields).order_by(details.c.product.desc()).limit(_LOOKED_AT)
    ).scalars()
    return list(dict.fromkeys(name for one in rows for name in json.loads(one)))
