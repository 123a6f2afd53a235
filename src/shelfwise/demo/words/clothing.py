"""The clothing department's words."""

from shelfwise.demo.words.model import Department, ProductGroup, ProductType

TOPS = ProductGroup(
    name="Tops",
    materials=("cotton", "linen", "merino", "viscose"),
    adjectives=("slim", "relaxed", "striped", "plain", "oversized", "classic"),
    uses=("Layers well under a jacket.", "Made for long days in the city.", "Soft against the skin all day."),
    types=(
        ProductType(
            "T-Shirts",
            "t_shirt",
            19,
            ("T-shirt", "tee", "crew-neck"),
            (
                "short sleeves and a round neck",
                "a ribbed neckline that keeps its shape",
                "a small print on the chest",
            ),
        ),
        ProductType(
            "Shirts",
            "shirt",
            45,
            ("shirt", "button-down", "Oxford"),
            (
                "a pointed collar and mother-of-pearl buttons",
                "buttoned cuffs",
                "a breast pocket and a curved hem",
            ),
        ),
        ProductType(
            "Sweaters",
            "sweater",
            59,
            ("sweater", "pullover", "jumper"),
            ("a chunky knit", "ribbed cuffs and hem", "a warm rolled neck"),
        ),
    ),
)

BOTTOMS = ProductGroup(
    name="Bottoms",
    materials=("cotton", "denim", "wool", "linen"),
    adjectives=("slim", "tapered", "high-rise", "relaxed", "pleated", "classic"),
    uses=("Sits comfortably at the waist.", "Goes from desk to dinner.", "Moves with you."),
    types=(
        ProductType(
            "Trousers",
            "trousers",
            65,
            ("trousers", "chinos", "pants"),
            ("full-length straight legs", "pressed creases", "ankle-length legs with turn-ups"),
        ),
        ProductType(
            "Shorts",
            "shorts",
            35,
            ("shorts", "bermudas"),
            ("ends above the knee", "a short inseam", "a drawstring for the beach"),
        ),
        ProductType(
            "Skirts",
            "skirt",
            42,
            ("skirt", "midi", "A-line"),
            ("a swinging hem", "a hidden side zip and soft flare", "falls just over the knee and flares out"),
        ),
    ),
)

SHOES = ProductGroup(
    name="Shoes",
    materials=("leather", "suede", "canvas", "mesh"),
    adjectives=("lightweight", "everyday", "cushioned", "low", "sturdy", "classic"),
    uses=("Comfortable from the first step.", "Grips on wet pavement.", "Runs true to size."),
    types=(
        ProductType(
            "Sneakers",
            "sneaker",
            79,
            ("sneakers", "trainers", "runners"),
            ("a springy foam midsole", "flat laces and a padded tongue", "a breathable toe box"),
        ),
        ProductType(
            "Boots",
            "boot",
            129,
            ("boots", "Chelseas", "ankle boots"),
            ("a high shaft with a pull tab", "a lugged winter sole", "a warm lining up to the ankle"),
        ),
        ProductType(
            "Sandals",
            "sandal",
            49,
            ("sandals", "slides"),
            ("open toes and adjustable straps", "a moulded cork footbed", "a buckle at the heel strap"),
        ),
    ),
)

ACCESSORIES = ProductGroup(
    name="Accessories",
    materials=("leather", "wool", "straw", "acetate"),
    adjectives=("vintage", "classic", "minimal", "bold", "everyday", "oversized"),
    uses=("Finishes any outfit.", "A gift that fits everyone.", "Travels well."),
    types=(
        ProductType(
            "Hats",
            "hat",
            29,
            ("hat", "fedora", "sun hat"),
            ("a wide brim", "a grosgrain band around the crown", "shades face and neck"),
        ),
        ProductType(
            "Handbags",
            "handbag",
            99,
            ("handbag", "tote", "shoulder bag"),
            (
                "two top handles",
                "a zipped inner pocket and magnetic clasp",
                "room for keys, wallet and diary",
            ),
        ),
        ProductType(
            "Sunglasses",
            "sunglasses",
            69,
            ("sunglasses", "shades"),
            ("polarised lenses", "UV400 protection", "spring hinges and tinted lenses"),
        ),
    ),
)

CLOTHING = Department(
    name="Clothing",
    brands=(
        "Norrvik",
        "Ateliér Mèze",
        "Bramble & Co",
        "Fjällgård",
        "Lucca Nine",
        "Tailor Row",
        "Sól",
        "Wren",
    ),
    audiences=("women", "men", "kids", "unisex"),
    occasions=("everyday", "office", "party", "holiday"),
    groups=(TOPS, BOTTOMS, SHOES, ACCESSORIES),
)
