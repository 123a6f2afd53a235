"""The commands `shelfwise experiment …`: the papers' tables and figures on any catalog. As in cli.py, nothing is decided here."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from shelfwise.commands import options as given
from shelfwise.errors import RecipeError, ShelfwiseError
from shelfwise.terminal import reporting, table

app = typer.Typer(
    help="The papers' tables and figures, on any catalog.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="OUT", help="The folder for the page, tables and figures.")
]
Test = Annotated[
    list[str] | None,
    typer.Option("--test", metavar="CATALOG", help="Products to test on (default: a quarter, by group)."),
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="What was computed is kept here (default: OUT/cache)."),
]
MinProducts = Annotated[
    int | None,
    typer.Option("--min-products", metavar="N", min=1, help="Leave labels of fewer training products out."),
]
Products = Annotated[
    int | None,
    typer.Option("--products", metavar="N", min=20, help="Take N products at random, not all."),
]
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="NAME|YAML", help="A further fusion policy to try; may be repeated."),
]


@app.command()
def fusion(
    context: typer.Context,
    catalogs: given.Catalogs,
    output: Output,
    target: given.Target = None,
    multilabel: given.Multilabel = False,
    separator: given.Separator = None,
    inputs: given.Inputs = None,
    recipe: given.RecipeName = "paper-a",
    test: Test = None,
    min_products: MinProducts = None,
    products: Products = None,
    policy: Policies = None,
    cache: Cache = None,
    seed: given.Seed = None,
    image_model: given.ImageModel = None,
    images: given.Images = None,
    id: given.Id = None,
    text: given.Text = None,
    category: given.Category = None,
    number: given.Number = None,
    image: given.Image = None,
    group: given.Group = None,
    quiet: given.Quiet = False,
) -> None:
    """Each input's classifier alone, and every way to fuse them late (Wirojwatanakul & Wangperawong 2019)."""
    from shelfwise.recipe import Recipe

    declared = given.declare(
        Recipe.read(recipe),
        target=target,
        multilabel=multilabel,
        separator=separator,
        inputs=inputs,
        seed=seed,
        image_model=image_model,
    )
    if min_products is not None:
        chosen = declared.target.model_copy(update={"min_products": min_products})
        declared = declared.model_copy(update={"target": chosen})
    if not declared.target.columns:
        raise typer.BadParameter(
            "name the column of categories, or one column a level", param_hint="--target"
        )
    specs = [read_policy(one) for one in policy or ()]
    if output.exists() and not output.is_dir():
        raise ShelfwiseError(f"expected a folder to write to, but {output} is a file; choose another place")
    roles = given.roles(images, id, text, category, number, image, group)
    with reporting(quiet) as reporter:
        from shelfwise.catalog.catalog import Catalog
        from shelfwise.experiments.cache import ResultStore
        from shelfwise.experiments.fusion_page import lead, main_tables, write_fusion_page
        from shelfwise.experiments.fusion_study import run_fusion_study, sample

        with reporter.stage("reading the catalog", None) as stage:
            catalog = Catalog.read(*catalogs, **roles, progress=stage.advance)
            tested = Catalog.read(*test, **roles, progress=stage.advance) if test else None
        catalog = sample(catalog, products, declared.training.seed)
        catalog, tested = given.with_web_images(catalog, tested, declared, reporter)
        store = ResultStore(cache or output / "cache")
        study = run_fusion_study(catalog, tested, declared, specs, store, reporter)
        written = write_fusion_page(study, output, typed(context))
    for one in main_tables(study):
        print(one.text())
    rows = [("result", lead(study)), ("page", str(written[0])), ("files", f"{len(written)} in {output}")]
    print(table(rows), end="")


def typed(context: typer.Context) -> str:
    """The command as it was typed, for the record of a figure."""
    words: Any = context.find_root().obj
    return shlex.join(["shelfwise", *words]) if isinstance(words, list) else context.command_path


def read_policy(given_text: str) -> str | dict[str, Any]:
    """A policy from its name, or from a YAML mapping on one line. Raises RecipeError."""
    import yaml

    from shelfwise.fusion import build_policy

    try:
        spec = yaml.safe_load(given_text)
    except yaml.YAMLError as error:
        raise RecipeError(
            f"expected a policy's name or a mapping such as {{kind: policy_network, widths: [100]}}, got '{given_text}'"
        ) from error
    if not isinstance(spec, dict) or not isinstance(spec.get("kind"), str):
        spec = given_text
    build_policy(spec, exclusive=False)
    return spec
