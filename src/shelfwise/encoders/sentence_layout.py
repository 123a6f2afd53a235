"""Reads how a folder's text model makes one vector of a sentence, as sentence-transformers writes it down.

Such a folder has ``modules.json``: a transformer, a pooling with its own configuration, often a normalisation to length 1. A
plain transformers folder has none; its tokens are averaged, the attention mask saying which.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from shelfwise.errors import MissingDependencyError

Pooling = Literal["mean", "cls", "max"]

DEFAULT_TOKENS = 256
"""Read of a text where neither the recipe nor the folder says how much."""

_LONGEST_TOKENS = 512
_NO_LIMIT_TOKENS = 100_000  # tokenizers without a limit write 1e30
_PADDED_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet", "roberta-prelayernorm"})
"""Models that number positions from 2 on, so that two of their positions are never used."""
_OLD_POOLING = "pooling_mode_"


@dataclass(frozen=True)
class SentenceLayout:
    """How a sentence becomes a vector.

    ``transformer`` is the folder of the network and its tokenizer. ``max_tokens``: what lies behind is not read, special
    tokens counted. ``lower_case``: texts are put in lower case before the tokenizer sees them.
    """

    transformer: Path
    pooling: Pooling
    normalize: bool
    max_tokens: int
    lower_case: bool

    def identity(self) -> dict[str, Any]:
        """All that changes the vectors, besides the transformer's own files."""
        return {
            "pooling": self.pooling,
            "normalize": self.normalize,
            "max_tokens": self.max_tokens,
            "lower_case": self.lower_case,
        }

    def changed(self, max_tokens: int | None, pooling: Pooling | None) -> SentenceLayout:
        """The same with what a recipe asks for; no more tokens than the model can read."""
        most = _model_limit(self.transformer)
        return replace(
            self, max_tokens=min(max_tokens or self.max_tokens, most), pooling=pooling or self.pooling
        )


def read_layout(folder: Path, pooling: Pooling | None = None) -> SentenceLayout:
    """The layout of a sentence-transformers folder, or of a plain transformers folder (then mean pooling).

    ``pooling`` given, the folder's own need not be one of ``Pooling``. A dense layer behind the pooling is left out: classifiers
    learn one of their own. Raises MissingDependencyError: damaged files, or a way of pooling that is not known here.
    """
    modules = _modules(folder)
    if not modules:
        return SentenceLayout(
            folder, pooling or "mean", False, min(DEFAULT_TOKENS, _model_limit(folder)), False
        )
    kinds = [kind for kind, _ in modules]
    if kinds[0] != "Transformer":
        raise _unusable(folder, f"its first module is a {kinds[0]}, where a Transformer was expected")
    transformer = modules[0][1]
    settings = _settings(transformer, folder)
    asked = settings.get("max_seq_length")
    limit = _model_limit(transformer)
    poolings = [place for kind, place in modules if kind == "Pooling"]
    if pooling is None:
        pooling = _pooling(_mapping(poolings[0] / "config.json", folder), folder) if poolings else "mean"
    return SentenceLayout(
        transformer,
        pooling,
        "Normalize" in kinds,
        min(asked if isinstance(asked, int) and asked > 0 else DEFAULT_TOKENS, limit),
        settings.get("do_lower_case") is True,
    )


def _modules(folder: Path) -> list[tuple[str, Path]]:
    """(kind, folder) of each module; none where the folder is not of sentence-transformers."""
    path = folder / "modules.json"
    if not path.is_file():
        return []
    listed = _json(path, folder)
    if not isinstance(listed, list) or not listed:
        raise _unusable(folder, "modules.json does not list modules")
    found = []
    for one in listed:
        place = one.get("path") if isinstance(one, dict) else None
        kind = one.get("type") if isinstance(one, dict) else None
        if not isinstance(place, str) or not isinstance(kind, str):
            raise _unusable(folder, "modules.json has a module without a type and a path")
        inside = PurePosixPath(place)
        if inside.is_absolute() or ".." in inside.parts:
            raise _unusable(folder, f"modules.json names the folder {place!r}, which is not inside it")
        found.append((kind.rsplit(".", 1)[-1], folder / inside))
    return found


def _settings(transformer: Path, folder: Path) -> dict[str, Any]:
    """What sentence-transformers keeps about its transformer; nothing where it keeps nothing."""
    named = sorted(transformer.glob("sentence_*_config.json"))
    return _mapping(named[0], folder) if named else {}


def _pooling(config: dict[str, Any], folder: Path) -> Pooling:
    given = config.get("pooling_mode")
    modes = [given] if isinstance(given, str) else list(given) if isinstance(given, list) else []
    if not modes:
        on = [key for key, value in config.items() if key.startswith(_OLD_POOLING) and value is True]
        modes = [key.removeprefix(_OLD_POOLING).removesuffix("_tokens").removesuffix("_token") for key in on]
    found: Pooling
    for found in get_args(Pooling):
        if modes == [found]:
            return found
    raise _unusable(
        folder,
        f"it pools tokens by {' and '.join(map(str, modes)) or 'nothing'}, and known are {', '.join(get_args(Pooling))}; "
        "give one as 'pooling' of the encoder in a recipe",
    )


def _model_limit(transformer: Path) -> int:
    """The most tokens that a transformer reads at once, special tokens counted."""
    told = _mapping(transformer / "tokenizer_config.json", transformer, missing={}).get("model_max_length")
    if isinstance(told, int | float) and 0 < told < _NO_LIMIT_TOKENS:
        return int(told)
    config = _mapping(transformer / "config.json", transformer, missing={})
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        return _LONGEST_TOKENS
    return max(1, positions - 2 * (config.get("model_type") in _PADDED_POSITIONS))


def _mapping(path: Path, folder: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    if missing is not None and not path.is_file():
        return missing
    found = _json(path, folder)
    if not isinstance(found, dict):
        raise _unusable(folder, f"{path.name} holds no mapping")
    return found


def _json(path: Path, folder: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(
            folder, f"{path.name} cannot be read: {' '.join(str(error).split())[:160]}"
        ) from error


def _unusable(folder: Path, why: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"Expected a pretrained text model in {folder}, but {why}. Pass another with --text-model FOLDER."
    )
