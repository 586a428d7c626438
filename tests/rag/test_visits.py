"""Visitors of sites: sessions that end, and budgets that hold, in both databases."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, update

from rag.collections import Collections
from rag.database import transaction
from rag.errors import OriginNotAllowed, OverQuota, SessionEnded
from rag.site_tables import DailySaltRow, SiteCountRow, SiteRow, SiteSessionRow
from rag.sites import NewSite, Site, Sites
from rag.types import Principal
from rag.visits import SESSIONS_AT_ONCE, Visits
from tests.rag.conftest import ADMIN

PAGE, HERE = "https://www.example.com", "198.51.100.7"
DAY_S = 86_400


@pytest.fixture
def site(engine: Engine) -> Site:
    """One whose visitors may ask three questions each, and five together."""
    Collections(engine).put("public", ADMIN, internal=False)
    new = NewSite(name="Shop", origins=[PAGE], collections=["public"], visitor_questions_per_day=3, questions_per_day=5)
    return Sites(engine).add(new, ADMIN)


@pytest.fixture
def visits(engine: Engine) -> Visits:
    return Visits(engine)


@pytest.fixture
def visitor(visits: Visits, site: Site) -> Callable[[str], Principal]:
    """Return who is at an address."""
    return lambda address: visits.principal(visits.begin(site.key, PAGE, address).token, PAGE)


def refused(visits: Visits, caller: Principal) -> bool:
    try:
        visits.count(caller)
    except OverQuota:
        return True
    return False


@pytest.mark.parametrize("origin", [None, "null", "", "https://evil.example", PAGE + "/", PAGE + ":443", PAGE.upper()])
def test_a_page_that_the_site_does_not_list_gets_no_session(visits: Visits, site: Site, origin: str | None) -> None:
    with pytest.raises(OriginNotAllowed):
        visits.begin(site.key, origin, HERE)


def test_nobody_can_tell_an_unknown_key_from_a_page_that_is_not_listed(visits: Visits, site: Site) -> None:
    with pytest.raises(OriginNotAllowed) as unknown:
        visits.begin("site_none", PAGE, HERE)
    with pytest.raises(OriginNotAllowed) as unlisted:
        visits.begin(site.key, "https://evil.example", HERE)

    assert unknown.value.detail == unlisted.value.detail


def test_neither_token_nor_address_is_kept(visits: Visits, site: Site, engine: Engine) -> None:
    begun = visits.begin(site.key, PAGE, HERE)
    visits.count(visits.principal(begun.token, PAGE))

    with transaction(engine, writes=False) as session:
        tables = (SiteRow, SiteSessionRow, SiteCountRow, DailySaltRow)
        kept = str([dict(row._mapping) for one in tables for row in session.execute(select(*one.__table__.columns))])
    assert begun.token.startswith("vs_")
    assert begun.token.removeprefix("vs_") not in kept
    assert HERE not in kept


def test_a_session_lasts_half_an_hour_or_until_the_day_ends(visits: Visits, site: Site, engine: Engine) -> None:
    begun = visits.begin(site.key, PAGE, HERE)
    now = time.time()
    assert begun.expires_at == pytest.approx(min(now + 1800, (now // DAY_S + 1) * DAY_S), abs=30)

    with transaction(engine, writes=True) as session:
        session.execute(update(SiteSessionRow).values(expires_at=now - 1))

    with pytest.raises(SessionEnded):
        visits.principal(begun.token, PAGE)


@pytest.mark.parametrize("token", ["vs_unknown", "vs_", ""])
def test_an_unknown_token_is_a_session_that_has_ended(visits: Visits, token: str) -> None:
    with pytest.raises(SessionEnded):
        visits.principal(token, PAGE)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_token_is_of_no_use_to_another_page(visits: Visits, site: Site, origin: str) -> None:
    begun = visits.begin(site.key, PAGE, HERE)

    with pytest.raises(OriginNotAllowed):
        visits.principal(begun.token, origin)

    assert visits.principal(begun.token, None) == visits.principal(begun.token, PAGE)


def test_a_visitors_budget_holds_across_sessions(
    visits: Visits, site: Site, visitor: Callable[[str], Principal]
) -> None:
    outcomes = [refused(visits, visitor(HERE)) for _ in range(5)]

    assert outcomes == [False, False, False, True, True]
    assert visits.begin(site.key, PAGE, HERE).questions_left == 0
    assert visits.begin(site.key, PAGE, "198.51.100.8").questions_left == 2


def test_a_refused_question_is_not_counted_and_says_when_to_ask_again(
    visits: Visits, visitor: Callable[[str], Principal], engine: Engine
) -> None:
    anna, ben = visitor(HERE), visitor("198.51.100.8")
    assert [refused(visits, one) for one in (anna, anna, anna, ben, ben)] == [False] * 5

    with pytest.raises(OverQuota, match="This site's visitors") as over:
        visits.count(ben)

    assert over.value.retry_after_s == pytest.approx(DAY_S - time.time() % DAY_S, abs=30)
    with transaction(engine, writes=False) as session:
        counted = session.execute(select(SiteCountRow.visitor, SiteCountRow.questions)).all()
    names = [one.name.partition("/")[2] for one in (anna, ben)]
    assert sorted(map(tuple, counted)) == sorted([("", 5), (names[0], 3), (names[1], 2)])


def test_no_more_questions_than_the_budget_get_through_at_once(
    visits: Visits, visitor: Callable[[str], Principal], engine: Engine
) -> None:
    callers = [visitor(f"198.51.100.{n % 4}") for n in range(24)]

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda caller: refused(visits, caller), callers))

    assert outcomes.count(False) == 5
    with transaction(engine, writes=False) as session:
        assert session.scalar(select(SiteCountRow.questions).where(SiteCountRow.visitor == "")) == 5


def test_one_visitor_gets_no_more_through_at_once_either(visits: Visits, visitor: Callable[[str], Principal]) -> None:
    caller = visitor(HERE)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: refused(visits, caller), range(16)))

    assert outcomes.count(False) == 3


def test_a_question_that_could_not_be_begun_is_taken_back(visits: Visits, visitor: Callable[[str], Principal]) -> None:
    caller = visitor(HERE)
    assert [refused(visits, caller) for _ in range(4)] == [False, False, False, True]

    visits.take_back(caller)

    assert [refused(visits, caller) for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("198.51.100.7", "198.51.100.8", False),
        ("198.51.100.7", "::ffff:198.51.100.7", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("testclient", "testclient", True),
    ],
)
def test_a_visitor_is_an_address_or_a_network_of_ipv6(
    visitor: Callable[[str], Principal], first: str, second: str, is_same: bool
) -> None:
    assert (visitor(first) == visitor(second)) is is_same


def test_a_visitor_is_another_one_on_another_site_and_another_day(
    visits: Visits, site: Site, visitor: Callable[[str], Principal], engine: Engine
) -> None:
    other = Sites(engine).add(NewSite(name="Other", origins=[PAGE], collections=["public"]), ADMIN)
    here, there = visitor(HERE).name, visits.principal(visits.begin(other.key, PAGE, HERE).token, PAGE).name

    with transaction(engine, writes=True) as session:  # tomorrow has another salt
        session.execute(update(DailySaltRow).values(salt="another"))

    names = {name.partition("/")[2] for name in (here, there, visitor(HERE).name)}
    assert len(names) == 3
    assert (here.partition("/")[0], there.partition("/")[0]) == (site.id, other.id)


def test_a_new_session_removes_what_is_over(
    visits: Visits, visitor: Callable[[str], Principal], engine: Engine
) -> None:
    visits.count(visitor(HERE))
    with transaction(engine, writes=True) as session:
        session.execute(update(SiteSessionRow).values(expires_at=1.0))
        session.execute(update(SiteCountRow).values(day=1))
        session.execute(update(DailySaltRow).values(day=1))

    caller = visitor(HERE)

    with transaction(engine, writes=False) as session:
        left = [session.scalar(select(func.count()).select_from(one)) for one in (SiteSessionRow, SiteCountRow)]
        assert left == [1, 0]
        assert session.scalars(select(DailySaltRow.day)).all() == [int(time.time() // DAY_S)]
    assert [refused(visits, caller) for _ in range(4)] == [False, False, False, True]


def test_one_visitor_has_so_many_sessions_at_most_and_the_oldest_end(
    visits: Visits, site: Site, engine: Engine
) -> None:
    begun = visits.begin(site.key, PAGE, HERE)
    name = visits.principal(begun.token, PAGE).name.partition("/")[2]
    values = {"site_id": site.id, "origin": PAGE, "visitor": name, "expires_at": begun.expires_at + 1}
    with transaction(engine, writes=True) as session:
        session.add_all(SiteSessionRow(hash=str(n), **values) for n in range(SESSIONS_AT_ONCE))

    visits.begin(site.key, PAGE, HERE)

    with pytest.raises(SessionEnded):
        visits.principal(begun.token, PAGE)
    with transaction(engine, writes=False) as session:
        assert session.scalar(select(func.count()).select_from(SiteSessionRow)) == SESSIONS_AT_ONCE


def test_a_smaller_budget_counts_at_once(
    visits: Visits, site: Site, visitor: Callable[[str], Principal], engine: Engine
) -> None:
    caller = visitor(HERE)
    visits.count(caller)

    with transaction(engine, writes=True) as session:
        session.get_one(SiteRow, site.id).visitor_questions_per_day = 1

    assert refused(visits, caller)
