"""`shelfwise features`: computes what pretrained networks see in images and texts, apart from any training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import CatalogRoles, Catalogs
from shelfwise.commands.options.common import Names, Quiet, split_names
from shelfwise.commands.options.learning import Learning
from shelfwise.commands.options.machines import Machines
from shelfwise.commands.options.web_images import WebImages
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.features.request import FeatureSummary

SHARD_ROWS = 1 << 14
MAX_TOKENS = 128
"""As in `features/request.py` and `learning/meaning.py`, which are too heavy to be imported for a default."""

Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="FOLDER/",
        help="The folder of Parquet files to write, where the same command goes on after a stop.",
    ),
]
Input = Annotated[
    Names,
    typer.Option("--input", metavar="A,B", help="The columns to read (default: all that the models can)."),
]
ImageFeatures = Annotated[
    Literal["last", "layers"],
    typer.Option(
        "--image-features",
        help="What all layers see, as `train` reads it, or only the last (`paper-a`, `paper-b`).",
    ),
]
MaxTokens = Annotated[
    int, typer.Option("--max-tokens", metavar="N", min=8, max=8192, help="What is read of a text.")
]


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(with_groups(features))


def features(
    *,
    catalogs: Catalogs,
    output: Output,
    models: Annotated[Learning, Takes("image_model", "text_model")],
    image_features: ImageFeatures = "layers",
    max_tokens: MaxTokens = MAX_TOKENS,
    input: Input = None,
    roles: Annotated[CatalogRoles, Takes("images", "id", "text", "image")],
    machines: Annotated[
        Machines,
        Takes("workers", "engine", "address", "gpus", "shard_rows", shard_rows=SHARD_ROWS),
    ],
    web: WebImages,
    quiet: Quiet = False,
) -> None:
    """Compute what pretrained networks see in images and texts, once, for `train` and other programs."""
    with reporting(quiet) as reporter:
        from shelfwise.features.backbones import Backbones
        from shelfwise.features.request import FeatureRequest
        from shelfwise.features.run import compute_features

        request = FeatureRequest(
            tuple(catalogs),
            output,
            Backbones(models.image_model, models.text_model, image_features, max_tokens),
            inputs=tuple(split_names(input)),
            roles={"id": roles.id, "text": split_names(roles.text), "image": split_names(roles.image)},
            images=roles.images,
            fetch=web.fetch_options(),
            workers=machines.workers,
            engine=machines.engine,
            address=machines.address,
            gpus=machines.gpus,
            shard_rows=machines.shard_rows,
        )
        summary = compute_features(request, reporter)
    print(table(_rows(summary)), end="")


def _rows(summary: FeatureSummary) -> list[tuple[str, str]]:
    rows = [("products", f"{summary.products:,}")]
    for name, states in summary.inputs.items():
        rows.append((name, ", ".join(f"{count:,} {state}" for state, count in states.items())))
    rows.append(("shards", f"{summary.shards:,}"))
    if summary.found:
        rows.append(("from earlier runs", f"{summary.found:,}"))
    return [*rows, ("features", str(summary.output))]
