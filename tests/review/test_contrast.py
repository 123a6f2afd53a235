"""Contrast by WCAG 2.1 AA, worked out from the style sheet itself: 4.5 : 1 for text, 3 : 1 for borders of controls and marks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

import pytest

from shelfwise.review.app import STATIC

TEXT, GRAPHIC = 4.5, 3.0
SURFACES = ("var(--paper)", "var(--ground)")
"""What text lies on where a rule says nothing else: cards and the page."""
ON = {
    "button.main kbd": ("var(--teal)", "var(--teal-dark)"),
    "button.plain": ("var(--paper)", "var(--ground)", "var(--teal-soft)"),
    ".pick.first small": ("var(--teal-soft)", "#d6ebe8"),
    ".path i": ("var(--paper)", "var(--ground)", "var(--teal-soft)", "#d6ebe8"),
    ".note a": ("var(--amber-soft)",),
    "input::placeholder": ("var(--paper)",),
    ".brand b": ("var(--paper)",),
    ".zoom": ("#10181c",),
}
"""Where a rule's text lies on something that other rules paint."""
EDGES = (
    ("var(--edge)", "var(--paper)", "borders of buttons and fields"),
    ("var(--teal)", "var(--paper)", "focus"),
    ("var(--teal)", "var(--ground)", "focus on the page"),
    ("var(--teal)", "#e8ecea", "a meter's filled part on its ground"),
    ("var(--ink)", "var(--teal-mid)", "what was measured on its interval"),
    ("var(--red)", "var(--paper)", "the promise"),
)

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Rule:
    """One selector of the style sheet with what it declares."""

    selector: str
    declared: dict[str, str]


def sheet() -> tuple[dict[str, str], list[Rule]]:
    """The variables, and every rule (those inside media queries too)."""
    text = re.sub(r"/\*.*?\*/", "", (STATIC / "desk.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    rules = []
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
        pairs = (part.split(":", 1) for part in body.split(";") if ":" in part)
        declared = {name.strip(): value.strip() for name, value in pairs}
        rules += [Rule(" ".join(one.split()), declared) for one in selectors.split(",")]
    variables = {name: value for name, value in rules[0].declared.items() if name.startswith("--")}
    assert rules[0].selector == ":root"
    return variables, rules[1:]


VARIABLES, RULES = sheet()


def colour(value: str, under: Colour = (1, 1, 1)) -> Colour | None:
    """The colour that a declaration's value paints, over what lies under it; None for one that paints nothing."""
    found = re.search(
        r"var\((--[\w-]+)\)|#[0-9a-fA-F]{3,6}\b|rgb\(([\d. ]+)/\s*([\d.]+)\)|\bnone\b|\binherit\b", value
    )
    if found is None or found.group(0) in ("none", "inherit"):
        return None
    if found.group(1):
        return colour(VARIABLES[found.group(1)], under)
    if found.group(2):
        parts = [float(part) / 255 for part in found.group(2).split()]
        share = float(found.group(3))
        return tuple(share * part + (1 - share) * low for part, low in zip(parts, under, strict=True))  # type: ignore[return-value]
    digits = found.group(0)[1:]
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    return tuple(int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))  # type: ignore[return-value]


def luminance(of: Colour) -> float:
    """Relative luminance (WCAG 2.1)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in of)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """The ratio of WCAG 2.1, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_ratio_is_the_standards() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    grey = colour("#767676")
    assert grey is not None
    assert contrast(grey, (1, 1, 1)) == pytest.approx(4.54, abs=0.01)


def written() -> list[tuple[str, str, str]]:
    """(selector, its text's colour, what it lies on) of every rule that colours text."""
    found = []
    for rule in RULES:
        if "color" not in rule.declared or "disabled" in rule.selector or "fill" in rule.declared:
            continue
        own = rule.declared.get("background") or rule.declared.get("background-color")
        paints = own is not None and colour(own) is not None
        on = ON.get(rule.selector) or ((own,) if paints and own else SURFACES)
        found += [(rule.selector, rule.declared["color"], surface) for surface in on]
    return [one for one in found if colour(one[1]) is not None]


def painted() -> list[tuple[str, str, str]]:
    """(selector, a text's colour, what it lies on) of every rule that paints a surface for text of another rule."""
    found = []
    for rule in RULES:
        own = rule.declared.get("background") or rule.declared.get("background-color")
        if own is None or colour(own) is None or "color" in rule.declared or "::" in rule.selector:
            continue
        if rule.selector in ("html", ".zoom", "button.main:hover", ".button.main:hover"):
            continue
        found.append((rule.selector, "var(--ink)", own))
    return [*found, ("button.main:hover", "#fff", "var(--teal-dark)")]


@pytest.mark.parametrize(("selector", "text", "surface"), [*written(), *painted()])
def test_text_can_be_read(selector: str, text: str, surface: str) -> None:
    under = colour(surface)
    assert under is not None
    over = colour(text, under)
    assert over is not None
    assert contrast(over, under) >= TEXT, f"{selector}: {text} on {surface}"


@pytest.mark.parametrize(("edge", "surface", "what"), EDGES)
def test_edges_and_marks_can_be_seen(edge: str, surface: str, what: str) -> None:
    over, under = colour(edge), colour(surface)
    assert over is not None
    assert under is not None
    assert contrast(over, under) >= GRAPHIC, what


def test_enough_was_looked_at() -> None:
    assert len(written()) > 60
    assert len(painted()) > 8
    assert all(colour(value) is not None for value in VARIABLES.values())
    assert all(surface in [one[2] for one in written()] for surface, _ in product(SURFACES, [0]))
