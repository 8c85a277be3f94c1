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

Rows = dict[str, dict[int, tuple[Any, ...]]]
"""By table and key."""
_written: Rows = {}


def install() -> None:
    """For all tests of this process."""
    TransactionTestCase._fixture_teardown = _teardown  # type: ignore[attr-defined]


def _teardown(case: TransactionTestCase) -> None:
    """In the place of Django's own, which flushes."""
    now = _kept_rows()
    if not _written or any(now[table].get(key) != row for table in KEPT for key, row in _written[table].items()):
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
        _written.update(_kept_rows())
        return
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - set(KEPT)
    statements = connection.ops.sql_flush(no_style(), sorted(tables))
    for table in reversed(KEPT):  # groups that the test made
        if added := now[table].keys() - _written[table].keys():
            statements.append(f"DELETE FROM {table} WHERE id IN ({', '.join(map(str, added))})")
    connection.ops.execute_sql_flush(statements)


def _kept_rows() -> Rows:
    rows: Rows = {}
    with connection.cursor() as cursor:
        for table in KEPT:
            cursor.execute(f"SELECT id, t.* FROM {table} t")
            rows[table] = {row[0]: row for row in cursor.fetchall()}
    return rows
