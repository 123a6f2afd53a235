"""The catalog's doctor: what is in it, what is wrong with it, and what would be done with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import INPUT_ROLES, Role, State
from shelfwise.catalog.giveaway import Giveaway, find_giveaways
from shelfwise.catalog.groups import group_products, own_group_column, title_column
from shelfwise.catalog.image_check import check_images
from shelfwise.catalog.inputs import as_text
from shelfwise.catalog.inspection import (
    ColumnFound,
    IdsFound,
    ImagesFound,
    Inspection,
    LeakFound,
    RepeatedId,
    RowTrouble,
)
from shelfwise.catalog.inspection_plan import plan_inputs, write_plan
from shelfwise.catalog.inspection_problems import find_problems
from shelfwise.catalog.leaks import find_leaks
from shelfwise.catalog.target_suggestions import suggest_targets
from shelfwise.catalog.target_survey import survey_groups, survey_target
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.truth import Truth, read_truth

EXAMPLES = 3
EXAMPLE_CHARACTERS = 60
TROUBLES_SHOWN = 10


def inspect_catalog(
    catalog: Catalog,
    *,
    target: Sequence[str] | None = None,
    multilabel: bool = False,
    separator: str | None = None,
    reporter: Reporter | None = None,
) -> Inspection:
    """Everything worth knowing about ``catalog`` before training on it.

    ``target``: one column of paths or label sets, or one column a level; None looks at it as the likeliest
    target found, and says so. ``multilabel`` and ``separator`` are as in training. Every image is read and
    decoded. Raises TargetError when a target column is not in the catalog.
    """
    recipe = TargetRecipe(columns=list(target or ()), multilabel=multilabel, separator=separator)
    return inspect_and_group(catalog, recipe, reporter or Silent())[0]


def inspect_and_group(
    catalog: Catalog, recipe: TargetRecipe, reporter: Reporter
) -> tuple[Inspection, np.ndarray]:
    """As ``inspect_catalog``, and the group of every product (int64 [N], ``group_products``): every image is read for it."""
    assumed = not recipe.columns
    suggestions = suggest_targets(catalog)
    if assumed and suggestions:
        best = suggestions[0]
        recipe = TargetRecipe(columns=best.columns, multilabel=best.multilabel)
    truth = read_truth(catalog, recipe) if recipe.columns else None
    images, fingerprints = _check_all_images(catalog, reporter)
    groups = group_products(catalog, image_hashes=fingerprints)
    giveaways = _giveaways(catalog, recipe, truth, groups)
    found = None
    if truth is not None:
        found = survey_target(truth, recipe, groups, catalog.ids, assumed=assumed)
    inputs, left_out = plan_inputs(catalog, recipe.columns, giveaways)
    leaks = _leaks(catalog, [one.name for one in inputs], recipe, truth, groups)
    by = [name for name in (title_column(catalog), own_group_column(catalog)) if name]
    by += [one.column for one in images[:1]]
    inspection = Inspection(
        sources=catalog.sources,
        products=len(catalog),
        columns=[_describe_column(catalog, name) for name in catalog.fields],
        ids=_describe_ids(catalog),
        images=images,
        groups=survey_groups(groups, catalog.ids, by),
        unreadable_rows=len(catalog.row_errors),
        row_troubles=[
            RowTrouble(row=row, id=catalog.ids[row], reason=reason)
            for row, reason in sorted(catalog.row_errors.items())[:TROUBLES_SHOWN]
        ],
        target=found,
        suggestions=suggestions,
        inputs=inputs,
        left_out=left_out,
        leaks=leaks,
        plan=[],
        problems=[],
        notes=catalog.notes,
    )
    problems = find_problems(inspection)
    done = inspection.model_copy(update={"plan": write_plan(inspection, problems), "problems": problems})
    return done, groups


def _check_all_images(
    catalog: Catalog, reporter: Reporter
) -> tuple[list[ImagesFound], list[str | None] | None]:
    """What is found in every image column, and the fingerprints of the first one's images."""
    found, first = [], None
    for name, field in catalog.fields.items():
        if field.role is Role.IMAGE:
            images, fingerprints = check_images(catalog.input(name), catalog.ids, reporter)
            found.append(images)
            first = first if first is not None else fingerprints
    return found, first


def _giveaways(
    catalog: Catalog, recipe: TargetRecipe, truth: Truth | None, groups: np.ndarray
) -> dict[str, Giveaway]:
    if truth is None:
        return {}
    columns = {
        name: catalog.column(name)
        for name, field in catalog.fields.items()
        if field.role in INPUT_ROLES and field.role is not Role.IMAGE and name not in recipe.columns
    }
    numbers = [name for name in columns if catalog.fields[name].role is Role.NUMBER]
    return find_giveaways(columns, truth.values, multilabel=recipe.multilabel, groups=groups, numbers=numbers)


def _leaks(
    catalog: Catalog, inputs: Sequence[str], recipe: TargetRecipe, truth: Truth | None, groups: np.ndarray
) -> list[LeakFound]:
    if truth is None:
        return []
    texts = {name: catalog.column(name) for name in inputs if catalog.fields[name].role is Role.TEXT}
    found = find_leaks(texts, truth.values, multilabel=recipe.multilabel, groups=groups)
    return [LeakFound(**vars(leak)) for leak in found]


def _describe_column(catalog: Catalog, name: str) -> ColumnFound:
    field = catalog.fields[name]
    column = catalog.input(name)
    filled = int((column.state == State.PRESENT).sum())
    texts = pc.utf8_trim_whitespace(as_text(catalog.column(name)))
    values = pc.unique(texts.filter(pa.array(column.state == State.PRESENT))).drop_null()
    shown = [_shorten(text) for text in values.slice(0, EXAMPLES).to_pylist() if text]
    return ColumnFound(
        name=name,
        role=str(field.role),
        why=field.why,
        filled=filled / max(len(catalog), 1),
        values=len(values),
        examples=shown,
    )


def _describe_ids(catalog: Catalog) -> IdsFound:
    column = next((name for name, field in catalog.fields.items() if field.role is Role.ID), None)
    repeated = [(given, count) for given, count in Counter(catalog.ids).most_common() if count > 1]
    return IdsFound(
        column=column,
        repeated=len(repeated),
        products=sum(count for _, count in repeated),
        examples=[RepeatedId(id=given, products=count) for given, count in repeated[:TROUBLES_SHOWN]],
    )


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= EXAMPLE_CHARACTERS else flat[: EXAMPLE_CHARACTERS - 1] + "…"
