"""Where a dotted path leads in a recipe: `classifiers.words.rank`, `fusion.policies.0.widths`, `inputs.title.encoder.chars`."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from shelfwise.errors import RecipeError
from shelfwise.fusion import build_policy
from shelfwise.heads import LABEL_HEADS, PATH_HEADS
from shelfwise.recipe import Recipe

Place = tuple[str | int, ...]
"""Keys and positions from the recipe's top down."""

_TRAINING = ("patience", "schedule", "class_weights")
_REFUSED = {
    "preset": "a preset only fills in what a recipe leaves out",
    "text_model": "it stands in the inputs' encoders by now; search the encoder's 'model'",
    "image_model": "it stands in the inputs' encoders by now; search the encoder's 'model'",
    "target": "recipes that are asked for different answers cannot be compared",
    "routing": "it does not change how many answers are right",
    "training": f"only {', '.join(_TRAINING)} can change without changing which products judge, and by which luck",
}


class Fields:
    """All fields of a recipe that is spelled out, by path."""

    def __init__(self, recipe: Recipe) -> None:
        self._spelled = _spell_out(recipe)

    def find(self, path: str) -> Place:
        """Where ``path`` leads. Raises RecipeError, naming the nearest, where it leads nowhere or to what must not change."""
        place = _walk(self._spelled, path)
        if place is None:
            known = sorted(_paths(self._spelled))
            nearest = difflib.get_close_matches(path, known, n=1, cutoff=0.0)[0]
            raise RecipeError(f"search '{path}' is not a field of the recipe; did you mean '{nearest}'?")
        _refuse_fixed(path, place)
        return place

    def value(self, place: Place) -> Any:
        """What the recipe has there."""
        node: Any = self._spelled
        for key in place:
            node = node[key]
        return node


def put(values: dict[str, Any], place: Place, value: Any) -> None:
    """Set one field of a recipe's ``values`` (``Recipe.model_dump()``) in place; an option given to a name (of a policy, a
    head) makes a mapping of it."""
    node: Any = values
    for key in place[:-1]:
        if isinstance(node[key], str):
            node[key] = {"kind": node[key]}
        node = node[key]
    node[place[-1]] = copy.deepcopy(value)


def overlap(one: Place, other: Place) -> bool:
    """Whether one place lies inside the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _spell_out(recipe: Recipe) -> dict[str, Any]:
    """The recipe's values with all options of policies and heads, which may be given by name alone."""
    values = recipe.model_dump(mode="json")
    for one in values["classifiers"]:
        one["head"] = _head_options(one["head"])
    policies = values["fusion"]["policies"]
    for number, spec in enumerate(policies):
        # How a policy's outcomes relate makes no difference to its options.
        policy = build_policy(spec, exclusive=True)
        policies[number] = {"kind": policy.kind, **policy.options.model_dump(mode="json")}
    return values


def _head_options(given: str | dict[str, Any]) -> dict[str, Any]:
    own = {"kind": given} if isinstance(given, str) else given
    heads = {**PATH_HEADS, **LABEL_HEADS}
    head = heads.get(own["kind"])
    known = {} if head is None else dict.fromkeys(head.Options.model_fields)
    usual = (
        head.Options().model_dump(mode="json") if head is not None and head.Options.model_fields else known
    )
    return {**usual, **own}


def _walk(node: Any, rest: str) -> Place | None:
    if not rest:
        return ()
    for name, key in sorted(_children(node), key=lambda child: -len(child[0])):
        if rest == name or rest.startswith(f"{name}."):
            below = _walk(node[key], rest[len(name) + 1 :])
            if below is not None:
                return (key, *below)
    return None


def _children(node: Any) -> list[tuple[str, str | int]]:
    """(Name, key) of everything below a part: parts of a list go by their name or kind where only one has it, and by number."""
    if isinstance(node, Mapping):
        return [(str(key), key) for key in node]
    if not isinstance(node, list):
        return []
    names = [one.get("name", one.get("kind")) if isinstance(one, Mapping) else None for one in node]
    named = [(name, place) for place, name in enumerate(names) if name and names.count(name) == 1]
    numbered = [(str(place), place) for place, name in enumerate(names) if name]
    return [*named, *numbered]


def _paths(node: Any, above: Sequence[str] = ()) -> set[str]:
    found = {".".join(above)} if above else set()
    for name, key in _children(node):
        found |= _paths(node[key], [*above, name])
    return found


def _refuse_fixed(path: str, place: Place) -> None:
    root = str(place[0])
    if root in _REFUSED and not (len(place) > 1 and root == "training" and place[1] in _TRAINING):
        raise RecipeError(f"search '{path}' cannot be searched: {_REFUSED[root]}")
    if root == "inputs" and (len(place) < 3 or place[2] != "encoder"):
        raise RecipeError(
            f"search '{path}': of an input, only its encoder ('inputs.NAME.encoder…') can be searched"
        )
    if root == "inputs" and place[-1] == "preset":
        raise RecipeError(
            f"search '{path}': a preset's options are spelled out by now; search over whole encoders: "
            "{choices: [{kind: …, preset: …}, …]}"
        )
    if root == "classifiers" and (len(place) < 3 or place[2] == "name"):
        raise RecipeError(
            f"search '{path}': expected a field of a classifier, such as 'classifiers.NAME.epochs'"
        )
    if root == "fusion" and len(place) == 1:
        raise RecipeError(f"search '{path}': expected 'fusion.policies' or what is in it")
