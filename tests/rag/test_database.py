"""The registry's database, SQLite and PostgreSQL: what both do alike."""

import threading
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine, select
from sqlalchemy import text as sql

from rag.database import MIGRATION_LOCK, connect, migrate, shown, transaction
from rag.errors import RegistryUnavailable
from rag.tables import CollectionRow
from tests import servers


def names(engine: Engine, asked: str) -> list[str]:
    with transaction(engine, writes=False) as session:
        return list(session.scalars(select(CollectionRow.name).where(CollectionRow.name == asked)))


@pytest.mark.parametrize("sign", ["\x00", "\ud83d", "\udfff"])
def test_a_character_that_no_database_stores_is_replaced_and_found_again(engine: Engine, sign: str) -> None:
    with transaction(engine, writes=True) as session:
        session.add(CollectionRow(name=f"a{sign}b", created_at=0.0))

    assert names(engine, f"a{sign}b") == names(engine, "a\ufffdb") == ["a\ufffdb"]


def test_many_rows_at_once_are_cleaned_too(engine: Engine) -> None:
    with transaction(engine, writes=True) as session:
        session.add_all(CollectionRow(name=f"{letter}\x00", created_at=0.0) for letter in "abc")

    assert names(engine, "b\x00") == ["b\ufffd"]


def test_a_migration_waits_for_one_that_runs_elsewhere(postgres_url: str) -> None:
    url = servers.new_database(postgres_url)
    engine = connect(url)
    migration = threading.Thread(target=migrate, args=(url,))

    with engine.begin() as elsewhere:
        elsewhere.execute(sql("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        migration.start()
        migration.join(timeout=1)
        waited = migration.is_alive()
    migration.join()

    assert waited
    assert names(engine, "default") == []
    engine.dispose()


def test_a_process_whose_connections_are_all_in_use_says_so(engine: Engine) -> None:
    engine.pool._timeout = 0.0  # type: ignore[attr-defined]

    with ExitStack() as held, pytest.raises(RegistryUnavailable, match="in use"):
        for _ in range(100):
            held.enter_context(engine.connect())
            names(engine, "default")


def test_a_url_is_shown_without_its_secrets() -> None:
    url = "postgresql+psycopg://attest:secret@db:5432/attest?password=secret&sslmode=require"

    assert shown(url) == "postgresql+psycopg://attest:***@db:5432/attest"
