"""`shelfwise decisions`: writes what people decided at the review desk to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands.extras import need_serve_extra
from shelfwise.terminal import table


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(decisions)


def decisions(
    database: Annotated[
        str, typer.Argument(metavar="DATABASE", help="What `shelfwise review` kept them in.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="The file to write: .parquet, .csv or .jsonl."),
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Every step, also skips, outvoted and undone ones.")
    ] = False,
) -> None:
    """Write the review desk's decisions to a file, to learn from or to look at."""
    need_serve_extra()
    from shelfwise.review.database import Database
    from shelfwise.review.export import check_decisions_path, export_decisions

    check_decisions_path(output)
    done = export_decisions(Database(database, must_exist=True), output, everything=everything)
    rows = [
        ("products", f"{done.products:,}"),
        ("decisions", f"{done.decisions:,}"),
        ("disagreements", f"{done.disputed:,}"),
        ("written", str(done.output)),
    ]
    print(table(rows), end="")
