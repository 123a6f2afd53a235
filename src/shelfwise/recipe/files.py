"""A recipe as YAML: a file that people read and edit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from shelfwise.errors import RecipeError
from shelfwise.recipe.presets import PRESETS


def read_values(file: Path) -> dict[str, Any]:
    """The mapping that a recipe's YAML file holds, not yet checked. Raises RecipeError when there is none."""
    if not file.is_file():
        raise RecipeError(
            f"expected a recipe's name ({', '.join(PRESETS)}) or a YAML file, got '{file}', which is neither"
        )
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(
            f"{file}: expected YAML, but it cannot be read: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(values, dict):
        raise RecipeError(
            f"{file}: expected a mapping of keys to values at the top, got {type(values).__name__}"
        )
    return values


def as_yaml(values: dict[str, Any]) -> str:
    """A recipe's values as YAML that reads back as the very same."""
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    if yaml.safe_load(text) == values:
        return text
    # Some of Unicode's line breaks do not read back as PyYAML writes them; escaped they do.
    return yaml.safe_dump(values, sort_keys=False, width=100)
