"""What every column is for: guessed from its name and its values, unless a person has said it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from shelfwise.catalog.column import Role
from shelfwise.catalog.column_names import GROUP_NAMES, ID_NAMES, WEAK_ID_NAMES, normal_name
from shelfwise.catalog.field_rules import guess_role
from shelfwise.catalog.profile import Profile, profile_column
from shelfwise.catalog.rows import one_array
from shelfwise.errors import CatalogError

SAMPLE_ROWS: Final = 5_000
"""Rows, evenly spaced, that a column is judged by."""


@dataclass(frozen=True)
class Field:
    """A column's role, and why it has it (for a person to read)."""

    name: str
    role: Role
    why: str


@dataclass(frozen=True)
class Roles:
    """What a person has said about columns; what is not mentioned is guessed."""

    id: str | None = None
    group: str | None = None
    text: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    image: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        id: str | None,
        group: str | None,
        text: str | Iterable[str],
        category: str | Iterable[str],
        number: str | Iterable[str],
        image: str | Iterable[str],
    ) -> Roles:
        """Names may be given one by one or as a single string."""
        lists = [
            (names,) if isinstance(names, str) else tuple(names) for names in (text, category, number, image)
        ]
        return cls(id, group, *lists)

    def by_column(self, columns: Iterable[str]) -> dict[str, Role]:
        """The role of each named column. Raises CatalogError for one not there, or named for two roles."""
        columns = list(columns)
        roles: dict[str, Role] = {}
        for role, names in (
            (Role.ID, (self.id,) if self.id else ()),
            (Role.GROUP, (self.group,) if self.group else ()),
            (Role.TEXT, self.text),
            (Role.CATEGORY, self.category),
            (Role.NUMBER, self.number),
            (Role.IMAGE, self.image),
        ):
            for name in names:
                if name not in columns:
                    raise CatalogError(missing_column(name, columns))
                if roles.get(name, role) is not role:
                    raise CatalogError(
                        f"Column '{name}' was named as {roles[name]} and as {role}; choose one."
                    )
                roles[name] = role
        return roles


def missing_column(name: str, columns: Iterable[str]) -> str:
    """The message for a column that is not there, with the nearest that is."""
    columns = list(columns)
    lower = {column.lower(): column for column in columns}
    near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    hint = f" Did you mean '{lower[near[0]]}'?" if near else ""
    if near and "," in lower[near[0]]:
        hint += f" On the command line write '\"{lower[near[0]]}\"', as commas separate names there."
    return f"There is no column '{name}'.{hint} The columns are: {', '.join(columns)}."


def find_id(head: pa.Table, taken: Mapping[str, Role]) -> Field | None:
    """The id column by the first rows: it has an id's name, and (nearly) every row its own value.

    ``taken``: columns that have another role already. A column named ``id`` is it even where it repeats.
    """
    names = {normal_name(name): name for name in reversed(head.column_names) if name not in taken}
    profiles = {usual: _profile(head, names[usual]) for usual in ID_NAMES if usual in names}
    for least_distinct in (0.95, 0.5):
        for usual, profile in profiles.items():
            distinct, filled = (0.0, 0.5) if usual == "id" else (least_distinct, 0.9)
            if least_distinct < 0.95 and (usual in GROUP_NAMES or usual in WEAK_ID_NAMES):
                continue
            if profile.filled_share >= filled and profile.distinct_share >= distinct and profile.words < 2:
                share = (
                    "every row has its own value"
                    if profile.distinct_share == 1
                    else "values are nearly unique"
                )
                return Field(names[usual], Role.ID, f"named like an id, {share}")
    return None


def guess_fields(
    sample: pa.Table, embedded: Iterable[str], id_column: Field | None, said: Mapping[str, Role]
) -> dict[str, Field]:
    """A field for every column of ``sample``, in its order.

    ``embedded``: columns whose images are in the file itself. ``said``: roles a person has chosen; they win.
    At most one column is guessed to be the GROUP.
    """
    embedded = set(embedded)
    fields: dict[str, Field] = {}
    grouped = Role.GROUP in said.values()
    for name in sample.column_names:
        if name in said:
            fields[name] = Field(name, said[name], "chosen")
        elif id_column is not None and name == id_column.name:
            fields[name] = id_column
        elif name in embedded:
            fields[name] = Field(name, Role.IMAGE, "images embedded in the file")
        else:
            role, why = guess_role(normal_name(name), _profile(sample, name), may_group=not grouped)
            grouped = grouped or role is Role.GROUP
            fields[name] = Field(name, role, why)
    return fields


def _profile(table: pa.Table, name: str) -> Profile:
    return profile_column(one_array(table[name]))
