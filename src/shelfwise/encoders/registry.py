"""The one list of encoders: a new encoder is a new file and a line here."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from shelfwise.catalog.column import Role
from shelfwise.encoders.base import Encoder
from shelfwise.errors import RecipeError

# Named, not imported: some need seconds or an optional library, and only those a recipe names are loaded.
ENCODERS: dict[str, str] = {
    "bag_of_words": "shelfwise.encoders.bag_of_words:BagOfWords",
    "ngrams": "shelfwise.encoders.ngrams:Ngrams",
    "kim_cnn": "shelfwise.encoders.kim_cnn:KimCnn",
    "lstm": "shelfwise.encoders.lstm:Lstm",
    "one_hot": "shelfwise.encoders.one_hot:OneHot",
    "number": "shelfwise.encoders.number:Number",
    "small_cnn": "shelfwise.encoders.small_cnn:SmallCnn",
    "pretrained_image": "shelfwise.encoders.pretrained_image:PretrainedImage",
    "pretrained_text": "shelfwise.encoders.pretrained_text:PretrainedText",
}

_DEFAULTS = {Role.TEXT: "ngrams", Role.CATEGORY: "one_hot", Role.NUMBER: "number", Role.IMAGE: "small_cnn"}


def default_encoder_for(role: Role) -> str:
    """The kind of encoder that reads a column of this role when the recipe names none.

    Raises RecipeError for roles that are no inputs (id, target …).
    """
    if role not in _DEFAULTS:
        raise RecipeError(
            f"expected an input of role {_listed(known.value for known in _DEFAULTS)}, got {role.value}; "
            "give the column one of these roles or leave it out of the inputs"
        )
    return _DEFAULTS[role]


def encoder_class(kind: str) -> type[Encoder]:
    """The class of one kind of encoder. Raises RecipeError for an unknown kind, naming the nearest."""
    if kind not in ENCODERS:
        raise RecipeError(
            f'expected an encoder among {_listed(ENCODERS)}, got "{kind}"; '
            f'did you mean "{_nearest(kind, ENCODERS)}"?'
        )
    module, name = ENCODERS[kind].split(":")
    found: type[Encoder] = getattr(importlib.import_module(module), name)
    return found


def build_encoder(kind: str, options: dict[str, Any] | None = None) -> Encoder:
    """A fresh encoder of this kind with these options; what is not given takes its default.

    Raises RecipeError for an unknown kind or option (naming the nearest) and for values that cannot work.
    """
    encoder = encoder_class(kind)
    try:
        checked = encoder.Options.model_validate(options or {})
    except ValidationError as error:
        raise RecipeError(_explained(kind, encoder, error)) from error
    return encoder(checked)


def _explained(kind: str, encoder: type[Encoder], error: ValidationError) -> str:
    """One line on the first thing that is wrong with an encoder's options."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    known = encoder.Options.model_fields
    if first["type"] == "extra_forbidden":
        if not known:
            return f'expected no options for encoder "{kind}", got "{key}"; remove it'
        return (
            f'expected options among {_listed(known)} for encoder "{kind}", got "{key}"; '
            f'did you mean "{_nearest(key, known)}"?'
        )
    where = f'option "{key}" of encoder "{kind}"' if key else f'the options of encoder "{kind}"'
    wrong = first["msg"].removeprefix("Value error, ")
    return f"cannot use {where}: {wrong}; got {first['input']!r}; change it in the recipe"


def _nearest(word: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(word, list(known), n=1, cutoff=0.0)[0]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
