"""Sites: web pages whose visitors may ask some collections, so many questions a day."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from rag.audit import record
from rag.database import clock, transaction
from rag.errors import SiteNotFound, collection_not_found
from rag.origins import normalised_origin
from rag.site_tables import SiteCountRow, SiteRow, SiteSessionRow
from rag.tables import CollectionRow
from rag.types import Principal

KEY_PREFIX = "site_"
DAY_S = 86_400
WHOLE_SITE = ""  # in place of a visitor


@dataclass(frozen=True, kw_only=True)
class NewSite:
    """What a site is made of. Its visitors see what is for everybody or for `groups`, in these collections alone."""

    name: str
    origins: Sequence[str]
    collections: Sequence[str]
    groups: Sequence[str] = ()
    visitor_questions_per_day: int = 50
    questions_per_day: int = 2000


@dataclass(frozen=True, kw_only=True)
class SiteChange:
    """What becomes of a site; None: what it was."""

    name: str | None = None
    origins: Sequence[str] | None = None
    collections: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    visitor_questions_per_day: int | None = None
    questions_per_day: int | None = None
    enabled: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Site(NewSite):
    """A site in the registry. `key` stands in its pages; `created_at` is Unix seconds; a day is one of UTC."""

    id: str
    key: str
    enabled: bool
    created_at: float
    questions_today: int


class Sites:
    """Every read and write of sites. What is changed counts for the next request of a visitor."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Site]:
        """Return the sites, oldest first."""
        with transaction(self._engine, writes=False) as session:
            day = day_of(clock(session))
            rows = session.scalars(select(SiteRow).order_by(SiteRow.created_at, SiteRow.id)).all()
            return [_site(session, row, day) for row in rows]

    def add(self, new: NewSite, principal: Principal) -> Site:
        """Make a site, enabled. Raise InvalidRequest for what is no origin, CollectionNotFound for no collection."""
        with transaction(self._engine, writes=True) as session:
            now, values = clock(session), _values(session, new)
            site_id, key = f"web_{secrets.token_hex(8)}", KEY_PREFIX + secrets.token_urlsafe(16)
            row = SiteRow(id=site_id, key=key, created_at=now, enabled=True, **values)
            session.add(row)
            record(session, principal.name, "site.created", "", site=site_id, **values)
            return _site(session, row, day_of(now))

    def change(self, site_id: str, change: SiteChange, principal: Principal) -> Site:
        """Change a site. Raise SiteNotFound, or as `add` does."""
        with transaction(self._engine, writes=True) as session:
            row = _locked(session, site_id)
            values = {name: value for name, value in _values(session, change).items() if getattr(row, name) != value}
            for name, value in values.items():
                setattr(row, name, value)
            if values:
                record(session, principal.name, "site.changed", "", site=site_id, **values)
            return _site(session, row, day_of(clock(session)))

    def remove(self, site_id: str, principal: Principal) -> None:
        """Forget a site with its sessions and counts at once. Raise SiteNotFound."""
        with transaction(self._engine, writes=True) as session:
            row = _locked(session, site_id)
            for table in (SiteSessionRow, SiteCountRow):
                session.execute(delete(table).where(table.site_id == site_id))
            session.delete(row)
            record(session, principal.name, "site.deleted", "", site=site_id, name=row.name)

    def origins(self) -> frozenset[str]:
        """Return the origins of all enabled sites."""
        with transaction(self._engine, writes=False) as session:
            listed = session.scalars(select(SiteRow.origins).where(SiteRow.enabled))
            return frozenset(origin for origins in listed for origin in origins)


def day_of(now: float) -> int:
    """Return the day of UTC, counted from 1970-01-01, of a time in Unix seconds."""
    return int(now // DAY_S)


def asked(session: Session, site_id: str, visitor: str, day: int) -> int:
    """Return how many questions a visitor, or the whole site, has asked on a day."""
    row = session.get(SiteCountRow, (site_id, day, visitor))
    return row.questions if row else 0


def _values(session: Session, wanted: NewSite | SiteChange) -> dict[str, Any]:
    """Return the columns that are wanted, lists without what is in them twice."""
    values = {name: value for name, value in vars(wanted).items() if value is not None}
    if wanted.origins is not None:
        values["origins"] = [normalised_origin(origin) for origin in wanted.origins]
    for name in values.keys() & {"origins", "collections", "groups"}:
        values[name] = list(dict.fromkeys(values[name]))
    for name in wanted.collections or ():
        if session.get(CollectionRow, name) is None:
            raise collection_not_found(name)
    return values


def _locked(session: Session, site_id: str) -> SiteRow:
    row = session.get(SiteRow, site_id, with_for_update=True)
    if row is None:
        raise SiteNotFound(f"No site has the id {site_id}.")
    return row


def _site(session: Session, row: SiteRow, day: int) -> Site:
    return Site(
        id=row.id,
        name=row.name,
        key=row.key,
        origins=tuple(row.origins),
        collections=tuple(row.collections),
        groups=tuple(row.groups),
        visitor_questions_per_day=row.visitor_questions_per_day,
        questions_per_day=row.questions_per_day,
        enabled=row.enabled,
        created_at=row.created_at,
        questions_today=asked(session, row.id, WHOLE_SITE, day),
    )
