"""Images that a catalog gives by web addresses: whether they are fetched, from whom, and where they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shelfwise.catalog.fetching.first import FetchFirst
    from shelfwise.catalog.fetching.options import FetchOptions
    from shelfwise.progress import Reporter


@dataclass(frozen=True)
class WebImages:
    """What commands are given that fetch images before they work with products."""

    image_store: Annotated[
        Path | None,
        typer.Option(
            "--image-store",
            metavar="DIR",
            help="Where images from the web are kept (default: the cache folder).",
        ),
    ] = None
    fetch: Annotated[
        bool,
        typer.Option(
            "--fetch/--no-fetch", help="Fetch images given by web addresses, or use only kept ones."
        ),
    ] = True
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="HOST|CIDR",
            help="Fetch from this host or these addresses although they are not public.",
        ),
    ] = None
    allow_port: Annotated[
        list[int] | None,
        typer.Option(
            "--allow-port", metavar="N", min=1, max=65535, help="Fetch from this port besides 80 and 443."
        ),
    ] = None

    def fetch_options(self) -> FetchOptions:
        """What was given, as one value. Raises FetchError."""
        from shelfwise.catalog.fetching.options import FetchOptions

        return FetchOptions.given(self.image_store, self.allow_host, self.allow_port, self.fetch)

    def fetching(self, reporter: Reporter) -> FetchFirst:
        """What fetches a catalog's images before its products are worked with. Raises FetchError."""
        from shelfwise.catalog.fetching.first import FetchFirst

        return FetchFirst(self.fetch_options(), reporter)
