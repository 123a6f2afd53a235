"""The part of a recipe that says how several classifiers' scores become one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from shelfwise.recipe.part import EachOnce, RecipePart


class FusionRecipe(RecipePart):
    """How classifiers' scores become one: ``policies`` are tried, the best on held-out products is kept. With ``blend``, means of
    several policies are tried too. With ``by_label``, label sets that are learned as wholes are fused label by label besides,
    where that is better on held-out products.

    A policy is given by its kind (``mean``), or by a mapping of ``kind`` and its own options
    (``{kind: policy_network, widths: [200]}``).
    """

    policies: Annotated[list[str | dict[str, Any]], EachOnce] = Field(
        default_factory=lambda: list[str | dict[str, Any]](
            ["policy_network", "category_pool", "opinion_pool", "mean"]
        )
    )
    blend: bool = True
    by_label: bool = True

    @field_validator("policies")
    @classmethod
    def _policies(cls, value: list[str | dict[str, Any]]) -> list[str | dict[str, Any]]:
        for one in value:
            if isinstance(one, dict) and not isinstance(one.get("kind"), str):
                raise ValueError("expected a policy's name, or a mapping with its 'kind'")
        return value
