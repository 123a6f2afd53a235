"""What many commands are given, whatever they are about."""

from __future__ import annotations

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
"""Names given as `a,b`, or one option after the other."""


def split_names(names: Names) -> list[str]:
    """Every single one of ``names``."""
    return [name.strip() for part in names or () for name in part.split(",") if name.strip()]


@contextmanager
def profiling(wanted: bool) -> Iterator[Profile | None]:
    """A profile of what happens inside, where one is wanted."""
    if not wanted:
        yield None
        return
    from shelfwise.profiling import Profile

    with Profile() as profile:
        yield profile
