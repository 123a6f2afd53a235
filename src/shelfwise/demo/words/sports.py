"""The sports department's words."""

from shelfwise.demo.words.model import Department, ProductGroup, ProductType

GAMES = ProductGroup(
    name="Ball Games",
    materials=("rubber", "leather", "carbon", "polyester"),
    adjectives=("match", "training", "club", "pro", "junior", "classic"),
    uses=("For club and school.", "Tested by coaches.", "Plays well in all weathers."),
    types=(
        ProductType(
            "Footballs",
            "football",
            29,
            ("football", "match ball", "soccer ball"),
            ("thermally bonded panels", "size 5 with a butyl bladder", "flies true to the far post"),
        ),
        ProductType(
            "Tennis Rackets",
            "racket",
            119,
            ("racket", "tennis racket", "frame"),
            ("strung at 25 kg", "a head of 645 cm²", "a grip that absorbs sweat on serve"),
        ),
    ),
)

OUTDOOR = ProductGroup(
    name="Outdoor",
    materials=("nylon", "polyester", "canvas", "steel"),
    adjectives=("ultralight", "waterproof", "rugged", "trail", "expedition", "packable"),
    uses=("Ready for weekend trips.", "Keeps rain out.", "Weighs next to nothing."),
    types=(
        ProductType(
            "Tents",
            "tent",
            189,
            ("tent", "dome", "shelter"),
            ("sleeps two with an awning", "aluminium poles and pegs", "a flysheet and taped groundsheet"),
        ),
        ProductType(
            "Backpacks",
            "backpack",
            79,
            ("backpack", "rucksack", "daypack"),
            ("28 litres and a hip belt", "padded shoulder straps", "a laptop sleeve and side pockets"),
        ),
        ProductType(
            "Water Bottles",
            "bottle",
            24,
            ("water bottle", "flask", "canteen"),
            ("keeps drinks cold for 24 hours", "a leak-proof cap", "750 ml, fits a cup holder"),
        ),
    ),
)

FITNESS = ProductGroup(
    name="Fitness",
    materials=("rubber", "cork", "cast iron", "foam"),
    adjectives=("home-gym", "training", "studio", "pro", "everyday", "compact"),
    uses=("For home and studio.", "With a plan of twelve exercises.", "Does not slip."),
    types=(
        ProductType(
            "Dumbbells",
            "dumbbell",
            45,
            ("dumbbell", "hand weight", "free weight"),
            ("a knurled bar between hexagonal heads", "10 kg each", "does not roll away between sets"),
        ),
        ProductType(
            "Yoga Mats",
            "yoga_mat",
            35,
            ("yoga mat", "exercise mat", "pilates mat"),
            ("rolls up with a strap", "5 mm thick to spare the knees", "alignment lines for asanas"),
        ),
    ),
)

CYCLING = ProductGroup(
    name="Cycling",
    materials=("aluminium", "carbon", "steel", "foam"),
    adjectives=("urban", "road", "gravel", "commuter", "junior", "aero"),
    uses=("For the way to work and back.", "Reflective details at night.", "Serviced in every bike shop."),
    types=(
        ProductType(
            "Bicycles",
            "bicycle",
            749,
            ("bicycle", "bike", "cruiser"),
            ("eight gears and disc brakes", "28-inch wheels", "mudguards and a rack included"),
        ),
        ProductType(
            "Helmets",
            "helmet",
            69,
            ("helmet", "lid"),
            ("a dial to fit the head", "fourteen vents", "a chin strap with magnetic buckle"),
        ),
    ),
)

SPORTS = Department(
    name="Sports",
    brands=("Corrida", "Alpenglüh", "Northpeak", "Kinetik", "Ráfaga", "Baseline", "Wildtrail", "Pedalo"),
    audiences=("women", "men", "kids", "unisex"),
    occasions=("training", "competition", "holiday", "everyday"),
    groups=(GAMES, OUTDOOR, FITNESS, CYCLING),
)
