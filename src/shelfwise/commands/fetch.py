"""`shelfwise fetch`: downloads the images that a catalog gives by web addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import CatalogRoles, Catalogs
from shelfwise.commands.options.common import Quiet, split_names
from shelfwise.commands.options.web_images import WebImages
from shelfwise.terminal import reporting, table


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(with_groups(fetch))


def fetch(
    *,
    catalogs: Catalogs,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where the images and their manifest go."),
    ],
    roles: Annotated[CatalogRoles, Takes("image", "id")],
    max_side: Annotated[
        int | None,
        typer.Option("--max-side", metavar="PIXELS", help="Make larger images this small (default 512)."),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Also ask for newer versions of images that are there.")
    ] = False,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", min=1, help="Images at once (default 32).")
    ] = None,
    per_host: Annotated[
        int | None,
        typer.Option("--per-host", metavar="N", min=1, help="Requests at once at a host (default 6)."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="R", help="Requests a second at a host (default 20).")
    ] = None,
    max_mb: Annotated[
        float | None, typer.Option("--max-mb", metavar="MB", help="Refuse larger files (default 20).")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="S", help="Seconds for one image (default 60).")
    ] = None,
    web: Annotated[WebImages, Takes("allow_host", "allow_port")],
    quiet: Quiet = False,
) -> None:
    """Download the images that a catalog gives by web addresses."""
    with reporting(quiet) as reporter:
        from shelfwise.catalog.fetching.addresses import AddressRules
        from shelfwise.catalog.fetching.limits import FetchLimits
        from shelfwise.catalog.fetching.options import FetchOptions, need_httpx

        need_httpx()
        from shelfwise.catalog.fetching.command import fetch_to_folder

        limits = FetchLimits.given(
            concurrent=concurrency, per_host=per_host, rate=rate, megabytes=max_mb, total_s=timeout
        )
        rules = AddressRules.of(web.allow_host or (), web.allow_port or ())
        options = FetchOptions(output, rules, limits, max_side)
        image = split_names(roles.image)
        done = fetch_to_folder(
            catalogs, options, reporter=reporter, image=image, id=roles.id, refresh=refresh
        )
    print(table(done.rows()), end="")
