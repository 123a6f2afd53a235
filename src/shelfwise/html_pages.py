"""How all pages that are files are made of templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def page_environment(folder: Path, finalize: Callable[..., Any] | None = None) -> Environment:
    """Templates of ``folder``: whatever a catalog holds is shown as text, never run as HTML; an unknown name is an error."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
