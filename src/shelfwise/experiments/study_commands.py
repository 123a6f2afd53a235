"""What the commands `experiment inputs`, `levels` and `data-size` do, once their catalogs are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfwise.catalog.catalog import Catalog
from shelfwise.errors import ShelfwiseError
from shelfwise.experiments.cache import ResultStore
from shelfwise.experiments.data_size_study import curve_table, data_size_contenders, data_size_page, outlook
from shelfwise.experiments.inputs_study import inputs_contenders
from shelfwise.experiments.levels_study import levels_contenders
from shelfwise.experiments.page import Page, write_page
from shelfwise.experiments.path_pages import inputs_page, levels_page, results_table
from shelfwise.experiments.study_data import StudyData, read_study
from shelfwise.experiments.study_runs import Contender, Runs, run_all
from shelfwise.experiments.study_words import missing_line
from shelfwise.experiments.table import Table
from shelfwise.experiments.training_sizes import Size, halving_sizes, parse_sizes
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe

DEFAULT_SIZES = "2000,8000,all"
"""Of the inputs and levels experiments."""
CACHE_FOLDER = "cache"


@dataclass(frozen=True)
class Plan:
    """What to measure: training sizes (text; None: the study's own), seeds, minutes to train in, where to write.

    What was computed is kept in ``cache``, by default in a folder of that name where the page is.
    """

    folder: Path
    cache: Path | None
    sizes: str | None
    seeds: int
    minutes: float | None
    command: str
    only: tuple[str, ...] = ()
    """Names of the models to measure; none: all."""


@dataclass(frozen=True)
class Done:
    """The finished study: its table, the finding in one sentence, the files, and one line on what is missing (or empty)."""

    table: Table
    lead: str
    written: list[Path]
    missing: str


def run_inputs(
    catalog: Catalog, test: Catalog | None, declared: Recipe, plan: Plan, reporter: Reporter
) -> Done:
    """`shelfwise experiment inputs`. Raises ShelfwiseError."""
    data, sizes = _begin(catalog, test, declared, plan, reporter)
    runs = _run("inputs", data, inputs_contenders(data), sizes, plan)
    return _finish(
        runs, plan, inputs_page(data, runs, plan.seeds, plan.command), results_table("inputs", data, runs)
    )


def run_levels(
    catalog: Catalog, test: Catalog | None, declared: Recipe, plan: Plan, reporter: Reporter
) -> Done:
    """`shelfwise experiment levels`: on the texts alone, as the paper, where ``declared`` names no inputs.

    Raises ShelfwiseError.
    """
    data, sizes = _begin(catalog, test, declared, plan, reporter, texts_only=not declared.inputs)
    runs = _run("levels", data, levels_contenders(data), sizes, plan)
    return _finish(
        runs, plan, levels_page(data, runs, plan.seeds, plan.command), results_table("levels", data, runs)
    )


def run_data_size(
    catalog: Catalog, test: Catalog | None, declared: Recipe, plan: Plan, reporter: Reporter
) -> Done:
    """`shelfwise experiment data-size`. Raises ShelfwiseError."""
    data, sizes = _begin(catalog, test, declared, plan, reporter, own_sizes=halving_sizes)
    runs = _run("data-size", data, data_size_contenders(data), sizes, plan)
    page = data_size_page(data, runs, plan.seeds, plan.command)
    return _finish(runs, plan, page, curve_table(runs, outlook(data, runs)))


def _begin(
    catalog: Catalog,
    test: Catalog | None,
    declared: Recipe,
    plan: Plan,
    reporter: Reporter,
    *,
    own_sizes: Callable[[int], list[Size]] | None = None,
    texts_only: bool = False,
) -> tuple[StudyData, list[Size]]:
    # Sizes are read first: a wrong one should not cost the reading of a catalog.
    sizes = None if plan.sizes is None else parse_sizes(plan.sizes)
    data = read_study(catalog, test, declared, reporter)
    if texts_only:
        texts = [one for one in data.recipe.inputs if one.role == "text"]
        data.recipe = data.recipe.model_copy(update={"inputs": texts or data.recipe.inputs})
    if sizes is None:
        sizes = own_sizes(data.to_learn_from) if own_sizes else parse_sizes(DEFAULT_SIZES)
    return data, sizes


def _run(
    study: str, data: StudyData, contenders: Sequence[Contender], sizes: Sequence[Size], plan: Plan
) -> Runs:
    store = ResultStore(plan.cache or plan.folder / CACHE_FOLDER)
    runs = run_all(study, data, _wanted(contenders, plan.only), sizes, plan.seeds, store, plan.minutes)
    if not any(one.train is not None for one in runs.measured):
        raise ShelfwiseError(
            f"expected at least one model to be trained, but the {plan.minutes:g} minutes given were over before; give more "
            "--minutes: what is finished by then is kept"
        )
    return runs


def _wanted(contenders: Sequence[Contender], only: Sequence[str]) -> list[Contender]:
    """The models that were asked for by name, and what needs no training. Raises ShelfwiseError for a name that none has."""
    names = [one.name for one in contenders if one.recipe is not None]
    for name in only:
        if name not in names:
            raise ShelfwiseError(f"expected models among {', '.join(names)}, got '{name}'; change --only")
    return [one for one in contenders if not only or one.name in only or one.recipe is None]


def _finish(runs: Runs, plan: Plan, page: Page, table: Table) -> Done:
    written = write_page(page, plan.folder)
    return Done(table, page.lead, written, missing_line(runs) if runs.missing else "")


STUDIES: dict[str, Callable[[Catalog, Catalog | None, Recipe, Plan, Reporter], Done]] = {
    "inputs": run_inputs,
    "levels": run_levels,
    "data-size": run_data_size,
}
