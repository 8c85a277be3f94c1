"""PostgreSQL says at once that a change counter has grown, so pages need not wait until somebody asks again.

Whoever counts says so in the change's own transaction, and whoever follows listens on a connection of its own: one for each
process, and only while somebody looks. What is heard is a hint and no more; the counters are read as ever. Other databases
say nothing, and a pooler that hands out connections for one transaction each lets nothing through: then they are asked.
"""

from time import monotonic

import structlog
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

CHANNEL = "callboard_changes"
TRIED_AGAIN_AFTER = 10.0
"""Seconds after which a lost connection is opened again."""

log = structlog.get_logger(__name__)


def announce(using: str) -> None:
    """Says with the commit of the current transaction that something was counted."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


class Announcements:
    """What is heard of them, for one thread; ``close`` belongs to that thread too."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._connection: BaseDatabaseWrapper | None = None
        self._closed_at = float("-inf")
        self._is_trusted = connections[self._using].vendor == "postgresql"

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def are_heard(self) -> bool:
        """Whether it is worth waiting for one. Opens the connection if there is none."""
        if not self._is_trusted:
            return False
        if self._connection is None and monotonic() - self._closed_at > TRIED_AGAIN_AFTER:
            try:
                # Not the thread's own, which is given back after each read.
                self._connection = connections[self._using].copy()
                with self._connection.cursor() as cursor:
                    cursor.execute(f"LISTEN {CHANNEL}")
            except Exception as error:
                self._lost(error)
        return self.is_open

    def wait(self, seconds: float) -> bool:
        """Whether one came within this time: all that have come are taken together."""
        if self._connection is None or self._connection.connection is None:
            return False
        try:
            found = list(self._connection.connection.notifies(timeout=seconds, stop_after=1))
            found += self._connection.connection.notifies(timeout=0)
        except Exception as error:
            self._lost(error)
            return False
        return bool(found)

    def distrust(self) -> None:
        """Something has changed that was not announced: they are not waited for any more."""
        log.info("changes_not_announced", why="a pooler in transaction mode, or a writer that does not announce")
        self._is_trusted = False
        self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _lost(self, error: Exception) -> None:
        log.info("announcements_lost", error=str(error))
        self._closed_at = monotonic()
        self.close()
