"""Who is calling: a bearer key, a site's visitor, or, on the loopback address alone, the person at this machine."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from api.services import Services
from rag.errors import Forbidden, Unauthenticated
from rag.types import Principal, Scope
from rag.visits import TOKEN_PREFIX

LOCAL = Principal(name="local", label="This machine", scopes=frozenset({Scope.ADMIN}))
LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}
PROXY_HEADERS = {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"}


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


def principal(request: Request, services: ServicesDep) -> Principal:
    """Return the caller. Raise Unauthenticated without a valid key, unless the request came from this machine.

    Raise as `Visits.principal` does for the token of a visitor's session.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if key:
        if scheme.lower() != "bearer":
            raise Unauthenticated("Send the key as `Authorization: Bearer <key>`.")
        if key.strip().startswith(TOKEN_PREFIX):
            return services.visits.principal(key.strip(), request.headers.get("origin"))
        return services.keys.principal(key.strip())
    if services.settings.is_loopback and _is_local(request):
        return LOCAL
    raise Unauthenticated("Send an API key as `Authorization: Bearer <key>`; `rag keys create` makes one.")


def _is_local(request: Request) -> bool:
    """Tell a local program or page from a proxy, a rebound name, and a foreign page in the same browser.

    A foreign page may not even read: pages of a site's origins are shown the answers of some routes (`api.cors`).
    """
    if not PROXY_HEADERS.isdisjoint(request.headers.keys()):
        return False
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}")
        origin = request.headers.get("origin")
        is_own = origin is None or urlsplit(origin).netloc == host.netloc
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


Caller = Annotated[Principal, Depends(principal)]
Asker = Annotated[Principal, Depends(allowed(Scope.ASK))]
AskerOrVisitor = Annotated[Principal, Depends(allowed(Scope.ASK, Scope.VISIT))]
Searcher = Annotated[Principal, Depends(allowed(Scope.SEARCH))]
Reader = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_READ))]
Opener = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_READ, Scope.VISIT))]
CollectionReader = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_READ, Scope.SEARCH, Scope.ASK))]
Writer = Annotated[Principal, Depends(allowed(Scope.DOCUMENTS_WRITE))]
Administrator = Annotated[Principal, Depends(allowed(Scope.ADMIN))]
