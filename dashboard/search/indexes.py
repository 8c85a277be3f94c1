"""Indexes for "contains, in whatever case", which Django asks PostgreSQL as ``UPPER(column::text) LIKE UPPER('%…%')``.

Only a trigram index answers that without reading every row. One over all columns of a search serves each of them: a GIN
index of several columns is as quick for any of them (https://www.postgresql.org/docs/current/indexes-multicolumn.html).
They stand in migrations and not in ``Meta.indexes``, because SQLite, which the demo and most tests use, has no such kind.
"""

from collections.abc import Sequence
from typing import Any

from django.db import migrations


def trigram_index(name: str, table: str, columns: Sequence[str]) -> migrations.RunPython:
    """A migration's operation; the migration has to be ``atomic = False``. Does nothing on other databases.

    The extension comes with PostgreSQL, and whoever owns the database may add it (it is *trusted* since version 13).
    ``CONCURRENTLY``: people go on ordering while it is built.
    """

    def make(apps: Any, editor: Any) -> None:
        if editor.connection.vendor != "postgresql":
            return
        editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        # One that a broken build has left behind is there and of no use.
        editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        parts = ", ".join(f'UPPER("{column}"::text) gin_trgm_ops' for column in columns)
        editor.execute(f'CREATE INDEX CONCURRENTLY "{name}" ON "{table}" USING gin ({parts})')

    def drop(apps: Any, editor: Any) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')

    return migrations.RunPython(make, drop)
