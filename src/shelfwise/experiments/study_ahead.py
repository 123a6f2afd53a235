"""Trains a study's models side by side, each on one thread, before their results are asked for one after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from shelfwise.experiments.cache import Result, ResultStore
from shelfwise.experiments.study_data import Draw, StudyData
from shelfwise.experiments.study_measure import measure
from shelfwise.progress import Stage
from shelfwise.recipe import Recipe
from shelfwise.training.side_by_side import Shared, SideBySide, processes_possible


@dataclass(frozen=True)
class Piece:
    """One model to train and score: ``name`` and ``key`` are its place in the store."""

    name: str
    key: str
    recipe: Recipe
    draw: Draw
    readings: Mapping[str, str]


def measure_ahead(
    study: str, data: StudyData, pieces: Sequence[Piece], store: ResultStore, until: float | None
) -> int:
    """Put the results of ``pieces`` into ``store``, and return how many are new there.

    A piece whose turn comes after ``until`` (seconds since the epoch) is left out. With one thread, or one piece, nothing is
    done: results are then made when they are asked for. Raises ShelfwiseError.
    """
    processes = min(data.recipe.training.threads or torch.get_num_threads(), len(pieces))
    if processes < 2 or not processes_possible() or torch.cuda.is_available():
        return 0
    for one in pieces:
        data.prepared(one.recipe.inputs)
    with SideBySide.working(processes) as pool:
        shared = pool.share(data)
        # The largest first, so that none of them is waited for alone at the end; where time is short, in their order.
        largest_first = sorted(pieces, key=lambda one: -len(one.draw.train))
        for one in largest_first if until is None else pieces:
            pool.submit(_make, one, shared, store, until)
        title = f"experiment {study}: models side by side"
        with data.reporter.stage(title, len(pieces), "models") as stage:
            return sum(pool.results(stage))


def _make(piece: Piece, shared: Shared, store: ResultStore, until: float | None, stage: Stage) -> bool:
    """In a worker process: whether the result was made."""
    stage.advance(1)
    if until is not None and time.time() >= until:
        return False
    data: StudyData = shared.load()
    alone = piece.recipe.training.model_copy(update={"threads": 1})
    recipe = piece.recipe.model_copy(update={"training": alone})
    store.get(piece.name, piece.key, lambda: Result(facts=measure(data, recipe, piece.draw, piece.readings)))
    return True
