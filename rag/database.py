"""The registry's engine and schema: SQLite in WAL mode by default, PostgreSQL by URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from rag.errors import RegistryUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 30


def connect(url: str) -> Engine:
    """Return an engine for `url`, whose errors hold no values.

    SQLite's writers take the lock when they begin, so that none fails half-way.
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    Path(make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Session]:
    """One transaction: committed at the end, rolled back on an error. Raise RegistryUnavailable if it cannot run."""
    try:
        with (
            engine.connect().execution_options(writes=writes) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.commit()
    except OperationalError as exc:
        raise RegistryUnavailable(f"{shown(engine.url)}: {exc.orig}") from exc


def shown(url: str | URL) -> str:
    """Return a URL as it may be read by anyone: without its password and its options, which may hold another."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def migrate(url: str) -> None:
    """Bring the schema at `url` to the newest revision. Safe to run by several processes one after another."""
    engine = connect(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect().execution_options(writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()
