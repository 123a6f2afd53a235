"""Which images a catalog wants from the web, and which of these have to be asked for."""

from __future__ import annotations

import time
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role, State
from shelfwise.catalog.fetching.addresses import WEB_PORTS, AddressRefusedError
from shelfwise.catalog.fetching.records import Found, Record, Wanted
from shelfwise.catalog.fetching.store import ImageStore
from shelfwise.catalog.fetching.web_address import web_address
from shelfwise.catalog.field_rules import URLS
from shelfwise.catalog.fields import Field
from shelfwise.catalog.image_source import ROWS_PER_LOAD, is_url
from shelfwise.catalog.inputs import image_paths


class Given(StrEnum):
    """What a product has in its image column."""

    WEB = "web"
    """A web address that may be asked for."""
    REFUSED = "refused"
    """An address that is not asked for."""
    THERE = "there"
    """An image that needs no fetching: a file's path, or bytes in the catalog itself."""
    ABSENT = "absent"
    UNREADABLE = "unreadable"
    """The catalog's row could not be read."""


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One product's image: ``text`` as the catalog has it; ``url`` for WEB; ``reason`` for what is not fetched."""

    id: str
    column: str
    given: Given
    text: str = ""
    url: str = ""
    reason: str = ""


def url_columns(catalog: Catalog) -> list[str]:
    """The columns of images, and those left out of the inputs only because their images are on the web."""
    return [name for name, field in catalog.fields.items() if may_hold_images(field)]


def may_hold_images(field: Field) -> bool:
    """Whether a column has images, or would have them if they were fetched."""
    return field.role is Role.IMAGE or (field.role is Role.IGNORED and field.why == URLS)


def has_urls(catalog: Catalog, name: str) -> bool:
    """Whether any product gives its image by a web address. Raises CatalogError for a missing column."""
    return any(text is not None and is_url(text) for text in image_paths(catalog.column(name)).to_pylist())


def image_rows(catalog: Catalog, name: str, ports: Container[int] = WEB_PORTS) -> list[ImageRow]:
    """One row a product, in order. Raises CatalogError for a missing column."""
    texts = image_paths(catalog.column(name)).to_pylist()
    embedded = _with_bytes(catalog, name, [row for row, text in enumerate(texts) if text and is_url(text)])
    return [
        _row(product, name, text, catalog.row_errors.get(row), row in embedded, ports)
        for row, (product, text) in enumerate(zip(catalog.ids, texts, strict=True))
    ]


def _row(
    product: str, name: str, text: str | None, row_error: str | None, embedded: bool, ports: Container[int]
) -> ImageRow:
    if row_error is not None:
        return ImageRow(product, name, Given.UNREADABLE, reason=row_error)
    if text is None:
        return ImageRow(product, name, Given.ABSENT)
    if embedded:
        return ImageRow(product, name, Given.THERE, text, reason="the image is in the catalog itself")
    if not is_url(text):
        return ImageRow(product, name, Given.THERE, text, reason="the path of a file, not a web address")
    try:
        return ImageRow(product, name, Given.WEB, text, url=web_address(text, ports))
    except AddressRefusedError as error:
        return ImageRow(product, name, Given.REFUSED, text, reason=str(error))


def _with_bytes(catalog: Catalog, name: str, rows: list[int]) -> set[int]:
    """Those of ``rows`` whose bytes the catalog has, although it also has an address."""
    source = catalog.input(name, Role.IMAGE).values
    found: set[int] = set()
    if isinstance(source, pa.Array | pa.ChunkedArray):
        return found
    for start in range(0, len(rows), ROWS_PER_LOAD):
        part = rows[start : start + ROWS_PER_LOAD]
        images = zip(part, source.load(part), strict=True)
        found.update(row for row, image in images if image.state is State.PRESENT)
    return found


@dataclass(frozen=True)
class AskFor:
    """Which URLs that have been tried before are asked for again.

    Attributes
    ----------
    run
        What was tried in this run is not tried again in it: a run that was killed goes on.
    refresh
        Ask also for images that are there: for a newer version, if there is one.
    failures_count_s
        A failure younger than this many seconds stands; 0: in every run anew. Refusals never stand, as they
        depend on what is allowed.
    """

    run: int
    refresh: bool = False
    failures_count_s: float = 0.0

    def wanted(self, urls: Iterable[str], known: Mapping[str, Record], store: ImageStore) -> list[Wanted]:
        """The URLs to be asked for, each once, in the order given."""
        now = time.time()
        chosen = []
        for url in dict.fromkeys(urls):
            record = known.get(url)
            there = record if record is not None and store.has(record) else None
            if record is None or (record.state is Found.OK and there is None):
                chosen.append(Wanted(url))
            elif self.run and record.run == self.run:
                continue
            elif there is not None:
                if self.refresh:
                    chosen.append(Wanted(url, earlier=there))
            elif record.state is Found.REFUSED or now - record.tried_at >= self.failures_count_s:
                chosen.append(Wanted(url))
        return chosen


def wanted_urls(rows: Collection[ImageRow]) -> list[str]:
    """The URLs of ``rows``, each once, in their order."""
    return list(dict.fromkeys(row.url for row in rows if row.url))
