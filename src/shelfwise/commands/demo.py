"""`shelfwise demo`: the whole job on a made-up store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shelfwise.commands.options.common import ChanceSeed, Quiet
from shelfwise.commands.typed import typed
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.demo.run import DemoResult


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(demo)


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where everything is written.")] = Path(
        "shelfwise-demo"
    ),
    products: Annotated[
        int, typer.Option("--products", metavar="N", min=1, help="Size of the store.")
    ] = 2000,
    seed: ChanceSeed = 0,
    quiet: Quiet = False,
) -> None:
    """The whole job on a made-up store."""
    with reporting(quiet) as reporter:
        from shelfwise.demo.run import run_demo

        done = run_demo(out, products, seed, reporter, typed(context))
    print(table(_rows(done)), end="")


def _rows(done: DemoResult) -> list[tuple[str, str]]:
    from shelfwise.evaluation.summary import summary_rows

    new = done.predictions
    return [
        *summary_rows(done.evaluation),
        (
            "new products",
            f"{new.products:,} ({new.accept:,} accepted, {new.review:,} to review, {new.failed:,} failed)",
        ),
        ("new products right", f"{done.new_right:,} of {new.products:,}, by answers the model never saw"),
        ("model", str(done.model)),
        ("predictions", str(new.output)),
        ("report", str(done.report)),
    ]
