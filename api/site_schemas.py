"""The bodies of sites, sessions and callers."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas import CollectionName, Request
from rag.sites import NewSite, Site, SiteChange
from rag.types import Principal
from rag.visits import Visit

MOST_QUESTIONS = 1_000_000

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Origin = Annotated[str, StringConstraints(max_length=300)]
Group = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Budget = Annotated[int, Field(ge=1, le=MOST_QUESTIONS)]
Origins = Annotated[
    list[Origin], Field(min_length=1, max_length=100, description="Such as https://www.example.com, without a path.")
]
Collections = Annotated[
    list[CollectionName], Field(min_length=1, max_length=100, description="Where its visitors look, and nowhere else.")
]
Groups = Annotated[list[Group], Field(max_length=100, description="Whose documents its visitors see, too.")]


class SiteRequest(Request):
    name: Name
    origins: Origins
    collections: Collections
    groups: Groups = Field(default=[])
    visitor_questions_per_day: Budget = 50
    questions_per_day: Budget = 2000

    def record(self) -> NewSite:
        return NewSite(**self.model_dump())


class SitePatch(Request):
    """What is left out, or null, stays as it is."""

    name: Name | None = None
    origins: Origins | None = None
    collections: Collections | None = None
    groups: Groups | None = None
    visitor_questions_per_day: Budget | None = None
    questions_per_day: Budget | None = None
    enabled: bool | None = None

    def record(self) -> SiteChange:
        return SiteChange(**self.model_dump())


class SiteBody(BaseModel):
    """`key` stands in the site's pages: it is no secret."""

    id: str
    name: str
    key: str
    origins: list[str]
    collections: list[str]
    groups: list[str]
    visitor_questions_per_day: int
    questions_per_day: int
    enabled: bool
    created_at: datetime
    questions_today: int

    @classmethod
    def of(cls, site: Site) -> "SiteBody":
        return cls(**vars(site) | {"created_at": datetime.fromtimestamp(site.created_at, UTC)})


class SiteList(BaseModel):
    sites: list[SiteBody]


class SessionRequest(Request):
    site_key: Annotated[str, StringConstraints(max_length=100)]


class SessionBody(BaseModel):
    token: str
    expires_at: datetime
    questions_left: int

    @classmethod
    def of(cls, visit: Visit) -> "SessionBody":
        expires_at = datetime.fromtimestamp(visit.expires_at, UTC)
        return cls(token=visit.token, expires_at=expires_at, questions_left=visit.questions_left)


class CallerBody(BaseModel):
    """`label` is the name for people; `collections` null: all."""

    name: str
    label: str
    scopes: list[str]
    groups: list[str]
    collections: list[str] | None
    is_admin: bool

    @classmethod
    def of(cls, caller: Principal) -> "CallerBody":
        return cls(
            name=caller.name,
            label=caller.label or caller.name,
            scopes=sorted(caller.scopes),
            groups=sorted(caller.groups),
            collections=None if caller.collections is None else sorted(caller.collections),
            is_admin=caller.is_admin,
        )
