"""The rules by which a column's role is guessed, each with a reason a person can check."""

from __future__ import annotations

from shelfwise.catalog import column_names as usual
from shelfwise.catalog.column import Role
from shelfwise.catalog.profile import Profile

MOSTLY = 0.8
NEARLY_ALL = 0.95
FEW_WORDS = 6.0
MIN_VALUES_TO_JUDGE = 5  # fewer filled rows say nothing about whether a column is constant
MAX_GROUP_SIZE = 50  # products that share a "group" on average, above which it is a category
MAX_CODE_DIGITS = 8.0  # whole numbers longer than this on average are codes
MIN_SEEN_OFTEN = 3.0  # products a value, on average, from which values are categories

URLS = "addresses of images on the web, not fetched yet (train, predict and fetch do that)"

Guess = tuple[Role, str]


def guess_role(name: str, profile: Profile, *, may_group: bool) -> Guess:
    """The role of a column and why, from its normalised name and profile; the first rule that fits."""
    for rule in (
        _empty,
        _image,
        _group if may_group else _no_rule,
        _named,
        _constant,
        _list,
        _numeric,
        _texts,
    ):
        guess = rule(name, profile)
        if guess is not None:
            return guess
    return Role.TEXT, "free text"


def _no_rule(name: str, profile: Profile) -> Guess | None:
    return None


def _empty(name: str, profile: Profile) -> Guess | None:
    return None if profile.filled else (Role.IGNORED, "empty")


def _image(name: str, profile: Profile) -> Guess | None:
    named = bool(usual.words(name) & usual.IMAGE_WORDS)
    if not (profile.images >= MOSTLY or (named and (profile.images >= 0.5 or profile.urls >= MOSTLY))):
        return None
    if profile.urls >= 0.5:
        return Role.IGNORED, URLS
    return Role.IMAGE, "paths of image files"


def _group(name: str, profile: Profile) -> Guess | None:
    if name not in usual.GROUP_NAMES or profile.words >= 2:
        return None
    if profile.distinct * MAX_GROUP_SIZE < profile.filled or profile.distinct < 2:
        return None
    return (
        Role.GROUP,
        f"named like the code that variants share; {profile.distinct:,} values in {profile.filled:,} rows",
    )


def _named(name: str, profile: Profile) -> Guess | None:
    words = usual.words(name)
    if profile.is_list or profile.typed_number:
        return None
    if name in usual.BRAND_NAMES:
        return (Role.CATEGORY, "named like a brand") if not _is_constant(profile) else None
    numeric = profile.numeric >= NEARLY_ALL
    if (name in usual.TEXT_NAMES or words & {"description", "desc", "beschreibung"}) and not numeric:
        return Role.TEXT, "named like a text"
    return None


def _is_constant(profile: Profile) -> bool:
    return profile.distinct == 1 and profile.filled >= MIN_VALUES_TO_JUDGE


def _constant(name: str, profile: Profile) -> Guess | None:
    if not _is_constant(profile):
        return None
    return Role.IGNORED, f"always the same value ('{profile.examples[0]}')"


def _list(name: str, profile: Profile) -> Guess | None:
    return (Role.TEXT, "lists of words") if profile.is_list else None


def _numeric(name: str, profile: Profile) -> Guess | None:
    if not (profile.typed_number or profile.numeric >= NEARLY_ALL):
        return None
    words = usual.words(name)
    if words & usual.NUMBER_WORDS and not words & usual.CODE_WORDS:
        return Role.NUMBER, "named like a number, and numeric"
    code = (
        (words & usual.CODE_WORDS and "named like a code")
        or (profile.leading_zero > 0.01 and "numbers with leading zeros are codes")
        or (
            profile.whole >= NEARLY_ALL
            and profile.digits > MAX_CODE_DIGITS
            and "long whole numbers are codes"
        )
    )
    if code:
        return _code(str(code), profile)
    if usual.LEVEL_NAME.match(name) or words & usual.CATEGORY_WORDS or "year" in words:
        return _code("named like a category", profile)
    if profile.distinct == 2 and profile.whole >= NEARLY_ALL and profile.filled >= MIN_VALUES_TO_JUDGE:
        return Role.CATEGORY, "two values only: a flag"
    return Role.NUMBER, "numeric"


def _code(why: str, profile: Profile) -> Guess:
    if _repeats(profile):
        return Role.CATEGORY, f"{why}, with few values ({profile.distinct:,})"
    return Role.IGNORED, f"{why}; {profile.distinct:,} different values in {profile.filled:,} rows"


def _repeats(profile: Profile) -> bool:
    """Whether values come often enough to be learned one by one; small catalogs cannot show it so clearly."""
    if profile.filled < 200:
        return profile.distinct_share <= 0.5
    return profile.filled / profile.distinct >= MIN_SEEN_OFTEN


def _texts(name: str, profile: Profile) -> Guess | None:
    if profile.urls >= MOSTLY:
        return Role.TEXT, "page addresses; their words can help"
    if profile.dates >= MOSTLY:
        return Role.IGNORED, "dates"
    if name in usual.GROUP_NAMES and profile.codes >= MOSTLY:
        return Role.IGNORED, "another code that variants share"
    repeats = _repeats(profile)
    words = usual.words(name)
    if profile.paths >= 0.5 and (repeats or profile.filled < 200 or words & usual.PATH_WORDS):
        return Role.CATEGORY, "paths of categories"
    named = usual.LEVEL_NAME.match(name) or (words & usual.CATEGORY_WORDS and profile.words <= FEW_WORDS)
    if named and (repeats or profile.words < 3):
        return Role.CATEGORY, f"named like a category; {profile.distinct:,} different values"
    if repeats and profile.words <= FEW_WORDS:
        return Role.CATEGORY, f"few values ({profile.distinct:,} in {profile.filled:,} rows)"
    if profile.codes >= MOSTLY and profile.distinct_share >= 0.5:
        why = "codes: nearly every product has its own"
        if profile.beginnings:
            why += f", but they begin in {profile.beginnings:,} ways only, which may tell something"
        return Role.IGNORED, why
    return None
