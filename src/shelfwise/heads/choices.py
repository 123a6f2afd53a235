"""The way down a taxonomy as choices: at every category with something below it, its children, or to stop there.

The probability of a path is the product of the probabilities of its choices, each among those that exist at its place;
so probabilities of paths sum to one, unequal depths need no special care, and no path is ever made up. To stop is a choice like
any child, offered where products end at a category that has children.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn

from shelfwise.taxonomy.targets import PathTarget
from shelfwise.taxonomy.tree import Path

STOP = ""
"""The name of the choice to go no further. Category names are never empty, so it cannot be one."""
NONE = -1


class Choices(nn.Module):
    """The choices of a path target, numbered level by level, and within a level place by place.

    A *place* is a category with children, known by its whole path; the root is place 0. At level k (0 is the topmost) a place of
    that depth is left by a *choice*: one of its children, or STOP. A choice has one of the level's *names* and
    leads to another place or to an outcome. All tables are int64 buffers that follow from the target, so none is saved.

    ``place`` and ``name`` [choices]: where each choice is made, and its name, numbered within its level.
    ``leads_to`` and ``ends_at`` [choices]: the place or the outcome it leads to, else NONE.
    ``steps`` [depth, outcomes]: the choices on the way to each outcome; the number of choices where it has ended.
    ``places_on`` and ``names_on`` [depth, outcomes]: where those choices are made and their names, NONE where it has ended.
    """

    place: torch.Tensor
    name: torch.Tensor
    leads_to: torch.Tensor
    ends_at: torch.Tensor
    steps: torch.Tensor
    places_on: torch.Tensor
    names_on: torch.Tensor

    def __init__(self, target: PathTarget) -> None:
        super().__init__()
        self.names = _names(target)
        self.places = _places(target)
        self.depth = len(self.names)
        """Choices on the longest way."""
        self.level_sizes = [len(level) for level in self.names]
        first = np.searchsorted([len(place) for place in self.places], range(self.depth + 1)).tolist()
        self.places_of = [range(*pair) for pair in itertools.pairwise(first)]
        """Per level, the numbers of its places."""
        made = _Numbered(target, self.places, self.names)
        self.choices_of = made.choices_of
        """Per place, the numbers of its choices."""
        for key in ("place", "name", "leads_to", "ends_at", "steps", "places_on", "names_on"):
            table = np.array(getattr(made, key), dtype=np.int64)
            self.register_buffer(key, torch.from_numpy(table), persistent=False)
        for level, numbers in enumerate(self._tables(made)):
            self.register_buffer(f"choice_of_level_{level}", torch.from_numpy(numbers), persistent=False)

    def _tables(self, made: _Numbered) -> list[np.ndarray]:
        tables = []
        for places, size in zip(self.places_of, self.level_sizes, strict=True):
            table = np.full((len(places), size), NONE, dtype=np.int32)
            for row, place in enumerate(places):
                numbers = made.choices_of[place]
                table[row, [made.name[number] for number in numbers]] = numbers
            tables.append(table)
        return tables

    def __len__(self) -> int:
        return len(self.place)

    def choices_at(self, level: int, places: torch.Tensor) -> torch.Tensor:
        """int64 [M, names of the level]: the choice of each name at each of ``places`` int64 [M], NONE where it has none."""
        table: torch.Tensor = getattr(self, f"choice_of_level_{level}")
        return table[places - self.places_of[level].start].long()

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores [B, choices] → log-probabilities of each choice given its place: a softmax per place."""
        place = self.place.expand_as(scores)
        shape = (len(scores), len(self.places))
        largest = scores.new_full(shape, -torch.inf).scatter_reduce(1, place, scores.detach(), "amax")
        scores = scores - largest.gather(1, place)
        total = scores.new_zeros(shape).scatter_add(1, place, scores.exp())
        return scores - total.log().gather(1, place)

    def sums_over_paths(self, values: torch.Tensor) -> torch.Tensor:
        """[B, choices] → [B, outcomes]: what the choices on the way to each outcome have, added up."""
        padded = torch.nn.functional.pad(values, (0, 1))
        total = padded.index_select(1, self.steps[0])
        for step in self.steps[1:]:
            total = total + padded.index_select(1, step)
        return total


def _places(target: PathTarget) -> list[Path]:
    """Every category with children, the root first, level by level."""
    inner = {path[:-1] for path in target.taxonomy.paths}
    return sorted(inner, key=lambda path: (len(path), path))


def _names(target: PathTarget) -> list[list[str]]:
    """Per level the sorted names that can be chosen, with STOP where a place of the level is an outcome."""
    outcomes = set(target.outcomes)
    stops = {len(path) for path in _places(target) if path in outcomes}
    levels: list[set[str]] = [set() for _ in range(target.taxonomy.depth)]
    for path in target.taxonomy.paths:
        levels[len(path) - 1].add(path[-1])
    return [sorted(level | ({STOP} if depth in stops else set())) for depth, level in enumerate(levels)]


class _Numbered:
    """The tables of ``Choices`` as lists of numbers."""

    def __init__(self, target: PathTarget, places: list[Path], names: list[list[str]]) -> None:
        number_of_place = {path: number for number, path in enumerate(places)}
        number_of_outcome = {path: number for number, path in enumerate(target.outcomes)}
        name_numbers = [{name: number for number, name in enumerate(level)} for level in names]
        children: dict[Path, list[str]] = {path: [] for path in places}
        for path in target.taxonomy.paths:
            children[path[:-1]].append(path[-1])
        self.place: list[int] = []
        self.name: list[int] = []
        self.leads_to: list[int] = []
        self.ends_at: list[int] = []
        self.choices_of: list[range] = []
        for number, path in enumerate(places):
            first = len(self.place)
            stop = [STOP] if path in number_of_outcome else []
            for name in [*stop, *children[path]]:
                reached = path if name == STOP else (*path, name)
                self.place.append(number)
                self.name.append(name_numbers[len(path)][name])
                self.leads_to.append(NONE if name == STOP else number_of_place.get(reached, NONE))
                self.ends_at.append(number_of_outcome[reached] if self.leads_to[-1] == NONE else NONE)
            self.choices_of.append(range(first, len(self.place)))
        self._follow(target, number_of_place, name_numbers)

    def _follow(
        self, target: PathTarget, number_of_place: dict[Path, int], name_numbers: list[dict[str, int]]
    ) -> None:
        shape = (len(name_numbers), target.n_outcomes)
        steps, places_on = np.full(shape, len(self.place)), np.full(shape, NONE)
        names_on = np.full(shape, NONE)
        found = {pair: n for n, pair in enumerate(zip(self.place, self.name, strict=True))}
        for column, outcome in enumerate(target.outcomes):
            way = (*outcome, STOP) if outcome in number_of_place else outcome
            for level, name in enumerate(way):
                place, number = number_of_place[outcome[:level]], name_numbers[level][name]
                places_on[level, column], names_on[level, column] = place, number
                steps[level, column] = found[place, number]
        self.steps, self.places_on, self.names_on = steps, places_on, names_on
