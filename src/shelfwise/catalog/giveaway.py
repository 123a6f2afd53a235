"""Which columns give the target away, so that a model cannot look good by reading the answer off the catalog.

Three measured signs, any one of which is enough. All are shares of products, so that a few dirty rows neither
make nor hide one:

* **names**: the cell, or one element of a delimited cell, *is* the name of one of the product's own
  categories.
* **tells**: the most frequent answer for the column's value, learned on one half of the product groups, is
  right on the other half, nearly always, and removes nearly all mistakes of the most frequent answer
  overall.
* **follows**: the column is written down from the category. Whether a product carries the value (or an
  element of it) is decided by its category, again learned on one half of the groups and tested on the
  other.

An honest attribute (waterproof: yes or no) follows from the category too, and must stay. So what follows is
a giveaway only where it is named like a level of a taxonomy, or has more than two values and tells
`FOLLOWS_TOLD` of what there is to know about the category. Likewise a measurement (the width of a petal) may
tell the category as well as a code does, and must stay: of numbers in whose order categories lie side by
side, neighbouring values tell nearly as much as the value itself; of codes they do not.

Free text that merely contains category words (a title) shows none of them: its cells hardly repeat, and
they are more than a category's name. The thresholds stand in gaps measured on five real catalogs with 24
targets (halves grouped by title or product code, seed 0). Of the columns with a single sign, the weakest
giveaway named the category of .39 of the products (honest columns at most .16), removed .94 of the mistakes
(honest: at most .72), or followed from the category for .47 of the products (honest: at most .19). Those
that only followed had five values or more and told .29 of the category's entropy or more; a flag can tell
1 bit. That a column tells only the upper levels of a path is no sign: brands do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from shelfwise.catalog.cells import Cells, normalise, read_cells
from shelfwise.catalog.column_names import LEVEL_NAME, normal_name, words
from shelfwise.catalog.inputs import ABSENT_WORDS
from shelfwise.catalog.numbers import parse_number

NAMED_SHARE = 0.30
"""Share of products whose own category the column names, from which it is a giveaway."""
TOLD_ACCURACY = 0.90
"""Accuracy on held-out groups of the column alone, from which it may be a giveaway ..."""
TOLD_REDUCTION = 0.90
"""... if it also removes this share of the mistakes of always answering the most frequent category."""
TOLD_COVERAGE = 0.5
"""Share of products whose value must have been seen in the other half; below it the column identifies
products."""
MIN_PRODUCTS_PER_VALUE = 3.0
MAX_VALUES_PER_CATEGORY = 10
ALWAYS_FEW_VALUES = 300
"""A column of values that repeat less often, or that has many more values than there are categories,
identifies products (a title shared by the sizes of one shoe), and is not judged to tell."""
FOLLOWS_REDUCTION = 0.90
"""Share of the mistakes about an element that knowing the category removes, from which the element follows
from it."""
FOLLOWS_SHARE = 0.30
"""Share of products with such an element, from which the column is a giveaway."""
FOLLOWS_TOLD = 0.25
"""Share of the entropy of paths that a column of another name than a taxonomy's must tell to be a giveaway by following."""
FLAG_SHARE = 0.98
"""Share of the filled cells that hold one of two values, from which a column is a flag; the rest may be dirt."""
TAXONOMY_WORDS = frozenset(
    (
        "category",
        "categories",
        "department",
        "departments",
        "division",
        "taxonomy",
        "breadcrumb",
        "breadcrumbs",
    )
)
MEASURED_REDUCTION = 0.8
"""Of the mistakes that a number's own value removes, the share that its neighbours in training remove of a measurement."""
MEASURED_FRACTIONS = 0.1
MEASURED_VALUES = 5
"""A measurement has this share of values with a fraction, or this many values a category: a code has one or a few."""
MIN_ELEMENT_PRODUCTS = 10
"""Elements of fewer products are not judged: too few to tell a rule from chance."""
MAX_COMMON = 0.95
"""An answer or element that more products than this share is no news, and whether it can be guessed says
nothing."""


@dataclass(frozen=True)
class Giveaway:
    """A column that must not be an input by default: ``why`` is a sentence with the measured ``share``
    (0–1)."""

    name: str
    why: str
    share: float


@dataclass(frozen=True)
class _Truth:
    """The target as integers: what each product's answer is, and the names in it.

    ``answer`` int [products] is the number of the product's path or label set, -1 where it has none.
    ``names`` numbers the normalised names in them; ``owned`` holds product × len(names) + name, sorted, for
    every name a product's answer contains. ``fold`` (0 or 1) int [products] never splits a group.
    """

    answer: np.ndarray
    names: dict[str, int]
    owned: np.ndarray
    fold: np.ndarray
    multilabel: bool

    @property
    def width(self) -> int:
        """How many different answers there are."""
        return int(self.answer.max()) + 1

    @property
    def known(self) -> np.ndarray:
        """bool [products]: which have an answer."""
        return self.answer >= 0


def find_giveaways(
    columns: dict[str, pa.Array],
    truth: Sequence[tuple[str, ...]],
    *,
    multilabel: bool,
    groups: np.ndarray | None = None,
    seed: int = 0,
    numbers: Collection[str] = (),
) -> dict[str, Giveaway]:
    """The columns that give the target away, by name, in the order given.

    ``columns`` must not hold the target's own columns; strings, numbers, booleans and lists of strings are
    judged, other types (images) never are. ``truth`` is one path (or label set) a product, () where it has
    none. ``groups`` int [products] numbers products that must not be on both sides of a test (same title,
    same image); without it every product is a group of its own, and text that repeats over variants may
    look like a giveaway. ``seed`` decides which groups are in which half. ``numbers``: columns that are read as
    numbers, which may be measurements.

    Raises ValueError when ``truth``, ``groups`` and the columns are not of one length.
    """
    for what, length in [("groups", len(truth) if groups is None else len(groups))] + [
        (f"column '{name}'", len(column)) for name, column in columns.items()
    ]:
        if length != len(truth):
            raise ValueError(f"expected one entry per product ({len(truth)}), got {length} in {what}")
    answers = _encode_truth(truth, multilabel, groups, seed)
    found: dict[str, Giveaway] = {}
    if answers.known.sum() < 2:
        return found
    for name, column in columns.items():
        cells = read_cells(column)
        if cells is None or not len(cells.values):
            continue
        giveaway = _names(name, cells, answers)
        if giveaway is None and not (name in numbers and _is_measurement(cells, answers)):
            giveaway = _tells(name, cells, answers)
            if giveaway is None and not _is_attribute(name, cells, answers):
                giveaway = _follows(name, cells, answers)
        if giveaway is not None:
            found[name] = giveaway
    return found


def _encode_truth(
    truth: Sequence[tuple[str, ...]], multilabel: bool, groups: np.ndarray | None, seed: int
) -> _Truth:
    numbers: dict[tuple[str, ...], int] = {}
    keys = [tuple(sorted(set(path))) if multilabel else tuple(path) for path in truth]
    answer = np.array([numbers.setdefault(key, len(numbers)) if key else -1 for key in keys], dtype=np.int64)
    names: dict[str, int] = {}
    by_key = [sorted({names.setdefault(normalise(part), len(names)) for part in key}) for key in numbers]
    lengths = np.array([len(part) for part in by_key] + [0], dtype=np.int64)
    flat = np.array([part for parts in by_key for part in parts], dtype=np.int64)
    products, parts = _spread(answer, lengths, flat)
    owned = np.sort(products * max(len(names), 1) + parts)
    return _Truth(answer, names, owned, _two_folds(len(truth), groups, seed), multilabel)


def _spread(codes: np.ndarray, lengths: np.ndarray, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(product, item) pairs, when product i has code ``codes[i]`` and code c owns the next ``lengths[c]``
    of ``flat``.

    The last code (also reached as -1) owns nothing.
    """
    starts = np.cumsum(lengths) - lengths
    count = lengths[codes]
    products = np.repeat(np.arange(len(codes)), count)
    within = np.arange(len(products)) - np.repeat(np.cumsum(count) - count, count)
    return products, flat[np.repeat(starts[codes], count) + within]


def _two_folds(products: int, groups: np.ndarray | None, seed: int) -> np.ndarray:
    """int8 [products]: two halves of about equal size that split no group."""
    ids = np.arange(products) if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(ids)
    order = np.random.default_rng(seed).permutation(len(sizes))
    second = np.zeros(len(sizes), dtype=np.int8)
    second[order] = np.cumsum(sizes[order]) > products / 2
    return second[ids]


def _names(name: str, cells: Cells, truth: _Truth) -> Giveaway | None:
    """Whether the cells are names of the products' own categories."""
    best = 0.0
    for lengths, texts in cells.splits():
        number = np.array([truth.names.get(normalise(text), -1) for text in texts], dtype=np.int64)
        products, named = _spread(cells.codes, np.append(lengths, 0), number)
        hit = named >= 0
        owned = np.isin(products[hit] * max(len(truth.names), 1) + named[hit], truth.owned)
        hits = len(np.unique(products[hit][owned]))
        if hits >= MIN_ELEMENT_PRODUCTS:
            best = max(best, hits / int(truth.known.sum()))
    if best < NAMED_SHARE:
        return None
    what = "one of the product's own labels" if truth.multilabel else "the product's own category"
    return Giveaway(name, f"it names {what} for {_products(best)}", best)


def _tells(name: str, cells: Cells, truth: _Truth) -> Giveaway | None:
    """Whether the value alone is enough to know the answer."""
    values, answers = len(cells.values), int(truth.answer.max()) + 1
    if (cells.codes >= 0).sum() < MIN_PRODUCTS_PER_VALUE * values:
        return None
    if values > max(ALWAYS_FEW_VALUES, MAX_VALUES_PER_CATEGORY * answers):
        return None
    seen, accuracy, base = _majority_vote(cells.codes, truth.answer, truth.fold)
    if seen < TOLD_COVERAGE or accuracy < TOLD_ACCURACY or 1 - accuracy > (1 - TOLD_REDUCTION) * (1 - base):
        return None
    if base > MAX_COMMON:
        return None
    what = "all labels" if truth.multilabel else "the right category"
    why = f"alone it tells {what} for {_products(accuracy)} held out to test it"
    return Giveaway(name, why, accuracy)


def _majority_vote(codes: np.ndarray, answer: np.ndarray, fold: np.ndarray) -> tuple[float, float, float]:
    """(share seen, accuracy where seen, share of the commonest answer) of the usual answer for a value.

    Learned on each half and tested on the other, over products that have both a value and an answer.
    """
    both = (codes >= 0) & (answer >= 0)
    known = int((answer >= 0).sum())
    width = int(answer.max()) + 1
    seen = right = 0
    for held in (0, 1):
        train, test = both & (fold != held), both & (fold == held)
        pairs, count = np.unique(codes[train] * width + answer[train], return_counts=True)
        order = np.argsort(count, kind="stable")  # the most frequent answer of a value is written last
        usual = np.full(int(codes.max()) + 1, -1, dtype=np.int64)
        usual[pairs[order] // width] = pairs[order] % width
        guess = usual[codes[test]]
        seen += int((guess >= 0).sum())
        right += int((guess == answer[test]).sum())
    base = float(np.bincount(answer[both]).max() / both.sum()) if both.any() else 1.0
    return seen / known, right / max(seen, 1), base


def _is_measurement(cells: Cells, truth: _Truth) -> bool:
    """Whether a column of numbers tells the answer by how large they are, not by which they are."""
    read = [parse_number(value) for value in cells.values]
    number = np.array([np.nan if one is None else one for one in read])
    codes = np.where((cells.codes >= 0) & np.isfinite(number)[cells.codes], cells.codes, -1)
    both = (codes >= 0) & truth.known
    different = np.unique(number[codes[both]])
    answers = len(np.unique(truth.answer[both]))
    fractions = float((different % 1 != 0).mean()) if len(different) else 0.0
    if len(different) < 3 or (fractions < MEASURED_FRACTIONS and len(different) < MEASURED_VALUES * answers):
        return False
    _, own, base = _majority_vote(codes, truth.answer, truth.fold)
    near, tested = 0, 0
    for held in (0, 1):
        train, test = both & (truth.fold != held), both & (truth.fold == held)
        values, place = np.unique(number[codes[train]], return_inverse=True)
        if len(values) < 2:
            continue
        table = sp.csr_matrix(
            (np.ones(len(place)), (place, truth.answer[train])), shape=(len(values), truth.width)
        )
        usual = np.asarray(table.argmax(axis=1)).ravel()
        asked = number[codes[test]]
        below = np.searchsorted(values, asked, side="left") - 1
        above = np.searchsorted(values, asked, side="right")
        far_below = np.where(below >= 0, asked - values[below], np.inf)
        far_above = np.where(above < len(values), values[np.minimum(above, len(values) - 1)] - asked, np.inf)
        nearest = np.where(far_below <= far_above, below, np.minimum(above, len(values) - 1))
        near += int((usual[nearest] == truth.answer[test]).sum())
        tested += int(test.sum())
    return near / max(tested, 1) - base >= MEASURED_REDUCTION * (own - base) > 0


def _is_attribute(name: str, cells: Cells, truth: _Truth) -> bool:
    """Whether a column that follows from the category may be a property of the products for all that."""
    usual = normal_name(name)
    if words(usual) & TAXONOMY_WORDS or LEVEL_NAME.match(usual):
        return False
    said = [normalise(value) for value in cells.values]
    numbers: dict[str, int] = {}
    again = np.array([numbers.setdefault(value, len(numbers)) for value in said], np.int64)
    codes = np.where(cells.codes >= 0, again[cells.codes], -1)
    counts = np.bincount(codes[codes >= 0], minlength=len(numbers))
    counts = np.delete(
        counts, [numbers[word.casefold()] for word in ABSENT_WORDS if word.casefold() in numbers]
    )
    if not cells.lists and np.sort(counts)[-2:].sum() >= FLAG_SHARE * counts.sum():
        return True
    return not truth.multilabel and _told_share(codes, truth.answer) < FOLLOWS_TOLD


def _told_share(codes: np.ndarray, answer: np.ndarray) -> float:
    """Share (0–1) of the answers' entropy that the values tell, over products that have both."""
    both = (codes >= 0) & (answer >= 0)
    table = _count(codes, answer, both, (int(codes.max(initial=0)) + 1, int(answer.max()) + 1))
    table.sum_duplicates()
    answers = _entropy(np.asarray(table.sum(axis=0)).ravel())
    values = _entropy(np.asarray(table.sum(axis=1)).ravel())
    return (answers + values - _entropy(table.data)) / answers if answers else 0.0


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return -float((shares * np.log(shares)).sum())


def _follows(name: str, cells: Cells, truth: _Truth) -> Giveaway | None:
    """Whether the category decides which values, or elements of them, a product carries."""
    best = 0.0
    for lengths, texts in cells.splits():
        numbers: dict[str, int] = {}
        number = np.array(
            [numbers.setdefault(normalise(text), len(numbers)) for text in texts], dtype=np.int64
        )
        products, element = _spread(cells.codes, np.append(lengths, 0), number)
        pairs = np.unique(products * len(numbers) + element)
        products, element = pairs // len(numbers), pairs % len(numbers)
        judged = truth.known[products]
        best = max(best, _share_that_follows(products[judged], element[judged], truth.answer, truth.fold))
    if best < FOLLOWS_SHARE:
        return None
    source = "labels decide" if truth.multilabel else "category decides"
    return Giveaway(name, f"the {source} its value for {_products(best)}", best)


def _share_that_follows(
    products: np.ndarray, element: np.ndarray, answer: np.ndarray, fold: np.ndarray
) -> float:
    """Share of the answered products that carry an element which the answer decides.

    For an element e and an answer a, the half that is not tested says whether most products of a carry e.
    Errors are counted over tested products whose answer was seen, against always saying the commoner of yes
    and no.
    """
    common = np.bincount(element)
    keep = (common >= MIN_ELEMENT_PRODUCTS)[element] if len(element) else np.zeros(0, dtype=bool)
    products, element = products[keep], element[keep]
    if not len(products):
        return 0.0
    elements, element = np.unique(element, return_inverse=True)
    shape = (len(elements), int(answer.max()) + 1)
    known = answer >= 0
    errors, carriers, tested = np.zeros(shape[0]), np.zeros(shape[0]), 0
    carrying = [_count(element, answer[products], fold[products] == half, shape) for half in (0, 1)]
    sizes = [np.bincount(answer[known & (fold == half)], minlength=shape[1]) for half in (0, 1)]
    for held in (0, 1):
        seen = sizes[1 - held] > 0
        here = carrying[held].multiply(seen[None, :]).tocsr()
        expected = carrying[1 - held].tocoo()
        yes = expected.data * 2 > sizes[1 - held][expected.col]
        says_yes = sp.csr_matrix((np.ones(yes.sum()), (expected.row[yes], expected.col[yes])), shape=shape)
        carriers += np.asarray(here.sum(axis=1)).ravel()
        tested += int(sizes[held][seen].sum())
        # Wrong where it carries e though "no" was said, or does not though "yes" was said.
        errors += np.asarray(here.sum(axis=1)).ravel() + says_yes @ (sizes[held] * seen)
        errors -= 2 * np.asarray(here.multiply(says_yes).sum(axis=1)).ravel()
    if tested < TOLD_COVERAGE * known.sum():
        return 0.0
    commoner = np.minimum(carriers, tested - carriers)
    decided = errors <= (1 - FOLLOWS_REDUCTION) * commoner
    decided &= (carriers >= MIN_ELEMENT_PRODUCTS) & (carriers <= MAX_COMMON * tested)
    return len(np.unique(products[decided[element]])) / int(known.sum())


def _count(row: np.ndarray, column: np.ndarray, chosen: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    data = np.ones(int(chosen.sum()))
    return sp.csr_matrix((data, (row[chosen], column[chosen])), shape=shape)


def _products(share: float) -> str:
    """A share of the products as a person reads it; "all" only when it is all of them."""
    return "all products" if share == 1 else f"{min(share, 0.999):.1%} of the products".replace(".0%", "%")
