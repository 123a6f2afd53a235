"""`shelfwise export`: writes a model whose networks run by ONNX Runtime."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import ProductSource
from shelfwise.commands.options.common import Model, Quiet
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.export.run import Exported


class Precision(StrEnum):
    """How exactly exported networks compute."""

    FP32 = "fp32"
    INT8 = "int8"


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(with_groups(export))


def export(
    *,
    model: Model,
    catalogs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CATALOG]...",
            help="Products to compare and calibrate on; by default those that the model was trained on.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FOLDER", help="The model folder to write; may be the model's own."
        ),
    ],
    precision: Annotated[
        Precision, typer.Option("--precision", help="int8: networks of images compute in 8 bits.")
    ] = Precision.FP32,
    products: Annotated[
        int, typer.Option("--products", metavar="N", min=1, help="How many products to compare on.")
    ] = 1_000,
    most_changed: Annotated[
        float | None,
        typer.Option(
            "--most-changed",
            metavar="SHARE",
            min=0,
            max=1,
            help="Refuse an export that changes the answer or decision of a larger share of the products "
            "(default 0.001, int8 0.01).",
        ),
    ] = None,
    source: Annotated[ProductSource, Takes("images", "encoding")],
    quiet: Quiet = False,
) -> None:
    """Write a model whose networks run by ONNX Runtime: faster, and without PyTorch."""
    from shelfwise.export.run import ExportRequest, run_export

    request = ExportRequest(
        model,
        output,
        tuple(catalogs or ()),
        precision.value,
        products,
        most_changed,
        source.images,
        source.encoding,
    )
    with reporting(quiet) as reporter:
        done = run_export(request, reporter)
    print(table(_rows(done)), end="")


def _rows(done: Exported) -> list[tuple[str, str]]:
    found = done.differences
    int8 = f", {done.in_int8} of them in int8" if done.in_int8 else ""
    rows = [
        ("networks", f"{done.networks} in ONNX{int8}, {done.bytes / 1e6:.1f} MB"),
        ("compared on", f"{found.products:,} products"),
        ("largest difference", f"{found.largest:.6f} of a probability"),
        ("changed", f"{found.changed:.2%} of the answers and decisions"),
    ]
    if done.kept:
        rows.append(("with PyTorch", ", ".join(sorted(done.kept))))
    return [*rows, ("model", str(done.folder))]
