"""Products unlike anything known: what held-out products teach about them, and how new each new product is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.special import log_softmax

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.inputs import as_text
from shelfwise.catalog.rows import one_array
from shelfwise.decision.novelty import (
    NoveltyRule,
    fit_novelty_rule,
    score_signals,
    signal_names,
)
from shelfwise.decision.novelty_kinds import Kinds
from shelfwise.decision.novelty_recogniser import MOST_SHOWN, RecogniserFit, as_dense
from shelfwise.ensemble import Ensemble, Prepared, calibrated_logits
from shelfwise.explain.memory import Memory, choose_remembered, remember, wide_features
from shelfwise.explain.views import View, Wide, narrow, views_of
from shelfwise.recipe import Recipe

if TYPE_CHECKING:
    from shelfwise.learning.fusing import HeldOutScores

_MOST_LOOKED_AT = 10_000
"""Held-out products that novelty is learned from; more sharpen nothing."""
_AT_ONCE = 2_048
_TITLE_CHARACTERS = 200
_TRUST = 0.5
"""How far doubts are taken to rise for a new kind, of how far they do without its outcomes: the classifiers have learned what
speaks against all others from it. Fully trusted, doubts crowd out what is exact; trusted little, near relatives of known kinds,
of which classifiers are in doubt, pass. On samples of 8,000 Myntra products without one article type, mean AUROC was .854 at 1,
.858 at 0.5 and .856 at 0.25 (brand, description, image; nine types)."""
Names = Callable[[np.ndarray], tuple[list[str], list[str]]]
"""Rows → the ids and titles of these products."""
_NO_LOGIT = -50.0
_NO_LOG_ODDS = -20.0


@dataclass(frozen=True)
class Learned:
    """What a model learned from, row by row of a catalog.

    ``prepared`` and ``data``: its inputs as read and as the model's encoders see them. ``truth``: what ``target.encode`` gave.
    ``groups`` int64 [N]. ``rows``: the products learned from.
    """

    prepared: Prepared
    data: Prepared
    truth: np.ndarray
    groups: np.ndarray
    rows: np.ndarray


def learn_novelty(
    recipe: Recipe,
    ensemble: Ensemble,
    held: HeldOutScores,
    learned: Learned,
    names: Names,
) -> tuple[Memory | None, NoveltyRule | None]:
    """The products to remember and the rule for what is unlike them; ``names`` tells the ids and titles of rows."""
    kinds = Kinds(ensemble.target, learned.truth[learned.rows])
    useful = learned.rows[kinds.of(learned.truth[learned.rows]) >= 0]
    shown = _show(ensemble, learned, kinds, useful, recipe.training.seed)
    memory = None
    if shown is not None:
        kept = shown.rows[: recipe.memory.products]
        memory = remember(
            shown.views,
            [one[: len(kept)] for one in shown.wide],
            kinds.answers(learned.truth[kept]),
            names(kept) if recipe.memory.names else None,
            shown.fit.recogniser,
        )
    looked = _looks(ensemble, memory, held, learned, kinds, shown, recipe.training.seed)
    if looked is None:
        return memory, None
    seen = [view.name for view in memory.views] if memory is not None and memory.compared else []
    rule = fit_novelty_rule(
        signal_names(ensemble.names, shown is not None, seen),
        looked.known,
        looked.as_new,
        looked.kinds,
        looked.groups,
        recipe.routing.unknown,
        recipe.training.seed,
    )
    return memory, rule


def names_of(recipe: Recipe, catalog: Catalog, rows: np.ndarray) -> tuple[list[str], list[str]]:
    """The ids and titles of some of a catalog's products; a title is the beginning of the first text input, empty where there is
    none."""
    ids = [catalog.ids[row] for row in rows.tolist()]
    first = next((one.columns[0] for one in recipe.inputs if one.role == "text"), None)
    if first is None or first not in catalog.table.column_names:
        return ids, [""] * len(ids)
    # Of these alone: as Python's own, ten million titles took two gigabytes.
    texts = as_text(one_array(catalog.table[first].take(pa.array(rows)))).to_pylist()
    return ids, [" ".join((text or "")[:_TITLE_CHARACTERS].split()) for text in texts]


def novelty_of(
    ensemble: Ensemble,
    prepared: Prepared,
    data: Prepared,
    rows: np.ndarray,
    logits: np.ndarray,
    present: np.ndarray,
    probabilities: np.ndarray,
) -> np.ndarray | None:
    """float64 [rows], 0–1: how new products are, from what classifiers and policy said of them; None where the model cannot tell.

    Each product's depends on itself alone.
    """
    rule, memory = ensemble.novelty, ensemble.memory
    if rule is None:
        return None
    signals = score_signals(logits, present, probabilities, ensemble.target.exclusive)
    if memory is not None:
        wide = [view.wide(data, rows) for view in memory.views]
        given = [view.given(prepared, rows) for view in memory.views]
        signals = np.hstack([signals, *_recognised(memory, wide, given), *_distances(memory, wide, given)])
    return rule.novelty(signals)


def _recognised(memory: Memory, wide: Sequence[Wide], given: Sequence[np.ndarray]) -> list[np.ndarray]:
    """float64 [N, 1] or nothing: how unfamiliar products are; NaN where they carry nothing of any view."""
    if memory.recogniser is None:
        return []
    unfamiliar = memory.recogniser.unfamiliarity(wide_features(memory.views, wide))
    return [np.where(np.logical_or.reduce(given), unfamiliar, np.nan)[:, None]]


def _distances(
    memory: Memory,
    wide: Sequence[Wide],
    given: Sequence[np.ndarray],
    barred: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """For each view float64 [N, 2]: how unlike the remembered products; NaN where a product carries nothing of it."""
    if not memory.compared:
        return []
    found = []
    for place, (mine, here) in enumerate(zip(wide, given, strict=True)):
        nearness = memory.nearness(place, narrow(mine), barred)
        found.append(np.stack([np.where(here, -one, np.nan) for one in nearness], axis=1))
    return found


@dataclass(frozen=True)
class _Shown:
    """The products that the recogniser was fitted on, the remembered ones first; ``wide`` are their vectors by view."""

    rows: np.ndarray
    views: tuple[View, ...]
    wide: list[Wide]
    fit: RecogniserFit


def _show(ensemble: Ensemble, learned: Learned, kinds: Kinds, useful: np.ndarray, seed: int) -> _Shown | None:
    """Fit the recogniser; None where inputs allow no view, or there are no products."""
    views = views_of(ensemble.encoders, learned.data)
    if not views or not len(useful):
        return None
    rows = choose_remembered(kinds.of(learned.truth[useful]), useful, MOST_SHOWN, seed)
    wide = [view.wide(learned.data, rows) for view in views]
    fit = RecogniserFit(as_dense(wide_features(views, wide)), kinds.of(learned.truth[rows]))
    return _Shown(rows, views, wide, fit)


@dataclass(frozen=True)
class _Looks:
    """Signals [N, signals] of held-out products as they are and as if their kinds were new, with kinds and groups [N]."""

    known: np.ndarray
    as_new: np.ndarray
    kinds: np.ndarray
    groups: np.ndarray


def _looks(
    ensemble: Ensemble,
    memory: Memory | None,
    held: HeldOutScores,
    learned: Learned,
    kinds: Kinds,
    shown: _Shown | None,
    seed: int,
) -> _Looks | None:
    """None where no held-out product has a kind that others do not have."""
    own = kinds.of(learned.truth[held.rows])
    useful = np.flatnonzero(own >= 0)
    useful = np.sort(np.random.default_rng(seed).permutation(useful)[:_MOST_LOOKED_AT])
    useful = useful[~kinds.bearers(own[useful]).all(1)] if len(useful) else useful
    if not len(useful):
        return None
    # Kind by kind: what the recogniser would be without a kind is worked out once for all its products.
    useful = useful[np.argsort(own[useful], kind="stable")]
    known, as_new = [], []
    for start in range(0, len(useful), _AT_ONCE):
        part = useful[start : start + _AT_ONCE]
        scored = _score_looks(ensemble, held, part, kinds.bearers(own[part]))
        seen: list[list[np.ndarray]] = [[], []]
        if memory is not None and shown is not None:
            seen = _seen_looks(memory, shown, learned, kinds, held.rows[part], own[part])
        known.append(np.hstack([scored[0], *seen[0]]))
        as_new.append(np.hstack([scored[1], *seen[1]]))
    return _Looks(
        np.concatenate(known), np.concatenate(as_new), own[useful], learned.groups[held.rows[useful]]
    )


def _seen_looks(
    memory: Memory, shown: _Shown, learned: Learned, kinds: Kinds, rows: np.ndarray, own: np.ndarray
) -> list[list[np.ndarray]]:
    """What recogniser and remembered products say of held-out ``rows`` of the kinds ``own``: without each product's group, and
    without its whole kind besides."""
    wide = [view.wide(learned.data, rows) for view in shown.views]
    given = [view.given(learned.prepared, rows) for view in shown.views]
    features = as_dense(wide_features(shown.views, wide))
    same_group = _places(learned.groups[shown.rows])
    same_kind = kinds.borne(learned.truth[shown.rows])
    none = np.zeros(0, np.int64)
    mates = [same_group.get(int(group), none) for group in learned.groups[rows]]
    kin = [np.union1d(mate, same_kind.get(int(kind), none)) for mate, kind in zip(mates, own, strict=True)]
    familiar, new = np.zeros(len(rows)), np.zeros(len(rows))
    for places in _places(learned.groups[rows]).values():
        familiar[places] = shown.fit.unfamiliarity(features[places], mates[places[0]])
    for kind, places in _places(own).items():
        new[places] = shown.fit.unfamiliarity(features[places], same_kind.get(kind, none), kind)
    there = np.logical_or.reduce(given)
    looks = []
    for unfamiliar, barred in ((familiar, mates), (new, kin)):
        column = np.where(there, unfamiliar, np.nan)[:, None]
        looks.append([column, *_distances(memory, wide, given, barred)])
    return looks


def _score_looks(
    ensemble: Ensemble, held: HeldOutScores, part: np.ndarray, borne: np.ndarray
) -> list[np.ndarray]:
    """The score signals of held-out products, and those without the outcomes ``borne`` (bool [N, outcomes])."""
    exclusive = ensemble.target.exclusive
    present = held.present[:, part]
    logits = calibrated_logits(held.logits[:, part], ensemble.calibration, exclusive)
    without = np.where(borne, _NO_LOGIT if exclusive else _NO_LOG_ODDS, logits)
    if exclusive:
        without = log_softmax(without, axis=2)
    rest = np.where(borne, 0.0, ensemble.probabilities(without, present))
    if exclusive:
        rest = rest / np.maximum(rest.sum(1), 1e-12)[:, None]
    known = score_signals(logits, present, ensemble.probabilities(logits, present), exclusive)
    return [known, known + _TRUST * (score_signals(without, present, rest, exclusive) - known)]


def _places(values: np.ndarray) -> dict[int, np.ndarray]:
    """Value → where it stands."""
    order = np.argsort(values, kind="stable")
    found, starts = np.unique(values[order], return_index=True)
    return {int(value): part for value, part in zip(found, np.split(order, starts[1:]), strict=True)}
