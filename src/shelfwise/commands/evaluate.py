"""`shelfwise evaluate`: how good a model is, on products of known categories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands.option_groups import with_groups
from shelfwise.commands.options.catalog import Catalogs, ProductSource
from shelfwise.commands.options.common import Model, Quiet
from shelfwise.commands.options.routing import Routing, Thresholds
from shelfwise.commands.options.web_images import WebImages
from shelfwise.commands.outputs import check_outputs, outputs
from shelfwise.commands.typed import typed
from shelfwise.terminal import reporting, table

Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML page that opens offline.")
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON; - is stdout.")
]
ReviewCost = Annotated[
    float | None,
    typer.Option(
        "--review-cost", metavar="COST", min=0, help="What one review costs, to tell what reviews cost."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(with_groups(evaluate))


def evaluate(
    context: typer.Context,
    *,
    model: Model,
    catalogs: Catalogs,
    report: Report = None,
    json: Json = None,
    thresholds: Thresholds = None,
    routing: Routing,
    review_cost: ReviewCost = None,
    source: ProductSource,
    web: WebImages,
    quiet: Quiet = False,
) -> None:
    """How good a model is, on products of known categories."""
    written = outputs(report, json)
    check_outputs(written, catalogs)
    changes = routing.changes()
    with reporting(quiet) as reporter:
        from shelfwise.batch.evaluate import evaluate_to_files
        from shelfwise.categorizer import Categorizer
        from shelfwise.evaluation.summary import summary_rows

        categorizer = Categorizer.load(model).with_thresholds(thresholds).with_routing(**changes)
        with web.fetching(reporter) as images_first:
            catalog = images_first.inputs(source.read(catalogs, reporter), categorizer.recipe_.inputs)
        for note in catalog.notes:
            reporter.say(note)
        evaluation = evaluate_to_files(
            categorizer,
            catalog,
            command=typed(context),
            reporter=reporter,
            report=report,
            json=None if json in (None, "-") else Path(str(json)),
            review_cost=review_cost,
        )
    if json == "-":
        print(evaluation.model_dump_json(indent=1))
    else:
        rows = [*summary_rows(evaluation), *(("written", str(path)) for path in written)]
        print(table(rows), end="")
