"""An empty database after a test that commits, without making the roles and rights of all areas anew each time.

Django's ``flush`` empties every table and sends ``post_migrate``, which writes content types, permissions and roles again: a
quarter of a second, after each of hundreds of tests. What that signal writes is kept here instead, unless a test changed it.
"""

from typing import Any

from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection
from django.test import TransactionTestCase

KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
"""What ``post_migrate`` writes, in an order in which rows follow those that they point at."""

_written: list[list[tuple[Any, ...]]] = []


def install() -> None:
    """For all tests of this process."""
    TransactionTestCase._fixture_teardown = _teardown  # type: ignore[attr-defined]


def _teardown(case: TransactionTestCase) -> None:
    """In the place of Django's own, which flushes."""
    if not _written or _kept_rows() != _written:
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
        _written[:] = _kept_rows()
        return
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - set(KEPT)
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), sorted(tables)))


def _kept_rows() -> list[list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        rows = []
        for table in KEPT:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            rows.append(cursor.fetchall())
    return rows
