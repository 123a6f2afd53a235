"""What Wirojwatanakul & Wangperawong 2019 report, to stand beside a catalog's own figures: another data set, no bar to reach."""

from __future__ import annotations

DATA = (
    "Wirojwatanakul & Wangperawong 2019: 119,073 Amazon products, 29,073 of them tested on, "
    "122 labels of at least 400 products"
)

INPUT_MICRO_F1 = {"image": 0.610, "title": 0.827, "description": 0.770}
"""Table 1: micro-F1, 0–1; its threshold is not stated."""
FUSION_MICRO_F1 = {
    "max": 0.788,
    "mean": 0.817,
    "ridge": 0.830,
    "image + description": 0.820,
    "image + title": 0.850,
    "title + description": 0.870,
    "all inputs": 0.882,
}
"""Table 3; pairs and all inputs through policy networks."""
LABELS = {"labels": 122, "products a label, least": 558, "mean": 2_919, "most": 37_102, "labels a product": 3}
"""Section "Dataset"."""
WORST_MISSED = {
    "image": ("Martial Arts", 146, 154),
    "description": ("Women", 107, 134),
    "title": ("Horses", 167, 265),
    "all inputs": ("Chew Toys", 64, 132),
}
"""Tables 2 and 4, first rows: label, products missed, products in it."""


def of_input(name: str) -> float | None:
    """The paper's micro-F1 of an input that is called as in the paper, else None."""
    return INPUT_MICRO_F1.get(name.lower())


def of_fusion(kind: str, members: tuple[str, ...]) -> float | None:
    """The paper's micro-F1 of a policy over three inputs, or of a pair's or all inputs' policy network; None where it has none.

    >>> of_fusion("policy_network", ("title", "image"))
    0.85
    """
    names = {name.lower() for name in members}
    if kind in ("max", "mean", "ridge"):
        return FUSION_MICRO_F1[kind] if names == set(INPUT_MICRO_F1) else None
    if kind != "policy_network":
        return None
    if names == set(INPUT_MICRO_F1):
        return FUSION_MICRO_F1["all inputs"]
    return next((value for pair, value in FUSION_MICRO_F1.items() if set(pair.split(" + ")) == names), None)
