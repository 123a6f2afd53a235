"""Finds products that are nearly the same, by text and by photo, and shows the groups worth a look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from shelfwise.catalog.catalog import Catalog
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
    groups = _joined([exact, texts, photos])
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
    titles = titles_of(catalog)
    examples = []
    for group in order[:GROUPS_SHOWN]:
        rows = _shown(members[group], answers)
        examples.append(
            DuplicateGroup(
                rows=rows,
                ids=[catalog.ids[row] for row in rows],
                titles=[titles[row] for row in rows],
                products=len(members[group]),
                why=_why(np.array(members[group]), exact, texts, photos),
                labels=[list(answers[row]) for row in rows] if answers is not None else [],
            )
        )
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


def _joined(evidence: Sequence[np.ndarray]) -> np.ndarray:
    """int64 [N]: groups connected by any of the codes, -1 connecting nothing."""
    count = len(evidence[0])
    rows, keys, start = [], [], count
    for codes in evidence:
        known = np.flatnonzero(codes >= 0)
        rows.append(known)
        keys.append(codes[known] + start)
        start += int(codes.max(initial=-1)) + 1
    left, right = np.concatenate(rows), np.concatenate(keys)
    graph = sp.coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(start, start))
    _, group = connected_components(graph, directed=False)
    return np.unique(group[:count], return_inverse=True)[1]


def _why(rows: np.ndarray, exact: np.ndarray, texts: np.ndarray, photos: np.ndarray) -> str:
    if len(np.unique(exact[rows])) == 1:
        return "same title or same image file"
    what = []
    if (texts[rows] >= 0).any():
        what.append("nearly the same text, colours and sizes aside")
    if (photos[rows] >= 0).any():
        what.append("the same photo in another file")
    return " and ".join(what) or "same title or same image file"


def _shown(rows: list[int], answers: Sequence[Answer] | None) -> list[int]:
    """The first of each different answer, then the others."""
    if answers is None:
        return rows[:PRODUCTS_SHOWN]
    firsts = list({answers[row]: row for row in reversed(rows)}.values())[::-1]
    return (firsts + [row for row in rows if row not in set(firsts)])[:PRODUCTS_SHOWN]
