"""`shelfwise api-key`: makes a key for the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfwise.terminal import table


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command("api-key")(api_key)


def api_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    keys: Annotated[Path, typer.Option("--keys", metavar="FILE", help="Where hashes of keys are kept.")],
    admin: Annotated[bool, typer.Option("--admin", help="It may also have the model read anew.")] = False,
) -> None:
    """Make an API key for `shelfwise serve`; only its hash is kept."""
    from shelfwise.serving.keys import add_key

    made = add_key(keys, name, "admin" if admin else "user")
    print(table([("key (shown this once)", made), ("kept in", str(keys))]), end="")
