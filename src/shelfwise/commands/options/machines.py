"""Who works through a catalog of any size: so many processes of this machine, or a cluster's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

SHARD_ROWS = 1 << 16
"""As in `batch/folder.py`, which is too heavy to be imported for a default."""


@dataclass(frozen=True)
class Machines:
    """How the work is shared out, and into how large files its result goes."""

    workers: Annotated[
        int,
        typer.Option("--workers", metavar="N", min=1, max=256, help="Processes that work side by side."),
    ] = 1
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option("--engine", help="Work on this machine, or on a Ray cluster (extra `ray`)."),
    ] = "local"
    address: Annotated[
        str | None,
        typer.Option(
            "--address", metavar="HOST:PORT|auto", help="The Ray cluster (default: one on this machine)."
        ),
    ] = None
    gpus: Annotated[
        float,
        typer.Option(
            "--gpus", metavar="G", min=0, help="GPUs for each worker of a cluster, such as 1 or 0.5."
        ),
    ] = 0.0
    shard_rows: Annotated[
        int, typer.Option("--shard-rows", metavar="N", min=1, help="Most products in one file of a folder.")
    ] = SHARD_ROWS
