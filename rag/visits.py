"""Visitors of sites: short sessions, of which only a hash is kept, and the questions that each may ask in a day."""

import hashlib
import ipaddress
import math
import secrets
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import DeclarativeBase, Session

from rag.database import clock, insert_if_new, transaction
from rag.errors import OriginNotAllowed, OverQuota, SessionEnded
from rag.site_tables import DailySaltRow, SiteCountRow, SiteRow, SiteSessionRow
from rag.sites import DAY_S, WHOLE_SITE, asked, day_of
from rag.types import Principal, Scope

TOKEN_PREFIX = "vs_"  # noqa: S105  # tells a session's token from a key
SESSION_S = 1800.0
SESSIONS_AT_ONCE = 200  # of one visitor on one site: an office may share an address
PURGED_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A session that has just begun. `token` cannot be shown again; `expires_at` is Unix seconds."""

    token: str
    expires_at: float
    questions_left: int


class Visits:
    """Every read and write of sessions and counts. One short transaction a call; safe from many processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, site_key: str, origin: str | None, address: str) -> Visit:
        """Begin a session of the visitor at an address, who reads a page of `origin`. It ends with the day at last.

        Raise OriginNotAllowed unless an enabled site with this key lists the origin: nobody can tell which it is.
        """
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        with transaction(self._engine, writes=True) as session:
            row = session.scalars(select(SiteRow).where(SiteRow.key == site_key).with_for_update(read=True)).first()
            if row is None or origin is None or not row.enabled or origin not in row.origins:
                raise OriginNotAllowed("No enabled site with this key lists the origin of the page that asks.")
            now = clock(session)
            day = day_of(now)
            _purge(session, now, day)
            visitor = _visitor(session, row.id, address, day)
            expires_at = min(now + SESSION_S, float(_end(day)))
            values = {"site_id": row.id, "origin": origin, "visitor": visitor, "expires_at": expires_at}
            session.add(SiteSessionRow(hash=_hash(token), **values))
            session.flush()
            _end_oldest(session, row.id, visitor)
            return Visit(token=token, expires_at=expires_at, questions_left=_left(session, row, visitor, day))

    def principal(self, token: str, origin: str | None) -> Principal:
        """Return who a token stands for, with the rights that its site gives now.

        Raise SessionEnded if it has ended or its site is closed, OriginNotAllowed for the page of another origin than
        the session's, or of one that the site does not list any more.
        """
        with transaction(self._engine, writes=False) as session:
            row = session.get(SiteSessionRow, _hash(token))
            site = session.get(SiteRow, row.site_id) if row and row.expires_at > clock(session) else None
        if row is None or site is None or not site.enabled:
            raise SessionEnded("POST /v1/sessions begins another.")
        if row.origin not in site.origins or (origin is not None and origin != row.origin):
            raise OriginNotAllowed("This session belongs to a page of another origin.")
        return Principal(
            name=f"{site.id}/{row.visitor}",
            label=site.name,
            scopes=frozenset({Scope.VISIT}),
            groups=frozenset(site.groups),
            collections=frozenset(site.collections),
        )

    def count(self, principal: Principal) -> None:
        """Count a question of a visitor. Raise OverQuota, having counted nothing, if it would be one too many.

        Both counters are raised in one transaction, each only while it is under its limit: whoever asks at the same
        time waits for the row and looks again.
        """
        site_id, visitor = _names(principal)
        with transaction(self._engine, writes=True) as session:
            site = session.get(SiteRow, site_id, with_for_update={"read": True})
            if site is None:
                raise SessionEnded("Its site is closed.")
            now = clock(session)
            day = day_of(now)
            left = math.ceil(_end(day) - now)
            if not _raise_count(session, site_id, visitor, day, site.visitor_questions_per_day):
                raise OverQuota("You have asked as many questions as one visitor may in a day.", retry_after_s=left)
            if not _raise_count(session, site_id, WHOLE_SITE, day, site.questions_per_day):
                raise OverQuota("This site's visitors have asked as many questions as they may.", retry_after_s=left)

    def take_back(self, principal: Principal) -> None:
        """Take back a question that was counted and could not even be begun."""
        site_id, visitor = _names(principal)
        with transaction(self._engine, writes=True) as session:
            for who in (visitor, WHOLE_SITE):
                own = (SiteCountRow.site_id == site_id, SiteCountRow.visitor == who)
                counted = (SiteCountRow.day == day_of(clock(session)), SiteCountRow.questions > 0)
                less = {"questions": SiteCountRow.questions - 1}
                session.execute(update(SiteCountRow).where(*own, *counted).values(less))


def _raise_count(session: Session, site_id: str, visitor: str, day: int, limit: int) -> bool:
    """Add one to a counter that is under its limit; return whether it was."""
    insert_if_new(session, SiteCountRow, site_id=site_id, visitor=visitor, day=day, questions=0)
    own = (SiteCountRow.site_id == site_id, SiteCountRow.visitor == visitor, SiteCountRow.day == day)
    raised = update(SiteCountRow).where(*own, SiteCountRow.questions < limit)
    found = session.execute(raised.values(questions=SiteCountRow.questions + 1).returning(SiteCountRow.questions))
    return found.first() is not None


def _left(session: Session, site: SiteRow, visitor: str, day: int) -> int:
    own = site.visitor_questions_per_day - asked(session, site.id, visitor, day)
    return max(0, min(own, site.questions_per_day - asked(session, site.id, WHOLE_SITE, day)))


def _visitor(session: Session, site_id: str, address: str, day: int) -> str:
    """Return a name for who is at an address that is another one tomorrow, and on another site."""
    insert_if_new(session, DailySaltRow, day=day, salt=secrets.token_hex(32))
    salt = session.get_one(DailySaltRow, day).salt
    return hashlib.sha256(f"{salt} {site_id} {_household(address)}".encode()).hexdigest()[:32]


def _household(address: str) -> str:
    """Return an address, and of IPv6 the network of 64 bits: within it everybody can have any address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a proxy's own idea of an address
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))


def _purge(session: Session, now: float, day: int) -> None:
    """Remove some of what is over. Others that do so at the same time take other rows: none waits for another."""
    old: list[tuple[type[DeclarativeBase], object]] = [
        (SiteSessionRow, SiteSessionRow.expires_at <= now),
        (SiteCountRow, SiteCountRow.day < day),
        (DailySaltRow, DailySaltRow.day < day),
    ]
    for table, is_over in old:
        query = select(table).where(is_over).limit(PURGED_AT_ONCE)  # type: ignore[arg-type]
        for row in session.scalars(query.with_for_update(skip_locked=True)):
            session.delete(row)


def _end_oldest(session: Session, site_id: str, visitor: str) -> None:
    own = (SiteSessionRow.site_id == site_id, SiteSessionRow.visitor == visitor)
    newest_first = select(SiteSessionRow.hash).where(*own).order_by(SiteSessionRow.expires_at.desc())
    oldest = newest_first.offset(SESSIONS_AT_ONCE).with_for_update(skip_locked=True)
    for some in session.scalars(oldest).all():
        session.execute(delete(SiteSessionRow).where(SiteSessionRow.hash == some))


def _names(principal: Principal) -> tuple[str, str]:
    site_id, _, visitor = principal.name.partition("/")
    return site_id, visitor


def _end(day: int) -> int:
    return (day + 1) * DAY_S


def _hash(token: str) -> str:
    """A plain hash is enough for 256 random bits: there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()
