"""What many commands are given, whatever they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shelfwise.profiling import Profile

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that `shelfwise train` wrote.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks, only the result.")]
Profiled = Annotated[bool, typer.Option("--profile", help="Say at the end where the time went.")]
ChanceSeed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Where every random choice comes from.")
]
"""Of commands that have no recipe."""
Names = list[str] | None
"""Names given as `a,b`, or one option after the other; one with a comma in it in double quotes, as in CSV."""

_NAME = re.compile(r"""\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)""")


def split_names(names: Names) -> list[str]:
    """Every single one of ``names``.

    >>> split_names(['title, brand', '"size, colour",price'])
    ['title', 'brand', 'size, colour', 'price']
    """
    found = (match for part in names or () for match in _NAME.finditer(part))
    split = (match[2] if match[1] is None else match[1].replace('""', '"') for match in found)
    return [name.strip() for name in split if name.strip()]


@contextmanager
def profiling(wanted: bool) -> Iterator[Profile | None]:
    """A profile of what happens inside, where one is wanted."""
    if not wanted:
        yield None
        return
    from shelfwise.profiling import Profile

    with Profile() as profile:
        yield profile
