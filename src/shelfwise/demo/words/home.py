"""The home department's words."""

from shelfwise.demo.words.model import Department, ProductGroup, ProductType

LIGHTING = ProductGroup(
    name="Lighting",
    materials=("linen", "brass", "steel", "glass"),
    adjectives=("dimmable", "mid-century", "soft", "minimal", "industrial", "warm"),
    uses=("Casts a warm, even light.", "Bulb (E27) not included.", "Textile cable of 1.8 m."),
    types=(
        ProductType(
            "Table Lamps",
            "table_lamp",
            49,
            ("table lamp", "bedside lamp", "desk light"),
            ("a switch on the foot", "just right for the nightstand", "a squat round foot under the shade"),
        ),
        ProductType(
            "Floor Lamps",
            "floor_lamp",
            119,
            ("floor lamp", "standing lamp", "reading light"),
            ("160 cm tall with a foot pedal", "stands beside the sofa", "a slim pole on a weighted disc"),
        ),
        ProductType(
            "Pendant Lamps",
            "pendant_lamp",
            89,
            ("pendant lamp", "hanging light", "ceiling lamp"),
            ("hangs over the dining table", "a ceiling rose and adjustable drop", "for the ceiling hook"),
        ),
    ),
)

FURNITURE = ProductGroup(
    name="Furniture",
    materials=("oak", "walnut", "birch", "steel"),
    adjectives=("solid", "mid-century", "space-saving", "sturdy", "minimal", "rustic"),
    uses=("Arrives flat-packed with all tools.", "Finished with natural oil.", "Felt pads spare the floor."),
    types=(
        ProductType(
            "Chairs",
            "chair",
            99,
            ("chair", "dining chair", "side chair"),
            ("a curved backrest", "seat height 45 cm", "sits well through long evenings"),
        ),
        ProductType(
            "Tables",
            "table",
            249,
            ("table", "dining table", "desk"),
            ("seats six", "a top 160 cm long", "an extension leaf for guests"),
        ),
        ProductType(
            "Bookcases",
            "bookcase",
            159,
            ("bookcase", "shelving unit", "bookshelf"),
            ("five adjustable boards", "fixes to the wall", "holds novels and records"),
        ),
    ),
)

TEXTILES = ProductGroup(
    name="Textiles & Decoration",
    materials=("wool", "cotton", "jute", "stoneware"),
    adjectives=("handwoven", "patterned", "striped", "soft", "boho", "plain"),
    uses=("Makes a house a home.", "Each piece is slightly different.", "Brings colour to a plain room."),
    types=(
        ProductType(
            "Cushions",
            "cushion",
            25,
            ("cushion", "throw pillow", "scatter pillow"),
            ("a removable cover", "a feather filling", "50 × 50 cm with piped edges"),
        ),
        ProductType(
            "Rugs",
            "rug",
            139,
            ("rug", "carpet", "runner"),
            ("a dense low pile", "fringed ends", "160 × 230 cm with a non-slip backing"),
        ),
        ProductType(
            "Vases",
            "vase",
            35,
            ("vase", "flower vase", "urn"),
            ("a narrow neck for single stems", "watertight, thrown by hand", "for tulips and dried grass"),
        ),
    ),
)

HOME = Department(
    name="Home",
    brands=(
        "Hygge Hus",
        "Lumière Douce",
        "Oak & Ember",
        "Studio Aalto Nord",
        "Casa Tiza",
        "Møbelkraft",
        "Plain Goods",
    ),
    audiences=("living room", "bedroom", "hallway", "dining room"),
    occasions=("everyday", "housewarming", "gift", "guests"),
    groups=(LIGHTING, FURNITURE, TEXTILES),
)
