"""Search in products' texts, by each database's own index of words."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, TextClause, column, text

MAX_QUERY_WORDS = 12
FEW = 1_500
"""Products that are handed over as a list of keys."""


def matching_products(connection: Connection, words: Sequence[str], *, prefix: bool) -> TextClause | Select:
    """The keys of products that hold every one of ``words`` (as `words_of` gives them), for ``IN (…)``.

    ``prefix``: the last word may be the beginning of one, as while a person types.
    """
    wanted = list(dict.fromkeys(words))[:MAX_QUERY_WORDS]
    if connection.dialect.name == "sqlite":
        # Every word in quotes: without them AND, OR and NOT would be operators.
        marks = [f'"{word}"' for word in wanted]
        query = " ".join(marks) + ("*" if prefix and marks else "")
        return _keys("SELECT rowid FROM product_words WHERE product_words MATCH :query", query=query)
    marks = [f"'{word}'" for word in wanted]
    query = " & ".join(marks) + (":*" if prefix and marks else "")
    statement = "SELECT rowid FROM product_words WHERE words @@ CAST(:query AS tsquery)"
    found = _keys(f"{statement} LIMIT {FEW + 1}", query=query)
    keys = [row.rowid for row in connection.execute(found)]
    # Few are best looked up by their keys, of many some come soon in any order; PostgreSQL cannot tell which it
    # is, for it does not know how many words begin like this.
    if len(keys) <= FEW:
        return _keys("SELECT unnest(CAST(:keys AS BIGINT[])) AS rowid", keys=keys)
    return _keys(statement, query=query)


def _keys(statement: str, **values: object) -> TextClause | Select:
    return text(statement).bindparams(**values).columns(column("rowid"))  # type: ignore[return-value]


def put_words(connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Index products' words (key, `searchable` text), in place of what was indexed for them before."""
    if not rows:
        return
    given = [{"pk": pk, "words": words} for pk, words in rows]
    connection.execute(text("DELETE FROM product_words WHERE rowid = :pk"), given)
    value = ":words"
    if connection.dialect.name == "postgresql":
        # Our words as they are: the server's own splitting and stemming would find others.
        value = "array_to_tsvector(string_to_array(:words, ' '))"
    connection.execute(text(f"INSERT INTO product_words (rowid, words) VALUES (:pk, {value})"), given)
