"""The commands `serve`, `api-key`, `rules` and `next`. As in cli.py, nothing is decided here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands import desk_options as people
from shelfwise.commands import options as given
from shelfwise.terminal import reporting, table


def serve(
    model: given.Model,
    host: Annotated[str, typer.Option("--host", help="The address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8078,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help="Let in only these API keys (`shelfwise api-key`)."),
    ] = None,
    rules: people.Rules = None,
    max_body_mb: Annotated[
        int, typer.Option("--max-body-mb", metavar="MB", min=1, max=1024, help="Refuse larger requests.")
    ] = 64,
    max_pixels: Annotated[
        int, typer.Option("--max-pixels", metavar="N", min=1, max=50_000_000, help="Refuse larger images.")
    ] = 25_000_000,
    queue: Annotated[
        int,
        typer.Option("--queue", metavar="N", min=1, help="Products that may wait; more requests get a 503."),
    ] = 2_048,
    wait_ms: Annotated[
        float, typer.Option("--wait-ms", metavar="MS", min=0, max=1_000, help="How long to gather a batch.")
    ] = 2.0,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="S", min=0.1, help="Answer an accepted request within so long."),
    ] = 30.0,
    quiet: given.Quiet = False,
) -> None:
    """Answer shops' own systems over HTTP: categories for products, as JSON."""
    with reporting(quiet) as reporter:
        given.need_serve_extra()
        from shelfwise.review.listening import is_loopback, listen
        from shelfwise.serving.run import ServeOptions, open_service, welcome
        from shelfwise.serving.run import serve as serve_until_stopped
        from shelfwise.serving.settings import ServeSettings

        listening = listen(host, port)
        settings = ServeSettings(
            max_body_bytes=max_body_mb << 20,
            max_pixels=max_pixels,
            queue_products=queue,
            wait_ms=wait_ms,
            timeout_s=timeout,
        )
        options = ServeOptions(host, rules, keys, settings)
        with reporter.stage("loading the model", total=None):
            service = open_service(model, options)
    for line in welcome(listening, service, options):
        print(line, flush=True)
    serve_until_stopped(service, listening, loopback=is_loopback(host))


def api_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    keys: Annotated[Path, typer.Option("--keys", metavar="FILE", help="Where hashes of keys are kept.")],
    admin: Annotated[bool, typer.Option("--admin", help="It may also have the model read anew.")] = False,
) -> None:
    """Make an API key for `shelfwise serve`; only its hash is kept."""
    from shelfwise.serving.keys import add_key

    made = add_key(keys, name, "admin" if admin else "user")
    print(table([("key (shown this once)", made), ("kept in", str(keys))]), end="")


def rules(
    database: Annotated[
        str, typer.Argument(metavar="DATABASE", help="What `shelfwise review` keeps them in.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.json", help="The file to write.")],
) -> None:
    """Write the review desk's rules to a file, for `predict` and `serve`."""
    given.need_serve_extra()
    from shelfwise.review.database import Database
    from shelfwise.review.rules_out import check_rules_path, export_rules

    check_rules_path(output)
    done = export_rules(Database(database, must_exist=True), output)
    rows = [("rules in force", f"{done.in_force:,}"), ("switched off, left out", f"{done.switched_off:,}")]
    print(table([*rows, ("written", str(done.output))]), end="")


def next_labels(
    model: given.Model,
    catalogs: given.Catalogs,
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
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Where every random choice comes from.")
    ] = 0,
    images: given.Images = None,
    id: given.Id = None,
    image_store: given.ImageStore = None,
    fetch: given.Fetch = True,
    allow_host: given.AllowHost = None,
    allow_port: given.AllowPort = None,
    quiet: given.Quiet = False,
) -> None:
    """Choose the products that a model would learn most from, for people to label."""
    from shelfwise.batch.write import check_prediction_path

    given.check_outputs([check_prediction_path(output)], catalogs)
    with reporting(quiet) as reporter:
        from shelfwise.catalog.catalog import Catalog
        from shelfwise.categorizer import Categorizer
        from shelfwise.labelling.next_labels import next_labels as choose_next
        from shelfwise.labelling.next_labels import write_next

        categorizer = Categorizer.load(model)
        decided = people.decisions_of(decisions, categorizer.recipe_)
        with given.fetching(image_store, fetch, allow_host, allow_port, reporter) as images_first:
            with reporter.stage("reading the catalog", total=None) as stage:
                catalog = Catalog.read(*catalogs, images_dir=images, id=id, progress=stage.advance)
            catalog = images_first.inputs(catalog, categorizer.recipe_.inputs)
        chosen = choose_next(
            categorizer,
            catalog,
            budget,
            seed=seed,
            decided=decided.ids if decided else (),
            reporter=reporter,
        )
        write_next(categorizer, catalog, chosen, output, reporter)
    rows = [
        ("products", f"{len(catalog):,}"),
        ("labelled already", f"{chosen.labelled:,}"),
        ("near-duplicates, left out", f"{chosen.alike:,}"),
        ("no usable input", f"{chosen.unusable:,}"),
        ("to label next", f"{len(chosen.rows):,}"),
        ("they speak for", f"{int(chosen.sizes.sum()):,}"),
        ("written", str(output)),
    ]
    print(table(rows), end="")


def add_to(app: typer.Typer) -> None:
    """Have the command line know these commands."""
    app.command()(serve)
    app.command(name="api-key")(api_key)
    app.command()(rules)
    app.command(name="next")(next_labels)
