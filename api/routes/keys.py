"""API keys, and with them the people and programs that may call."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from api.auth import Administrator, ServicesDep
from api.schemas import Request
from api.trace_schemas import iso
from rag.keys import KeyInfo
from rag.types import Scope

router = APIRouter(prefix="/v1/keys", tags=["keys"])
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class KeyRequest(Request):
    name: Name = Field(description="Of the person or program that it is for.")
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    groups: list[Name] = Field(default=[], max_length=100, description="Groups whose documents it may see.")


class KeyBody(BaseModel):
    id: str
    name: str
    scopes: list[str]
    groups: list[str]
    created_at: str
    last_used_at: str | None = Field(description="To some minutes; null: never.")
    revoked: bool

    @classmethod
    def of(cls, key: KeyInfo) -> "KeyBody":
        return cls(
            id=key.id,
            name=key.name,
            scopes=list(key.scopes),
            groups=list(key.groups),
            created_at=iso(key.created_at),
            last_used_at=iso(key.last_used_at) if key.last_used_at else None,
            revoked=key.revoked,
        )


class NewKeyBody(KeyBody):
    key: str = Field(description="The key itself, which is not shown again.")


class KeyList(BaseModel):
    keys: list[KeyBody]


@router.get("")
def list_keys(services: ServicesDep, _caller: Administrator) -> KeyList:
    """List every key ever made, oldest first; never the keys themselves."""
    return KeyList(keys=[KeyBody.of(key) for key in services.keys.list()])


@router.post("", status_code=201)
def create_key(services: ServicesDep, caller: Administrator, body: KeyRequest) -> NewKeyBody:
    """Make a key, which is shown this once."""
    key, info = services.keys.make(body.name, body.scopes, body.groups, by=caller.name)
    return NewKeyBody(key=key, **KeyBody.of(info).model_dump())


@router.delete("/{key_id}", status_code=204)
def revoke_key(key_id: str, services: ServicesDep, caller: Administrator) -> None:
    """End a key at once. The last administrator's is kept where others can reach the service."""
    is_open = not services.settings.is_loopback
    services.keys.revoke(key_id, by=caller.name, keep_an_administrator=is_open)
