"""The recipes of a search: the one it starts from, with some fields changed; each checked before anything is trained."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shelfwise.ensemble import build_encoders
from shelfwise.errors import RecipeError
from shelfwise.fusion import build_policy
from shelfwise.fusion.policy_network import PolicyNetwork
from shelfwise.heads import build_head
from shelfwise.recipe import Recipe
from shelfwise.search.places import Fields, Place, overlap, put
from shelfwise.search.space import Choices, Domain, Range, parse_space
from shelfwise.taxonomy.targets import Target

if TYPE_CHECKING:
    import optuna

_MOST_COMBINATIONS = 200
"""So many values of the other fields are tried beside one that the recipe refuses by itself."""

_NETWORK_SPACE: dict[str, Any] = {
    "widths": {"choices": [[50], [100], [200], [400], [100, 50], [200, 150], [400, 200], [200, 200, 200]]},
    "activations": {"choices": [["relu"], ["tanh"], ["sigmoid"]]},
    "learning_rate": {"low": 5e-4, "high": 3e-2, "log": True},
    "dropout": {"low": 0.0, "high": 0.6},
}


@dataclass(frozen=True)
class Dimension:
    """One field that changes: ``start`` is what the recipe has there."""

    path: str
    place: Place
    domain: Domain
    start: Any


class Candidates:
    """Every recipe that a search can try. ``base`` is spelled out; so is what may be tried (see ``space``).

    Raises RecipeError for a path that is not in the recipe, for two paths that lead to the same field, and for a value that the
    recipe refuses whatever the other fields are.
    """

    def __init__(self, base: Recipe, space: Mapping[str, Domain] | None, target: Target) -> None:
        self.base, self.target = base, target
        given = default_space(base) if space is None else space
        fields = Fields(base)
        self.dimensions = [_dimension(path, domain, fields) for path, domain in given.items()]
        for one, other in itertools.combinations(self.dimensions, 2):
            if overlap(one.place, other.place):
                raise RecipeError(
                    f"search '{one.path}' and '{other.path}' change the same field; leave one out"
                )
        if len(base.classifiers) < 2 and any(one.place[0] == "fusion" for one in self.dimensions):
            raise RecipeError(
                "expected at least two classifiers to search over fusion policies, but the recipe has one, and nothing to fuse; "
                "search over its own fields, or add a classifier"
            )
        for dimension in self.dimensions:
            for value in dimension.domain.ends():
                self._refuse_impossible(dimension, value)

    def recipe(self, values: Mapping[str, Any]) -> Recipe:
        """The recipe with ``values`` by path. Raises RecipeError when they do not go together."""
        changed = self.base.model_dump(mode="json")
        for dimension in self.dimensions:
            if dimension.path in values:
                put(changed, dimension.place, values[dimension.path])
        recipe = Recipe(**changed)
        check(recipe, self.target)
        return recipe

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Values by path for this trial."""
        return {one.path: one.domain.suggest(trial, one.path) for one in self.dimensions}

    def values(self, keys: Mapping[str, Any]) -> dict[str, Any]:
        """Values by path of what a study wrote."""
        return {one.path: one.domain.value(keys[one.path]) for one in self.dimensions if one.path in keys}

    def start(self) -> dict[str, Any] | None:
        """The recipe's own values as a study writes them; None where it lies outside of what may be tried."""
        keys = {one.path: one.domain.key(one.start) for one in self.dimensions}
        return None if any(key is None for key in keys.values()) else keys

    def touched_classifiers(self) -> set[str]:
        """The names of classifiers that a trial can change, directly, through an input or through how all are trained."""
        names = [one.name for one in self.base.classifiers]
        found: set[str] = set()
        for place in (one.place for one in self.dimensions):
            if place[0] == "training":
                return set(names)
            if place[0] == "classifiers":
                found.add(names[int(place[1])])
            elif place[0] == "inputs":
                changed = self.base.inputs[int(place[1])].name
                found |= {one.name for one in self.base.classifiers if changed in one.inputs}
        return found

    def touched_policies(self) -> set[int]:
        """The positions of fusion policies that a trial can change; none where the whole list changes."""
        places = [one.place for one in self.dimensions if one.place[0] == "fusion"]
        return set() if any(len(place) == 2 for place in places) else {int(place[2]) for place in places}

    def to_json(self) -> dict[str, Any]:
        """What tells this space from another."""
        return {one.path: one.domain.to_json() for one in self.dimensions}

    def _refuse_impossible(self, dimension: Dimension, value: Any) -> None:
        try:
            self.recipe({dimension.path: value})
            return
        except RecipeError as error:
            refusal = error
        others = [one for one in self.dimensions if one is not dimension]
        combinations = itertools.product(*(one.domain.ends() for one in others))
        for combination in itertools.islice(combinations, _MOST_COMBINATIONS if others else 0):
            values = {one.path: other for one, other in zip(others, combination, strict=True)}
            try:
                self.recipe({**values, dimension.path: value})
                return
            except RecipeError:
                continue
        raise RecipeError(
            f"search '{dimension.path}': the recipe refuses {value!r:.80}: {refusal}"
        ) from refusal


def check(recipe: Recipe, target: Target) -> None:
    """Raise RecipeError for what cannot work, as far as that can be seen before training."""
    build_encoders(recipe.inputs)
    known = {one.name for one in recipe.inputs}
    for one in recipe.classifiers:
        unknown = next((name for name in one.inputs if name not in known), None)
        if unknown is not None:
            raise RecipeError(
                f"classifier '{one.name}' reads '{unknown}', which is none of the inputs ({', '.join(known)})"
            )
        if one.solver == "svm" and (one.hidden or one.rank):
            raise RecipeError(
                f"classifier '{one.name}' has the solver 'svm', which trains linear classifiers without rank or hidden layers"
            )
        build_head(one.head, target)
    for spec in recipe.fusion.policies:
        build_policy(spec, target.exclusive)


def default_space(recipe: Recipe) -> dict[str, Domain]:
    """What is tried where the recipe does not say: layers, widths, activations, learning rate and dropout of its policy network.

    Raises RecipeError where there is no policy network to tune.
    """
    kinds = [spec if isinstance(spec, str) else spec["kind"] for spec in recipe.fusion.policies]
    tuned = PolicyNetwork.kind
    if tuned in kinds and len(recipe.classifiers) > 1:
        place = tuned if kinds.count(tuned) == 1 else str(kinds.index(tuned))
        return parse_space({f"fusion.policies.{place}.{key}": one for key, one in _NETWORK_SPACE.items()})
    raise RecipeError(
        "expected a block 'search' in the recipe file that says what to try, because the recipe has no policy network over "
        "several classifiers, which is what is tried by default; for example 'classifiers.words.epochs: {low: 5, high: 30}'"
    )


def _dimension(path: str, domain: Domain, fields: Fields) -> Dimension:
    place = fields.find(path)
    start = fields.value(place)
    if isinstance(domain, Range):
        if isinstance(start, bool | str | list | dict):
            raise RecipeError(
                f"search '{path}': expected choices, because the recipe has {start!r:.60} there, got a range of numbers; "
                "write {choices: [...]}"
            )
        if isinstance(start, float):
            domain = replace(domain, whole=False)
    return Dimension(path, place, domain, start)


def describe(domains: Sequence[Dimension]) -> list[str]:
    """One line a field for people: what it is and what may be tried."""
    lines = []
    for one in domains:
        if isinstance(one.domain, Choices):
            tried = " or ".join(one.domain.keys)
        else:
            tried = f"{one.domain.low:g} to {one.domain.high:g}" + (" (log)" if one.domain.log else "")
        lines.append(f"{one.path}: {tried}")
    return lines
