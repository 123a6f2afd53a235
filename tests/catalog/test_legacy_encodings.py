"""Encodings from before UTF-8 are told by a few product titles; what cannot be told apart reads the same."""

from __future__ import annotations

import pytest

from shelfwise.catalog.legacy_encodings import guess_encoding

TITLES = {
    "German": ("cp1252", "Größe für Mädchen – weiß", "Küchenmesser 20 cm, geschärft", "Grüner Tee – 3,99 €"),
    "French": ("cp1252", "Robe légère, été", "Poêle à frire n° 2", "Œufs frais, cœur d’été", "Épices"),
    "Spanish": ("cp1252", "Zapatillas para niño", "¿Regalo? para niña pequeña", "¡Oferta! 1ª calidad"),
    "Portuguese": ("cp1252", "Calção de banho", "Fogão a gás", "Camisas e blusões de algodão", "Botões"),
    "Danish": ("cp1252", "Sort kjole til børn", "Grøn sofa med læder", "Rør Ø20 mm", "Blå håndklæde"),
    "Icelandic": ("cp1252", "Barnaföt, stærð 80", "Þvottavél með þurrkara", "Borðstofuborð úr eik"),
    "Catalan": ("cp1252", "Cafè mòlt natural", "Col·lecció d'hivern", "Cadira de càmping"),
    "signs": ("cp1252", "Lamp 20 W – 5 m²", "Sofa 2 m × 3 m", "Battery ½ size", "Tea 3,99 €", "Logo® ™"),
    "pounds": ("cp1252", "Desk lamp,£20", "Mug blue,£5"),
    "yen": ("cp1252", "Café mug,¥399"),
    "diameters": ("cp1252", "Rohr Ø 20 mm", "Ring ø 5 cm", "Stange Ø30"),
    "Polish": ("cp1250", "Męskie skórzane buty białe", "Łyżka", "Źródło światła", "Pościel, żółta"),
    "Hungarian": ("cp1250", "Férfi bőr cipő fehér", "Női virágos ruha", "Fűnyíró", "Törülköző"),
    "Czech": ("cp1250", "Pánské kožené boty bílé", "Žehlicí prkno", "Dřevěná židle", "Lžíce"),
    "Romanian": ("cp1250", "Pantofi bărbaţi din piele", "Cuţit de bucătărie", "Ceaşcă"),
    "Turkish": ("cp1254", "Çiçekli elbise uzun kollu", "Işıklı gece lambası", "İpek eşarp", "Gümüş küpe"),
    "Lithuanian": (
        "cp1257",
        "Virtuvės peilis, šviesus",
        "Suknelė su gėlėmis",
        "Rankšluostis mėlynas, ąžuolas",
    ),
    "Russian": ("cp1251", "Мужские кожаные ботинки", "Кухонный нож 20 см", "СТУЛ ДЕРЕВЯННЫЙ"),
    "Russian, Unix": ("koi8-r", "Мужские кожаные ботинки", "Кухонный нож 20 см", "СТУЛ ДЕРЕВЯННЫЙ"),
    "Ukrainian": ("cp1251", "Чоловічі шкіряні черевики", "Кухонний ніж", "Рушник синій, їжа"),
    "Greek": ("cp1253", "Ανδρικά δερμάτινα παπούτσια", "Καρέκλα ξύλινη", "Μαχαίρι κουζίνας"),
    "Hebrew": ("cp1255", "נעלי עור לגברים", "שמלה פרחונית", "סכין מטבח"),
    "Arabic": ("cp1256", "حذاء جلد للرجال", "فستان مزهر بأكمام طويلة", "سكين مطبخ"),
    "Thai": ("cp874", "รองเท้าหนังผู้ชาย", "มีดทำครัว", "เก้าอี้ไม้สีขาว"),
    "Japanese": ("cp932", "腕時計 メンズ①", "鍋 26cm～28cm", "㈱山田製作所 電動ドリル", "時計Ⅱ 防水"),
    "Japanese without kana": ("cp932", "腕時計", "加湿器 大容量 静音", "椅子"),
    "Japanese, half-width": ("cp932", "ﾒﾝｽﾞ 腕時計", "ｶｯﾌﾟ 青 250ml"),
    "Japanese, Unix": (
        "euc_jp",
        "レディース ワンピース 長袖 花柄",
        "木製 椅子 ホワイト",
        "包丁 ステンレス 20cm",
    ),
    "Chinese": ("gb18030", "男士真皮皮鞋 黑色", "厨房刀具套装", "不锈钢保温杯500ml"),
    "Chinese, traditional": ("cp950", "女裝連衣裙 長袖 碎花", "廚房刀具套裝", "不鏽鋼保溫杯"),
    "Korean": ("cp949", "남성 가죽 구두 블랙", "주방 칼 세트", "커피 머신 가정용"),
}


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("rows", [3, 80])
def test_titles_are_read_as_they_were_written(language: str, rows: int) -> None:
    encoding, *titles = TITLES[language]
    text = "\n".join(f"{row},{titles[row % len(titles)]},Acme,9.99" for row in range(max(rows, len(titles))))
    data = text.encode(encoding)
    assert data.decode(guess_encoding(data)) == text


@pytest.mark.parametrize("language", ["German", "Spanish", "Polish", "Hungarian", "Russian", "Greek"])
def test_capitals(language: str) -> None:
    encoding, *titles = TITLES[language]
    text = "\r\n".join(titles).upper()
    data = text.encode(encoding)
    assert data.decode(guess_encoding(data)) == text


def test_the_most_usual_of_those_that_read_it_alike() -> None:
    assert guess_encoding("sofá de café".encode("cp1250")) == "cp1252"


def test_languages_may_be_mixed() -> None:
    titles = [
        title for name in ("German", "French", "Spanish", "Danish", "pounds") for title in TITLES[name][1:]
    ]
    assert guess_encoding("\n".join(titles).encode("cp1252")) == "cp1252"


def test_nothing_foreign_and_nothing_that_fits() -> None:
    assert guess_encoding(b"plain") == "cp1252"
    assert isinstance(guess_encoding(bytes(range(256))), str)
