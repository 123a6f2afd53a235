"""The command line: parses, calls and prints, and decides nothing. Heavy imports live inside the commands."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from shelfwise.commands import caches as cache_commands
from shelfwise.commands import desk_options as people
from shelfwise.commands import experiments as experiment_commands
from shelfwise.commands import export as export_commands
from shelfwise.commands import inspect as inspect_command
from shelfwise.commands import options as given
from shelfwise.commands import path_experiments as path_experiment_commands
from shelfwise.commands import routing_options as routing
from shelfwise.commands import service as service_commands
from shelfwise.errors import ShelfwiseError
from shelfwise.profiling import timed
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.progress import Reporter

BROKEN_PIPE_STATUS = 141
"""What shells report for a program whose reader went away (128 + SIGPIPE)."""
INTERRUPTED_STATUS = 130


class _Shelfwise(TyperGroup):
    """Turns what went wrong into one line on stderr and the exit status that is promised."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except ShelfwiseError as error:
            _complain(str(error))
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            _complain(str(error) or "interrupted; files already finished are kept")
            raise typer.Exit(INTERRUPTED_STATUS) from error
        except BrokenPipeError as error:
            # Whoever read the output has gone; Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE_STATUS) from error
        except OSError as error:
            from shelfwise.batch.output import explain_os_error

            _complain(explain_os_error(error))
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Shelfwise,
    help="Every product on the right shelf, and a person asked only where it matters.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

path_experiment_commands.add_to(experiment_commands.app)
app.add_typer(experiment_commands.app, name="experiment")
app.add_typer(cache_commands.app, name="cache")
service_commands.add_to(app)
export_commands.add_to(app)


_typed: list[str] = []
"""The arguments of the command that runs."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status: 0 done, 1 wrong data or request, 2 usage, 130 interrupted."""
    typed = sys.argv[1:] if argv is None else list(argv)
    _typed[:] = typed
    app(args=typed, prog_name="shelfwise", obj=typed)
    sys.exit(0)


def _complain(message: str) -> None:
    print("shelfwise: " + " ".join(message.split()), file=sys.stderr)


def _command() -> str:
    """What was typed, for the record of a figure."""
    return shlex.join(["shelfwise", *_typed])


def _read(catalogs: Sequence[str], roles: dict[str, Any], reporter: Reporter) -> Catalog:
    from shelfwise.catalog.catalog import Catalog

    with timed("read"), reporter.stage("reading the catalog", total=None) as stage:
        return Catalog.read(*catalogs, **roles, progress=stage.advance)


def _show_version(wanted: bool) -> None:
    if wanted:
        from shelfwise import __version__

        print("shelfwise", __version__)
        raise typer.Exit


@app.callback()
def _shelfwise(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where everything is written.")] = Path(
        "shelfwise-demo"
    ),
    products: Annotated[
        int, typer.Option("--products", metavar="N", min=1, help="Size of the store.")
    ] = 2000,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Where every random choice comes from.")
    ] = 0,
    quiet: given.Quiet = False,
) -> None:
    """The whole job on a made-up store."""
    with reporting(quiet) as reporter:
        from shelfwise.demo.run import run_demo
        from shelfwise.evaluation.summary import summary_rows

        done = run_demo(out, products, seed, reporter, _command())
    new = done.predictions
    rows = [
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
    print(table(rows), end="")


inspect_command.add_to(app, _command)


@app.command(cls=given.TrainCommand)
def train(
    catalogs: given.Catalogs,
    output: given.ModelOutput,
    target: given.Target = None,
    multilabel: given.Multilabel = False,
    separator: given.Separator = None,
    inputs: given.Inputs = None,
    recipe: given.RecipeName = "auto",
    seed: given.Seed = None,
    image_model: given.ImageModel = None,
    text_model: given.TextModel = None,
    mask_labels: given.MaskLabels = False,
    deduplicate: given.Deduplicate = False,
    clean_labels: given.CleanLabels = False,
    precision: routing.Precision = None,
    precision_of: routing.PrecisionOf = None,
    per_department: routing.PerDepartment = None,
    back_off: routing.BackOff = None,
    validation: given.Validation = None,
    decisions: people.Decisions = None,
    conflicts: people.Conflicts = None,
    images: given.Images = None,
    id: given.Id = None,
    text: given.Text = None,
    category: given.Category = None,
    number: given.Number = None,
    image: given.Image = None,
    group: given.Group = None,
    image_store: given.ImageStore = None,
    fetch: given.Fetch = True,
    allow_host: given.AllowHost = None,
    allow_port: given.AllowPort = None,
    fresh: given.Fresh = False,
    profile: given.Profiled = False,
    quiet: given.Quiet = False,
) -> None:
    """Learn a catalog's categories and write a model folder."""
    from shelfwise.recipe import Recipe

    declared = given.declare(
        Recipe.read(recipe),
        target=target,
        multilabel=multilabel,
        separator=separator,
        inputs=inputs,
        seed=seed,
        image_model=image_model,
        text_model=text_model,
        mask_labels=mask_labels,
        deduplicate=deduplicate,
        clean_labels=clean_labels,
    )
    given.need_target(declared)
    given.check_outputs(given.outputs(conflicts), catalogs)
    declared = routing.declared(declared, routing.changes(precision, precision_of, per_department, back_off))
    roles = given.roles(images, id, text, category, number, image, group)
    with reporting(quiet) as reporter, given.profiling(profile) as measured:
        from shelfwise.batch.output import check_output_path
        from shelfwise.categorizer import Categorizer
        from shelfwise.storage.model_folder import refuse_foreign_folder
        from shelfwise.terminal import training_rows

        refuse_foreign_folder(output)
        decided = people.decisions_of(decisions, declared)
        replaces = output.is_dir() and any(output.iterdir())
        check_output_path(output.absolute().with_name("probe"))
        with given.resumable(output, fresh, reporter) as work:
            with given.fetching(image_store, fetch, allow_host, allow_port, reporter) as images_first:
                catalog = images_first.inputs(_read(catalogs, roles, reporter), declared.inputs)
                held_out = None
                if validation:
                    held_out = images_first.inputs(_read(validation, roles, reporter), declared.inputs)
            model = Categorizer(declared).fit(
                catalog, validation=held_out, reporter=reporter, work=work, decisions=decided
            )
            model.save(output)
            people.write_conflicts(conflicts, model.conflicts_)
            work.finish()
    place = f"{output} (took the place of an earlier model)" if replaces else str(output)
    print(table([*training_rows(model), ("model", place)]), end="")
    if measured is not None:
        from shelfwise.batch.profile_report import training_profile

        print(training_profile(measured, len(catalog)), end="")


@app.command()
def evaluate(
    model: given.Model,
    catalogs: given.Catalogs,
    report: given.EvaluationReport = None,
    json: given.EvaluationJson = None,
    thresholds: given.Thresholds = None,
    precision: routing.Precision = None,
    precision_of: routing.PrecisionOf = None,
    per_department: routing.PerDepartment = None,
    back_off: routing.BackOff = None,
    review_cost: routing.ReviewCost = None,
    images: given.Images = None,
    id: given.Id = None,
    image_store: given.ImageStore = None,
    fetch: given.Fetch = True,
    allow_host: given.AllowHost = None,
    allow_port: given.AllowPort = None,
    quiet: given.Quiet = False,
) -> None:
    """How good a model is, on products of known categories."""
    written = given.outputs(report, json)
    given.check_outputs(written, catalogs)
    changes = routing.changes(precision, precision_of, per_department, back_off)
    with reporting(quiet) as reporter:
        from shelfwise.batch.evaluate import evaluate_to_files
        from shelfwise.categorizer import Categorizer
        from shelfwise.evaluation.summary import summary_rows

        categorizer = Categorizer.load(model).with_thresholds(thresholds).with_routing(**changes)
        with given.fetching(image_store, fetch, allow_host, allow_port, reporter) as images_first:
            catalog = images_first.inputs(
                _read(catalogs, {"images_dir": images, "id": id}, reporter), categorizer.recipe_.inputs
            )
        for note in catalog.notes:
            reporter.say(note)
        json_file = None if json in (None, "-") else Path(str(json))
        evaluation = evaluate_to_files(
            categorizer,
            catalog,
            command=_command(),
            reporter=reporter,
            report=report,
            json=json_file,
            review_cost=review_cost,
        )
    if json == "-":
        print(evaluation.model_dump_json(indent=1))
    else:
        rows = [*summary_rows(evaluation), *(("written", str(path)) for path in written)]
        print(table(rows), end="")


@app.command()
def predict(
    model: given.Model,
    catalogs: given.Catalogs,
    output: given.PredictionOutput,
    thresholds: given.Thresholds = None,
    precision: routing.Precision = None,
    precision_of: routing.PrecisionOf = None,
    per_department: routing.PerDepartment = None,
    back_off: routing.BackOff = None,
    coverage: routing.Coverage = None,
    explain: given.Explain = False,
    rules: people.Rules = None,
    workers: given.Workers = 1,
    engine: given.Engine = "local",
    address: given.Address = None,
    shard_rows: given.ShardRows = given.SHARD_ROWS,
    images: given.Images = None,
    id: given.Id = None,
    image_store: given.ImageStore = None,
    fetch: given.Fetch = True,
    allow_host: given.AllowHost = None,
    allow_port: given.AllowPort = None,
    profile: given.Profiled = False,
    quiet: given.Quiet = False,
) -> None:
    """Categorize products, and say where a person should look."""
    from shelfwise.batch.request import PredictRequest, run_request
    from shelfwise.catalog.fetching.options import FetchOptions

    request = PredictRequest(
        model,
        tuple(catalogs),
        output,
        thresholds=thresholds,
        routing=routing.changes(precision, precision_of, per_department, back_off),
        coverage=coverage,
        explain=explain,
        images=images,
        id=id,
        fetch=FetchOptions.given(image_store, allow_host, allow_port, fetch),
        workers=workers,
        engine=engine,
        address=address,
        shard_rows=shard_rows,
    )
    request.check()
    with reporting(quiet) as reporter, given.profiling(profile) as measured:
        summary = run_request(request, reporter, lambda model: people.ruling(rules, model, reporter))
    rows = [
        ("products", f"{summary.products:,}"),
        ("accepted", f"{summary.accept:,}"),
        ("to review", f"{summary.review:,}"),
        ("failed", f"{summary.failed:,}"),
        *people.ruled_row(rules, summary.ruled),
        ("predictions", str(summary.output)),
    ]
    if request.to_folder:
        rows.insert(-1, ("shards", f"{summary.shards:,}"))
    if summary.found:
        rows.insert(-1, ("from earlier runs", f"{summary.found:,}"))
    print(table(rows), end="")
    if measured is not None:
        from shelfwise.batch.profile_report import prediction_profile

        print(prediction_profile(measured, request, summary), end="")


@app.command()
def search(
    catalogs: given.Catalogs,
    output: given.SearchOutput,
    target: given.Target = None,
    multilabel: given.Multilabel = False,
    separator: given.Separator = None,
    inputs: given.Inputs = None,
    recipe: given.SearchRecipe = "auto",
    trials: given.Trials = None,
    minutes: given.Minutes = None,
    test: given.TestShare = 0.15,
    seed: given.Seed = None,
    image_model: given.ImageModel = None,
    text_model: given.TextModel = None,
    mask_labels: given.MaskLabels = False,
    deduplicate: given.Deduplicate = False,
    images: given.Images = None,
    id: given.Id = None,
    text: given.Text = None,
    category: given.Category = None,
    number: given.Number = None,
    image: given.Image = None,
    group: given.Group = None,
    image_store: given.ImageStore = None,
    fetch: given.Fetch = True,
    allow_host: given.AllowHost = None,
    allow_port: given.AllowPort = None,
    quiet: given.Quiet = False,
) -> None:
    """Try recipes on a catalog, and write the best one."""
    given.need_search_extra()
    roles = given.roles(images, id, text, category, number, image, group)
    with reporting(quiet) as reporter:
        from shelfwise.search.outcome import summary
        from shelfwise.search.run import SearchOptions, check_search_folder, read_search_recipe
        from shelfwise.search.run import search as search_recipes

        start, space = read_search_recipe(recipe)
        declared = given.declare(
            start,
            target=target,
            multilabel=multilabel,
            separator=separator,
            inputs=inputs,
            seed=seed,
            image_model=image_model,
            text_model=text_model,
            mask_labels=mask_labels,
            deduplicate=deduplicate,
        )
        given.need_target(declared)
        check_search_folder(output)
        with given.fetching(image_store, fetch, allow_host, allow_port, reporter) as images_first:
            catalog = images_first.inputs(_read(catalogs, roles, reporter), declared.inputs)
        options = SearchOptions(trials, minutes, test)
        outcome = search_recipes(declared, space, catalog, output, options, reporter, _command())
    print(summary(outcome, output), end="")


@app.command()
def fetch(
    catalogs: given.Catalogs,
    output: given.FetchOutput,
    image: given.Image = None,
    id: given.Id = None,
    max_side: given.MaxSide = None,
    refresh: given.Refresh = False,
    concurrency: given.Concurrency = None,
    per_host: given.PerHost = None,
    rate: given.Rate = None,
    max_mb: given.MaxMb = None,
    timeout: given.Timeout = None,
    allow_host: given.AllowHost = None,
    allow_port: given.AllowPort = None,
    quiet: given.Quiet = False,
) -> None:
    """Download the images that a catalog gives by web addresses."""
    with reporting(quiet) as reporter:
        from shelfwise.catalog.fetching.addresses import AddressRules
        from shelfwise.catalog.fetching.limits import FetchLimits
        from shelfwise.catalog.fetching.options import FetchOptions, need_httpx

        need_httpx()
        from shelfwise.catalog.fetching.command import fetch_to_folder

        limits = FetchLimits.given(
            concurrent=concurrency, per_host=per_host, rate=rate, megabytes=max_mb, total_s=timeout
        )
        rules = AddressRules.of(allow_host or (), allow_port or ())
        options = FetchOptions(output, rules, limits, max_side)
        done = fetch_to_folder(
            catalogs, options, reporter=reporter, image=given.split_names(image), id=id, refresh=refresh
        )
    print(table(done.rows()), end="")


@app.command()
def review(
    model: given.Model,
    predictions: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PREDICTIONS", help="Files that `shelfwise predict` wrote; none to go on."),
    ] = None,
    database: Annotated[
        str, typer.Option("--database", metavar="FILE|URL", help="Where decisions are kept.")
    ] = "review.db",
    catalog: Annotated[
        list[str] | None,
        typer.Option("--catalog", metavar="CATALOG", help="The catalog predicted: fields and pictures."),
    ] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option("--labelled", metavar="CATALOG", help="Show similar labelled products from this one."),
    ] = None,
    images: given.Images = None,
    id: given.Id = None,
    value: Annotated[
        str | None, typer.Option("--value", metavar="COLUMN", help="The number that makes products valuable.")
    ] = None,
    votes: Annotated[
        int,
        typer.Option("--votes", metavar="N", min=1, max=9, help="How many people decide on each product."),
    ] = 1,
    person: Annotated[
        list[str] | None,
        typer.Option("--person", metavar="NAME", help="Make this person a token of their own."),
    ] = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Replace the token that everyone shares.")
    ] = False,
    host: Annotated[str, typer.Option("--host", help="The address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8077,
    https: Annotated[
        bool, typer.Option("--https", help="A proxy serves this desk by HTTPS: cookies go over nothing else.")
    ] = False,
    quiet: given.Quiet = False,
) -> None:
    """A desk in the browser, where people decide on what the model is not sure of."""
    with reporting(quiet) as reporter:
        given.need_serve_extra()
        from shelfwise.review.listening import is_loopback, listen
        from shelfwise.review.run import DeskOptions, let_in, open_desk, serve, welcome

        listening = listen(host, port)
        options = DeskOptions(database, catalog or (), labelled or (), images, id, value, votes, https)
        desk = open_desk(model, predictions or (), options, reporter)
        news = let_in(desk.database, person or (), new_token)
    for line in welcome(listening, news, loopback=is_loopback(host)):
        print(line, flush=True)
    serve(desk, listening, loopback=is_loopback(host))


@app.command()
def decisions(
    database: Annotated[
        str, typer.Argument(metavar="DATABASE", help="What `shelfwise review` kept them in.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="The file to write: .parquet, .csv or .jsonl."),
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Every step, also skips, outvoted and undone ones.")
    ] = False,
) -> None:
    """Write the review desk's decisions to a file, to learn from or to look at."""
    given.need_serve_extra()
    from shelfwise.review.database import Database
    from shelfwise.review.export import check_decisions_path, export_decisions

    check_decisions_path(output)
    done = export_decisions(Database(database, must_exist=True), output, everything=everything)
    rows = [
        ("products", f"{done.products:,}"),
        ("decisions", f"{done.decisions:,}"),
        ("disagreements", f"{done.disputed:,}"),
        ("written", str(done.output)),
    ]
    print(table(rows), end="")
