"""`shelfwise predict`: categorizes products, and says where a person should look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import Catalogs, ProductSource
from shelfwise.commands.options.common import Model, Profiled, Quiet, profiling
from shelfwise.commands.options.desk import Rules, ruled_row, ruling
from shelfwise.commands.options.machines import Machines
from shelfwise.commands.options.routing import Routing, Thresholds
from shelfwise.commands.options.web_images import WebImages
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.batch.predict import PredictSummary

Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="The file to write: .parquet, .csv or .jsonl; or, with a slash at its end, a folder of Parquet files, "
        "where the same command goes on after a stop.",
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        "--coverage",
        metavar="C",
        help="Also give each product the set of categories that holds the true one so often (0.95).",
    ),
]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Say why: each classifier's vote, the words that counted, similar labelled products.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(with_groups(predict))


def predict(
    *,
    model: Model,
    catalogs: Catalogs,
    output: Output,
    thresholds: Thresholds = None,
    routing: Routing,
    coverage: Coverage = None,
    explain: Explain = False,
    rules: Rules = None,
    machines: Annotated[Machines, Takes("workers", "engine", "address", "shard_rows")],
    source: ProductSource,
    web: WebImages,
    profile: Profiled = False,
    quiet: Quiet = False,
) -> None:
    """Categorize products, and say where a person should look."""
    from shelfwise.batch.request import PredictRequest, run_request

    request = PredictRequest(
        model,
        tuple(catalogs),
        output,
        thresholds=thresholds,
        routing=routing.changes(),
        coverage=coverage,
        explain=explain,
        images=source.images,
        id=source.id,
        encoding=source.encoding,
        fetch=web.fetch_options(),
        workers=machines.workers,
        engine=machines.engine,
        address=machines.address,
        shard_rows=machines.shard_rows,
    )
    request.check()
    with reporting(quiet) as reporter, profiling(profile) as measured:
        summary = run_request(request, reporter, lambda model: ruling(rules, model, reporter))
    print(table(_rows(summary, rules, sharded=request.to_folder)), end="")
    if measured is not None:
        from shelfwise.batch.profile_report import prediction_profile

        print(prediction_profile(measured, request, summary), end="")


def _rows(summary: PredictSummary, rules: str | None, *, sharded: bool) -> list[tuple[str, str]]:
    rows = [
        ("products", f"{summary.products:,}"),
        ("accepted", f"{summary.accept:,}"),
        ("to review", f"{summary.review:,}"),
        ("failed", f"{summary.failed:,}"),
        *ruled_row(rules, summary.ruled),
    ]
    if sharded:
        rows.append(("shards", f"{summary.shards:,}"))
    if summary.found:
        rows.append(("from earlier runs", f"{summary.found:,}"))
    return [*rows, ("predictions", str(summary.output))]
