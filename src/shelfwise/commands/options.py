"""What can be given on the command line: arguments, options, and how they are spelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.catalog.fetching.first import FetchFirst
    from shelfwise.learning.unfinished import Unfinished
    from shelfwise.profiling import Profile
    from shelfwise.progress import Reporter
    from shelfwise.recipe import Recipe

Catalogs = Annotated[
    list[str],
    typer.Argument(metavar="CATALOG", help="Files, folders or globs of CSV, TSV, JSON lines or Parquet."),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that `shelfwise train` wrote.")]
ModelOutput = Annotated[
    Path, typer.Option("-o", "--output", metavar="MODEL", help="The model folder to write.")
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Begin anew, also where an interrupted training could be gone on with."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks, only the result.")]
Names = list[str] | None
"""Column names given as `a,b`, or one option after the other."""

Target = Annotated[
    str | None,
    typer.Option("--target", metavar="T", help="The categories: one column, or one a level as A,B,C."),
]
Multilabel = Annotated[
    bool, typer.Option("--multilabel", help="The target is a label set: several categories, no order.")
]
Separator = Annotated[
    str | None, typer.Option("--separator", metavar="S", help="What stands between the target's parts.")
]
Inputs = Annotated[Names, typer.Option("--inputs", metavar="A,B", help="The columns to predict from.")]
RecipeName = Annotated[
    str, typer.Option("--recipe", metavar="NAME|FILE", help="A preset, or a recipe file to start from.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", min=0, help="Where every random choice comes from.")
]
ImageModel = Annotated[
    str | None, typer.Option("--image-model", metavar="NAME|FOLDER", help="A pretrained image backbone.")
]
TextModel = Annotated[
    str | None,
    typer.Option("--text-model", metavar="NAME|FOLDER", help="A pretrained sentence encoder for texts."),
]
MaskLabels = Annotated[
    bool, typer.Option("--mask-labels", help="Take the words of category names out of the texts.")
]
Deduplicate = Annotated[
    bool, typer.Option("--deduplicate", help="Learn from one product of every group of near-duplicates.")
]
CleanLabels = Annotated[
    bool, typer.Option("--clean-labels", help="Do not learn from products whose label is probably wrong.")
]
Validation = Annotated[
    Names,
    typer.Option(
        "--validation",
        metavar="CATALOG...",
        help="Products to choose and calibrate on.",
    ),
]
PredictionOutput = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="The file to write: .parquet, .csv or .jsonl; or, with a slash at its end, a folder of Parquet files, "
        "where the same command goes on after a stop.",
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", metavar="N", min=1, max=256, help="Processes that predict side by side.")
]
Engine = Annotated[
    Literal["local", "ray"],
    typer.Option("--engine", help="Predict on this machine, or on a Ray cluster (extra `ray`)."),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT|auto", help="The Ray cluster (default: one on this machine)."
    ),
]
SHARD_ROWS = 1 << 16
ShardRows = Annotated[
    int,
    typer.Option("--shard-rows", metavar="N", min=1, help="Most products in one file of a folder."),
]
Profiled = Annotated[bool, typer.Option("--profile", help="Say at the end where the time went.")]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images", metavar="DIR", help="Where image paths start, if not at the catalog file's folder."
    ),
]
Id = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="The column of product ids.")]
Text = Annotated[Names, typer.Option("--text", metavar="A,B", help="Columns to read as text.")]
Category = Annotated[
    Names,
    typer.Option("--category", metavar="A,B", help="Columns to read as one of few values, such as a brand."),
]
Number = Annotated[Names, typer.Option("--number", metavar="A,B", help="Columns to read as numbers.")]
Image = Annotated[Names, typer.Option("--image", metavar="COLUMN", help="The column of images.")]
Group = Annotated[
    str | None,
    typer.Option("--group", metavar="COLUMN", help="Products that share its value are kept together."),
]
ImageStore = Annotated[
    Path | None,
    typer.Option(
        "--image-store", metavar="DIR", help="Where images from the web are kept (default: the cache folder)."
    ),
]
Fetch = Annotated[
    bool,
    typer.Option("--fetch/--no-fetch", help="Fetch images given by web addresses, or use only kept ones."),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="HOST|CIDR",
        help="Fetch from this host or these addresses although they are not public.",
    ),
]
AllowPort = Annotated[
    list[int] | None,
    typer.Option(
        "--allow-port", metavar="N", min=1, max=65535, help="Fetch from this port besides 80 and 443."
    ),
]
FetchOutput = Annotated[
    Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the images and their manifest go.")
]
MaxSide = Annotated[
    int | None,
    typer.Option("--max-side", metavar="PIXELS", help="Make larger images this small (default 512)."),
]
Refresh = Annotated[
    bool, typer.Option("--refresh", help="Also ask for newer versions of images that are there.")
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", metavar="N", min=1, help="Images at once (default 32).")
]
PerHost = Annotated[
    int | None, typer.Option("--per-host", metavar="N", min=1, help="Requests at once at a host (default 6).")
]
Rate = Annotated[
    float | None, typer.Option("--rate", metavar="R", help="Requests a second at a host (default 20).")
]
MaxMb = Annotated[
    float | None, typer.Option("--max-mb", metavar="MB", help="Refuse larger files (default 20).")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="S", help="Seconds for one image (default 60).")
]
SearchOutput = Annotated[
    Path, typer.Option("-o", "--output", metavar="OUT", help="The folder for trials and the best recipe.")
]
SearchRecipe = Annotated[
    str,
    typer.Option(
        "--recipe", metavar="NAME|FILE", help="What to start from; its block `search` says what to try."
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(
        "--trials", metavar="N", min=1, help="Trials in all, with earlier runs' in the folder (default 50)."
    ),
]
Minutes = Annotated[
    float | None, typer.Option("--minutes", metavar="M", min=0.01, help="Begin no trial after so many.")
]
TestShare = Annotated[
    float,
    typer.Option(
        "--test", metavar="SHARE", min=0, max=0.5, help="Share of products kept aside to test the best on."
    ),
]
EvaluationReport = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML page that opens offline.")
]
EvaluationJson = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON; - is stdout.")
]
InspectionReport = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write a page (FILE.html) or the text (FILE.txt)."),
]
InspectionJson = Annotated[
    str | None, typer.Option("--json", metavar="[FILE.json]", help="JSON, to a file or in place of the text.")
]


Thresholds = Annotated[
    str | None,
    typer.Option(
        "--thresholds",
        metavar="KIND",
        help="Label sets: give labels from 0.5 on (fixed), from one tuned threshold on (one), or from each "
        "label's own (per_label); as trained if left out.",
    ),
]


Explain = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Say why: each classifier's vote, the words that counted, similar labelled products.",
    ),
]


class InspectCommand(TyperCommand):
    """Lets ``--json`` stand alone, for stdout, wherever it is put.

    What follows it is its file only where that ends in .json; else ``--json catalog.csv`` would write over a
    catalog.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        spelled: list[str] = []
        for position, arg in enumerate(args):
            spelled.append(arg)
            following = args[position + 1] if position + 1 < len(args) else ""
            if arg == "--json" and following != "-" and not following.lower().endswith(".json"):
                spelled.append("-")
        return super().parse_args(ctx, spelled)


class TrainCommand(TyperCommand):
    """Lets ``--validation`` take all names up to the next option, as a shell's glob gives them.

    With one name only, the glob's other files would be trained on.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        spelled: list[str] = []
        validating = False
        for arg in args:
            if arg.startswith("-") and arg != "-":
                validating = arg == "--validation"
            elif validating and spelled[-1] != "--validation":
                spelled.append("--validation")
            spelled.append(arg)
        return super().parse_args(ctx, spelled)


def fetching(
    store: Path | None,
    fetch: bool,
    allow_host: list[str] | None,
    allow_port: list[int] | None,
    reporter: Reporter,
) -> FetchFirst:
    """What fetches a catalog's images before its products are worked with. Raises FetchError."""
    from shelfwise.catalog.fetching.first import FetchFirst
    from shelfwise.catalog.fetching.options import FetchOptions

    return FetchFirst(FetchOptions.given(store, allow_host, allow_port, fetch), reporter)


@contextmanager
def profiling(wanted: bool) -> Iterator[Profile | None]:
    """A profile of what happens inside, where one is wanted."""
    if not wanted:
        yield None
        return
    from shelfwise.profiling import Profile

    with Profile() as profile:
        yield profile


def with_web_images(
    catalog: Catalog, other: Catalog | None, recipe: Recipe, reporter: Reporter
) -> tuple[Catalog, Catalog | None]:
    """Both catalogs with their images from the web, fetched into the folder of caches as `train` does. Raises FetchError."""
    with fetching(None, True, None, None, reporter) as images_first:
        fetched = images_first.inputs(catalog, recipe.inputs)
        return fetched, None if other is None else images_first.inputs(other, recipe.inputs)


@contextmanager
def resumable(model: Path, fresh: bool, reporter: Reporter) -> Iterator[Unfinished]:
    """Keeps what a training has finished beside the model folder, and says so where Ctrl-C ends it. Raises ModelFolderError."""
    from shelfwise.learning.unfinished import Unfinished, unfinished_folder

    with Unfinished(unfinished_folder(model), reporter, fresh=fresh) as work:
        try:
            yield work
        except KeyboardInterrupt as error:
            if not work.holds_work:
                raise
            raise KeyboardInterrupt(
                f"interrupted; what was trained is kept in {work.folder}: the same command goes on from there"
            ) from error


def split_names(names: Names) -> list[str]:
    """Column names given as `a,b` or one option after the other."""
    return [name.strip() for part in names or () for name in part.split(",") if name.strip()]


def roles(
    images: Path | None,
    id: str | None,
    text: Names,
    category: Names,
    number: Names,
    image: Names,
    group: str | None,
) -> dict[str, Any]:
    """The arguments of `Catalog.read` that say what columns are for."""
    named = {"text": text, "category": category, "number": number, "image": image}
    return {
        "images_dir": images,
        "id": id,
        "group": group,
        **{role: split_names(names) for role, names in named.items()},
    }


def declare(
    recipe: Recipe,
    *,
    target: str | None,
    multilabel: bool,
    separator: str | None,
    inputs: Names,
    seed: int | None,
    image_model: str | None,
    text_model: str | None = None,
    mask_labels: bool = False,
    deduplicate: bool = False,
    clean_labels: bool = False,
) -> Recipe:
    """The recipe with what was given on the command line in place of its own values.

    Training chooses an encoder for inputs that the recipe does not describe. Raises RecipeError.
    """
    values = recipe.model_dump()
    if target is not None:
        values["target"] |= {"columns": target}
    if multilabel:
        values["target"] |= {"multilabel": True}
    if separator is not None:
        values["target"] |= {"separator": separator}
    if mask_labels:
        values["target"] |= {"mask_labels": True}
    if deduplicate:
        values["training"] |= {"deduplicate": True}
    if clean_labels:
        values["training"] |= {"clean_labels": True}
    if seed is not None:
        values["training"] |= {"seed": seed}
    if image_model is not None:
        values["image_model"] = image_model
    if text_model is not None:
        values["text_model"] = text_model
    names = split_names(inputs)
    if names:
        described = {one["name"]: one for one in values["inputs"]}
        values["inputs"] = [described.get(name, {"name": name}) for name in names]
    return type(recipe)(**values)


def outputs(*files: Path | str | None) -> list[Path]:
    """The files to be written, without those not asked for and without stdout (``-``)."""
    return [Path(file) for file in files if file is not None and str(file) != "-"]


def check_outputs(files: Sequence[Path], catalogs: Sequence[str]) -> None:
    """Refuse, before any work, files that cannot be written or are the catalog's. Raises ShelfwiseError."""
    from shelfwise.batch.output import check_output_path, refuse_overwriting
    from shelfwise.catalog.locate import find_files

    sources = [file.path for file in find_files(catalogs)] if files else []
    for file in files:
        refuse_overwriting(check_output_path(file), sources)


def need_serve_extra() -> None:
    """Refuse, before any work, what the extra ``serve`` is needed for. Raises MissingDependencyError."""
    from importlib.util import find_spec

    from shelfwise.errors import MissingDependencyError

    missing = [
        name
        for name in ("sqlalchemy", "fastapi", "uvicorn", "itsdangerous", "prometheus_client")
        if find_spec(name) is None
    ]
    if missing:
        raise MissingDependencyError(
            f"the review desk and the service need {', '.join(missing)}; install it with: pip install 'shelfwise[serve]'"
        )


def need_search_extra() -> None:
    """Refuse, before any work, what the extra ``search`` is needed for. Raises MissingDependencyError."""
    from importlib.util import find_spec

    from shelfwise.errors import MissingDependencyError

    missing = [name for name in ("optuna", "sqlalchemy") if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"the search needs {', '.join(missing)}; install it with: pip install 'shelfwise[search]'"
        )


def need_target(recipe: Recipe) -> None:
    """Refuse, as wrong usage, a recipe that does not say what to predict."""
    if not recipe.target.columns:
        raise typer.BadParameter(
            "name the column of categories, or one column a level", param_hint="--target"
        )
