"""An evaluation and the files that tell of it: JSON for programs, an HTML page with pictures for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.evaluation.report import ImageOf, TitleOf, write_report
from shelfwise.evaluation.results import Evaluation
from shelfwise.progress import Reporter

if TYPE_CHECKING:
    from shelfwise.categorizer import Categorizer


def evaluate_to_files(
    categorizer: Categorizer,
    catalog: Catalog,
    *,
    command: str,
    reporter: Reporter,
    report: Path | None = None,
    json: Path | None = None,
    review_cost: float | None = None,
) -> Evaluation:
    """Evaluate on ``catalog`` and write what is asked for. Raises as `Categorizer.evaluate`."""
    evaluation = categorizer.evaluate(catalog, reporter=reporter, command=command, review_cost=review_cost)
    if json is not None:
        evaluation.to_json(json)
    if report is not None:
        write_report(
            evaluation, report, image_of=_image_of(categorizer, catalog), titles=_titles(categorizer, catalog)
        )
    return evaluation


def _image_of(categorizer: Categorizer, catalog: Catalog) -> ImageOf | None:
    """The bytes of a product's image, from the model's first image input; None where it has none."""
    name = _first_input(categorizer, Role.IMAGE)
    if name is None:
        return None
    images = catalog.input_or_absent(name, Role.IMAGE).values
    return lambda row: images.load([row])[0].data


def _titles(categorizer: Categorizer, catalog: Catalog) -> TitleOf:
    """What to call a product: the text of the model's first text input, else its id."""
    name = _first_input(categorizer, Role.TEXT)
    if name is None:
        return lambda row: catalog.ids[row]
    texts = catalog.input_or_absent(name, Role.TEXT).values
    return lambda row: texts[row].as_py() or catalog.ids[row]  # type: ignore[index]


def _first_input(categorizer: Categorizer, role: Role) -> str | None:
    return next((one.columns[0] for one in categorizer.recipe_.inputs if one.role == role), None)
