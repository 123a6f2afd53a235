"""`shelfwise review`: the desk in the browser, where people decide on what the model is not sure of."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands.extras import need_serve_extra
from shelfwise.commands.option_groups import with_groups
from shelfwise.commands.options.catalog import ProductSource
from shelfwise.commands.options.common import Model, Quiet
from shelfwise.commands.options.listening import Host, Port
from shelfwise.terminal import reporting


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(with_groups(review))


def review(
    *,
    model: Model,
    predictions: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PREDICTIONS", help="Files that `shelfwise predict` wrote; none to go on."),
    ] = None,
    database: Annotated[
        str, typer.Option("--database", metavar="FILE|URL", help="Where decisions are kept.")
    ] = "review.db",
    catalog: Annotated[
        list[str] | None,
        typer.Option("--catalog", metavar="CATALOG", help="The catalog predicted: fields and pictures."),
    ] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option("--labelled", metavar="CATALOG", help="Show similar labelled products from this one."),
    ] = None,
    source: ProductSource,
    value: Annotated[
        str | None, typer.Option("--value", metavar="COLUMN", help="The number that makes products valuable.")
    ] = None,
    votes: Annotated[
        int,
        typer.Option("--votes", metavar="N", min=1, max=9, help="How many people decide on each product."),
    ] = 1,
    person: Annotated[
        list[str] | None,
        typer.Option("--person", metavar="NAME", help="Make this person a token of their own."),
    ] = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Replace the token that everyone shares.")
    ] = False,
    host: Host = "127.0.0.1",
    port: Port = 8077,
    https: Annotated[
        bool, typer.Option("--https", help="A proxy serves this desk by HTTPS: cookies go over nothing else.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """A desk in the browser, where people decide on what the model is not sure of."""
    with reporting(quiet) as reporter:
        need_serve_extra()
        from shelfwise.review.listening import is_loopback, listen
        from shelfwise.review.run import DeskOptions, let_in, open_desk, serve, welcome

        listening = listen(host, port)
        options = DeskOptions(
            database,
            catalog or (),
            labelled or (),
            source.images,
            source.id,
            value,
            votes,
            https,
            source.encoding,
        )
        desk = open_desk(model, predictions or (), options, reporter)
        news = let_in(desk.database, person or (), new_token)
    for line in welcome(listening, news, loopback=is_loopback(host)):
        print(line, flush=True)
    with suppress(KeyboardInterrupt):  # the way to end it; all that was under way is done by then
        serve(desk, listening, loopback=is_loopback(host))
