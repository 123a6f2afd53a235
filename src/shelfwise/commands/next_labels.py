"""`shelfwise next`: chooses the products that people label next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shelfwise.commands.option_groups import with_groups
from shelfwise.commands.options.catalog import Catalogs, ProductSource
from shelfwise.commands.options.common import ChanceSeed, Model, Quiet
from shelfwise.commands.options.desk import read_decision_files
from shelfwise.commands.options.web_images import WebImages
from shelfwise.commands.outputs import check_outputs
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.labelling.next_labels import Chosen


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command("next")(with_groups(next_labels))


def next_labels(
    *,
    model: Model,
    catalogs: Catalogs,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="The file to write: .parquet, .csv or .jsonl."),
    ],
    budget: Annotated[
        int, typer.Option("--budget", metavar="N", min=1, help="How many products people will label.")
    ] = 500,
    decisions: Annotated[
        list[Path] | None,
        typer.Option("--decisions", metavar="FILE", help="Products decided already (`shelfwise decisions`)."),
    ] = None,
    seed: ChanceSeed = 0,
    source: ProductSource,
    web: WebImages,
    quiet: Quiet = False,
) -> None:
    """Choose the products that a model would learn most from, for people to label."""
    from shelfwise.batch.write import check_prediction_path

    check_outputs([check_prediction_path(output)], catalogs)
    with reporting(quiet) as reporter:
        from shelfwise.categorizer import Categorizer
        from shelfwise.labelling.next_labels import next_labels as choose_next
        from shelfwise.labelling.next_labels import write_next
        from shelfwise.taxonomy.whose_decisions import about, left_out_line

        categorizer = Categorizer.load(model)
        decided = read_decision_files(decisions, categorizer.recipe_)
        with web.fetching(reporter) as images_first:
            catalog = images_first.inputs(source.read(catalogs, reporter), categorizer.recipe_.inputs)
        if decided is not None:
            decided, others = about(catalog, decided)
            if others:
                reporter.say(left_out_line(others))
        chosen = choose_next(
            categorizer,
            catalog,
            budget,
            seed=seed,
            decided=decided.ids if decided else (),
            reporter=reporter,
        )
        write_next(categorizer, catalog, chosen, output, reporter)
    print(table([("products", f"{len(catalog):,}"), *_rows(chosen), ("written", str(output))]), end="")


def _rows(chosen: Chosen) -> list[tuple[str, str]]:
    return [
        ("labelled already", f"{chosen.labelled:,}"),
        ("near-duplicates, left out", f"{chosen.alike:,}"),
        ("no usable input", f"{chosen.unusable:,}"),
        *([("ids that repeat, left out", f"{chosen.repeated:,}")] if chosen.repeated else []),
        ("to label next", f"{len(chosen.rows):,}"),
        ("they speak for", f"{int(chosen.sizes.sum()):,}"),
    ]
