"""What can be given on the command line: arguments, options, and how they are spelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from shelfwise.recipe import Recipe

Catalogs = Annotated[
    list[str],
    typer.Argument(metavar="CATALOG", help="Files, folders or globs of CSV, TSV, JSON lines or Parquet."),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that `shelfwise train` wrote.")]
ModelOutput = Annotated[
    Path, typer.Option("-o", "--output", metavar="MODEL", help="The model folder to write.")
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
    str | None, typer.Option("--text-model", metavar="NAME|FOLDER", help="A pretrained text backbone.")
]
Validation = Annotated[
    Names,
    typer.Option(
        "--validation",
        metavar="CATALOG...",
        help="Products to choose and calibrate on.",
    ),
]
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
    if seed is not None:
        values["training"] |= {"seed": seed}
    if image_model is not None:
        values["image_model"] = image_model
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
