"""`shelfwise search`: tries recipes on a catalog, and writes the best one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfwise.commands.extras import need_search_extra
from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import CatalogRoles, Catalogs
from shelfwise.commands.options.common import Quiet
from shelfwise.commands.options.learning import TRAINING, Learning
from shelfwise.commands.options.web_images import WebImages
from shelfwise.commands.typed import typed
from shelfwise.terminal import reporting

Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="OUT", help="The folder for trials and the best recipe.")
]
RecipeToStartFrom = Annotated[
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
_LEARNING = tuple(name for name in TRAINING if name not in {"recipe", "clean_labels"})
"""A search has a ``--recipe`` of its own, and no ``--clean-labels``."""


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command()(with_groups(search))


def search(
    context: typer.Context,
    *,
    catalogs: Catalogs,
    output: Output,
    learning: Annotated[Learning, Takes(*_LEARNING)],
    recipe: RecipeToStartFrom = "auto",
    trials: Trials = None,
    minutes: Minutes = None,
    test: TestShare = 0.15,
    roles: CatalogRoles,
    web: WebImages,
    quiet: Quiet = False,
) -> None:
    """Try recipes on a catalog, and write the best one."""
    need_search_extra()
    with reporting(quiet) as reporter:
        from shelfwise.search.outcome import summary
        from shelfwise.search.run import SearchOptions, check_search_folder, read_search_recipe
        from shelfwise.search.run import search as search_recipes

        start, space = read_search_recipe(recipe)
        declared = learning.declared(start)
        check_search_folder(output)
        with web.fetching(reporter) as images_first:
            catalog = images_first.inputs(roles.read(catalogs, reporter), declared.inputs)
        options = SearchOptions(trials, minutes, test)
        outcome = search_recipes(declared, space, catalog, output, options, reporter, typed(context))
    print(summary(outcome, output), end="")
