"""The commands `shelfwise experiment inputs`, `levels` and `data-size`. As in cli.py, nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shelfwise.commands import options as given
from shelfwise.commands.experiments import Cache, Output, Products, Test, typed
from shelfwise.errors import ShelfwiseError
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.recipe import Recipe

Sizes = Annotated[
    str | None,
    typer.Option("--sizes", metavar="N,N,all", help="Training products, as 2000,8000,all."),
]
Seeds = Annotated[
    int,
    typer.Option("--seeds", metavar="N", min=1, max=100, help="How often, on other products each time."),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes", metavar="M", min=0, help="Begin no model after so long, and say what is missing."
    ),
]
Threads = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, help="Compute threads (default: all cores).")
]
Only = Annotated[
    given.Names, typer.Option("--only", metavar="A,B", help="Only these models, as 'multitask MLP,LSTM'.")
]
Study = Literal["inputs", "levels", "data-size"]


@dataclass(frozen=True)
class _Asked:
    """What all three commands are given."""

    catalogs: list[str]
    test: list[str] | None
    products: int | None
    roles: dict[str, Any]
    output: Path
    cache: Path | None
    sizes: str | None
    seeds: int
    minutes: float | None
    quiet: bool
    command: str
    only: tuple[str, ...] = ()


def add_to(app: typer.Typer) -> None:
    """Give ``app`` the three commands."""
    app.command("inputs")(inputs)
    app.command("levels")(levels)
    app.command("data-size")(data_size)


def inputs(
    context: typer.Context,
    catalogs: given.Catalogs,
    output: Output,
    target: given.Target = None,
    separator: given.Separator = None,
    inputs: given.Inputs = None,
    test: Test = None,
    products: Products = None,
    sizes: Sizes = None,
    seeds: Seeds = 3,
    minutes: Minutes = None,
    only: Only = None,
    threads: Threads = None,
    cache: Cache = None,
    image_model: given.ImageModel = None,
    mask_labels: given.MaskLabels = False,
    images: given.Images = None,
    id: given.Id = None,
    text: given.Text = None,
    category: given.Category = None,
    number: given.Number = None,
    image: given.Image = None,
    group: given.Group = None,
    quiet: given.Quiet = False,
) -> None:
    """What brand, text and image are worth for category paths, alone and together (Wang & Guthrie 2015, figures 2 and 3)."""
    declared = _declared("paper-b", target, False, separator, inputs, image_model, mask_labels, threads)
    roles = given.roles(images, id, text, category, number, image, group)
    command = typed(context)
    _run(
        "inputs",
        declared,
        _Asked(
            catalogs,
            test,
            products,
            roles,
            output,
            cache,
            sizes,
            seeds,
            minutes,
            quiet,
            command,
            tuple(given.split_names(only)),
        ),
    )


def levels(
    context: typer.Context,
    catalogs: given.Catalogs,
    output: Output,
    target: given.Target = None,
    separator: given.Separator = None,
    inputs: given.Inputs = None,
    test: Test = None,
    products: Products = None,
    sizes: Sizes = None,
    seeds: Seeds = 3,
    minutes: Minutes = None,
    only: Only = None,
    threads: Threads = None,
    cache: Cache = None,
    image_model: given.ImageModel = None,
    mask_labels: given.MaskLabels = False,
    images: given.Images = None,
    id: given.Id = None,
    text: given.Text = None,
    category: given.Category = None,
    number: given.Number = None,
    image: given.Image = None,
    group: given.Group = None,
    quiet: given.Quiet = False,
) -> None:
    """Levels each for itself, one after the other, or as a tree; on words or sequences (Wang & Guthrie 2015, figures 4 and 5)."""
    declared = _declared("paper-b", target, False, separator, inputs, image_model, mask_labels, threads)
    roles = given.roles(images, id, text, category, number, image, group)
    command = typed(context)
    _run(
        "levels",
        declared,
        _Asked(
            catalogs,
            test,
            products,
            roles,
            output,
            cache,
            sizes,
            seeds,
            minutes,
            quiet,
            command,
            tuple(given.split_names(only)),
        ),
    )


def data_size(
    context: typer.Context,
    catalogs: given.Catalogs,
    output: Output,
    target: given.Target = None,
    multilabel: given.Multilabel = False,
    separator: given.Separator = None,
    inputs: given.Inputs = None,
    recipe: given.RecipeName = "fast",
    test: Test = None,
    products: Products = None,
    sizes: Sizes = None,
    seeds: Seeds = 3,
    minutes: Minutes = None,
    threads: Threads = None,
    cache: Cache = None,
    image_model: given.ImageModel = None,
    mask_labels: given.MaskLabels = False,
    images: given.Images = None,
    id: given.Id = None,
    text: given.Text = None,
    category: given.Category = None,
    number: given.Number = None,
    image: given.Image = None,
    group: given.Group = None,
    quiet: given.Quiet = False,
) -> None:
    """How errors fall with the number of labels, and what doubling it is expected to bring."""
    declared = _declared(recipe, target, multilabel, separator, inputs, image_model, mask_labels, threads)
    roles = given.roles(images, id, text, category, number, image, group)
    command = typed(context)
    _run(
        "data-size",
        declared,
        _Asked(catalogs, test, products, roles, output, cache, sizes, seeds, minutes, quiet, command),
    )


def _declared(
    recipe: str,
    target: str | None,
    multilabel: bool,
    separator: str | None,
    inputs: given.Names,
    image_model: str | None,
    mask_labels: bool,
    threads: int | None,
) -> Recipe:
    from shelfwise.recipe import Recipe

    declared = given.declare(
        Recipe.read(recipe),
        target=target,
        multilabel=multilabel,
        separator=separator,
        inputs=inputs,
        seed=None,
        image_model=image_model,
        mask_labels=mask_labels,
    )
    if not declared.target.columns:
        raise typer.BadParameter(
            "name the column of categories, or one column a level", param_hint="--target"
        )
    if threads is None:
        return declared
    return declared.model_copy(update={"training": declared.training.model_copy(update={"threads": threads})})


def _run(study: Study, declared: Recipe, asked: _Asked) -> None:
    if asked.output.exists() and not asked.output.is_dir():
        raise ShelfwiseError(
            f"expected a folder to write to, but {asked.output} is a file; choose another place"
        )
    with reporting(asked.quiet) as reporter:
        from shelfwise.catalog.catalog import Catalog
        from shelfwise.experiments.fusion_study import sample
        from shelfwise.experiments.study_commands import STUDIES, Plan

        plan = Plan(
            asked.output, asked.cache, asked.sizes, asked.seeds, asked.minutes, asked.command, asked.only
        )
        with reporter.stage("reading the catalog", None) as stage:
            catalog = Catalog.read(*asked.catalogs, **asked.roles, progress=stage.advance)
            tested = None
            if asked.test:
                tested = Catalog.read(*asked.test, **asked.roles, progress=stage.advance)
        catalog = sample(catalog, asked.products, declared.training.seed)
        catalog, tested = given.with_web_images(catalog, tested, declared, reporter)
        done = STUDIES[study](catalog, tested, declared, plan, reporter)
    print(done.table.text())
    rows = [
        ("result", done.lead),
        ("page", str(done.written[0])),
        ("files", f"{len(done.written)} in {asked.output}"),
    ]
    print(table([*rows, *([("missing", done.missing)] if done.missing else [])]), end="")
