"""Sites and their visitors: who may ask from which web page, and who is calling."""

from typing import Annotated

from fastapi import APIRouter, Header, Request

from api.auth import Administrator, Caller, ServicesDep
from api.site_schemas import CallerBody, SessionBody, SessionRequest, SiteBody, SiteList, SitePatch, SiteRequest

router = APIRouter(prefix="/v1", tags=["sites"])


@router.get("/me")
def me(caller: Caller) -> CallerBody:
    """Return who the caller is, and what it may."""
    return CallerBody.of(caller)


@router.get("/sites")
def list_sites(services: ServicesDep, _caller: Administrator) -> SiteList:
    """List the sites, oldest first, each with how many questions its visitors have asked today."""
    return SiteList(sites=[SiteBody.of(site) for site in services.sites.all()])


@router.post("/sites", status_code=201)
def add_site(services: ServicesDep, caller: Administrator, body: SiteRequest) -> SiteBody:
    """Let the visitors of web pages ask some collections."""
    return SiteBody.of(services.sites.add(body.record(), caller))


@router.patch("/sites/{site_id}")
def change_site(site_id: str, services: ServicesDep, caller: Administrator, body: SitePatch) -> SiteBody:
    """Change a site. Its visitors' next requests are decided by what it is then."""
    return SiteBody.of(services.sites.change(site_id, body.record(), caller))


@router.delete("/sites/{site_id}", status_code=204)
def delete_site(site_id: str, services: ServicesDep, caller: Administrator) -> None:
    """Delete a site; its visitors' sessions end at once."""
    services.sites.remove(site_id, caller)


@router.post("/sessions", status_code=201)
def begin_session(
    request: Request,
    services: ServicesDep,
    body: SessionRequest,
    origin: Annotated[str | None, Header(description="A browser sends it: the origin of the page.")] = None,
) -> SessionBody:
    """Begin a visitor's session of up to 30 minutes. It needs no key, but a page that the site lists."""
    address = request.client.host if request.client else ""
    return SessionBody.of(services.visits.begin(body.site_key, origin, address))
