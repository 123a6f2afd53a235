"""What the usual names of catalog columns tell about them."""

from __future__ import annotations

import re


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ID_NAMES = _names(
    "id product_id productid item_id itemid sku sku_id asin uniq_id unique_id listing_id offer_id "
    "article_id article_number article_no item_number item_no product_number product_no variant_id pid "
    "uid uuid guid gtin ean upc barcode isbn mpn product_code item_code article_code nr no index "
    "unnamed_0"
)
"""Names of id columns, the likeliest first."""
WEAK_ID_NAMES = frozenset(
    _names("gtin ean upc barcode isbn mpn item_code article_code nr no index unnamed_0")
)
"""Those that are ids only where nearly every row has its own value."""

GROUP_NAMES = frozenset(
    _names(
        "product_code parent_id parent_sku parent_asin parent_product_id parent_code group_id item_group_id "
        "item_group product_group_id variant_group variant_group_id variation_group style_id style_code "
        "style_number model_id model_code master_id master_product_id master_sku family_id family_code "
        "base_id base_product_id spu handle parent product_id article_code duplicate_of cluster_id"
    )
)
"""Names of columns whose value variants of one product share."""

TEXT_NAMES = frozenset(
    _names(
        "title name product_name product_title item_name item_title long_name short_name display_name "
        "product_display_name subtitle headline caption text body body_html html details features keywords "
        "tags summary about bullet_points specifications specification specs ingredients highlights"
    )
)
TITLE_NAMES = _names(
    "title product_title item_title name product_name item_name display_name product_display_name "
    "long_name headline short_name"
)
"""Names of the column that says in a few words what a product is, the likeliest first."""

BRAND_NAMES = frozenset(
    _names("brand brand_name manufacturer maker vendor merchant seller label_name designer")
)
CATEGORY_WORDS = frozenset(
    _names(
        "category categories colour color season gender sex usage department type class segment section "
        "material fabric pattern size fit style condition age country origin level division collection "
        "occasion taxonomy breadcrumb unit currency availability status group"
    )
)
PATH_WORDS = frozenset(_names("path paths breadcrumb breadcrumbs tree taxonomy"))
NUMBER_WORDS = frozenset(
    _names(
        "price cost msrp rrp weight height width length depth rating ratings stars reviews count quantity "
        "qty stock discount amount volume num number_of sales rank score percent tax vat capacity"
    )
)
CODE_WORDS = frozenset(
    _names(
        "id ids code codes ean gtin upc isbn mpn sku asin barcode barcodes zip postcode phone key nr no uuid "
        "guid hts hs"
    )
)
IMAGE_WORDS = frozenset(_names("image images img picture pictures photo photos thumbnail thumb foto bild"))
LEVEL_NAME = re.compile(r"^(lvl|level|l|cat|category)_?\d+(_|$)")


def normal_name(name: str) -> str:
    """A column's name in lower case with underscores between words.

    >>> normal_name("ProductID"), normal_name("Item Group-Id"), normal_name("CategoryText")
    ('product_id', 'item_group_id', 'category_text')
    """
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.strip())
    return re.sub(r"[^\w]+|_+", "_", split.lower()).strip("_")


def words(name: str) -> frozenset[str]:
    """The words of a normalised name."""
    return frozenset(name.split("_"))
