"""A small shop in which it is known which labels are wrong, which products are variants, and which categories are alike."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

KINDS = {
    "Home > Kitchen > Pans": ("pan", "skillet", "wok"),
    "Home > Kitchen > Knives": ("knife", "blade", "cleaver"),
    "Home > Bath": ("towel", "bathrobe", "sponge"),
    "Garden > Tools": ("rake", "spade", "hoe"),
}
WRONG = (11, 30, 77, 102)
VARIANTS = ((150, 151, 152), (160, 161))
BRANDS = ("Acme", "Bolt", "Crux", "Dorn")


def shop_rows(products: int = 240, seed: int = 0) -> list[dict[str, str]]:
    """Products of four kinds in turn; those in ``WRONG`` carry the next kind's category."""
    random = np.random.default_rng(seed)
    paths = list(KINDS)
    rows = []
    for number in range(products):
        kind = number % len(paths)
        words = KINDS[paths[kind]]
        label = paths[(kind + 1) % len(paths)] if number in WRONG else paths[kind]
        code = "".join(random.choice(list("bcdfghklmnprstv"), 6))
        rows.append(
            {
                "id": f"p{number:04d}",
                "title": f"{words[random.integers(3)]} {code} for the {paths[kind].split(' > ')[-1].lower()}",
                "brand": BRANDS[(number // 4) % 4],
                "price": f"{5 + 20 * kind + random.random() * 9:.2f}",
                "category": label,
            }
        )
    for together in VARIANTS if products > VARIANTS[-1][-1] else ():
        for row, colour in zip(together, ("red", "navy blue", "size XL"), strict=False):
            rows[row] = {
                **rows[together[0]],
                "id": rows[row]["id"],
                "title": f"{rows[together[0]]['title']} {colour}",
            }
    return rows


def write_shop(folder: Path, rows: list[dict[str, str]], name: str = "shop.csv") -> Path:
    """The rows as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


def with_photos(folder: Path, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows with a column ``photo``: stripes of each product's own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(rows):
        random = np.random.default_rng(number)
        pixels = np.kron(random.integers(0, 255, (6, 6, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{row['id']}.png")
    return [{**row, "photo": f"{row['id']}.png"} for row in rows]
