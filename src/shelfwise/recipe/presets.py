"""Recipes by name, for those who do not want to write one."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "auto": {},
    "fast": {"training": {"folds": 1, "held_out": 0.1, "refit": False}},
    "paper-a": {
        "fusion": {
            "policies": [{"kind": "policy_network", "preset": "paper_trimodal"}, "ridge", "mean", "max"],
            "blend": False,
            "by_label": False,
        }
    },
    "paper-b": {"training": {"folds": 1, "patience": 15}},
}
"""Presets by name, and the values they set besides inputs and classifiers; what is given wins over them. With so much dropout
``paper-b`` goes on getting better until its schedule ends: a patience of 3 cost a point of whole paths on Myntra."""


def over_preset(values: dict[str, Any]) -> dict[str, Any]:
    """The values given, laid over those of the preset they name."""
    preset = values.get("preset")
    if not isinstance(preset, str) or preset not in PRESETS:
        return values
    merged = dict(values)
    for key, defaults in PRESETS[preset].items():
        given = values.get(key, {})
        merged[key] = {**defaults, **given} if isinstance(given, dict) else given
    return merged
