"""Which of a catalog's columns get features: those that were named, or all that the given backbones can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shelfwise.catalog.column import Role
from shelfwise.catalog.fetching.plan import may_hold_images
from shelfwise.catalog.fields import Field, missing_column
from shelfwise.errors import CatalogError, ShelfwiseError
from shelfwise.features.backbones import Backbones

_OPTIONS = {Role.IMAGE: "--image-model", Role.TEXT: "--text-model", Role.CATEGORY: "--text-model"}


@dataclass(frozen=True)
class FeatureInput:
    """One column whose features are computed."""

    name: str
    role: Role

    @property
    def columns(self) -> list[str]:
        """What has to be read of the catalog."""
        return [self.name]


def choose_inputs(
    fields: Mapping[str, Field], names: Sequence[str], backbones: Backbones
) -> tuple[FeatureInput, ...]:
    """The inputs, in the order of ``names`` or else of the catalog.

    Raises CatalogError for a column that is not there or that no given backbone reads, and where none is left.
    """
    if backbones.image is None and backbones.text is None:
        raise ShelfwiseError(
            "expected a backbone that computes features; name one with --image-model or --text-model, or both"
        )
    if names:
        return tuple(_named(name, fields, backbones) for name in dict.fromkeys(names))
    found = [FeatureInput(name, _role(field)) for name, field in fields.items()]
    chosen: list[FeatureInput] = []
    for role, what in ((Role.IMAGE, "images"), (Role.TEXT, "texts")):
        mine = [one for one in found if one.role is role]
        if backbones.model_for(role) is not None and not mine:
            raise CatalogError(
                f"{_OPTIONS[role]} was given, but no column looks like {what}; name it with --{role.value}. The columns are: "
                f"{', '.join(fields)}."
            )
        chosen += mine if backbones.model_for(role) is not None else []
    return tuple(one for one in found if one in chosen)


def _named(name: str, fields: Mapping[str, Field], backbones: Backbones) -> FeatureInput:
    if name not in fields:
        raise CatalogError(missing_column(name, fields))
    role = _role(fields[name])
    if role not in _OPTIONS:
        raise CatalogError(
            f"features are computed of images and texts, and '{name}' is neither ({role.value}: {fields[name].why}); say which "
            f"it is with --image {name} or --text {name}"
        )
    if backbones.model_for(role) is None:
        raise CatalogError(f"'{name}' holds {role.value} values; name what reads them with {_OPTIONS[role]}")
    return FeatureInput(name, role)


def _role(field: Field) -> Role:
    return Role.IMAGE if may_hold_images(field) else field.role
