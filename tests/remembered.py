"""Rows that many tests begin with, made once by the code that makes them and written again for each test after that.

A company of seven people with its policies is some hundred statements with all their signals; its rows are nine.
"""

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, connection, transaction

LEFT_OUT = {"temporal_worker_changecounter"}
"""Only tells open pages that something has moved."""
Rows = dict[str, dict[Any, tuple[Any, ...]]]
"""By table and key."""
_kept: dict[object, Rows] = {}


def rows_of(key: object, make: Callable[[], None]) -> None:
    """What ``make`` writes. ``key`` says what it depends on beside its own code: the rows that it finds, above all."""
    if key in _kept and _write(_kept[key]):
        return
    before = _all_rows()
    make()
    after = _all_rows()
    changed = any(after[table].get(key) != row for table, rows in before.items() for key, row in rows.items())
    if not changed:  # rows that were there already cannot be made by adding some
        _kept[key] = {
            table: {key: row for key, row in rows.items() if key not in before[table]} for table, rows in after.items()
        }


def _write(kept: Rows) -> bool:
    """False, and nothing written, where the keys are taken by what a test has made before."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for table, rows in kept.items():
                if rows:
                    places = ", ".join(["%s"] * len(next(iter(rows.values()))))
                    cursor.executemany(f'INSERT INTO "{table}" VALUES ({places})', list(rows.values()))
            connection.check_constraints()
    except IntegrityError:
        return False
    return True


def _all_rows() -> Rows:
    rows: Rows = {}
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        for table in set(tables) - LEFT_OUT:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows[table] = {row[0]: row for row in cursor.fetchall()}
    return rows
