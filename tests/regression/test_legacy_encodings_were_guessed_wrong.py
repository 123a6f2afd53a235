"""Encodings were guessed from windows of 40 bytes, which cut characters of two bytes, and among too few letters."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfwise.catalog import Catalog

TITLES = [
    "レディース ワンピース 長袖 花柄",
    "本革 ビジネスシューズ 黒",
    "子供用 絵本 セット",
    "木製 椅子 ホワイト",
    "加湿器 大容量",
]
SHOPS = [
    ("cp932", "id,title\n1,腕時計 メンズ①\n2,鍋 26cm～28cm\n"),
    ("cp1250", "id,title\n1,Męskie skórzane buty białe\n2,Sukienka w kwiaty długi rękaw\n"),
    ("cp1250", "id,title\n" + "1,Męskie skórzane buty białe\n2,Sukienka w kwiaty długi rękaw\n" * 40),
    ("cp1250", "id,title\n1,Férfi bőr cipő fehér\n2,Női virágos ruha\n"),
    ("cp1252", "id,title\n1,Zapatillas para niño\n2,¿Regalo? para niña pequeña\n"),
    ("cp1252", "id,title,price\n1,Café mug,¥399\n"),
    ("cp1252", "id,title\n1,Barnaföt með stærð\n2,Þykk peysa úr íslenskri ull\n"),
    *(
        ("shift_jis", "id,title\n" + "".join(f"{row},{TITLES[row % len(TITLES)]}\n" for row in range(rows)))
        for rows in (15, 300)
    ),
]


@pytest.mark.parametrize(("encoding", "text"), SHOPS)
def test_titles_come_out_as_they_are(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(text.encode(encoding))
    written = [line.split(",")[1] for line in text.splitlines()[1:]]
    assert Catalog.read(path).column("title").to_pylist() == written
