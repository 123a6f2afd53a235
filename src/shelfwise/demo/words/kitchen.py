"""The kitchen department's words."""

from shelfwise.demo.words.model import Department, ProductGroup, ProductType

COOKWARE = ProductGroup(
    name="Cookware",
    materials=("steel", "cast iron", "aluminium", "copper"),
    adjectives=("professional", "non-stick", "heavy", "induction", "classic", "matte"),
    uses=("Works on every hob, induction too.", "Heats evenly.", "Oven-safe up to 220 °C."),
    types=(
        ProductType(
            "Saucepans",
            "saucepan",
            49,
            ("saucepan", "milk pan", "pot"),
            (
                "a pouring lip and measuring marks",
                "high sides for sauces and soups",
                "a tight lid for simmering",
            ),
        ),
        ProductType(
            "Frying Pans",
            "frying_pan",
            45,
            ("frying pan", "skillet", "fry pan"),
            ("sloped low sides", "sears steaks and flips omelettes", "a wide flat base for frying"),
        ),
    ),
)

TABLEWARE = ProductGroup(
    name="Tableware",
    materials=("stoneware", "porcelain", "glass", "bamboo"),
    adjectives=("hand-glazed", "stackable", "rustic", "speckled", "fine", "matte"),
    uses=(
        "Dishwasher and microwave safe.",
        "For slow breakfasts and long dinners.",
        "Sold singly, easy to add to.",
    ),
    types=(
        ProductType(
            "Mugs",
            "mug",
            14,
            ("mug", "coffee cup", "cup"),
            ("holds 350 ml of coffee", "a handle for three fingers", "keeps tea warm"),
        ),
        ProductType(
            "Plates",
            "plate",
            17,
            ("plate", "dinner plate", "side plate"),
            ("a raised rim", "27 cm across", "room for a generous main course"),
        ),
        ProductType(
            "Wine Glasses",
            "wine_glass",
            22,
            ("wine glass", "goblet", "stemware"),
            ("a long thin stem", "a bowl that opens the bouquet", "a fine lip for red and white"),
        ),
    ),
)

APPLIANCES = ProductGroup(
    name="Appliances",
    materials=("steel", "plastic", "enamel", "glass"),
    adjectives=("compact", "retro", "quiet", "rapid", "cordless", "matte"),
    uses=("Switches itself off.", "Two-year guarantee.", "Small enough for any counter."),
    types=(
        ProductType(
            "Kettles",
            "kettle",
            55,
            ("kettle", "water boiler"),
            ("boils 1.7 litres in minutes", "a gooseneck spout", "a limescale filter"),
        ),
        ProductType(
            "Toasters",
            "toaster",
            52,
            ("toaster", "two-slicer"),
            ("two wide slots", "six browning levels and a crumb tray", "a defrost button for frozen bread"),
        ),
    ),
)

TOOLS = ProductGroup(
    name="Kitchen Tools",
    materials=("steel", "oak", "walnut", "bamboo"),
    adjectives=("professional", "hand-finished", "solid", "everyday", "rustic", "balanced"),
    uses=("A pleasure to cook with.", "Oil it now and then.", "Wash by hand."),
    types=(
        ProductType(
            "Knives",
            "knife",
            39,
            ("chef's knife", "santoku", "blade"),
            ("holds its edge for months", "a riveted handle and full tang", "cuts herbs, meat and onions"),
        ),
        ProductType(
            "Cutting Boards",
            "cutting_board",
            32,
            ("cutting board", "chopping board", "carving board"),
            ("a juice groove", "end grain that is kind to edges", "rubber feet and a hole to hang it by"),
        ),
    ),
)

KITCHEN = Department(
    name="Kitchen",
    brands=(
        "Küchenglück",
        "Maison Orval",
        "Ember & Salt",
        "Takumi",
        "Potter's Yard",
        "Brasa",
        "Nordkok",
        "Simmer",
    ),
    audiences=("hobby cooks", "professionals", "students", "families"),
    occasions=("everyday", "dinner party", "breakfast", "gift"),
    groups=(COOKWARE, TABLEWARE, APPLIANCES, TOOLS),
)
