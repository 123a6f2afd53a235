"""Words that every department shares, and so tell nothing of the category: colours, model names, filler."""

COLOURS: dict[str, tuple[tuple[int, int, int], tuple[str, ...]]] = {
    "red": ((196, 52, 56), ("red", "cherry", "crimson")),
    "orange": ((226, 122, 48), ("orange", "apricot", "rust")),
    "yellow": ((232, 184, 62), ("yellow", "mustard", "honey")),
    "green": ((92, 140, 88), ("green", "sage", "forest")),
    "teal": ((44, 136, 140), ("teal", "petrol", "lagoon")),
    "blue": ((58, 96, 168), ("blue", "navy", "sky")),
    "purple": ((126, 82, 150), ("purple", "plum", "lilac")),
    "pink": ((222, 132, 156), ("pink", "blush", "rose")),
    "brown": ((134, 92, 62), ("brown", "cognac", "chestnut")),
    "beige": ((206, 184, 148), ("beige", "sand", "oat")),
    "grey": ((132, 138, 146), ("grey", "slate", "ash")),
    "black": ((52, 54, 62), ("black", "charcoal", "onyx")),
    "white": ((236, 234, 228), ("white", "ivory", "chalk")),
}
"""Colour family → its RGB (0–255) and the words sellers use for it."""

COMMON_BRANDS = ("Everyday Basics", "Zuhause", "Señal", "Goodfolk")
"""Brands that sell in every department."""

COMMON_ADJECTIVES = ("new", "premium", "essential", "original", "limited", "signature")

FIRST_SYLLABLES = (
    "Al",
    "Bo",
    "Cas",
    "Del",
    "El",
    "Fen",
    "Gar",
    "Hal",
    "Is",
    "Jo",
    "Kel",
    "Lor",
    "Mi",
    "Nor",
    "Or",
    "Pal",
)
LAST_SYLLABLES = (
    "ba",
    "den",
    "dra",
    "go",
    "ka",
    "lin",
    "lo",
    "mar",
    "na",
    "ro",
    "sa",
    "ta",
    "ton",
    "va",
    "vik",
    "zo",
)

FILLER = (
    "Free returns within 30 days.",
    "One of our best sellers.",
    "Designed in our own studio.",
    "Comes in a gift box.",
    "Small batches, fair wages.",
    "Customers like the quality.",
    "Back in stock after many requests.",
    "Photographed in daylight, so what you see is what you get.",
)
