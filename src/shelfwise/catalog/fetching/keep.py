"""A body that has come becomes an image of the store and a record, or a record of why not."""

from __future__ import annotations

import time
from dataclasses import replace

from shelfwise.catalog.fetching.records import Found, Record
from shelfwise.catalog.fetching.shrink import shrink
from shelfwise.catalog.fetching.spool import Spooled
from shelfwise.catalog.fetching.store import ImageStore
from shelfwise.errors import ImageError


def store_image(store: ImageStore, spooled: Spooled) -> Record:
    """Write the image; its record, FAILED where it does not decode, is still to be made safe. Raises OSError."""
    try:
        picture = shrink(spooled.body, store.max_side)
    except ImageError as error:
        return Record(spooled.url, Found.FAILED, str(error))
    return Record(
        url=spooled.url,
        state=Found.OK,
        file=store.save(picture),
        bytes=len(picture.data),
        width=picture.width,
        height=picture.height,
        validators=spooled.validators,
    )


def take_up(store: ImageStore, run: int) -> int:
    """Finish what a killed process had received, as part of ``run``; how many bodies there were.

    The store must be held with ``filling``. Raises FetchError and OSError where it fails.
    """
    count = 0
    for spooled in store.spool.left():
        record = replace(store_image(store, spooled), run=run, tried_at=time.time())
        earlier = store.index.look_up([spooled.url]).get(spooled.url)
        if record.state is Found.OK or earlier is None or earlier.state is not Found.OK:
            store.index.record([record])
        store.spool.drop(spooled)
        count += 1
    return count
