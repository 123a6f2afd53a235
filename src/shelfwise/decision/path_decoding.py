"""From probabilities of paths to one path a product: what to answer need not be the single most probable path.

Every kind of decoding returns an outcome of the target, so every path returned exists, and none looks at other products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import scipy.sparse as sp

from shelfwise.taxonomy.targets import UNLABELLED, PathTarget
from shelfwise.taxonomy.tree import Path

Kind = Literal["highest_leaf", "beam", "per_level_argmax", "greedy"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Ways to decode, those first that are taken where none is clearly better.

highest_leaf: the most probable path. It is right as a whole most often, as far as the probabilities are right.
beam: from the top down, the ``BEAM_WIDTH`` most probable beginnings are kept at every level, and the greedy one.
per_level_argmax: each level's most probable name by itself; where these make no path that exists, the path whose levels
are right most often in expectation. It is right on most levels, as far as the probabilities are right.
greedy: from the top down, the most probable child at every level, to stop being one of them.
"""
BEAM_WIDTH = 5
"""As in Wang & Guthrie 2015."""
_NO_NAME = ""
_TIE = 1e-9
"""Between paths whose levels are equally good, the more probable path as a whole is taken."""


def decode(target: PathTarget, log_probabilities: np.ndarray, kind: Kind) -> np.ndarray:
    """The outcome of each product, int64 [N], from log-probabilities [N, outcomes], which need not be normalised.

    For many blocks of products of one target a ``PathDecoder`` is made once.
    """
    return PathDecoder(target, kind)(log_probabilities)


@dataclass(frozen=True)
class Level:
    """One level of all paths, shorter ones filled up with "no name".

    ``names`` [outcomes, names] and ``beginnings`` [outcomes, beginnings] are CSR with a 1 a row: which name an outcome has on
    this level, and which beginning (the path down to this level). ``above`` int64 [beginnings]: the beginning a level up.
    """

    names: sp.csr_matrix
    beginnings: sp.csr_matrix
    above: np.ndarray


class PathDecoder:
    """Decodes paths of one target in one way; see ``KINDS``."""

    def __init__(self, target: PathTarget, kind: Kind) -> None:
        self.kind = kind
        self.levels = [] if kind == "highest_leaf" else _levels(target)

    def __call__(self, log_probabilities: np.ndarray) -> np.ndarray:
        """Log-probabilities [N, outcomes], -inf allowed, need not be normalised → outcomes int64 [N]."""
        if self.kind == "highest_leaf" or not len(log_probabilities):
            return np.asarray(log_probabilities.argmax(axis=1), dtype=np.int64)
        largest = log_probabilities.max(axis=1, keepdims=True)
        probabilities = np.exp(log_probabilities - np.where(np.isfinite(largest), largest, 0.0))
        if self.kind == "per_level_argmax":
            return self._by_levels(probabilities)
        return self._from_the_top(probabilities, 1 if self.kind == "greedy" else BEAM_WIDTH)

    def _by_levels(self, probabilities: np.ndarray) -> np.ndarray:
        total = probabilities.sum(axis=1, keepdims=True)
        score = _TIE * probabilities / np.where(total > 0, total, 1.0)
        for level in self.levels:
            by_name = (level.names.T @ probabilities.T).T / np.where(total > 0, total, 1.0)
            score += by_name[:, level.names.indices]
        return np.asarray(score.argmax(axis=1), dtype=np.int64)

    def _from_the_top(self, probabilities: np.ndarray, width: int) -> np.ndarray:
        rows = np.arange(len(probabilities))
        kept = followed = np.ones((len(probabilities), 1), dtype=bool)
        for level in self.levels:
            mass = (level.beginnings.T @ probabilities.T).T
            followed = _best(np.where(followed[:, level.above], mass, -1.0), 1)
            kept = _best(np.where(kept[:, level.above], mass, -1.0), width) | followed
        # On the last level every beginning is one outcome.
        outcome_of = self.levels[-1].beginnings.tocsc().indices
        best = np.where(kept, mass, -1.0).argmax(axis=1)
        assert kept[rows, best].all()
        return outcome_of[best].astype(np.int64)


def _best(values: np.ndarray, width: int) -> np.ndarray:
    """bool like ``values`` [N, M]: the ``width`` largest of each row, those left out that are negative."""
    rows = np.arange(len(values))[:, None]
    width = min(width, values.shape[1])
    order = np.argpartition(-values, width - 1, axis=1)[:, :width]
    chosen = np.zeros(values.shape, dtype=bool)
    chosen[rows, order] = values[rows, order] >= 0
    return chosen


def _levels(target: PathTarget) -> list[Level]:
    depth = target.taxonomy.depth
    padded = [path + (_NO_NAME,) * (depth - len(path)) for path in target.outcomes]
    levels: list[Level] = []
    above: dict[Path, int] = {(): 0}
    for level in range(depth):
        names = {name: number for number, name in enumerate(sorted({path[level] for path in padded}))}
        beginnings: dict[Path, int] = {}
        for path in padded:
            beginnings.setdefault(path[: level + 1], len(beginnings))
        levels.append(
            Level(
                names=_one_a_row([names[path[level]] for path in padded], len(names)),
                beginnings=_one_a_row([beginnings[path[: level + 1]] for path in padded], len(beginnings)),
                above=np.array([above[path[:-1]] for path in beginnings], dtype=np.int64),
            )
        )
        above = beginnings
    return levels


def _one_a_row(columns: list[int], width: int) -> sp.csr_matrix:
    count = len(columns)
    return sp.csr_matrix((np.ones(count), np.array(columns), np.arange(count + 1)), shape=(count, width))


@dataclass(frozen=True)
class DecodingChoice:
    """What was chosen on held-out products, and the whole-path accuracy (0–1) of every kind on them."""

    kind: Kind
    scores: dict[str, float]


def choose_decoding(
    target: PathTarget, log_probabilities: np.ndarray, truth: np.ndarray, kinds: tuple[Kind, ...] = KINDS
) -> DecodingChoice:
    """The kind of decoding with the most whole paths right; the first of ``kinds`` where none beats it clearly.

    ``log_probabilities`` [N, outcomes] and ``truth`` int64 [N] (UNLABELLED, -1, is wrong for all kinds) are of products that
    nothing was fitted on. Clearly means by more than one standard error of the difference on the same products.
    """
    known = np.where(truth == UNLABELLED, -2, truth)
    right = {kind: PathDecoder(target, kind)(log_probabilities) == known for kind in kinds}
    scores: dict[str, float] = {
        kind: float(marks.mean()) if len(marks) else 0.0 for kind, marks in right.items()
    }
    chosen = kinds[0]
    for kind in kinds[1:]:
        difference = right[kind].astype(float) - right[kinds[0]]
        if not len(difference):
            break
        clearly = difference.mean() > difference.std() / np.sqrt(len(difference))
        if clearly and scores[kind] > scores[chosen]:
            chosen = kind
    return DecodingChoice(chosen, scores)
