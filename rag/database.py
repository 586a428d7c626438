"""The registry's engine and schema: SQLite in WAL mode by default, PostgreSQL by URL."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import DeclarativeBase, Session

from rag.errors import RegistryUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 30
# A server that went away without a word is noticed within 45 s, not after the system's two hours.
POSTGRES_OPTIONS = {"connect_timeout": 5, "keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3}
MIGRATION_LOCK = 5711  # any number that no one else locks in this database
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL, UTF-8 no half of a surrogate pair


def connect(url: str) -> Engine:
    """Return an engine for `url`, whose errors hold no values.

    SQLite's writers take the lock when they begin, so that none fails half-way. Characters that a database
    cannot store are written, and searched for, as U+FFFD: texts keep their length, so that spans stay right.
    """
    if url.startswith("sqlite"):
        Path(make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(url, connect_args=POSTGRES_OPTIONS, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine, "before_cursor_execute", _storable, retval=True)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _storable(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> tuple[str, Any]:
    return statement, _replaced(parameters)


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {name: _replaced(part) for name, part in value.items()}
    return type(value)(_replaced(part) for part in value) if isinstance(value, list | tuple) else value


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
    except NoConnectionFree as exc:
        raise RegistryUnavailable(f"{shown(engine.url)}: all connections of this process are in use.") from exc


def shown(url: str | URL) -> str:
    """Return a URL as it may be read by anyone: without its password and its options, which may hold another."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def clock(session: Session) -> float:
    """Return the Unix time by the database's clock: workers on several machines must agree when a lease ends."""
    if session.get_bind().dialect.name == "sqlite":
        return time.time()
    return float(session.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())


def lock_name(session: Session, name: str) -> None:
    """Keep other transactions that lock this name waiting until this one ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def insert_if_new(session: Session, table: type[DeclarativeBase], **values: Any) -> None:
    """Insert a row unless there is one with its primary key, also if another process inserts it just now."""
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    session.execute(insert(table).values(**values).on_conflict_do_nothing())


def migrate(url: str) -> None:
    """Bring the schema at `url` to the newest revision. Several processes may do so: the others wait for the first."""
    engine = connect(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect().execution_options(writes=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sql("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()
