"""The registry's tables of sites and their visitors; see `rag.tables`."""

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from rag.tables import Base


class SiteRow(Base):
    """A web site whose visitors may ask. `key` is public: it names the site, and opens nothing without its origins."""

    __tablename__ = "sites"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    origins: Mapped[list[str]] = mapped_column(JSON)
    collections: Mapped[list[str]] = mapped_column(JSON)
    groups: Mapped[list[str]] = mapped_column(JSON)
    visitor_questions_per_day: Mapped[int]
    questions_per_day: Mapped[int]
    enabled: Mapped[bool]
    created_at: Mapped[float]


class SiteSessionRow(Base):
    """A visitor's session on a page of a site: only the SHA-256 of its token is kept."""

    __tablename__ = "site_sessions"
    hash: Mapped[str] = mapped_column(primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id"))
    origin: Mapped[str]
    visitor: Mapped[str]
    expires_at: Mapped[float] = mapped_column(index=True)

    __table_args__ = (Index("ix_site_sessions_site_id_visitor", "site_id", "visitor"),)


class SiteCountRow(Base):
    """The questions of a day of UTC, counted from 1970-01-01: a visitor's, or with "" as visitor the whole site's."""

    __tablename__ = "site_counts"
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, index=True)
    visitor: Mapped[str] = mapped_column(primary_key=True)
    questions: Mapped[int] = mapped_column(default=0)


class DailySaltRow(Base):
    """What a visitor's address is hashed with on a day; without it nobody can tell addresses by their hashes."""

    __tablename__ = "daily_salts"
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    salt: Mapped[str]
