"""Writing very many rows at once, for measurements: by COPY on PostgreSQL, in large batches elsewhere.

An area says in ``generate.py`` what its rows look like: ``OPTION`` names them on the command line, ``REAL`` are the rows
that are there beside generated ones, ``generate(count, chance, now)`` writes. ``manage.py generate_rows`` calls it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from django.db import connection, models

MARK = "generated:"
"""What the idempotency key of a generated row begins with."""
BATCH = 2_000


class Rows:
    """Writes rows of one model. ``common`` is what they all have; each row brings what is its own, by field name."""

    def __init__(self, model: type[models.Model], **common: Any) -> None:
        self._model = model
        self._common = common
        example = model(**common)
        self._fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        self._places = {name: place for place, field in enumerate(self._fields) for name in (field.name, field.attname)}
        self._row = [self._prepared(field, getattr(example, field.attname)) for field in self._fields]

    def write(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Writes them all and returns how many."""
        return self._copy(rows) if connection.vendor == "postgresql" else self._insert(rows)

    def _copy(self, rows: Iterable[Mapping[str, Any]]) -> int:
        quoted = connection.ops.quote_name
        columns = ", ".join(quoted(str(field.column)) for field in self._fields)
        written = 0
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {quoted(self._model._meta.db_table)} ({columns}) FROM STDIN") as copy,
        ):
            for row in rows:
                values = self._row.copy()
                for name, value in row.items():
                    place = self._places[name]
                    values[place] = self._prepared(self._fields[place], value)
                copy.write_row(values)
                written += 1
        return written

    def _insert(self, rows: Iterable[Mapping[str, Any]]) -> int:
        written = 0
        remaining = iter(rows)
        while found := list(islice(remaining, BATCH)):
            self._model._default_manager.bulk_create(self._model(**self._common, **row) for row in found)
            written += len(found)
        return written

    def _prepared(self, field: "models.Field[Any, Any]", value: Any) -> Any:
        # Texts, numbers and times go as they are; JSON needs its wrapper.
        return field.get_db_prep_save(value, connection) if isinstance(field, models.JSONField) else value


def moment(chance: Random, now: datetime, days: int) -> datetime:
    """Some time of the last ``days``, more of them by day than by night."""
    at = now - timedelta(seconds=chance.random() * days * 86_400)
    if not 7 <= at.hour < 21 and chance.random() < 0.7:
        at = at.replace(hour=7 + int(chance.random() * 14))
    return at if at <= now else at - timedelta(days=1)


def keys_of(rows: "models.QuerySet[Any, Any]", name: str) -> dict[str, int]:
    """The primary keys of rows that have just been written, by another unique field."""
    return dict(rows.values_list(name, "pk"))
