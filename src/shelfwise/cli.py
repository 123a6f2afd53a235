"""The command line: parses, calls and prints, and decides nothing. Heavy imports live inside the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from shelfwise.errors import MissingDependencyError, ShelfwiseError
from shelfwise.terminal import reporting, table, training_rows

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.categorizer import Categorizer
    from shelfwise.evaluation import Evaluation
    from shelfwise.recipe import Recipe

BROKEN_PIPE_STATUS = 141
"""What shells report for a program whose reader went away (128 + SIGPIPE)."""
INTERRUPTED_STATUS = 130

Catalogs = Annotated[
    list[str],
    typer.Argument(metavar="CATALOG...", help="Files, folders or globs of CSV, TSV, JSON lines or Parquet."),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that `shelfwise train` wrote.")]
Images = Annotated[
    Path | None,
    typer.Option("--images", metavar="DIR", help="Folder that image paths are relative to (the catalog file's)."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks, only the result.")]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML file that opens offline.")
]
Multilabel = Annotated[
    bool, typer.Option("--multilabel", help="The target is a label set: several categories, no order.")
]
Separator = Annotated[
    str | None, typer.Option("--separator", metavar="S", help="What stands between the target's parts (recognised).")
]
Columns = list[str] | None
IdColumn = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="The column of product ids.")]
TextColumns = Annotated[Columns, typer.Option("--text", metavar="A,B", help="Columns to read as text.")]
CategoryColumns = Annotated[
    Columns, typer.Option("--category", metavar="A,B", help="Columns of few values, such as a brand.")
]
NumberColumns = Annotated[Columns, typer.Option("--number", metavar="A,B", help="Columns to read as numbers.")]
ImageColumn = Annotated[str | None, typer.Option("--image", metavar="COLUMN", help="The column of images.")]
GroupColumn = Annotated[
    str | None, typer.Option("--group", metavar="COLUMN", help="Products that share its value are kept together.")
]


class _Shelfwise(TyperGroup):
    """Turns what went wrong into one line on stderr and the exit status that is promised."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ShelfwiseError as error:
            _complain(str(error))
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            _complain(str(error) or "interrupted; nothing was written")
            raise typer.Exit(INTERRUPTED_STATUS) from error
        except BrokenPipeError as error:
            # Whoever read the output has gone; without this, Python complains once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE_STATUS) from error
        except OSError as error:
            from shelfwise.batch.output import explain_os_error

            _complain(explain_os_error(error))
            raise typer.Exit(1) from error


class _InspectCommand(TyperCommand):
    """Lets ``--json`` stand alone (for stdout) or before a file that ends in .json."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        spelled: list[str] = []
        for arg, following in zip(args, [*args[1:], ""], strict=True):
            spelled.append(arg)
            if arg == "--json" and following != "-" and not following.lower().endswith(".json"):
                spelled.append("-")
        return super().parse_args(ctx, spelled)


app = typer.Typer(
    cls=_Shelfwise,
    help="Every product on the right shelf, and a person asked only where it matters.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status: 0 done, 1 wrong data or request, 2 usage, 130 interrupted."""
    app(args=None if argv is None else list(argv), prog_name="shelfwise")
    sys.exit(0)


def _complain(message: str) -> None:
    print("shelfwise: " + " ".join(message.split()), file=sys.stderr)


def _split(names: Columns) -> list[str] | None:
    """Names given as `a,b` or one option after the other; None where none was given."""
    return [name.strip() for part in names for name in part.split(",") if name.strip()] if names else None


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print("shelfwise", version("shelfwise"))
        raise typer.Exit


@app.callback()
def _shelfwise(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(cls=_InspectCommand)
def inspect(
    catalogs: Catalogs,
    target: Annotated[
        str | None, typer.Option("--target", metavar="T", help="Look at it as a target: one column, or one a level.")
    ] = None,
    multilabel: Multilabel = False,
    separator: Separator = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write what is found to a file as well.")
    ] = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="[FILE.json]", help="JSON, on stdout or to a file, for programs.")
    ] = None,
    images: Images = None,
    id: IdColumn = None,
    text: TextColumns = None,
    category: CategoryColumns = None,
    number: NumberColumns = None,
    image: ImageColumn = None,
    group: GroupColumn = None,
    quiet: Quiet = False,
) -> None:
    """Say what is in a catalog, what is wrong with it, and what would be done with it."""
    raise NotImplementedError


@app.command()
def train(
    catalogs: Catalogs,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="The model folder to write.")],
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="T", help="What to predict: one column, or one a level as `a,b,c`."),
    ] = None,
    multilabel: Multilabel = False,
    separator: Separator = None,
    inputs: Annotated[Columns, typer.Option("--inputs", metavar="A,B", help="What to predict from.")] = None,
    recipe: Annotated[str, typer.Option("--recipe", metavar="NAME|FILE", help="A preset or a recipe file.")] = "auto",
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="What every random choice comes from.")] = None,
    image_model: Annotated[
        str | None, typer.Option("--image-model", metavar="NAME|FOLDER", help="A pretrained image backbone.")
    ] = None,
    text_model: Annotated[
        str | None, typer.Option("--text-model", metavar="NAME|FOLDER", help="A pretrained text backbone.")
    ] = None,
    validation: Annotated[
        Columns,
        typer.Option("--validation", metavar="CATALOG", help="Products to choose and calibrate on; may be repeated."),
    ] = None,
    images: Images = None,
    id: IdColumn = None,
    text: TextColumns = None,
    category: CategoryColumns = None,
    number: NumberColumns = None,
    image: ImageColumn = None,
    group: GroupColumn = None,
    quiet: Quiet = False,
) -> None:
    """Learn the categories of a catalog and write a model folder."""
    if text_model is not None:
        raise MissingDependencyError(
            f"expected no --text-model, got '{text_model}': pretrained text is not part of this version; leave it out, "
            "the text is then read by words and parts of words"
        )
    from shelfwise.recipe import Recipe

    declared = _declare(Recipe.read(recipe), target, multilabel, separator, inputs, seed, image_model)
    if not declared.target.columns:
        raise typer.BadParameter("name the column of categories, or one column per level", param_hint="'--target'")
    roles = _roles(images, id, text, category, number, image, group)
    with reporting(quiet) as reporter:
        from shelfwise.catalog.catalog import Catalog
        from shelfwise.categorizer import Categorizer
        from shelfwise.model_folder import refuse_foreign_folder

        refuse_foreign_folder(output)
        check_output_path(output / "model.json")
        replaces = output.exists() and any(output.iterdir())
        catalog = Catalog.read(*catalogs, **roles)
        held_out = Catalog.read(*validation, **roles) if validation else None
        model = Categorizer(declared).fit(catalog, validation=held_out, reporter=reporter)
        model.save(output)
    print(table([*training_rows(model), ("model", f"{output} (replaced)" if replaces else str(output))]), end="")


@app.command()
def evaluate(
    model: Model,
    catalogs: Catalogs,
    report: Report = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON; `-` is stdout.")
    ] = None,
    images: Images = None,
    id: IdColumn = None,
    quiet: Quiet = False,
) -> None:
    """Say how good a model is on products whose categories are known."""
    outputs = [*([report] if report else []), *([Path(json)] if json and json != "-" else [])]
    _check_outputs(outputs, catalogs)
    with reporting(quiet) as reporter:
        from shelfwise.catalog.catalog import Catalog
        from shelfwise.categorizer import Categorizer

        categorizer = Categorizer.load(model)
        catalog = Catalog.read(*catalogs, images_dir=images, id=id)
        for note in catalog.notes:
            reporter.say(note)
        evaluation = categorizer.evaluate(catalog, reporter=reporter, command=_command())
    if report:
        _write_report(evaluation, categorizer, catalog, report)
    if json == "-":
        print(evaluation.model_dump_json(indent=1))
        return
    if json:
        evaluation.to_json(json)
    _print_evaluation(evaluation, outputs)


@app.command()
def predict(
    model: Model,
    catalogs: Catalogs,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write: .parquet, .csv or .jsonl.")
    ],
    images: Images = None,
    id: IdColumn = None,
    quiet: Quiet = False,
) -> None:
    """Categorize products: one row each, in their order, with a confidence and where a person should look."""
    from shelfwise.batch.write import check_prediction_path

    _check_outputs([check_prediction_path(output)], catalogs)
    with reporting(quiet) as reporter:
        from shelfwise.batch.predict import predict_to_file
        from shelfwise.catalog.catalog import Catalog
        from shelfwise.categorizer import Categorizer

        categorizer = Categorizer.load(model)
        batches = Catalog.scan(*catalogs, images_dir=images, id=id)
        summary = predict_to_file(categorizer, batches, output, reporter=reporter)
    print(table(prediction_rows(summary)), end="")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where everything is written.")] = Path(
        "shelfwise-demo"
    ),
    products: Annotated[int, typer.Option("--products", min=1, help="Products in the made-up catalog.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="What every random choice comes from.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Do the whole job on a made-up store: generate, train, evaluate, predict, report."""
    from shelfwise.demo.run import run_demo
