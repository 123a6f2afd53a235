"""The tables of the desk's database as statements are written against them; `migrations` makes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, MetaData, Table, Text

metadata = MetaData()

_Key = BigInteger().with_variant(Integer, "sqlite")


def _numbered(name: str) -> Column[int]:
    return Column(name, _Key, primary_key=True)


def _refers(name: str, to: str) -> Column[int]:
    return Column(name, _Key, ForeignKey(to), nullable=False)


def _key(name: str) -> Column[int]:
    return Column(name, _Key, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _whole(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _real(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


meta = Table("meta", metadata, Column("name", Text, primary_key=True), _text("value"))
"""``schema_version``, ``secret`` (signs cookies), ``kind`` (path or labels)."""

models = Table(
    "models",
    metadata,
    _numbered("id"),
    _text("fingerprint"),
    _text("taxonomy"),
    _text("facts"),
    _real("added_at"),
)
"""Every model whose predictions were ever queued; ``taxonomy`` is the version of its categories."""

arrivals = Table(
    "arrivals",
    metadata,
    _numbered("id"),
    _refers("model", "models.id"),
    _text("file"),
    _text("digest"),
    _text("facts"),
    _real("added_at"),
)
"""Every prediction file that was queued, with what is told of it (categories, confidence, inputs)."""

products = Table(
    "products",
    metadata,
    _numbered("pk"),
    _text("id"),
    _whole("occurrence"),
    _refers("arrival", "arrivals.id"),
    _refers("model", "models.id"),
    _text("title"),
    _text("answer"),
    _real("confidence"),
    _text("route"),
    _whole("to_review"),
    _text("reason"),
    _text("lacking"),
    _real("worth"),
    _real("sample"),
    _key("alike"),
    _text("status"),
    _whole("votes"),
    _text("lease_by"),
    _real("lease_until"),
    _key("lease_lead"),
    Column("rule", _Key, nullable=True),
)
"""One row a product, kept narrow: lists and counts go through many.

``answer`` is a key (`keys`), ``occurrence`` counts products of one id within a file, ``alike`` is the product
that a batch of similar ones is named after, ``sample`` a number in [0, 1) that depends on the id alone,
``status`` one of open, decided, disputed."""

details = Table(
    "details",
    metadata,
    Column("product", _Key, ForeignKey("products.pk"), primary_key=True),
    _text("parts"),
    _text("alternatives"),
    _text("inputs"),
    _text("fields"),
    _text("explanation"),
)
"""What only a product's own page needs, as JSON; ``explanation`` is empty where predictions had none."""

decisions = Table(
    "decisions",
    metadata,
    _numbered("id"),
    _refers("product", "products.pk"),
    _text("person"),
    _real("at"),
    _text("action"),
    _text("before"),
    _text("after"),
    _real("confidence"),
    _refers("model", "models.id"),
    _text("taxonomy"),
    _text("queue"),
    _text("ticket"),
    Column("undoes", _Key, ForeignKey("decisions.id"), nullable=True),
    Column("rule", _Key, nullable=True),
)
"""Everything anyone ever decided, in order. Rows are added and never changed: the database itself refuses it."""

rules = Table(
    "rules",
    metadata,
    _numbered("id"),
    _text("field"),
    _text("value"),
    _text("words"),
    _text("target"),
    _text("made_by"),
    _real("made_at"),
    _whole("active"),
    _text("changed_by"),
    _real("changed_at"),
)

people = Table(
    "people",
    metadata,
    Column("name", Text, primary_key=True),
    _text("token"),
    _real("made_at"),
)
"""Who has a token of their own; the empty name stands for everyone else (the shared token)."""

attempts = Table(
    "attempts",
    metadata,
    _numbered("id"),
    _text("name"),
    _text("address"),
    _real("at"),
)
"""Failed sign-ins of the last minutes."""
