"""What `shelfwise next` does: from a model and a catalog to the products that people should label next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shelfwise.batch.write import PredictionWriter
from shelfwise.catalog.catalog import Catalog
from shelfwise.categorizer import Categorizer
from shelfwise.errors import CatalogError
from shelfwise.labelling.choosing import candidate_keys, choose, thin_out
from shelfwise.labelling.views import AT_ONCE, Views, view
from shelfwise.learning.task import group
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter
from shelfwise.taxonomy.truth import has_truth, read_truth


@dataclass(frozen=True)
class Chosen:
    """What to label next. ``rows``: of the catalog, the most worthwhile first; ``sizes``: how many products without a label
    each one's group of near-duplicates has. The other figures say what was left aside, in products: with
    ``rows`` and the candidates that were not chosen they are all. ``repeated``: without a label, but with an id that others
    have, so that a selection could not say which of them it is.
    """

    rows: np.ndarray
    sizes: np.ndarray
    labelled: int
    alike: int
    unusable: int
    repeated: int


def next_labels(
    model: Categorizer,
    catalog: Catalog,
    budget: int,
    *,
    seed: int = 0,
    decided: Collection[str] = (),
    reporter: Reporter,
) -> Chosen:
    """The products of ``catalog`` to label next, at most ``budget``.

    Products that have an answer in the target's columns, or whose ids are among ``decided``, are labelled already. Of a group
    of near-duplicates one is chosen at most, and none where one is labelled. Raises CatalogError where nothing is left.
    """
    done = frozenset(decided)
    labelled = _labelled(model, catalog) | np.array([one in done for one in catalog.ids], dtype=bool)
    groups = group(catalog, reporter)
    known = np.isin(groups, groups[labelled])
    readable = np.ones(len(catalog), bool)
    readable[list(catalog.row_errors)] = False
    times = Counter(catalog.ids)
    repeated = np.array([times[one] > 1 for one in catalog.ids], dtype=bool) & readable & ~labelled
    readable &= ~repeated
    open_rows = np.flatnonzero(~known & readable)
    random = np.random.default_rng(seed)
    order = random.permutation(open_rows)
    _, first = np.unique(groups[order], return_index=True)
    one_each = np.sort(order[first])
    if not len(one_each) and not repeated.any():
        raise CatalogError("expected products without a label, but every product of the catalog is labelled")
    views, unusable = _views(model, catalog, one_each, random, reporter)
    if views is None or not len(views):
        raise CatalogError(
            f"expected products without a label that the model can read, but of {len(catalog):,} products "
            f"{int(known.sum()):,} are labelled or like labelled ones, and the others have no usable input or an id that repeats "
            f"({int(repeated.sum()):,} products; name a column of ids with --id)"
        )
    with reporter.stage("choosing", total=None):
        rows = views.rows[choose(views, budget, random)]
    sizes = Counter(groups[open_rows].tolist())
    return Chosen(
        rows,
        np.array([sizes[int(groups[row])] for row in rows], dtype=np.int64),
        int(labelled.sum()),
        int((readable & ~labelled).sum()) - len(one_each),
        unusable + int((~readable & ~labelled & ~repeated).sum()),
        int(repeated.sum()),
    )


def write_next(
    model: Categorizer, catalog: Catalog, chosen: Chosen, output: Path, reporter: Reporter
) -> None:
    """Write the chosen products as predictions that all ask for a person, in their order: what the review desk takes."""
    with PredictionWriter(output, model.multilabel_) as writer:
        for start in range(0, len(chosen.rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            found = model.predict(catalog.take(chosen.rows[part]), reporter)
            numbered = zip(found, chosen.sizes[part].tolist(), strict=True)
            writer.write(
                [
                    _to_label(one, start + place, len(chosen.rows), size)
                    for place, (one, size) in enumerate(numbered, start=1)
                ]
            )


def _to_label(one: Prediction, place: int, of: int, size: int) -> Prediction:
    speaks = f", speaks for {size:,} near-duplicates" if size > 1 else ""
    decision = one.decision if one.decision == "failed" else "review"
    return replace(one, decision=decision, reason=f"to label next: {place:,} of {of:,}{speaks}")


def _labelled(model: Categorizer, catalog: Catalog) -> np.ndarray:
    """bool [N]: products whose answer the catalog has."""
    target = model.recipe_.target
    if not has_truth(catalog, target):
        return np.zeros(len(catalog), bool)
    return np.array([bool(value) for value in read_truth(catalog, target).values], dtype=bool)


def _views(
    model: Categorizer, catalog: Catalog, rows: np.ndarray, random: np.random.Generator, reporter: Reporter
) -> tuple[Views | None, int]:
    """The candidates among ``rows`` (None where there are none), in bounded memory, and how many have no usable input."""
    kept: Views | None = None
    keys = np.zeros(0)
    usable = 0
    with reporter.stage("looking at products", len(rows)) as stage:
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            found = view(model, catalog, part, reporter)
            usable += len(found)
            keys = np.concatenate([keys, candidate_keys(found, random)])
            kept = found if kept is None else Views.together([kept, found])
            kept, keys = thin_out(kept, keys)
            stage.advance(len(part))
    return kept, len(rows) - usable
