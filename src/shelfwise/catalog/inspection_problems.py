"""What would stop training on a catalog, and what a person should look at, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from shelfwise.catalog.column import Role
from shelfwise.catalog.inspection import Inspection, Problem, TargetFound

LITTLE_FILLED = 0.5
"""Share of the products below which an input column is too empty to be expected to help much."""


def find_problems(inspection: Inspection) -> list[Problem]:
    """What would stop training first, then what someone should look at."""
    fails = [Problem(kind="fails", what=what) for what in _fails(inspection)]
    return fails + [Problem(kind="warning", what=what) for what in _warnings(inspection)]


def _fails(inspection: Inspection) -> Iterator[str]:
    target = inspection.target
    if target is None:
        yield (
            "No column looks like categories. Training needs products whose category is known: name the "
            "column with --target."
        )
    elif not target.labelled:
        yield f"'{','.join(target.columns)}' is empty for every product, so nothing can be learned."
    elif target.categories == 1:
        yield (
            f"All labelled products are in '{' > '.join(target.largest[0].category)}': one category leaves "
            "nothing to learn. Choose another target, or add products of other categories."
        )
    if not inspection.inputs:
        yield (
            "No column is left to predict from. Name one with --inputs, or give its role (--text, --image …)."
        )


def _warnings(inspection: Inspection) -> Iterator[str]:
    if inspection.target is not None and inspection.target.labelled:
        yield from _target_warnings(inspection.target)
    yield from _row_warnings(inspection)
    yield from _image_warnings(inspection)
    planned = {one.name for one in inspection.inputs if one.role != Role.IMAGE}
    for column in inspection.columns:
        if column.name in planned and column.filled < LITTLE_FILLED:
            yield f"'{column.name}' is filled for only {column.filled:.0%} of the products."


def _target_warnings(target: TargetFound) -> Iterator[str]:
    if target.unlabelled:
        have = "product has" if target.unlabelled == 1 else "products have"
        what = "label" if target.multilabel else "category"
        yield f"{target.unlabelled:,} {have} no {what}: not learned from, and not counted in scores."
    if target.per_category is not None and target.per_category.one and target.categories > 1:
        one, what = target.per_category.one, "labels" if target.multilabel else "categories"
        have = "has a single product" if one == 1 else "have a single product each"
        yield (
            f"{one:,} of {target.categories:,} {what} {have}, which cannot be both learned from and tested "
            "on. Merge with a neighbour, or find more products."
        )
    if target.contradicting_groups:
        example = target.contradictions[0]
        pair = " and ".join(f"'{' > '.join(category)}'" for category in example.categories[:2])
        single = target.contradicting_groups == 1
        groups = "group of near-duplicates holds" if single else "groups of near-duplicates hold"
        yield (
            f"{target.contradicting_groups:,} {groups} products of different categories, which may be "
            f"mistakes: ids {' and '.join(example.ids[:2])}, for one, are in {pair}."
        )


def _row_warnings(inspection: Inspection) -> Iterator[str]:
    if inspection.unreadable_rows:
        first = inspection.row_troubles[0]
        yield (
            f"{_count(inspection.unreadable_rows, 'row')} could not be read (row {first.row + 1:,}: "
            f"{first.reason}). Nothing is lost: they come out of a prediction marked as failed."
        )
    ids = inspection.ids
    if ids.repeated:
        first_id = ids.examples[0]
        occur = "id occurs" if ids.repeated == 1 else "ids occur"
        yield (
            f"{ids.repeated:,} {occur} more than once, on {ids.products:,} products in all ('{first_id.id}' "
            f"{first_id.products:,} times). Every product gets its own prediction, in the order of the file, "
            "but its id will not tell which is which."
        )
    if ids.column is None:
        yield "No column holds ids: products are numbered in the order of the files. Name one with --id."


def _image_warnings(inspection: Inspection) -> Iterator[str]:
    for images in inspection.images:
        if not images.found:
            yield (
                f"Not one image of '{images.column}' can be used. Check the paths, or say with --images in "
                "which folder they start."
            )
            continue
        parts = [(images.missing, "missing"), (images.broken, "broken")]
        what = " and ".join(f"{count:,} {name}" for count, name in parts if count)
        bad = images.missing + images.broken
        if bad:
            whose = "that product is" if bad == 1 else "those products are"
            image = "image" if bad == 1 else "images"
            yield f"{what} {image} in '{images.column}': {whose} judged by the other inputs."


def _count(count: int, word: str) -> str:
    return f"{count:,} {word if count == 1 else word + 's'}"
