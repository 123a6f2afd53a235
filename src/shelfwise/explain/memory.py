"""A bounded number of training products that a model keeps: to see what is unlike them, and to show what is like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from shelfwise.decision.novelty_recogniser import Recogniser, product_in_blocks
from shelfwise.errors import ModelFolderError
from shelfwise.explain.likeness import MOST_NUMBERS, Shards
from shelfwise.explain.views import SLOTS, WORDS, View, Wide, narrow, unit

MOST_COMPARED = 2_048
"""Products that every prediction is compared with; more would slow it down and tell little more."""
_COMPARED_SLOTS = MOST_NUMBERS
"""Numbers they are compared by: vectors are folded once more."""
SHARDS = 8
"""The nearest product is also looked for in each of so many parts of them: one odd neighbour then decides less."""
_DECIMALS = 4
"""Likenesses are told to four decimals: what is shown needs no more, and matrix kernels round differently on other machines."""


@dataclass(frozen=True, eq=False)
class Memory:
    """M training products in random order.

    ``views``: the ways they are looked at; ``vectors``: float16 [M, SLOTS] for each view, of length 1 or zero. ``answers``: for
    each product the positions of its outcome (paths) or labels in the target. ``ids`` and ``titles`` are empty where products
    are kept without names. ``recogniser`` reads the wide vectors of all views, see ``wide_features``. There may be no products:
    then views and recogniser are all that is kept.
    """

    views: tuple[View, ...]
    vectors: tuple[np.ndarray, ...]
    answers: tuple[tuple[int, ...], ...]
    ids: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    recogniser: Recogniser | None = None

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def named(self) -> bool:
        """Whether products can be shown."""
        return len(self.ids) == len(self.answers) > 0

    @cached_property
    def compared(self) -> int:
        """How many products predictions are compared with: whole shards, or 0 where there are too few."""
        return min(len(self), MOST_COMPARED) // SHARDS * SHARDS

    @cached_property
    def _compared(self) -> tuple[Shards, ...]:
        """Those that predictions are compared with, in each view."""
        return tuple(Shards(_folded(one[: self.compared].astype(np.float32)), SHARDS) for one in self.vectors)

    @cached_property
    def _columns(self) -> tuple[np.ndarray, ...]:
        """float32 [SLOTS, M] of each view."""
        return tuple(one.astype(np.float32).T.copy() for one in self.vectors)

    def nearness(
        self, view: int, vectors: np.ndarray, barred: Sequence[np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of products with ``vectors`` float32 [N, SLOTS] in a view: how like the likest remembered one is, and the mean over
        shards of their likest; float64 [N] each, -1 to 1.

        ``barred``: for each product the remembered ones that do not count.
        """
        best = self._compared[view].likest(_folded(vectors), barred)
        return np.round(best.max(axis=1), _DECIMALS), np.round(best.mean(axis=1), _DECIMALS)

    def nearest(
        self, vectors: Sequence[np.ndarray], known: Sequence[np.ndarray], count: int
    ) -> list[list[tuple[int, float]]]:
        """For each product the ``count`` likest remembered ones and how like they are, best first, only those above 0.

        ``vectors`` float32 [N, SLOTS] and ``known`` bool [N] are by view; likeness is the mean over the views that a product is
        known in, 0 to 1.
        """
        total = np.zeros((len(known[0]) if known else 0, len(self)))
        for view, (mine, here) in enumerate(zip(vectors, known, strict=True)):
            for rows, likeness in product_in_blocks(mine, self._columns[view]):
                total[rows] += np.where(here[rows, None], likeness.astype(np.float64), 0.0)
        seen = np.sum(known, axis=0) if len(known) else np.zeros(0)
        total = np.round(total / np.maximum(seen, 1)[:, None], _DECIMALS)
        found = []
        for row in total:
            best = np.argsort(-row, kind="stable")[:count]
            found.append([(int(one), min(float(row[one]), 1.0)) for one in best if row[one] > 0])
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything but the views, to be written to safetensors."""
        texts = [text.encode("utf-8", "replace") for text in (*self.ids, *self.titles)]
        return {
            **{f"vectors_{place}": vectors for place, vectors in enumerate(self.vectors)},
            "answers": np.array([item for one in self.answers for item in one], np.int32),
            "answer_ends": np.cumsum([len(one) for one in self.answers], dtype=np.int64),
            "text": np.frombuffer(b"".join(texts), np.uint8),
            "text_ends": np.cumsum([len(text) for text in texts], dtype=np.int64),
            **(self.recogniser.arrays() if self.recogniser is not None else {}),
        }

    @classmethod
    def read(cls, views: tuple[View, ...], arrays: Mapping[str, np.ndarray], categories: int) -> Self:
        """What ``arrays`` wrote, of a target with ``categories`` outcomes or labels.

        Raises ModelFolderError where it cannot be.
        """
        vectors = [f"vectors_{place}" for place in range(len(views))]
        recognised = {name: array for name, array in arrays.items() if name == "weights"}
        wanted = {*vectors, "answers", "answer_ends", "text", "text_ends", *recognised}
        if set(arrays) != wanted:
            odd = ", ".join(sorted(set(arrays) ^ wanted))
            raise ModelFolderError(
                f"expected other arrays of the products that a model remembers; at odds: {odd:.200}"
            )
        count = len(arrays["answer_ends"])
        for name in vectors:
            array = arrays[name]
            fits = array.dtype == np.float16 and array.shape == (count, SLOTS)
            if not fits or not (np.abs(array.astype(np.float32)) <= 1.01).all():
                raise ModelFolderError(
                    f"expected float16 [{count}, {SLOTS}] from -1 to 1 as '{name}' of the remembered products, got "
                    f"{array.dtype} {list(array.shape)} or other numbers"
                )
        answers = _pieces(arrays["answers"], arrays["answer_ends"], np.int32, "answers")
        if any(one.size and (one.min() < 0 or one.max() >= categories) for one in answers):
            raise ModelFolderError(
                f"expected answers from 0 to {categories - 1} of the remembered products, got others"
            )
        try:
            texts = [
                one.tobytes().decode("utf-8")
                for one in _pieces(arrays["text"], arrays["text_ends"], np.uint8, "text")
            ]
        except UnicodeDecodeError as error:
            raise ModelFolderError(
                "expected UTF-8 as the names of the remembered products, got other bytes"
            ) from error
        if len(texts) not in (0, 2 * count):
            raise ModelFolderError(
                f"expected {2 * count} names of the remembered products or none, got {len(texts)}"
            )
        return cls(
            views,
            tuple(arrays[name] for name in vectors),
            tuple(tuple(map(int, one)) for one in answers),
            tuple(texts[:count]),
            tuple(texts[count:]),
            Recogniser.read(recognised, sum(view.width for view in views)) if recognised else None,
        )


def _folded(vectors: np.ndarray) -> np.ndarray:
    """float32 [N, _COMPARED_SLOTS] of length 1, from float32 [N, SLOTS]."""
    return unit(vectors.reshape(len(vectors), SLOTS // _COMPARED_SLOTS, _COMPARED_SLOTS).sum(axis=1))


def choose_remembered(kinds: np.ndarray, rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    """int64 [≤ most], in random order: which of ``rows`` to remember; ``kinds`` int64 [rows] are their kinds.

    Half the places go to the kinds in turn, so that rare ones have some; the others go by chance.
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    shuffled = kinds[order]
    by_kind = np.argsort(shuffled, kind="stable")
    first = np.searchsorted(shuffled[by_kind], shuffled[by_kind], side="left")
    turn = np.empty(len(rows), np.int64)
    turn[by_kind] = np.arange(len(rows)) - first
    fair = np.argsort(turn, kind="stable")[: most // 2]
    taken = np.zeros(len(rows), bool)
    taken[fair] = True
    rest = np.flatnonzero(~taken)[: max(most - len(fair), 0)]
    chosen = order[np.concatenate([fair, rest])[:most]]
    return rows[np.random.default_rng(seed).permutation(chosen)]


_PICTURE_WEIGHT = 0.5
"""Pictures are recognised less surely than words."""


def wide_features(views: Sequence[View], wide: Sequence[Wide]) -> list[Wide]:
    """What kinds are recognised by: wide vectors [N, width] of each view, weighed against each other."""
    return [
        one if view.name == WORDS else one * np.float32(_PICTURE_WEIGHT)
        for view, one in zip(views, wide, strict=True)
    ]


def remember(
    views: tuple[View, ...],
    wide: Sequence[Wide],
    answers: Sequence[tuple[int, ...]],
    names: tuple[Sequence[str], Sequence[str]] | None,
    recogniser: Recogniser | None,
) -> Memory:
    """Products with these ``wide`` vectors [N, width] by view and ``answers`` and, unless None, their ids and titles."""
    ids, titles = names or ((), ())
    vectors = tuple(narrow(one).astype(np.float16) for one in wide)
    return Memory(views, vectors, tuple(answers), tuple(ids), tuple(titles), recogniser)


def _pieces(values: np.ndarray, ends: np.ndarray, dtype: type, name: str) -> list[np.ndarray]:
    """``values`` cut at ``ends``. Raises ModelFolderError where these do not go together."""
    ascending = ends.ndim == 1 and ends.dtype == np.int64 and bool((np.diff(ends, prepend=0) >= 0).all())
    whole = int(ends[-1]) if ascending and len(ends) else 0
    if values.ndim != 1 or values.dtype != dtype or not ascending or whole != len(values):
        raise ModelFolderError(
            f"expected the {name} of the remembered products and where each ends, got arrays that do not fit"
        )
    return np.split(values, ends[:-1]) if len(ends) else []
