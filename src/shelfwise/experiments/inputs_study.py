"""What each kind of input is worth for category paths, alone and together: figures 2 and 3 of Wang & Guthrie 2015."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from shelfwise.errors import RecipeError, TargetError
from shelfwise.experiments.study_data import StudyData
from shelfwise.experiments.study_runs import Contender
from shelfwise.learning.paper_recipes import early_classifiers
from shelfwise.learning.recommended import Task
from shelfwise.recipe import ClassifierRecipe, InputRecipe, Recipe

BASELINE = "most frequent category"
ALL = "all inputs"
VALIDATION_SHARE = 0.1
"""Of the training products, as in the paper: they choose the number of epochs and are not learned from."""
_KINDS = {"category": "brand", "text": "text", "image": "image", "number": "number"}
"""Roles as the paper's figures call them."""


def inputs_contenders(data: StudyData) -> list[Contender]:
    """The most frequent category, then one early-fusion network (preset ``paper-b``) for every group of inputs.

    The paper's groups are brand, image with brand, text with brand, and all. What a catalog lacks is left out of them: without a
    column of few values (a brand), text and images stand alone. Raises TargetError where paths are not what is predicted.
    """
    need_paths(data)
    found = [Contender(BASELINE, "of every level, and of whole paths", None)]
    for name, inputs in input_groups(data.recipe.inputs).items():
        columns = ", ".join(one.name for one in inputs)
        found.append(Contender(name, columns, partial(early_recipe, data, inputs)))
    return found


def input_groups(inputs: Sequence[InputRecipe]) -> dict[str, list[InputRecipe]]:
    """The groups of inputs to compare, the least first, by what their kinds are called; none twice.

    >>> groups = input_groups([InputRecipe(name="title", role="text"), InputRecipe(name="maker", role="category")])
    >>> {name: [one.name for one in group] for name, group in groups.items()}
    {'brand': ['maker'], 'text + brand': ['title', 'maker']}
    """
    kinds = [kind for kind in _KINDS if any(one.role == kind for one in inputs)]
    with_brand = [("category",), ("image", "category"), ("text", "category")]
    wanted = [tuple(kind for kind in group if kind in kinds) for group in with_brand]
    groups: dict[str, list[InputRecipe]] = {}
    for group in dict.fromkeys(filter(None, wanted)):
        if set(group) != set(kinds):
            groups[_name(group)] = [one for one in inputs if one.role in group]
    together = sorted(kinds, key=["text", "image", "category", "number"].index)
    groups[ALL if len(kinds) > 2 else _name(together)] = list(inputs)
    return groups


def _name(kinds: Sequence[str]) -> str:
    return " + ".join(_KINDS[kind] for kind in kinds)


def early_recipe(data: StudyData, inputs: list[InputRecipe], rows: np.ndarray) -> Recipe:
    """The paper's network over ``inputs`` for the training rows: concatenated, three hidden layers, one softmax a level."""
    return one_network(data, inputs, paper_network(inputs, len(rows)))


def paper_network(inputs: list[InputRecipe], products: int) -> ClassifierRecipe:
    """The network of the preset ``paper-b`` for so many products."""
    # How many outcomes there are makes no difference to this preset.
    (network,) = early_classifiers(inputs, Task(products, 2, multilabel=False))
    return network


def one_network(data: StudyData, inputs: list[InputRecipe], network: ClassifierRecipe) -> Recipe:
    """A recipe of one network that is trained once: a tenth of the training products chooses its epochs, and its answer is the
    most probable path, so that nothing but the network differs between contenders."""
    training = data.recipe.training.model_copy(
        update={"folds": 1, "held_out": VALIDATION_SHARE, "refit": False}
    )
    target = data.recipe.target.model_copy(update={"decoding": "highest_leaf"})
    changes = {"inputs": inputs, "classifiers": [network], "training": training, "target": target}
    return data.recipe.model_copy(update=changes)


def need_paths(data: StudyData) -> None:
    """Refuse label sets, which have no levels. Raises TargetError."""
    if data.recipe.target.multilabel:
        raise TargetError(
            "expected a target of paths, because this experiment compares levels, got label sets; leave out --multilabel, or "
            "see `shelfwise experiment data-size`, which takes both"
        )


def texts_of(data: StudyData) -> list[InputRecipe]:
    """The text inputs. Raises RecipeError where there is none."""
    texts = [one for one in data.recipe.inputs if one.role == "text"]
    if not texts:
        raise RecipeError(
            "expected at least one text input, because this experiment compares ways of reading text, got "
            f"{', '.join(one.name for one in data.recipe.inputs)}; name a column with --text or --inputs"
        )
    return texts
