"""The electronics department's words."""

from shelfwise.demo.words.model import Department, ProductGroup, ProductType

AUDIO = ProductGroup(
    name="Audio",
    materials=("aluminium", "plastic", "fabric", "leather"),
    adjectives=("wireless", "hi-fi", "portable", "noise-free", "studio", "compact"),
    uses=("Bluetooth 5.3 with multipoint.", "Deep bass and clear voices.", "Up to 30 hours on a charge."),
    types=(
        ProductType(
            "Headphones",
            "headphones",
            129,
            ("headphones", "over-ears", "headset"),
            ("padded ear cups", "active noise cancelling", "a folding headband"),
        ),
        ProductType(
            "Speakers",
            "speaker",
            99,
            ("speaker", "boombox", "soundbox"),
            ("two drivers and a passive radiator", "fills the room", "pairs in stereo on the shelf"),
        ),
    ),
)

COMPUTING = ProductGroup(
    name="Computing",
    materials=("aluminium", "plastic", "magnesium", "rubber"),
    adjectives=("slim", "silent", "wireless", "ergonomic", "backlit", "compact"),
    uses=("Works with every operating system.", "Charges over USB-C.", "For the office and for play."),
    types=(
        ProductType(
            "Laptops",
            "laptop",
            899,
            ("laptop", "ultrabook", "notebook computer"),
            (
                "a 14-inch display and 16 GB of memory",
                "an eight-core processor",
                "a full day away from the socket",
            ),
        ),
        ProductType(
            "Keyboards",
            "keyboard",
            79,
            ("keyboard", "tenkeyless", "mechanical board"),
            ("tactile switches", "swappable keycaps", "87 keys with media row"),
        ),
        ProductType(
            "Computer Mice",
            "mouse",
            39,
            ("mouse", "trackpoint", "pointer"),
            ("a 16,000 dpi sensor", "a scroll wheel and two thumb buttons", "fits right or left hand"),
        ),
    ),
)

MOBILE = ProductGroup(
    name="Mobile & Photo",
    materials=("aluminium", "glass", "titanium", "plastic"),
    adjectives=("slim", "rugged", "pro", "compact", "fast", "lite"),
    uses=("Splash-proof (IP67).", "Shares pictures in seconds.", "Charges over USB-C."),
    types=(
        ProductType(
            "Smartphones",
            "smartphone",
            549,
            ("smartphone", "phone", "handset"),
            ("dual SIM and 5G", "a 6.1-inch screen", "face unlock and night calls"),
        ),
        ProductType(
            "Tablets",
            "tablet",
            399,
            ("tablet", "pad", "slate"),
            ("an 11-inch screen for films", "a stylus for sketching", "a kids' mode and split view"),
        ),
        ProductType(
            "Cameras",
            "camera",
            649,
            ("camera", "mirrorless", "compact cam"),
            ("a 24-megapixel sensor", "a fast prime lens", "in-body stabilisation and a flash shoe"),
        ),
    ),
)

ELECTRONICS = Department(
    name="Electronics",
    brands=("Voltaro", "Kōan Labs", "Pixelmond", "Auralis", "Ninebit", "Hertz & Söhne", "Teqno", "Orbit"),
    audiences=("students", "professionals", "gamers", "families"),
    occasions=("everyday", "office", "travel", "gift"),
    groups=(AUDIO, COMPUTING, MOBILE),
)
