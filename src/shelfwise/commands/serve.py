"""`shelfwise serve`: answers shops' own systems over HTTP."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands.extras import need_serve_extra
from shelfwise.commands.options.common import Model, Quiet
from shelfwise.commands.options.desk import Rules
from shelfwise.commands.options.listening import Host, Port
from shelfwise.terminal import reporting


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(serve)


def serve(
    model: Model,
    host: Host = "127.0.0.1",
    port: Port = 8078,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help="Let in only these API keys (`shelfwise api-key`)."),
    ] = None,
    rules: Rules = None,
    max_body_mb: Annotated[
        int, typer.Option("--max-body-mb", metavar="MB", min=1, max=1024, help="Refuse larger requests.")
    ] = 64,
    max_pixels: Annotated[
        int, typer.Option("--max-pixels", metavar="N", min=1, max=50_000_000, help="Refuse larger images.")
    ] = 25_000_000,
    queue: Annotated[
        int,
        typer.Option("--queue", metavar="N", min=1, help="Products that may wait; more requests get a 503."),
    ] = 2_048,
    wait_ms: Annotated[
        float, typer.Option("--wait-ms", metavar="MS", min=0, max=1_000, help="How long to gather a batch.")
    ] = 2.0,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="S", min=0.1, help="Answer an accepted request within so long."),
    ] = 30.0,
    quiet: Quiet = False,
) -> None:
    """Answer shops' own systems over HTTP: categories for products, as JSON."""
    with reporting(quiet) as reporter:
        need_serve_extra()
        from shelfwise.review.listening import is_loopback, listen
        from shelfwise.serving.run import ServeOptions, open_service, welcome
        from shelfwise.serving.run import serve as serve_until_stopped
        from shelfwise.serving.settings import ServeSettings

        listening = listen(host, port)
        settings = ServeSettings(
            max_body_bytes=max_body_mb << 20,
            max_pixels=max_pixels,
            queue_products=queue,
            wait_ms=wait_ms,
            timeout_s=timeout,
        )
        options = ServeOptions(host, rules, keys, settings)
        with reporter.stage("loading the model", total=None):
            service = open_service(model, options)
    for line in welcome(listening, service, options):
        print(line, flush=True)
    with suppress(KeyboardInterrupt):  # the way to end it; all that was under way is done by then
        serve_until_stopped(service, listening, loopback=is_loopback(host))
