"""`shelfwise cache …`: what is kept to save time."""

from __future__ import annotations

import re
import sys
import time
from typing import Annotated

import typer

from shelfwise.commands.options.common import Quiet
from shelfwise.errors import ShelfwiseError
from shelfwise.terminal import reporting, table

_cache = typer.Typer(
    help="What is kept on disk to save time: features, and images fetched from the web.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*", re.IGNORECASE)

MaxSize = Annotated[
    str, typer.Option("--max-size", metavar="SIZE", help="What may stay, such as 5GB or 500MB.")
]
Remove = Annotated[bool, typer.Option("--remove", help="Delete files that hold damage.")]


def add_to(app: typer.Typer) -> None:
    """Have the command line know these commands."""
    app.add_typer(_cache, name="cache")


@_cache.command()
def show() -> None:
    """What is kept, how large it is, and when it was last used."""
    from shelfwise.caches import cache_parts
    from shelfwise.encoders.cache_files import cache_folder

    parts = cache_parts()
    rows = [
        (part.name, f"{part.entries:>9,}  {size(part.bytes):>9}  used {_ago(part.last_used)}")
        for part in parts
    ]
    total = sum(part.bytes for part in parts)
    print(table([*rows, ("in all", f"{'':>9}  {size(total):>9}"), ("folder", str(cache_folder()))]), end="")


@_cache.command()
def verify(remove: Remove = False) -> None:
    """Read everything and compare checksums. Ends with status 1 where something is damaged."""
    from shelfwise.caches import verify_caches

    found = verify_caches(remove=remove)
    done = "removed, to be made again" if remove else "removed by --remove, and then made again"
    print(table([("sound", f"{found.sound:,}"), ("damaged", f"{found.damaged:,}")]), end="")
    for file in found.files:
        print(f"damaged: {file}")
    if found.damaged and not remove:
        raise ShelfwiseError(
            f"{found.damaged:,} entries of the cache are damaged; they are not used, and {done}"
        )


@_cache.command()
def prune(max_size: MaxSize) -> None:
    """Remove what was used longest ago, until no more than SIZE is left."""
    from shelfwise.caches import prune_caches

    done = prune_caches(read_size(max_size))
    print(table([("freed", size(done.freed)), ("left", size(done.left))]), end="")
    if done.left > read_size(max_size):
        print(
            f"{size(done.in_use)} were used within the hour and stay; `shelfwise cache clear` removes all",
            file=sys.stderr,
        )


@_cache.command()
def fill(
    folders: Annotated[
        list[str],
        typer.Argument(metavar="FOLDER", help="Folders that `shelfwise features` wrote, or their URIs."),
    ],
    quiet: Quiet = False,
) -> None:
    """Take in features that were computed elsewhere, so that `train` need not compute them."""
    with reporting(quiet) as reporter:
        from shelfwise.features.to_cache import fill_cache

        taken = [fill_cache(folder, reporter) for folder in folders]
    rows = [("new", sum(one.new for one in taken)), ("already there", sum(one.there for one in taken))]
    unusable = sum(one.unusable for one in taken)
    rows += [("unusable", unusable)] if unusable else []
    print(table([(name, f"{count:,}") for name, count in rows]), end="")


@_cache.command()
def clear() -> None:
    """Remove everything. Nothing is lost but the time to make it again."""
    from shelfwise.caches import clear_caches

    print(table([("freed", size(clear_caches()))]), end="")


def read_size(text: str) -> int:
    """Bytes from `5GB`, `500 MB`, `1.5g` or a plain number. Raises ShelfwiseError."""
    found = _SIZE.fullmatch(text)
    if found is None or len(text) > 40:
        raise ShelfwiseError(f"expected a size such as 5GB or 500MB, got '{text[:40]}'")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def size(count: int) -> str:
    """Bytes for people.

    >>> size(1_500_000_000)
    '1.5 GB'
    """
    for unit, most in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= most:
            return f"{count / most:.3g} {unit}" if count < 1000 * most else f"{count / most:,.0f} {unit}"
    return f"{count} bytes"


def _ago(when: float) -> str:
    seconds = max(0.0, time.time() - when)
    for unit, length in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"
