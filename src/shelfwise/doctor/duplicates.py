"""Finds products that are nearly the same, by text and by photo, and shows the groups worth a look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.groups import connect
from shelfwise.catalog.image_likeness import near_pictures, small_pictures
from shelfwise.catalog.near_duplicates import near_duplicate_texts, numbered
from shelfwise.doctor.findings import DuplicateGroup, DuplicatesFound
from shelfwise.doctor.labels import image_column, titles_of
from shelfwise.progress import Reporter

GROUPS_SHOWN = 18
PRODUCTS_SHOWN = 6

Answer = tuple[str, ...]


def find_duplicates(
    catalog: Catalog, exact: np.ndarray, answers: Sequence[Answer] | None, reporter: Reporter
) -> tuple[DuplicatesFound, np.ndarray]:
    """What is found, and the group of every product, int64 [N]: exact and near-duplicates together.

    ``exact`` int [N]: groups of the same title or image bytes (``group_products``); ``answers``: every product's own,
    for groups that contradict themselves, or None.
    """
    with reporter.stage("comparing texts", total=None):
        texts = near_duplicate_texts(catalog)
    photos = _same_photos(catalog, reporter)
    groups = connect([exact, texts, photos], len(catalog))
    sizes = np.bincount(groups)
    members: dict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(sizes[groups] > 1).tolist():
        members[int(groups[row])].append(row)
    clashing = {
        group
        for group, rows in members.items()
        if answers is not None and len({answers[row] for row in rows if answers[row]}) > 1
    }
    order = sorted(members, key=lambda group: (group not in clashing, -len(members[group]), group))
    shown = {group: _shown(members[group], answers) for group in order[:GROUPS_SHOWN]}
    all_shown = [row for rows in shown.values() for row in rows]
    titles = dict(zip(all_shown, titles_of(catalog, all_shown), strict=True))
    examples = [
        DuplicateGroup(
            rows=rows,
            ids=[catalog.ids[row] for row in rows],
            titles=[titles[row] for row in rows],
            products=len(members[group]),
            why=_why(np.array(members[group]), exact, texts, photos),
            labels=[list(answers[row]) for row in rows] if answers is not None else [],
        )
        for group, rows in shown.items()
    ]
    found = DuplicatesFound(
        groups=len(members),
        products=sum(map(len, members.values())),
        exact=int((np.bincount(exact)[exact] > 1).sum()),
        largest=max(map(len, members.values()), default=0),
        contradicting=len(clashing),
        examples=examples,
    )
    return found, groups


def _same_photos(catalog: Catalog, reporter: Reporter) -> np.ndarray:
    """int64 [N]: products that show the same photo share a number, -1: none."""
    name = image_column(catalog)
    if name is None:
        return np.full(len(catalog), -1, np.int64)
    source = catalog.input(name).values
    with reporter.stage("comparing photos", len(catalog), "images") as stage:
        pairs = near_pictures(small_pictures(source, stage))
    return numbered(pairs, len(catalog))


def _why(rows: np.ndarray, exact: np.ndarray, texts: np.ndarray, photos: np.ndarray) -> str:
    what = []
    if len(np.unique(exact[rows])) > 1:
        if (texts[rows] >= 0).any():
            what.append("nearly the same text, colours and sizes aside")
        if (photos[rows] >= 0).any():
            what.append("the same photo in another file")
    return " and ".join(what) or "same title or same image file"


def _shown(rows: list[int], answers: Sequence[Answer] | None) -> list[int]:
    """The first of each different answer, then the others."""
    if answers is None:
        return rows[:PRODUCTS_SHOWN]
    firsts = dict.fromkeys(list({answers[row]: row for row in reversed(rows)}.values())[::-1])
    return list(firsts | dict.fromkeys(rows))[:PRODUCTS_SHOWN]
