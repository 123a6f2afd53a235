"""`shelfwise rules`: writes the review desk's rules to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands.extras import need_serve_extra
from shelfwise.terminal import table


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(rules)


def rules(
    database: Annotated[
        str, typer.Argument(metavar="DATABASE", help="What `shelfwise review` keeps them in.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.json", help="The file to write.")],
) -> None:
    """Write the review desk's rules to a file, for `predict` and `serve`."""
    need_serve_extra()
    from shelfwise.review.database import Database
    from shelfwise.review.rules_out import check_rules_path, export_rules

    check_rules_path(output)
    done = export_rules(Database(database, must_exist=True), output)
    rows = [("rules in force", f"{done.in_force:,}"), ("switched off, left out", f"{done.switched_off:,}")]
    print(table([*rows, ("written", str(done.output))]), end="")
