"""The tables of the desk's database as statements are written against them; `migrations` makes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, MetaData, Table, Text

metadata = MetaData()

_Key = BigInteger().with_variant(Integer, "sqlite")


meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
"""``schema_version``, ``secret`` (signs cookies), ``kind`` (path or labels)."""

models = Table(
    "models",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("taxonomy", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("added_at", Double, nullable=False),
)
"""Every model whose predictions were ever queued; ``taxonomy`` is the version of its categories."""

arrivals = Table(
    "arrivals",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("model", _Key, ForeignKey("models.id"), nullable=False),
    Column("file", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("added_at", Double, nullable=False),
)
"""Every prediction file that was queued, with what is told of it (categories, confidence, inputs)."""

products = Table(
    "products",
    metadata,
    Column("pk", _Key, primary_key=True),
    Column("id", Text, nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("arrival", _Key, ForeignKey("arrivals.id"), nullable=False),
    Column("model", _Key, ForeignKey("models.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("route", Text, nullable=False),
    Column("to_review", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lacking", Text, nullable=False),
    Column("worth", Double, nullable=False),
    Column("sample", Double, nullable=False),
    Column("alike", _Key, nullable=False),
    Column("status", Text, nullable=False),
    Column("votes", Integer, nullable=False),
    Column("lease_by", Text, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("lease_lead", _Key, nullable=False),
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
    Column("parts", Text, nullable=False),
    Column("alternatives", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("explanation", Text, nullable=False),
)
"""What only a product's own page needs, as JSON; ``explanation`` is empty where predictions had none."""

decisions = Table(
    "decisions",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("product", _Key, ForeignKey("products.pk"), nullable=False),
    Column("person", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("model", _Key, ForeignKey("models.id"), nullable=False),
    Column("taxonomy", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("undoes", _Key, ForeignKey("decisions.id"), nullable=True),
    Column("rule", _Key, nullable=True),
)
"""Everything anyone ever decided, in order. Rows are added and never changed: the database itself refuses it."""

rules = Table(
    "rules",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("field", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("active", Integer, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", Double, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("made_at", Double, nullable=False),
)
"""Who has a token of their own; the empty name stands for everyone else (the shared token)."""

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", Double, nullable=False),
)
"""Failed sign-ins of the last minutes."""
