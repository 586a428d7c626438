"""API keys: made once, shown once, kept as a hash."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from rag.database import transaction
from rag.errors import InvalidRequest, Unauthenticated
from rag.tables import ApiKeyRow
from rag.types import Principal, Scope

PREFIX = "rk_"


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """A key as it is listed: never the key itself."""

    id: str
    name: str
    scopes: tuple[str, ...]
    groups: tuple[str, ...]
    created_at: float
    revoked: bool


class Keys:
    """The keys in the registry."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, name: str, scopes: Sequence[Scope], groups: Sequence[str] = ()) -> str:
        """Return a new key of 256 random bits. It cannot be shown again. Raise InvalidRequest for a visitor's scope."""
        if Scope.VISIT in scopes:
            raise InvalidRequest(f"scopes: {Scope.VISIT} is for visitors of a site alone, and no key's.")
        key = PREFIX + secrets.token_urlsafe(32)
        with transaction(self._engine, writes=True) as session:
            session.add(
                ApiKeyRow(
                    id=f"key_{secrets.token_hex(4)}",
                    name=name,
                    hash=_hash(key),
                    scopes=[str(scope) for scope in scopes],
                    groups=list(groups),
                    created_at=time.time(),
                )
            )
        return key

    def principal(self, key: str) -> Principal:
        """Return who the key stands for. Raise Unauthenticated if it is unknown or revoked."""
        with transaction(self._engine, writes=False) as session:
            row = session.scalars(select(ApiKeyRow).where(ApiKeyRow.hash == _hash(key))).first()
            if row is None or row.revoked_at is not None:
                raise Unauthenticated("The API key is unknown or revoked. `rag keys create` makes a new one.")
            scopes = frozenset(Scope(scope) for scope in row.scopes)
            return Principal(name=row.id, label=row.name, scopes=scopes, groups=frozenset(row.groups))

    def exist(self) -> bool:
        """Return whether any key is valid."""
        with transaction(self._engine, writes=False) as session:
            query = select(func.count()).select_from(ApiKeyRow).where(ApiKeyRow.revoked_at.is_(None))
            return bool(session.scalar(query))

    def list(self) -> list[KeyInfo]:
        """Return every key ever made, oldest first."""
        with transaction(self._engine, writes=False) as session:
            return [
                KeyInfo(
                    id=row.id,
                    name=row.name,
                    scopes=tuple(row.scopes),
                    groups=tuple(row.groups),
                    created_at=row.created_at,
                    revoked=row.revoked_at is not None,
                )
                for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at))
            ]

    def revoke(self, key_id: str) -> None:
        """End a key at once. Raise InvalidRequest if there is none with this id."""
        with transaction(self._engine, writes=True) as session:
            row = session.get(ApiKeyRow, key_id)
            if row is None:
                raise InvalidRequest(f"No key has the id {key_id}.")
            row.revoked_at = row.revoked_at or time.time()


def _hash(key: str) -> str:
    """A plain hash is enough for 256 random bits: there is nothing to guess."""
    return hashlib.sha256(key.encode()).hexdigest()
