"""API keys: only their hash is kept, and a revoked one opens nothing."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError

from rag.audit import entries
from rag.database import transaction
from rag.errors import InvalidRequest, KeyNotFound, Unauthenticated
from rag.keys import Keys
from rag.tables import ApiKeyRow
from rag.types import Scope


@pytest.fixture
def keys(engine: Engine) -> Keys:
    return Keys(engine)


def test_only_the_hash_of_a_key_is_stored(keys: Keys, engine: Engine) -> None:
    key = keys.create("intranet", [Scope.ASK])

    with transaction(engine, writes=False) as session:
        row = session.scalars(select(ApiKeyRow)).one()
        stored = {column.name: str(getattr(row, column.name)) for column in ApiKeyRow.__table__.columns}
    assert stored["hash"] == hashlib.sha256(key.encode()).hexdigest()
    assert not [name for name, value in stored.items() if key.removeprefix("rk_") in value]


def test_two_keys_of_one_name_differ(keys: Keys) -> None:
    assert keys.create("intranet", [Scope.ASK]) != keys.create("intranet", [Scope.ASK])


def test_a_key_stands_for_its_scopes_and_groups(keys: Keys) -> None:
    key = keys.create("intranet", [Scope.ASK, Scope.SEARCH], groups=["finance"])

    principal = keys.principal(key)

    assert principal.name == keys.list()[0].id
    assert principal.scopes == {Scope.ASK, Scope.SEARCH}
    assert principal.groups == {"finance"}
    assert not principal.is_admin


def test_an_unknown_key_is_refused(keys: Keys) -> None:
    keys.create("intranet", [Scope.ASK])

    with pytest.raises(Unauthenticated):
        keys.principal("rk_unknown")


def test_a_revoked_key_is_refused(keys: Keys) -> None:
    key = keys.create("intranet", [Scope.ADMIN])

    keys.revoke(keys.list()[0].id)

    with pytest.raises(Unauthenticated):
        keys.principal(key)


def test_revoked_keys_are_listed_and_do_not_count_as_existing(keys: Keys) -> None:
    none = keys.exist()
    keys.create("intranet", [Scope.ASK])
    one = keys.exist()

    keys.revoke(keys.list()[0].id)

    assert (none, one, keys.exist()) == (False, True, False)
    assert [(info.name, info.scopes, info.revoked) for info in keys.list()] == [("intranet", ("ask",), True)]


def test_an_unknown_id_cannot_be_revoked(keys: Keys) -> None:
    with pytest.raises(KeyNotFound, match="key_unknown"):
        keys.revoke("key_unknown")


def test_no_key_is_a_visitors(keys: Keys) -> None:
    with pytest.raises(InvalidRequest, match="visit"):
        keys.create("widget", [Scope.ASK, Scope.VISIT])

    assert keys.list() == []


def test_the_use_of_a_key_is_noted_now_and_then(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    key, made = keys.make("intranet", [Scope.ASK])
    now = made.created_at
    monkeypatch.setattr("rag.keys.time.time", lambda: now)

    noted = []
    for now in (made.created_at, made.created_at + 299, made.created_at + 301):  # noqa: B007  # read by the clock above
        keys.principal(key)
        noted.append(keys.list()[0].last_used_at)

    assert (made.last_used_at, noted) == (None, [made.created_at, made.created_at, made.created_at + 301])


def test_a_request_goes_on_where_the_use_of_its_key_cannot_be_noted(engine: Engine) -> None:
    key, made = Keys(engine).make("intranet", [Scope.ASK])
    writes: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def fail(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("UPDATE"):
            writes.append(statement)
            raise OperationalError(statement, {}, Exception("database is locked"))

    keys = Keys(engine)
    assert [keys.principal(key).name for _ in range(3)] == [made.id] * 3
    assert len(writes) == 1


def test_the_last_administrators_key_is_kept_where_it_is_asked(keys: Keys) -> None:
    _, first = keys.make("first", [Scope.ADMIN])
    keys.make("reader", [Scope.ASK])

    with pytest.raises(InvalidRequest, match="first is the last administrator's key"):
        keys.revoke(first.id, keep_an_administrator=True)

    keys.make("second", [Scope.ADMIN])
    keys.revoke(first.id, keep_an_administrator=True)
    assert [key.revoked for key in keys.list()] == [True, False, False]


def test_who_made_and_ended_a_key_is_in_the_audit(keys: Keys, engine: Engine) -> None:
    _, key = keys.make("intranet", [Scope.ASK], by="key_boss")
    keys.revoke(key.id, by="key_boss")

    told = [(one.actor, one.action, one.detail["key"]) for one in entries(engine, before=None, limit=5)]
    assert told == [("key_boss", "key.revoked", key.id), ("key_boss", "key.created", key.id)]
