"""Sites: what they let their visitors see, made, changed and ended, in both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from rag.audit import entries
from rag.collections import Collections
from rag.errors import CollectionNotFound, InvalidRequest, OriginNotAllowed, SessionEnded, SiteNotFound
from rag.sites import NewSite, Site, SiteChange, Sites
from rag.types import Scope
from rag.visits import Visits
from tests.rag.conftest import ADMIN

PAGE, SHOP = "https://www.example.com", "https://shop.example.com"
NEW = NewSite(name="Shop", origins=[PAGE], collections=["public"], groups=["customers"])


@pytest.fixture
def sites(engine: Engine) -> Sites:
    for name in ("public", "manuals"):
        Collections(engine).put(name, ADMIN, internal=False)
    return Sites(engine)


@pytest.fixture
def site(sites: Sites) -> Site:
    return sites.add(NEW, ADMIN)


def token(engine: Engine, site: Site, origin: str = PAGE) -> str:
    return Visits(engine).begin(site.key, origin, "198.51.100.7").token


def test_a_site_is_listed_as_it_was_made(sites: Sites) -> None:
    made = sites.add(replace(NEW, origins=["HTTPS://www.example.com:443/", PAGE]), ADMIN)

    assert sites.all() == [made]
    assert (made.name, made.origins, made.collections, made.groups) == ("Shop", (PAGE,), ("public",), ("customers",))
    assert (made.visitor_questions_per_day, made.questions_per_day, made.questions_today) == (50, 2000, 0)
    assert made.enabled
    assert made.key.startswith("site_")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"origins": ["*"]}, InvalidRequest),
        ({"origins": [PAGE, "null"]}, InvalidRequest),
        ({"collections": ["public", "nowhere"]}, CollectionNotFound),
    ],
)
def test_a_site_for_any_page_or_for_no_collection_is_refused(
    sites: Sites, site: Site, change: dict[str, list[str]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        sites.add(replace(NEW, **change), ADMIN)  # type: ignore[arg-type]
    with pytest.raises(error):
        sites.change(site.id, SiteChange(**change), ADMIN)  # type: ignore[arg-type]

    assert sites.all() == [site]


def test_what_is_done_with_a_site_is_audited_once(sites: Sites, site: Site, engine: Engine) -> None:
    sites.change(site.id, SiteChange(questions_per_day=9, enabled=True), ADMIN)
    sites.change(site.id, SiteChange(questions_per_day=9), ADMIN)
    sites.remove(site.id, ADMIN)

    found = [(one.action, one.actor, one.detail) for one in entries(engine, before=None, limit=3)]
    assert found[:2] == [
        ("site.deleted", "admin", {"site": site.id, "name": "Shop"}),
        ("site.changed", "admin", {"site": site.id, "questions_per_day": 9}),
    ]
    assert found[2][0] == "site.created"
    assert found[2][2]["collections"] == ["public"]


def test_what_a_site_gives_counts_for_sessions_that_have_begun(sites: Sites, site: Site, engine: Engine) -> None:
    visits, begun = Visits(engine), token(engine, site)
    before = visits.principal(begun, PAGE)

    sites.change(site.id, SiteChange(collections=["manuals"], groups=[]), ADMIN)

    after = visits.principal(begun, PAGE)
    assert (before.collections, before.groups) == (frozenset({"public"}), frozenset({"customers"}))
    assert (after.collections, after.groups) == (frozenset({"manuals"}), frozenset())
    assert (before.scopes, before.label, before.is_admin) == (frozenset({Scope.VISIT}), "Shop", False)


def test_the_sessions_of_a_site_end_with_it_and_while_it_is_closed(sites: Sites, site: Site, engine: Engine) -> None:
    visits, begun = Visits(engine), token(engine, site)

    sites.change(site.id, SiteChange(enabled=False), ADMIN)
    with pytest.raises(SessionEnded):
        visits.principal(begun, PAGE)
    with pytest.raises(OriginNotAllowed):
        visits.begin(site.key, PAGE, "198.51.100.7")
    sites.change(site.id, SiteChange(enabled=True), ADMIN)
    caller = visits.principal(begun, PAGE)
    visits.count(caller)

    sites.remove(site.id, ADMIN)

    with pytest.raises(SessionEnded):
        visits.principal(begun, PAGE)
    with pytest.raises(SessionEnded):
        visits.count(caller)
    assert sites.all() == []


def test_a_session_ends_with_the_origin_that_it_belongs_to(sites: Sites, site: Site, engine: Engine) -> None:
    sites.change(site.id, SiteChange(origins=[PAGE, SHOP]), ADMIN)
    begun = token(engine, site, SHOP)

    sites.change(site.id, SiteChange(origins=[PAGE]), ADMIN)

    with pytest.raises(OriginNotAllowed):
        Visits(engine).principal(begun, None)


def test_the_origins_are_those_of_enabled_sites(sites: Sites, site: Site) -> None:
    sites.add(replace(NEW, origins=[PAGE, SHOP]), ADMIN)
    assert sites.origins() == {PAGE, SHOP}

    sites.change(sites.all()[1].id, SiteChange(enabled=False), ADMIN)

    assert sites.origins() == {PAGE}
    assert sites.all()[0] == site


def test_an_unknown_site_is_named(sites: Sites) -> None:
    with pytest.raises(SiteNotFound, match="web_none"):
        sites.change("web_none", SiteChange(enabled=False), ADMIN)
    with pytest.raises(SiteNotFound, match="web_none"):
        sites.remove("web_none", ADMIN)
