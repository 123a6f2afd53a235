"""What was typed, for the record of a figure."""

from __future__ import annotations

import shlex
from typing import Any

import typer


def typed(context: typer.Context) -> str:
    """The command as it was typed; its name alone where nobody has kept that (``cli.main`` does)."""
    words: Any = context.find_root().obj
    return shlex.join(["shelfwise", *words]) if isinstance(words, list) else context.command_path
