"""Who is calling: a bearer key, or, on the loopback address alone, the person at this machine."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from api.services import Services
from rag.errors import Forbidden, Unauthenticated
from rag.types import Principal, Scope

LOCAL = Principal(name="local", scopes=frozenset({Scope.ADMIN}))
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}
PROXY_HEADERS = {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"}
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


def principal(request: Request, services: ServicesDep) -> Principal:
    """Return the caller. Raise Unauthenticated without a valid key, unless the request came from this machine."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if key:
        if scheme.lower() != "bearer":
            raise Unauthenticated("Send the key as `Authorization: Bearer <key>`.")
        return services.keys.principal(key.strip())
    if services.settings.is_loopback and _is_local(request):
        return LOCAL
    raise Unauthenticated("Send an API key as `Authorization: Bearer <key>`; `rag keys create` makes one.")


def _is_local(request: Request) -> bool:
    """Tell a local program or page from a proxy, a rebound name, and a foreign page in the same browser."""
    if not PROXY_HEADERS.isdisjoint(request.headers.keys()):
        return False
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}")
        origin = request.headers.get("origin")
        is_own = origin is None or request.method in SAFE_METHODS or urlsplit(origin).netloc == host.netloc
    except ValueError:  # "[" is no address
        return False
    return host.hostname in LOOPBACK_NAMES and is_own


def allowed(*scopes: Scope) -> Callable[[Principal], Principal]:
    """Return a dependency that lets through who holds one of the scopes, and raises Forbidden otherwise."""

    def check(caller: Annotated[Principal, Depends(principal)]) -> Principal:
        if caller.scopes.isdisjoint(scopes) and not caller.is_admin:
            raise Forbidden(f"It needs the scope {' or '.join(scopes)}.")
        return caller

    return check


Asker = Annotated[Principal, Depends(allowed(Scope.ASK))]
Searcher = Annotated[Principal, Depends(allowed(Scope.SEARCH))]
Reader = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_READ))]
CollectionReader = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_READ, Scope.SEARCH, Scope.ASK))]
Writer = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_WRITE))]
Administrator = Annotated[Principal, Depends(allowed(Scope.ADMIN))]
