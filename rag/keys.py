"""API keys: made once, shown once, kept as a hash."""

import hashlib
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from rag.audit import record
from rag.database import lock_name, transaction
from rag.errors import InvalidRequest, KeyNotFound, RegistryUnavailable, Unauthenticated
from rag.tables import ApiKeyRow
from rag.types import Principal, Scope

log = logging.getLogger(__name__)
PREFIX = "rk_"
COMMAND_LINE = "command line"
USE_NOTED_EVERY_S = 300.0  # so that a request does not cost a write


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """A key as it is listed: never the key itself."""

    id: str
    name: str
    scopes: tuple[str, ...]
    groups: tuple[str, ...]
    created_at: float
    last_used_at: float | None
    revoked: bool


class Keys:
    """The keys in the registry."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._noted: dict[str, float] = {}  # when this process last noted the use of a key, or tried to

    def create(self, name: str, scopes: Sequence[Scope], groups: Sequence[str] = (), *, by: str = COMMAND_LINE) -> str:
        """Return a new key of 256 random bits. It cannot be shown again. Raise InvalidRequest for a visitor's scope."""
        return self.make(name, scopes, groups, by=by)[0]

    def make(
        self, name: str, scopes: Sequence[Scope], groups: Sequence[str] = (), *, by: str = COMMAND_LINE
    ) -> tuple[str, KeyInfo]:
        """Return a new key as `create` does, and how it is listed. `by` is who made it, for the audit."""
        if Scope.VISIT in scopes:
            raise InvalidRequest(f"scopes: {Scope.VISIT} is for visitors of a site alone, and no key's.")
        key = PREFIX + secrets.token_urlsafe(32)
        row = ApiKeyRow(
            id=f"key_{secrets.token_hex(4)}",
            name=name,
            hash=_hash(key),
            scopes=list(dict.fromkeys(map(str, scopes))),
            groups=list(dict.fromkeys(groups)),
            created_at=time.time(),
        )
        with transaction(self._engine, writes=True) as session:
            session.add(row)
            record(session, by, "key.created", "", key=row.id, name=name, scopes=row.scopes, groups=row.groups)
            session.flush()
            return key, _info(row)

    def principal(self, key: str) -> Principal:
        """Return who the key stands for, and note its use. Raise Unauthenticated if it is unknown or revoked."""
        with transaction(self._engine, writes=False) as session:
            row = session.scalars(select(ApiKeyRow).where(ApiKeyRow.hash == _hash(key))).first()
            if row is None or row.revoked_at is not None:
                raise Unauthenticated("The API key is unknown or revoked. `rag keys create` makes a new one.")
            scopes, now = frozenset(Scope(scope) for scope in row.scopes), time.time()
            found = Principal(name=row.id, label=row.name, scopes=scopes, groups=frozenset(row.groups))
            noted_at = max(row.last_used_at or 0.0, self._noted.get(row.id, 0.0))
        if now - noted_at >= USE_NOTED_EVERY_S:
            self._note_use(found.name, now)
        return found

    def _note_use(self, key_id: str, now: float) -> None:
        """Write when a key was used. No failure reaches the request, nor do several at once write."""
        self._noted[key_id] = now
        try:
            with transaction(self._engine, writes=True) as session:
                session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(last_used_at=now))
        except RegistryUnavailable as exc:
            log.warning("use of a key not noted", extra={"key_id": key_id, "error": exc.type})

    def exist(self) -> bool:
        """Return whether any key is valid."""
        with transaction(self._engine, writes=False) as session:
            query = select(func.count()).select_from(ApiKeyRow).where(ApiKeyRow.revoked_at.is_(None))
            return bool(session.scalar(query))

    def list(self) -> list[KeyInfo]:
        """Return every key ever made, oldest first."""
        with transaction(self._engine, writes=False) as session:
            return [_info(row) for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at))]

    def revoke(self, key_id: str, *, by: str = COMMAND_LINE, keep_an_administrator: bool = False) -> None:
        """End a key at once.

        Raise KeyNotFound if there is none with this id. Raise InvalidRequest if an administrator's is to be kept and no
        other key is one: then nobody could make one but at the service's machine.
        """
        with transaction(self._engine, writes=True) as session:
            lock_name(session, "administrators")
            row = session.get(ApiKeyRow, key_id)
            if row is None:
                raise KeyNotFound(f"No key has the id {key_id}.")
            if row.revoked_at is not None:
                return
            if keep_an_administrator and _is_last_administrator(session, row):
                raise InvalidRequest(f"{row.name} is the last administrator's key. Make another one first.")
            row.revoked_at = time.time()
            record(session, by, "key.revoked", "", key=key_id, name=row.name)


def _is_last_administrator(session: Session, row: ApiKeyRow) -> bool:
    others = session.scalars(select(ApiKeyRow.scopes).where(ApiKeyRow.revoked_at.is_(None), ApiKeyRow.id != row.id))
    return Scope.ADMIN in row.scopes and not any(Scope.ADMIN in scopes for scopes in others)


def _info(row: ApiKeyRow) -> KeyInfo:
    return KeyInfo(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes),
        groups=tuple(row.groups),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked=row.revoked_at is not None,
    )


def _hash(key: str) -> str:
    """A plain hash is enough for 256 random bits: there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()
