"""The books and toys department's words."""

from shelfwise.demo.words.model import Department, ProductGroup, ProductType

BOOKS = ProductGroup(
    name="Books",
    materials=("paper", "linen", "cloth", "recycled paper"),
    adjectives=("illustrated", "award-winning", "best-selling", "signed", "new", "complete"),
    uses=("With a ribbon and an index.", "Printed in Europe.", "Hardcover, 320 pages."),
    types=(
        ProductType(
            "Novels",
            "book",
            18,
            ("novel", "thriller", "romance"),
            (
                "a family secret and a night train",
                "a detective returns to the island",
                "a love story in letters",
            ),
        ),
        ProductType(
            "Cookbooks",
            "book",
            29,
            ("cookbook", "recipes", "kitchen bible"),
            (
                "eighty dishes for weeknights",
                "soups, breads and roasts step by step",
                "photographs of each plate",
            ),
        ),
    ),
)

STATIONERY = ProductGroup(
    name="Stationery",
    materials=("paper", "leather", "brass", "recycled paper"),
    adjectives=("pocket", "refillable", "classic", "fine", "ruled", "slim"),
    uses=("For lists, letters and ideas.", "Made for daily writing.", "A handsome gift for a desk."),
    types=(
        ProductType(
            "Notebooks",
            "notebook",
            14,
            ("notebook", "journal", "dotted pad"),
            ("192 dotted pages", "an elastic band and spiral spine", "numbered pages that do not bleed"),
        ),
        ProductType(
            "Pens",
            "pen",
            24,
            ("pen", "fountain pen", "rollerball"),
            ("a medium nib", "ink that dries at once", "a clip for the shirt pocket"),
        ),
    ),
)

TOYS = ProductGroup(
    name="Toys",
    materials=("plush", "beech", "plastic", "cotton"),
    adjectives=("cuddly", "first", "classic", "little", "jolly", "wooden"),
    uses=("Safe from twelve months.", "Sparks hours of play.", "Colours free of solvents."),
    types=(
        ProductType(
            "Teddy Bears",
            "teddy",
            22,
            ("teddy", "teddy bear", "soft toy"),
            ("button eyes and a stitched nose", "wonderfully huggable fur", "sleeps in every cot"),
        ),
        ProductType(
            "Toy Cars",
            "toy_car",
            16,
            ("toy car", "racer", "push car"),
            ("four rolling wheels", "a pull-back motor", "doors that open and a driver"),
        ),
        ProductType(
            "Building Blocks",
            "blocks",
            27,
            ("building blocks", "bricks", "stacking set"),
            ("sixty pieces in a bag", "letters on each face", "towers, bridges and castles"),
        ),
    ),
)

GAMES = ProductGroup(
    name="Games",
    materials=("cardboard", "beech", "recycled paper", "plastic"),
    adjectives=("family", "award-winning", "travel", "classic", "new", "illustrated"),
    uses=("From eight years up.", "For rainy Sundays.", "Fun across generations."),
    types=(
        ProductType(
            "Board Games",
            "board_game",
            34,
            ("board game", "strategy game", "dice game"),
            ("two to five players", "dice, cards and wooden pawns", "a round takes an hour"),
        ),
        ProductType(
            "Puzzles",
            "puzzle",
            19,
            ("puzzle", "jigsaw"),
            ("1,000 pieces", "a poster to lay it by", "pieces that click together"),
        ),
    ),
)

BOOKS_TOYS = Department(
    name="Books & Toys",
    brands=(
        "Paper Lantern",
        "Éditions Brume",
        "Little Otter",
        "Spielwiese",
        "Inkwell",
        "Hobnob",
        "Blue Door",
    ),
    audiences=("kids", "adults", "families", "collectors"),
    occasions=("gift", "holiday", "birthday", "everyday"),
    groups=(BOOKS, STATIONERY, TOYS, GAMES),
)
