"""How the experiments are declared and run: the same products, places and words for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shelfwise.commands.options.catalog import CatalogRoles
from shelfwise.commands.options.common import Names, split_names
from shelfwise.commands.options.learning import Learning
from shelfwise.commands.options.web_images import WebImages
from shelfwise.errors import ShelfwiseError
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.experiments.study_commands import Plan
    from shelfwise.experiments.table import Table
    from shelfwise.progress import Reporter
    from shelfwise.recipe import Recipe


@dataclass(frozen=True)
class Found:
    """What an experiment hands out: its tables, the finding in one sentence, its files, what is missing (or nothing)."""

    tables: Sequence[Table]
    lead: str
    written: Sequence[Path]
    missing: str = ""


Experiment = Callable[["Catalog", "Catalog | None", "Recipe", "Reporter"], Found]
"""Products to learn from, those to test on where there are other ones, the recipe, and who is told how it goes."""


@dataclass(frozen=True)
class Study:
    """What every experiment is given beside the recipe and the columns' roles."""

    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="The folder for the page, tables and figures."),
    ]
    test: Annotated[
        list[str] | None,
        typer.Option("--test", metavar="CATALOG", help="Products to test on (default: a quarter, by group)."),
    ] = None
    products: Annotated[
        int | None,
        typer.Option("--products", metavar="N", min=20, help="Take N products at random, not all."),
    ] = None
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="What was computed is kept here (default: OUT/cache)."),
    ] = None

    def run(
        self,
        experiment: Experiment,
        catalogs: Sequence[str],
        learning: Learning,
        roles: CatalogRoles,
        quiet: bool,
    ) -> None:
        """Read the products, make the experiment, and print what it found. Raises ShelfwiseError, BadParameter."""
        declared = learning.declared()
        if self.output.exists() and not self.output.is_dir():
            raise ShelfwiseError(
                f"expected a folder to write to, but {self.output} is a file; choose another place"
            )
        with reporting(quiet) as reporter:
            from shelfwise.experiments.fusion_study import sample

            catalog = roles.read(catalogs, reporter)
            tested = roles.read(self.test, reporter) if self.test else None
            catalog = sample(catalog, self.products, declared.training.seed)
            with WebImages().fetching(reporter) as images_first:
                catalog = images_first.inputs(catalog, declared.inputs)
                tested = None if tested is None else images_first.inputs(tested, declared.inputs)
            found = experiment(catalog, tested, declared, reporter)
        for one in found.tables:
            print(one.text())
        rows = [
            ("result", found.lead),
            ("page", str(found.written[0])),
            ("files", f"{len(found.written)} in {self.output}"),
        ]
        print(table([*rows, *([("missing", found.missing)] if found.missing else [])]), end="")


@dataclass(frozen=True)
class SizesStudy(Study):
    """What experiments are given that train on more and more products."""

    sizes: Annotated[
        str | None,
        typer.Option("--sizes", metavar="N,N,all", help="Training products, as 2000,8000,all."),
    ] = None
    seeds: Annotated[
        int,
        typer.Option("--seeds", metavar="N", min=1, max=100, help="How often, on other products each time."),
    ] = 3
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", metavar="M", min=0, help="Begin no model after so long, and say what is missing."
        ),
    ] = None
    only: Annotated[
        Names, typer.Option("--only", metavar="A,B", help="Only these models, as 'multitask MLP,LSTM'.")
    ] = None

    def plan(self, command: str) -> Plan:
        """What to measure, and where to write it; ``command``: as it was typed."""
        from shelfwise.experiments.study_commands import Plan

        only = tuple(split_names(self.only))
        return Plan(self.output, self.cache, self.sizes, self.seeds, self.minutes, command, only)
