"""The doctor's round: inspects, compares, has labels judged, and turns what it finds into checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.inspect import inspect_and_group
from shelfwise.catalog.inspection import Inspection
from shelfwise.doctor import checks
from shelfwise.doctor.comparison import describe_comparison
from shelfwise.doctor.duplicates import find_duplicates
from shelfwise.doctor.findings import Check, ComparisonFound, Diagnosis, Suspect
from shelfwise.doctor.labels import all_suspects, describe_categories, describe_labels, examine_labels
from shelfwise.errors import ShelfwiseError
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.truth import read_truth

MULTILABEL, PATHS = "labels", "categories"


@dataclass(frozen=True)
class Examined:
    """The findings, every suspect (the findings show only the worst), and the group of near-duplicates of every product."""

    diagnosis: Diagnosis
    suspects: list[Suspect]
    groups: np.ndarray | None


def examine(
    catalog: Catalog,
    recipe: Recipe,
    *,
    thorough: bool = True,
    against: Catalog | None = None,
    reporter: Reporter | None = None,
) -> Examined:
    """Examine ``catalog``. ``recipe`` says the target (none: the likeliest is taken, as `inspect` does), the inputs and
    an image model. ``thorough``: compare all products and judge all labels, which takes a minute or more; ``against``:
    another catalog to compare the inputs with.

    Raises TargetError when a target column is not in the catalog, CatalogError when there is nothing to compare. What
    else cannot be looked at is said in ``skipped``.
    """
    reporter = reporter or Silent()
    inspection, exact = inspect_and_group(catalog, recipe.target, reporter)
    found: list[Check] = list(checks.check_inspection(inspection, compared=thorough))
    recipe = _with_target(recipe, inspection)
    labels = categories = duplicates = groups = None
    suspects: list[Suspect] = []
    skipped: list[str] = []
    if thorough:
        answers = read_truth(catalog, recipe.target).values if recipe.target.columns else None
        duplicates, groups = find_duplicates(catalog, exact, answers, reporter)
        found += checks.check_duplicates(duplicates, len(catalog))
        try:
            if not recipe.target.columns:
                raise ShelfwiseError("no column looks like categories; name one with --target")
            examination = examine_labels(recipe, catalog, reporter)
        except ShelfwiseError as error:
            skipped.append(f"labels were not judged: {error}")
        else:
            suspects = all_suspects(examination, catalog)
            labels = describe_labels(examination, suspects)
            categories = describe_categories(examination)
            found += checks.check_labels(labels)
            found += checks.check_categories(categories, MULTILABEL if recipe.target.multilabel else PATHS)
    comparison: ComparisonFound | None = None
    if against is not None:
        comparison = describe_comparison(
            catalog, against, _inputs(recipe, inspection), _no_inputs(recipe, inspection), reporter
        )
        found += checks.check_comparison(comparison)
    diagnosis = Diagnosis(
        checks=_by_verdict(found),
        labels=labels,
        categories=categories,
        duplicates=duplicates,
        comparison=comparison,
        skipped=skipped,
        inspection=inspection,
    )
    return Examined(diagnosis, suspects, groups)


def _with_target(recipe: Recipe, inspection: Inspection) -> Recipe:
    """The recipe with the target that the inspection looked at."""
    if recipe.target.columns or inspection.target is None:
        return recipe
    target = recipe.target.model_copy(
        update={"columns": inspection.target.columns, "multilabel": inspection.target.multilabel}
    )
    return recipe.model_copy(update={"target": target})


def _inputs(recipe: Recipe, inspection: Inspection) -> list[str]:
    named = [one.name for one in recipe.inputs]
    return named or [one.name for one in inspection.inputs]


def _no_inputs(recipe: Recipe, inspection: Inspection) -> Sequence[str]:
    return [*recipe.target.columns, *(one.name for one in inspection.left_out)]


def _by_verdict(found: Sequence[Check]) -> list[Check]:
    """What fails first, then what to look at, then what is well."""
    return sorted(found, key=lambda check: ("FAIL", "WARN", "PASS").index(check.verdict))
